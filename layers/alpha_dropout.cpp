// Dropout for nets of SELUs: values, or whole channels, set by chance to the limit of SELU.
#include "core/ops.h"
#include "layers/activation.h"

namespace tarn {
namespace {

template <bool features>
class AlphaDropout : public Module {
 public:
  struct Config {
    double p = 0.5;
    bool inplace = false;
    void fields(Fields& f) {
      f("p", p, "chance that a value (or a channel) is dropped while training", {.lo = 0, .hi = 1});
      inplace_field(f, inplace);
    }
  };

  AlphaDropout(const Config& c, Build& build) : p_(c.p) {
    check(!features || build.shape().rank() >= 2, "expects an input [N, C, …], got ", batch_text(build.shape()));
  }
  Tensor forward(const Tensor& x, Context& context) override {
    if (!context.training || p_ == 0) return x;
    return alpha_dropout(x, p_, context.stream(), features);
  }

 private:
  double p_;
};

constexpr const char* alpha_dropout_formula =
    "y = a · (x or, with chance p, α) + b; α = -1.758…, a and b so that mean 0 and variance 1 stay; y = x when not "
    "training";

const auto& alpha_dropout_row =
    add_layer<AlphaDropout<false>>("AlphaDropout", "Sets values to the limit of SELU at random.", R"({"p": 0.3})",
                                   {{4, 8}})
        .draws_random_numbers()
        .formula(alpha_dropout_formula)
        .source("torch.nn.AlphaDropout; Klambauer et al. 2017");
const auto& feature_alpha_dropout_row =
    add_layer<AlphaDropout<true>>("FeatureAlphaDropout", "Sets whole channels to the limit of SELU at random.",
                                  R"({"p": 0.3})", {{2, 4, 3, 2}})
        .draws_random_numbers()
        .formula(alpha_dropout_formula)
        .source("torch.nn.FeatureAlphaDropout");

}  // namespace
}  // namespace tarn
