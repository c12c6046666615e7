// KMaxPool1d and DynamicKMaxPool1d: the k largest values of a sequence, in the order in which they stand.
#include <algorithm>

#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Extreme kmax_pool1d(const Tensor& x, int64_t k, bool padded) {
  check_planes("kmax_pool1d", x, 1);
  const int64_t length = x.size(-1);
  check(k >= 1 && (padded || k <= length), "kmax_pool1d: k is ", k, "; allowed are 1 to ", length,
        ", the length of the input; with pad, zeros fill what is missing");
  const Tensor index = sort(topk(x, std::min(k, length)).indices, -1).values;
  const Tensor values = gather(x, -1, index);
  if (k <= length) return {values, index};
  const std::vector<int64_t> behind{0, k - length};
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().end());
  sizes.back() = k - length;
  const Tensor nowhere = Tensor::full(Shape(sizes), -1, Dtype::i64);
  return {pad(values, behind), cat(Tensors{index, nowhere}, -1)};
}

int64_t dynamic_k(int64_t length, int64_t k_top, int64_t layer, int64_t layers) {
  check(1 <= layer && layer <= layers, "dynamic_kmax_pool1d: layer is ", layer, "; allowed are 1 to ", layers);
  return std::max(k_top, ((layers - layer) * length + layers - 1) / layers);
}

namespace {

/// K: a struct with its layer's name, fields and `int64_t k(length)`.
template <class K>
class KMaxPool1d : public Module {
 public:
  struct Config {
    K count;
    bool pad = false;
    bool return_indices = false;
    void fields(Fields& f) {
      count.fields(f);
      f("pad", pad, "zeros fill up sequences that are shorter; otherwise these are errors");
      f("return_indices", return_indices, "gives a second output, \"indices\": where each value stood, or -1");
    }
  };
  KMaxPool1d(Config c, Build&) : config_(std::move(c)) {}
  Tensors apply(const Tensors& x, Context&) override {
    check_planes(K::name, x.at(0), 1);
    const int64_t k = config_.count.k(x[0].size(-1));
    check(config_.pad || k <= x[0].size(-1), K::name, ": k is ", k, "; allowed are 1 to ", x[0].size(-1),
          ", the length of the input ", x[0].shape(), "; with pad, zeros fill what is missing");
    Extreme found = kmax_pool1d(x[0], k, config_.pad);
    if (!config_.return_indices) return {std::move(found.values)};
    return {std::move(found.values), std::move(found.indices)};
  }
  std::vector<std::string> outputs() const override {
    return config_.return_indices ? std::vector<std::string>{"indices"} : std::vector<std::string>{};
  }

 private:
  Config config_;
};

struct FixedK {
  static constexpr const char* name = "kmax_pool1d";
  int64_t value = 0;
  void fields(Fields& f) { f("k", value, "how many values are kept", {.lo = 1, .hi = 1 << 24, .required = true}); }
  int64_t k(int64_t) const { return value; }
};

struct DynamicK {
  static constexpr const char* name = "dynamic_kmax_pool1d";
  int64_t k_top = 0;
  int64_t layer = 0;
  int64_t layers = 0;
  void fields(Fields& f) {
    f("k_top", k_top, "how many values the last layer keeps, and every other at least",
      {.lo = 1, .hi = 1 << 24, .required = true});
    f("layer", layer, "which of the network's convolutions this follows, counted from 1",
      {.lo = 1, .hi = 1 << 24, .required = true});
    f("layers", layers, "how many convolutions the network has", {.lo = 1, .hi = 1 << 24, .required = true});
  }
  int64_t k(int64_t length) const { return dynamic_k(length, k_top, layer, layers); }
};

constexpr const char* kmax_pool_source = "Kalchbrenner, Grefenstette, Blunsom 2014 (arXiv 1404.2188)";

const auto& kmax_pool_row =
    add_layer<KMaxPool1d<FixedK>>("KMaxPool1d",
                                  "The k largest values of each sequence, in the order in which they stand.",
                                  R"({"k": 3})", {{2, 4, 6}})
        .formula("y = x[i_1], …, x[i_k], i_1 < … < i_k the places of the k largest; earlier ones first where equal")
        .source(kmax_pool_source)
        .pools(PoolGroup::rank, "on sentences, where more than one word counts and their order does")
        .samples_from(Domain::away_from_ties);

const auto& dynamic_kmax_pool_row =
    add_layer<KMaxPool1d<DynamicK>>("DynamicKMaxPool1d",
                                    "The largest values of each sequence, fewer of them the deeper the layer.",
                                    R"({"k_top": 2, "layer": 1, "layers": 2})", {{2, 4, 6}})
        .formula("as KMaxPool1d with k = max(k_top, ⌈(layers - layer) / layers · L⌉)")
        .source(kmax_pool_source)
        .pools(PoolGroup::rank, "between the convolutions of a network over sentences of any length")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
