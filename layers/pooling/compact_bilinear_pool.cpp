// Compact bilinear pooling: the products of all pairs of channels over a plane, in a sketch of a fixed size.
#include <cmath>

#include "layers/pooling/sketch.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// f of two inputs [N, C, positions], then the last steps of bilinear pooling; inputs without a batch get one.
template <class F>
Tensor paired(const char* name, const Tensor& a, const Tensor& b, const PairOptions& o, F f) {
  check_planes(name, a, 2);
  check_planes(name, b, 2);
  check(a.rank() == b.rank() && a.dtype() == b.dtype() && a.size(-1) == b.size(-1) && a.size(-2) == b.size(-2) &&
            (a.rank() == 3 || a.size(0) == b.size(0)),
        name, ": the inputs ", a.dtype(), ' ', a.shape(), " and ", b.dtype(), ' ', b.shape(),
        " may differ in their channels only");
  const auto rows = [](const Tensor& x) { return as_positions(x.rank() == 3 ? unsqueeze(x, 0) : x); };
  Tensor y = f(rows(a), rows(b));
  if (!o.sum) y = y / static_cast<double>(a.size(-1) * a.size(-2));
  if (a.rank() == 3) y = squeeze(y, 0);
  if (o.root) y = signed_sqrt(y);
  return o.unit ? normalize(y, 2, -1) : y;
}

}  // namespace

Tensor compact_bilinear_pool2d(const Tensor& a, const Tensor& b, const TensorSketch& sketch, const PairOptions& o) {
  const char* name = "compact_bilinear_pool2d";
  return paired(name, a, b, o, [&](const Tensor& x, const Tensor& y) { return sketched_products(name, x, y, sketch); });
}

Tensor random_maclaurin_pool2d(const Tensor& a, const Tensor& b, const Tensor& left, const Tensor& right,
                               const PairOptions& o) {
  const char* name = "compact_bilinear_pool2d, random Maclaurin";
  return paired(name, a, b, o, [&](const Tensor& x, const Tensor& y) {
    check(left.rank() == 2 && right.rank() == 2 && left.size(0) == right.size(0) && left.size(1) == x.size(1) &&
              right.size(1) == y.size(1),
          name, ": the signs ", left.shape(), " and ", right.shape(), " must be [d, C] for inputs of ", x.size(1),
          " and ", y.size(1), " channels");
    return sum(matmul(left, x) * matmul(right, y), {-1}) / std::sqrt(static_cast<double>(left.size(0)));
  });
}

namespace {

class CompactBilinearPool2d : public Module {
 public:
  struct Config {
    int64_t d = 8192;
    std::string method = "tensor_sketch";
    std::string reduction = "sum";
    bool signed_sqrt = true;
    bool normalize = true;
    void fields(Fields& f) {
      f("d", d, "size of the result", {.lo = 1, .hi = 1 << 24});
      f("method", method,
        "\"tensor_sketch\" scatters the products, \"random_maclaurin\" multiplies sums of channels with signs drawn",
        {.choices = {"tensor_sketch", "random_maclaurin"}});
      f("reduction", reduction, "over positions", {.choices = {"sum", "mean"}});
      f("signed_sqrt", signed_sqrt, "take roots that keep the sign");
      f("normalize", normalize, "divide the result by its length");
    }
  };

  CompactBilinearPool2d(const Config& c, Build& build)
      : maclaurin_(c.method == "random_maclaurin"),
        options_{.sum = c.reduction == "sum", .root = c.signed_sqrt, .unit = c.normalize} {
    std::vector<int64_t> channels;
    for (const size_t i : {size_t{0}, build.inputs.size() - 1}) {
      const Shape& x = build.shape(i);
      channels.push_back(x[is_sample(x, 2) ? 0 : 1]);
      check(channels.back() > 0, "the input ", batch_text(x), " has no channels");
    }
    if (!maclaurin_) {
      sketch_ = drawn_sketch(build, "", channels, c.d);
      return;
    }
    left_ = drawn_signs(build, "W1", {c.d, channels[0]});
    right_ = drawn_signs(build, "W2", {c.d, channels[1]});
  }
  Tensors apply(const Tensors& x, Context&) override {
    const Tensor& b = x.size() > 1 ? x[1] : x[0];
    return {maclaurin_ ? random_maclaurin_pool2d(x[0], b, left_, right_, options_)
                       : compact_bilinear_pool2d(x[0], b, sketch_, options_)};
  }
  void parts(Parts& p) override {
    sketch_parts(p, "", sketch_);
    p.buffer("W1", left_);
    p.buffer("W2", right_);
  }

 private:
  bool maclaurin_;
  PairOptions options_;
  TensorSketch sketch_;
  Tensor left_, right_;
};

const auto& compact_bilinear_pool_row =
    add_layer<CompactBilinearPool2d>("CompactBilinearPool2d",
                                     "The products of all pairs of channels over the plane, in a sketch of fixed size.",
                                     R"({"d": 7})", {spatial_sample(2), {2, 3, 6, 5}})
        .takes(1, 2)
        .formula(
            "ψ_k[j] = Σ s_k(c) x_c over channels with h_k(c) = j; y = Σ over positions of the circular "
            "convolution ψ_1 ⊛ ψ_2, or of (W_1 x)(W_2 x) / √d; then sgn(y) √|y|, divided by its length; h, s and "
            "W drawn from the seed; one input is paired with itself")
        .source("Gao, Beijbom, Zhang, Darrell 2015 (arXiv 1511.06062); sketch: Pham, Pagh 2013")
        .pools(PoolGroup::second_order,
               "as BilinearPool2d, whose result would have C² values, for layers behind it that should stay small");

}  // namespace
}  // namespace tarn
