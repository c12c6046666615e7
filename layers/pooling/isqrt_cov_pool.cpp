// The square root of a covariance by Newton-Schulz steps: products of matrices only.
#include "layers/pooling/functions.h"
#include "layers/pooling/triangle.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

Tensor identity(int64_t n, Dtype dtype) {
  std::vector<double> values(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i * n + i)] = 1;
  return Tensor(Shape{1, n, n}, values).to(dtype);
}

/// The root of matrices [N, C, C]; 0 where the trace is 0.
Tensor matrix_root(const Tensor& x, int64_t iterations) {
  const Tensor one = identity(x.size(-1), x.dtype());
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor trace = sum(x * one, {-2, -1}, true);
  const Tensor some = gt(trace, zero);
  const Tensor size = where(some, trace, Tensor::ones({}, x.dtype()));
  Tensor y = x / size;
  Tensor z = broadcast_to(one, x.shape());
  for (int64_t i = 0; i < iterations; ++i) {
    const Tensor w = one * 1.5 - bmm(z, y) * 0.5;
    y = bmm(y, w);
    z = bmm(w, z);
  }
  return where(some, y * sqrt(size), zero);
}

class ISqrtCovPool2d : public Module {
 public:
  struct Config {
    int64_t iterations = 5;
    std::optional<int64_t> reduced_channels;
    std::string output = "triangle";
    void fields(Fields& f) {
      f("iterations", iterations, "Newton-Schulz steps", {.lo = 1, .hi = 64});
      f("reduced_channels", reduced_channels,
        "first a 1 × 1 convolution to this many channels, batch norm and ReLU; left out: none",
        {.lo = 1, .hi = 1 << 24});
      f("output", output, "\"triangle\": the upper triangle, [N, C (C + 1) / 2]; \"full\": the matrix [N, C, C]",
        {.choices = {"triangle", "full"}});
    }
  };

  ISqrtCovPool2d(const Config& c, Build& build) : iterations_(c.iterations), triangle_(c.output == "triangle") {
    if (!c.reduced_channels) return;
    const Shape& x = build.shape();
    check_spatial(x, 2);
    check_planes("isqrt_cov_pool2d", x, 2);
    channels_ = x[1];
    Json conv = Json::object();
    conv.set("type", "Conv2d").set("out_channels", *c.reduced_channels).set("kernel_size", 1).set("bias", false);
    Build conv_build = build.child("conv", {x});
    conv_ = make_layer(conv, conv_build);
    Build bn_build = build.child("bn", {x.with(1, *c.reduced_channels)});
    bn_ = make_layer("BatchNorm2d", bn_build);
  }
  Tensor forward(const Tensor& x, Context& context) override {
    const char* name = "isqrt_cov_pool2d";
    return with_batch(name, x, 2, [&](const Tensor& t) {
      if (conv_) {
        check_channels(name, t, 2, channels_);
        check(!context.training || t.numel() > channels_, name, ": the input ", t.shape(), " has ",
              t.numel() / channels_, " values for each channel; its batch norm needs more than 1 while training");
      }
      const Tensor features = conv_ ? relu(bn_->forward(conv_->forward(t, context), context)) : t;
      const Tensor root = matrix_root(covariance_pool2d(features), iterations_);
      return triangle_ ? upper_triangle(root) : root;
    });
  }
  void parts(Parts& p) override {
    if (!conv_) return;
    p("conv", *conv_);
    p("bn", *bn_);
  }

 private:
  int64_t iterations_, channels_ = 0;
  bool triangle_;
  std::unique_ptr<Module> conv_, bn_;
};

const auto& isqrt_cov_pool_row =
    add_layer<ISqrtCovPool2d>("ISqrtCovPool2d", "The square root of the covariance of the channels.",
                              R"({"output": "full", "reduced_channels": 3})", {spatial_sample(2)})
        .formula(
            "Σ the covariance, A = Σ / tr Σ; Y ← Y W, Z ← W Z with W = (3I - Z Y) / 2 from Y = A, Z = I; y = √(tr Σ) "
            "Y")
        .source("Li, Xie, Wang, Gao 2018 (arXiv 1712.01034)")
        .pools(PoolGroup::second_order,
               "as CovariancePool2d, with large variances tamed; trains faster than with eigenvalues");

}  // namespace
}  // namespace tarn
