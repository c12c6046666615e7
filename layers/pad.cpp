// Padding layers: zeros, a constant, or the input's own cells around 1, 2 or 3 spatial dimensions.
#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

/// What the added cells hold.
enum class Filling { zeros, constant, reflection, replication };

template <int rank, Filling filling>
class Pad : public Module {
 public:
  struct Config {
    Sizes padding;
    double value = 0;
    void fields(Fields& f) {
      f("padding", padding,
        "cells added at each side, the last dimension first: left, right, top, bottom, front, back; negative: cut off",
        {.lo = -(1 << 30), .hi = 1 << 30, .required = true, .rank = 2 * rank});
      if constexpr (filling == Filling::constant)
        f("value", value, "what the added cells hold", {.required = true, .infinite = true});
    }
  };

  Pad(const Config& c, Build&) : padding_(expand(c.padding, 2 * rank)), value_(c.value) {}
  Tensor forward(const Tensor& x, Context&) override {
    if constexpr (filling == Filling::zeros || filling == Filling::constant) {
      check(x.rank() > rank, "expects at least ", rank + 1, " dimensions, got an input ", batch_text(x.shape()));
      return pad(x, padding_, "constant", value_);
    }
    const bool sample = is_sample(x.shape(), rank);
    check(x.shape()[sample ? 0 : 1] > 0, "the input ", batch_text(x.shape()), " has no channels");
    return pad(x, padding_, filling == Filling::reflection ? "reflect" : "replicate");
  }

 private:
  Sizes padding_;
  double value_;
};

template <int rank, Filling filling>
void add_pad(const char* family, const char* doc, const char* formula, const char* config) {
  add_layer<Pad<rank, filling>>(with_rank(family, rank), doc, config, {spatial_sample(rank)})
      .formula(formula)
      .source("torch.nn." + with_rank(family, rank));
}

template <int rank>
bool add_pads() {
  constexpr const char* one = R"({"padding": 1})";
  if constexpr (rank == 2)
    add_pad<2, Filling::zeros>("ZeroPad", "Adds zeros around images.", "y[h, w] = x[h - top, w - left], 0 outside",
                               one);
  add_pad<rank, Filling::constant>("ConstantPad", "Adds cells of one value around the spatial dimensions.",
                                   "y[o] = x[o - before], value outside", R"({"padding": 1, "value": 0.5})");
  add_pad<rank, Filling::reflection>("ReflectionPad", "Mirrors the input at its border cells, which stay single.",
                                     "y[o] = x[i]; i = o - before, turned back at 0 and I - 1", one);
  add_pad<rank, Filling::replication>("ReplicationPad", "Repeats the border cells outwards.",
                                      "y[o] = x[min(max(o - before, 0), I - 1)]", one);
  return true;
}

const bool pad_added = add_pads<1>() && add_pads<2>() && add_pads<3>();

}  // namespace
}  // namespace tarn
