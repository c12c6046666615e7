// Activations that work along a dimension: the softmax family and the gated linear unit.
#include "core/ops.h"
#include "layers/activation.h"
#include "layers/init.h"

namespace tarn {
namespace {

/// PyTorch's choice where `dim` is not given.
int64_t usual_dimension(int rank) {
  return rank == 0 || rank == 1 || rank == 3 ? 0 : 1;
}

template <Tensor (*function)(const Tensor&, int64_t)>
struct AlongDimension {
  std::optional<int64_t> dim;
  void fields(Fields& f) {
    f("dim", dim, "dimension whose values become a distribution; left out: 1, or 0 for inputs of 1 or 3 dimensions");
  }
  Tensor operator()(const Tensor& x) const { return function(x, dim.value_or(usual_dimension(x.rank()))); }
};

struct Softmax2d {
  void fields(Fields&) {}
  Tensor operator()(const Tensor& x) const {
    check(x.rank() == 3 || x.rank() == 4, "Softmax2d: expects [N, C, H, W] or [C, H, W], got ", x.shape());
    return softmax(x, -3);
  }
};

struct GLU {
  int64_t dim = -1;
  void fields(Fields& f) { f("dim", dim, "dimension that is cut in half"); }
  Tensor operator()(const Tensor& x) const { return glu(x, dim); }
};

/// The learned slope of PReLU needs a parameter, so it is a module of its own.
class PReLU : public Module {
 public:
  struct Config {
    int64_t num_parameters = 1;
    double init = 0.25;
    void fields(Fields& f) {
      f("num_parameters", num_parameters, "1, or one slope for each channel", {.lo = 1});
      f("init", init, "initial slope");
    }
  };
  PReLU(const Config& c, Build& build) {
    const Shape& x = build.shape();
    check(c.num_parameters == 1 || (x.rank() >= 2 && x[1] == c.num_parameters), "num_parameters is ", c.num_parameters,
          ", but must be 1 or the number of channels of the input ", batch_text(x));
    weight_ = build.parameter("weight", {c.num_parameters}, init::constant(c.init));
  }
  Tensor forward(const Tensor& x, Context&) override { return prelu(x, weight_); }
  void parts(Parts& p) override { p("weight", weight_); }

 private:
  Tensor weight_;
};

const auto& softmax_row = add_activation<AlongDimension<softmax>>(
    "Softmax", "Makes a distribution of the values along a dimension.", "exp(x_i) / Σ_j exp(x_j)", R"({"dim": 1})");
const auto& log_softmax_row = add_activation<AlongDimension<log_softmax>>("LogSoftmax", "The logarithm of the softmax.",
                                                                          "x_i - log Σ_j exp(x_j)", R"({"dim": 1})");
const auto& softmin_row = add_activation<AlongDimension<softmin>>("Softmin", "The softmax of -x.",
                                                                  "exp(-x_i) / Σ_j exp(-x_j)", R"({"dim": 1})");
const auto& softmax2d_row = add_activation<Softmax2d>("Softmax2d", "A softmax over the channels at every position.",
                                                      "exp(x_c) / Σ_k exp(x_k)", "{}", {2, 3, 2, 2});
const auto& glu_row =
    add_activation<GLU>("GLU", "One half of the values gates the other.", "a · σ(b), x = [a, b]", R"({"dim": 1})");
const auto& prelu_row = add_layer<PReLU>("PReLU", "A leaky ReLU whose slope is learned.", "{}", {{2, 4, 3}})
                            .formula("max(0, x) + weight · min(0, x)")
                            .source("torch.nn.PReLU; He et al. 2015")
                            .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
