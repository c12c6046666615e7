// Local response normalisation, AlexNet's.
#include "core/count.h"
#include "core/ops.h"
#include "layers/module.h"

namespace tarn {
namespace {

class LocalResponseNorm : public Module {
 public:
  struct Config {
    int64_t size = 0;
    double alpha = 1e-4;
    double beta = 0.75;
    double k = 1;
    void fields(Fields& f) {
      f("size", size, "neighbouring channels, the value's own among them", {.lo = 1, .required = true});
      f("alpha", alpha, "factor of the mean square");
      f("beta", beta, "exponent");
      f("k", k, "added to the mean square");
    }
  };

  LocalResponseNorm(const Config& c, Build& build) : config_(c) {
    check(build.shape().rank() >= 3, "expects an input [N, C, L] or with more dimensions, got ",
          batch_text(build.shape()));
  }
  Tensor forward(const Tensor& x, Context&) override {
    return local_response_norm(x, config_.size, config_.alpha, config_.beta, config_.k);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override {
    return count_product(y.numel(), count_sum(config_.size, 2));
  }

 private:
  Config config_;
};

const auto& local_response_norm_row =
    add_layer<LocalResponseNorm>("LocalResponseNorm",
                                 "Divides every value by a power of the mean square of its neighbouring "
                                 "channels.",
                                 R"({"size": 3, "alpha": 0.5})", {{2, 4, 3, 2}})
        .formula("y_c = x_c / (k + alpha / size · Σ_{j near c} x_j²)^beta")
        .source("torch.nn.LocalResponseNorm; Krizhevsky, Sutskever and Hinton 2012");

}  // namespace
}  // namespace tarn
