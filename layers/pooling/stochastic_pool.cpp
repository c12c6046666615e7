// StochasticPool: a value of each window, drawn by its share of the sum; when not training, the mean by these shares.
#include <type_traits>
#include <variant>

#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

void check_negatives(const Tensor& x, Negatives negatives) {
  check(negatives != Negatives::error || any(lt(x.detach(), Tensor::zeros({}, x.dtype()))).item() == 0,
        "stochastic_pool: the input has negative values, which have no chance of their own; put a ReLU before it, or "
        "choose negatives \"relu\" or \"softmax\"");
}

}  // namespace

Tensor stochastic_pool(const Tensor& x, const Windows& w, const Tensor& samples, Negatives negatives, bool zero_sum) {
  check_negatives(x, negatives);
  const bool soft = negatives == Negatives::softmax;
  const Tensor y = draw_pool(x, w, samples.detach(), soft ? DrawBy::softmax : DrawBy::share);
  if (!zero_sum || soft) return y;
  const Tensor zero = Tensor::zeros({}, x.dtype());
  return where(eq(sum_pool(clamp(x.detach(), 0, {}), w), zero), zero, y);
}

Tensor expected_stochastic_pool(const Tensor& x, const Windows& w, Negatives negatives) {
  check_negatives(x, negatives);
  if (negatives == Negatives::softmax) return soft_pool(x, w);
  const Tensor chances = clamp(x, 0, {});  // at 0 they count as growing, as for a value that may not be negative
  const Tensor total = sum_pool(chances, w);
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor dead = eq(total.detach(), zero);
  return where(dead, zero, sum_pool(chances * x, w) / where(dead, zero + 1.0, total));
}

namespace {

/// How it draws, whatever its windows.
struct Drawing {
  std::string negatives = "relu";
  std::string zero_sum = "uniform";
  std::string eval_mode = "weighted";
  void fields(Fields& f) {
    f("negatives", negatives,
      "chances of negative values: none (\"relu\"), by the softmax of all values (\"softmax\"), or an \"error\"",
      {.choices = {"error", "relu", "softmax"}});
    f("zero_sum", zero_sum,
      "a window without a positive value gives 0; its gradient goes to a cell drawn evenly (\"uniform\") or nowhere",
      {.choices = {"uniform", "zero"}});
    f("eval_mode", eval_mode, "when not training: the mean by the chances, or a draw as in training",
      {.choices = {"weighted", "sample"}});
  }
  Negatives kind() const {
    return negatives == "relu" ? Negatives::relu : negatives == "softmax" ? Negatives::softmax : Negatives::error;
  }
  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    if (!context.training && eval_mode == "weighted") return expected_stochastic_pool(x, w, kind());
    const Tensor u = uniform(w.output_shape(x.shape()), context.stream(), 0, 1, x.dtype());
    return stochastic_pool(x, w, u, kind(), zero_sum == "zero");
  }
};

/// Shows a window's fields with a kernel_size that may be left out.
class KernelOptional : public Fields {
 public:
  explicit KernelOptional(Fields& to) : to_(to) {}

 protected:
  void visit(const Field& field) override {
    Rule rule = field.rule;
    if (field.name == "kernel_size") {
      rule.required = false;
      rule.inferred = true;
    }
    std::visit(
        [&](auto value) {
          if constexpr (std::is_pointer_v<decltype(value)>) to_(field.name, *value, field.doc, rule);
        },
        field.value);
  }

 private:
  Fields& to_;
};

template <int rank>
class StochasticPool : public Module {
 public:
  struct Config {
    SlidingSettings<rank> window;
    bool global = false;
    Drawing drawing;
    void fields(Fields& f) {
      KernelOptional windows(f);
      window.fields(windows);
      f("global", global, "one window over the whole plane, in place of those that kernel_size and its kin describe");
      drawing.fields(f);
    }
  };
  StochasticPool(Config c, Build&) : config_(std::move(c)) {
    const bool sized = !config_.window.kernel_size.empty();
    check(sized != config_.global, name(), ": give kernel_size, or global true for one window over the plane",
          sized ? "; both are given" : "");
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(name(), x, rank);
    const Windows& w = windows_.get(x.shape(), rank, [this](const Shape& s) {
      return config_.global ? global_windows(name(), s, rank) : config_.window.windows(name(), s);
    });
    return config_.drawing.pool(x, w, context);
  }

 private:
  static std::string name() { return with_rank("stochastic_pool", rank); }
  Config config_;
  KeptWindows windows_;
};

template <int rank>
LayerInfo& add_stochastic_pool() {
  return add_layer<StochasticPool<rank>>(
             with_rank("StochasticPool", rank),
             "A value of each window, drawn with a chance that grows with it; when not training, the mean by the "
             "chances.",
             R"({"kernel_size": 3, "stride": 2, "padding": 1})", {spatial_sample(rank)})
      .formula("training: y = x_k, k drawn with p_i = max(x_i, 0) / Σ max(x, 0); otherwise y = Σ p_i x_i")
      .source("Zeiler, Fergus 2013 (arXiv 1301.3557)")
      .pools(PoolGroup::random, "as a regulariser behind a ReLU where max pooling overfits")
      .samples_from(Domain::positive)
      .draws_random_numbers();
}

const auto& stochastic1d_row = add_stochastic_pool<1>();
const auto& stochastic2d_row = add_stochastic_pool<2>();
const auto& stochastic3d_row = add_stochastic_pool<3>();

}  // namespace
}  // namespace tarn
