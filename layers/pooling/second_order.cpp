// Second-order poolings: how channels vary together over a plane.
#include "core/record.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/triangle.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor covariance_pool2d(const Tensor& x, bool triangle) {
  return with_batch("covariance_pool2d", x, 2, [&](const Tensor& t) {
    const Tensor rows = as_positions(t);
    const Tensor centred = rows - mean(rows, {-1}, true);
    const Tensor all = bmm(centred, centred, false, true) / static_cast<double>(rows.size(-1));
    return triangle ? upper_triangle(all) : all;
  });
}

Tensor signed_sqrt(const Tensor& x) {
  const Tensor bare = x.detach();
  const Tensor y = sign(bare) * sqrt(abs(bare));
  return record("signed_sqrt", y, Edge{x, [x](const Tensor& g) {
                                         const Tensor zero = Tensor::zeros({}, x.dtype());
                                         return where(eq(x, zero), zero, g * rsqrt(clamp(abs(x), 1e-5, {})) * 0.5);
                                       }});
}

Tensor bilinear_pool2d(const Tensor& a, const Tensor& b, bool sum, bool root, bool unit) {
  const char* name = "bilinear_pool2d";
  check_planes(name, a, 2);
  check_planes(name, b, 2);
  check(a.rank() == b.rank() && a.dtype() == b.dtype() && a.size(-1) == b.size(-1) && a.size(-2) == b.size(-2) &&
            (a.rank() == 3 || a.size(0) == b.size(0)),
        name, ": the inputs ", a.dtype(), ' ', a.shape(), " and ", b.dtype(), ' ', b.shape(),
        " may differ in their channels only");
  const Tensor left = flatten(a, -2);
  const Tensor products = matmul(left, transpose(flatten(b, -2), -2, -1));
  Tensor y = flatten(sum ? products : products / static_cast<double>(left.size(-1)), -2);
  if (root) y = signed_sqrt(y);
  return unit ? normalize(y, 2, -1) : y;
}

namespace {

struct CovariancePool {
  std::string output = "full";
  void fields(Fields& f) {
    f("output", output, "\"full\": the matrix [N, C, C]; \"triangle\": its upper triangle, [N, C (C + 1) / 2]",
      {.choices = {"full", "triangle"}});
  }
  Tensor pool(const Tensor& x) const { return covariance_pool2d(x, output == "triangle"); }
};

class BilinearPool2d : public Module {
 public:
  struct Config {
    std::string reduction = "mean";
    bool signed_sqrt = true;
    bool normalize = true;
    void fields(Fields& f) {
      f("reduction", reduction, "over positions", {.choices = {"mean", "sum"}});
      f("signed_sqrt", signed_sqrt, "take roots that keep the sign");
      f("normalize", normalize, "divide the result by its length");
    }
  };
  BilinearPool2d(Config c, Build&) : config_(std::move(c)) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {bilinear_pool2d(x[0], x.size() > 1 ? x[1] : x[0], config_.reduction == "sum", config_.signed_sqrt,
                            config_.normalize)};
  }

 private:
  Config config_;
};

const auto& covariance_pool_row =
    add_layer<PlainPool<CovariancePool>>("CovariancePool2d", "The covariance of the channels over the plane.",
                                         R"({"output": "triangle"})", {spatial_sample(2)})
        .formula("Σ = X̄ X̄ᵀ / n, X̄ the rows of x [C, n] less their means")
        .source("Ionescu et al. 2015 (arXiv 1509.07838); Li et al. 2017 (arXiv 1703.08050)")
        .pools(PoolGroup::second_order,
               "for textures and fine differences, where it matters which features come together");

const auto& bilinear_pool_row =
    add_layer<BilinearPool2d>("BilinearPool2d", "The products of all pairs of channels, over the plane.", "{}",
                              {spatial_sample(2), {2, 3, 6, 5}})
        .takes(1, 2)
        .formula("B = X_1 X_2ᵀ / n; y = sgn(B) √|B|, flattened, divided by its length; one input is paired with itself")
        .source("Lin, RoyChowdhury, Maji 2015 (arXiv 1504.07889)")
        .pools(PoolGroup::second_order, "for fine-grained classes: birds, cars, aircraft");

}  // namespace
}  // namespace tarn
