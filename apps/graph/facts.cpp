// What is said of layers: their kinds, and shapes and counts in few letters.
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "apps/graph/from_model.h"
#include "apps/model_table.h"
#include "core/count.h"
#include "core/error.h"

namespace tarn {

namespace {

/// Part of a type's name, and what such types do. The first that fits counts.
struct KindWord {
  std::string_view word;
  GraphKind kind;
};

constexpr std::array kind_words{
    KindWord{"Conv", GraphKind::conv},           KindWord{"Norm", GraphKind::norm},
    KindWord{"Upsample", GraphKind::pooling},    KindWord{"Interpolate", GraphKind::pooling},
    KindWord{"Resize", GraphKind::pooling},      KindWord{"Pool", GraphKind::pooling},
    KindWord{"Linear", GraphKind::linear},       KindWord{"Bilinear", GraphKind::linear},
    KindWord{"Embedding", GraphKind::linear},    KindWord{"LU", GraphKind::activation},
    KindWord{"Sigmoid", GraphKind::activation},  KindWord{"Softmax", GraphKind::activation},
    KindWord{"Softmin", GraphKind::activation},  KindWord{"Softplus", GraphKind::activation},
    KindWord{"Softsign", GraphKind::activation}, KindWord{"Tanh", GraphKind::activation},
    KindWord{"tanh", GraphKind::activation},     KindWord{"sigmoid", GraphKind::activation},
    KindWord{"swish", GraphKind::activation},    KindWord{"Mish", GraphKind::activation},
    KindWord{"hrink", GraphKind::activation},    KindWord{"Threshold", GraphKind::activation}};

}  // namespace

GraphKind kind_of_layer(const std::string& type) {
  const LayerInfo* row = find_layer(type);
  if (row && row->is_pooling) return GraphKind::pooling;
  for (const KindWord& k : kind_words)
    if (type.find(k.word) != std::string::npos) return k.kind;
  if (row && !row->lists.empty()) return GraphKind::block;
  return row && row->inputs_max != 1 ? GraphKind::merge : GraphKind::other;
}

std::string sample_shape(const Shape& shape) {
  if (shape.rank() < 2) return "1";
  std::string out;
  for (int64_t i = 1; i < static_cast<int64_t>(shape.rank()); ++i) out += (i > 1 ? "×" : "") + std::to_string(shape[i]);
  return out;
}

std::string short_count(int64_t n) {
  const char* const units[] = {"", "k", "M", "G", "T"};
  double value = static_cast<double>(n);
  int unit = 0;
  for (; std::abs(value) >= 999.5 && unit < 4; ++unit) value /= 1000;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, unit == 0 || std::abs(value) >= 99.95 ? "%.0f%s" : "%.1f%s", value, units[unit]);
  return buffer;
}

size_t layer_count(const Model& model) {
  size_t n = 0;
  for (const ItemInfo& item : model.items()) n += item.inside ? layer_count(*item.inside) : 1;
  return n;
}

std::string model_summary(const Model& model) {
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  for (const ItemInfo& item : model.items()) {
    parameters += item.parameters;
    multiply_adds = count_sum(multiply_adds, item.multiply_adds);
  }
  return text(layer_count(model), " layers, ", grouped(parameters), " parameters, ", short_count(multiply_adds),
              " multiply-adds for one sample");
}

}  // namespace tarn
