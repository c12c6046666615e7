// Kernel pooling: a plane's mean of polynomials of its channels, up to some degree, in sketches of fixed sizes.
#include <cmath>

#include "layers/pooling/sketch.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor kernel_pool2d(const Tensor& x, const Tensor& alpha, std::span<const TensorSketch> sketches,
                     bool normalize_input) {
  const auto degrees = static_cast<int64_t>(sketches.size()) + 2;
  check(alpha.shape() == Shape{degrees}, "kernel_pool2d: alpha is ", alpha.shape(),
        "; expected one for each of degree "
        "0 to ",
        degrees - 1);
  return with_batch("kernel_pool2d", x, 2, [&](const Tensor& t) {
    const Tensor rows = normalize_input ? normalize(as_positions(t), 2, 1) : as_positions(t);
    const int64_t batch = rows.size(0);
    const int64_t positions = rows.size(2);
    Tensors means{Tensor::ones({batch, 1}, x.dtype()), mean(rows, {-1})};
    for (const TensorSketch& s : sketches) {
      check(s.factors.size() == means.size(), "kernel_pool2d: the sketch of degree ", means.size(), " has ",
            s.factors.size(), " factors");
      if (means.size() == 2) {
        means.push_back(sketched_products("kernel_pool2d", rows, rows, s) / static_cast<double>(positions));
        continue;
      }
      const Tensor powers = sketched_powers("kernel_pool2d", flatten(transpose(rows, 1, 2), 0, 1), s);
      means.push_back(mean(reshape(powers, Shape{batch, positions, s.size}), {1}));
    }
    for (size_t q = 0; q < means.size(); ++q) means[q] = means[q] * narrow(alpha, 0, static_cast<int64_t>(q), 1);
    return cat(means, 1);
  });
}

namespace {

class KernelPool2d : public Module {
 public:
  struct Config {
    Sizes dims{4096, 4096, 4096};
    double gamma = 1;
    bool normalize_input = true;
    void fields(Fields& f) {
      f("dims", dims, "sizes of the sketches of degree 2, 3, …; none: the mean alone", {.lo = 1, .hi = 1 << 24});
      f("gamma", gamma, "the coefficients start as those of the Gaussian kernel e^(-gamma |x - y|²)", {.lo = 0});
      f("normalize_input", normalize_input, "make the vector of each position of length 1 first");
    }
  };

  KernelPool2d(const Config& c, Build& build) : normalize_(c.normalize_input) {
    const int64_t channels = channels_of(build, 2);
    check(channels > 0, "the input ", batch_text(build.shape()), " has no channels");
    check(c.dims.size() <= 14, "dims has ", c.dims.size(), " entries; allowed are up to 14, which is degree 15");
    alpha_ = build.parameter("alpha", {static_cast<int64_t>(c.dims.size()) + 2},
                             [&c](const Shape& s, const Stream&, Dtype dtype) { return taylor(s, c.gamma).to(dtype); });
    for (const int64_t size : c.dims) {
      const size_t degree = sketches_.size() + 2;
      sketches_.push_back(
          drawn_sketch(build, text("degree", degree, '.'), std::vector<int64_t>(degree, channels), size));
    }
  }
  Tensor forward(const Tensor& x, Context&) override { return kernel_pool2d(x, alpha_, sketches_, normalize_); }
  void parts(Parts& p) override {
    p("alpha", alpha_);
    for (size_t q = 0; q < sketches_.size(); ++q) sketch_parts(p, text("degree", q + 2, '.'), sketches_[q]);
  }

 private:
  /// √(e^(-2γ) (2γ)^q / q!) for q = 0, 1, …
  static Tensor taylor(const Shape& shape, double gamma) {
    std::vector<double> squares{std::exp(-2 * gamma)};
    for (int64_t q = 1; q < shape[0]; ++q) squares.push_back(squares.back() * 2 * gamma / static_cast<double>(q));
    return sqrt(Tensor(shape, squares));
  }

  bool normalize_;
  Tensor alpha_;
  std::vector<TensorSketch> sketches_;
};

const auto& kernel_pool_row =
    add_layer<KernelPool2d>("KernelPool2d",
                            "The mean over a plane of polynomials of the channels, in sketches of fixed sizes.",
                            R"({"dims": [7, 5, 6]})", {{2, 3, 2, 3}})
        .formula(
            "y = mean of (α_0, α_1 x, α_2 TS_2(x), …, α_p TS_p(x)) over positions, TS_q the circular convolution "
            "of q sketches with h and s drawn from the seed; α_q learned, initially √(e^(-2γ) (2γ)^q / q!)")
        .source("Cui et al. 2017 (CVPR, Kernel Pooling for Convolutional Neural Networks)")
        .pools(PoolGroup::second_order,
               "for fine-grained classes where products of three or four features at once tell them apart");

}  // namespace
}  // namespace tarn
