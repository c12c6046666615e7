// Dropout, of single values and of whole channels.
#include "core/ops.h"
#include "layers/activation.h"

namespace tarn {
namespace {

/// `spatial` -1: single values; otherwise whole channels of inputs [N, C, spatial…].
template <int spatial>
class Dropout : public Module {
 public:
  struct Config {
    double p = 0.5;
    bool inplace = false;
    void fields(Fields& f) {
      f("p", p, "chance that a value (or a channel) is zeroed while training", {.lo = 0, .hi = 1});
      inplace_field(f, inplace);
    }
  };

  Dropout(const Config& c, Build& build) : p_(c.p) {
    if constexpr (spatial >= 0)
      check(build.shape().rank() == spatial + 2, "expects an input [N, C, spatial] of ", spatial + 2, " dimensions");
  }
  Tensor forward(const Tensor& x, Context& context) override {
    if (!context.training || p_ == 0) return x;
    return dropout(x, p_, context.stream(), spatial >= 0);
  }

 private:
  double p_;
};

constexpr const char* dropout_formula = "y = x · m / (1 - p), m being 0 with chance p, else 1; y = x when not training";

const auto& dropout_row =
    add_layer<Dropout<-1>>("Dropout", "Zeroes values at random while training.", R"({"p": 0.3})", {{4, 8}})
        .draws_random_numbers()
        .formula(dropout_formula)
        .source("torch.nn.Dropout; Srivastava et al. 2014");
const auto& dropout1d_row =
    add_layer<Dropout<1>>("Dropout1d", "Zeroes whole channels of [N, C, L] at random while training.", R"({"p": 0.3})",
                          {{2, 4, 3}})
        .draws_random_numbers()
        .formula(dropout_formula)
        .source("torch.nn.Dropout1d; Tompson et al. 2015");
const auto& dropout2d_row =
    add_layer<Dropout<2>>("Dropout2d", "Zeroes whole channels of [N, C, H, W] at random while training.",
                          R"({"p": 0.3})", {{2, 4, 3, 2}})
        .draws_random_numbers()
        .formula(dropout_formula)
        .source("torch.nn.Dropout2d; Tompson et al. 2015");
const auto& dropout3d_row =
    add_layer<Dropout<3>>("Dropout3d", "Zeroes whole channels of [N, C, D, H, W] at random while training.",
                          R"({"p": 0.3})", {{2, 4, 2, 2, 2}})
        .draws_random_numbers()
        .formula(dropout_formula)
        .source("torch.nn.Dropout3d; Tompson et al. 2015");

}  // namespace
}  // namespace tarn
