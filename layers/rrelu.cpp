// RReLU: a leaky ReLU whose slopes are drawn while training.
#include "core/ops.h"
#include "layers/activation.h"

namespace tarn {
namespace {

class RReLU : public Module {
 public:
  struct Config {
    double lower = 1.0 / 8;
    double upper = 1.0 / 3;
    bool inplace = false;
    void fields(Fields& f) {
      f("lower", lower, "least slope below zero");
      f("upper", upper, "greatest slope below zero");
      inplace_field(f, inplace);
    }
  };

  RReLU(const Config& c, Build&) : lower_(c.lower), upper_(c.upper) {
    check(lower_ <= upper_, "lower ", lower_, " is above upper, ", upper_);
  }
  Tensor forward(const Tensor& x, Context& context) override {
    if (!context.training) return leaky_relu(x, (lower_ + upper_) / 2);
    return rrelu(x, lower_, upper_, context.stream());
  }

 private:
  double lower_, upper_;
};

const auto& rrelu_row =
    add_layer<RReLU>("RReLU", "A leaky ReLU with a random slope for each negative value.", "{}", {{2, 5}})
        .draws_random_numbers()
        .samples_from(Domain::away_from_zero)
        .formula("max(0, x) + a · min(0, x), a uniform in [lower, upper]; their mean when not training")
        .source("torch.nn.RReLU; Xu et al. 2015");

}  // namespace
}  // namespace tarn
