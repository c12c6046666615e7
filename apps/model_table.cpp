// Rows of `tarn summary` and of the report.
#include "apps/model_table.h"

#include <cstdio>

#include "core/tape.h"

namespace tarn {

namespace {

void add_model_rows(std::vector<ModelRow>& rows, const Model& model, int64_t depth) {
  for (const ItemInfo& item : model.items()) {
    if (item.inside && depth > 1) {
      add_model_rows(rows, *item.inside, depth - 1);
      continue;
    }
    ModelRow row{item.path.empty() ? item.name : item.path, item.type, "", item.parameters, item.multiply_adds, 0};
    for (const Shape& shape : item.outputs) {
      row.shape += (row.shape.empty() ? "" : ", ") + shape.text();
      row.bytes += shape.numel() * dtype_size(Dtype::f32);
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace

std::vector<ModelRow> model_rows(const Model& model, int64_t depth) {
  std::vector<ModelRow> rows;
  add_model_rows(rows, model, depth);
  return rows;
}

int64_t measure_held(std::vector<ModelRow>& rows, Model& model, const Shape& sample, int64_t batch) {
  std::vector<int64_t> sizes{batch};
  sizes.insert(sizes.end(), sample.begin(), sample.end());
  const Tensor x = normal(Shape{std::span<const int64_t>(sizes)}, Stream{0, purpose_of("summary/input"), 0});
  Context context{.training = true, .update_buffers = false};
  Tape tape;
  const Tensor y = model.forward(x, context);
  const TapeReport report = tape.report();
  for (const TapeReport::Share& share : report.by_layer)
    for (ModelRow& row : rows)
      if (share.name == row.name || share.name.starts_with(row.name + ".")) row.held += share.bytes;
  return report.captured;
}

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n);
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string bytes_text(int64_t bytes) {
  const char* const units[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return buffer;
}

}  // namespace tarn
