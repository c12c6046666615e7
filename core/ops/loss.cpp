// Losses that compare elementwise: squared, absolute, Huber's and binary cross entropy.
#include <cmath>
#include <limits>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

// A convex function of the difference that is quadratic up to `bend` and linear beyond: its slope is
// clamp(d · rise, -bend · rise, bend · rise).
template <class F>
Tensor bent(const char* op, const Tensor& d, double bend, double rise, F value) {
  const auto piece = [bend](double v) { return v > bend ? 1 : v < -bend ? -1 : 0; };
  const auto on = [bend, rise](double v, int64_t k) {
    return k == 0 ? v * v / 2 * rise : bend * rise * (v * static_cast<double>(k) - bend / 2);
  };
  return record(op, map_pieces(op, d, value, piece, on, 2),
                Edge{d, [d, bend, rise](const Tensor& g) { return g * clamp(d * rise, -bend * rise, bend * rise); }});
}

Tensor bce(const Tensor& x, const Tensor& target) {
  const auto value = [](auto v, auto t) {
    using T = decltype(v);
    return -(t * std::max(std::log(v), T(-100)) + (1 - t) * std::max(std::log1p(-v), T(-100)));
  };
  // The bound is a float in PyTorch, for doubles too.
  return record(
      "binary_cross_entropy", map2("binary_cross_entropy", x, target, value, 20),
      Edge{x, [x, target](const Tensor& g) { return g * (x - target) / clamp((1 - x) * x, 1e-12f, {}); }},
      Edge{target, [x](const Tensor& g) { return g * (clamp(log1p(-x), -100.0, {}) - clamp(log(x), -100.0, {})); }});
}

Tensor bce_with_logits(const Tensor& x, const Tensor& target) {
  const auto value = [](auto v, auto t) {
    using T = decltype(v);
    return (v < 0 ? T(0) : v) - v * t + std::log1p(std::exp(-std::abs(v)));
  };
  return record("binary_cross_entropy_with_logits", map2("binary_cross_entropy_with_logits", x, target, value, 20),
                Edge{x, [x, target](const Tensor& g) { return g * (sigmoid(x) - target); }},
                Edge{target, [x](const Tensor& g) { return -(g * x); }});
}

void check_same(const char* op, const Tensor& x, const Tensor& target) {
  check(x.shape() == target.shape(), op, ": input ", x.shape(), " and target ", target.shape(),
        " must have the same shape");
}

void check_probabilities(const char* op, const char* name, const Tensor& x) {
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const T* p = x.data<T>();
    for (int64_t i = 0; i < x.numel(); ++i)
      check(p[i] >= 0 && p[i] <= 1, op, ": ", name, " holds ", p[i], " at position ", i,
            ", outside [0, 1]; for logits use binary_cross_entropy_with_logits");
  });
}

}  // namespace

Reduction reduction_named(const std::string& name) {
  if (name == "none") return Reduction::none;
  if (name == "mean") return Reduction::mean;
  if (name == "sum") return Reduction::sum;
  if (name == "batchmean") return Reduction::batchmean;
  const std::string names[] = {"none", "mean", "sum", "batchmean"};
  fail("reduction: '", name, "' is not one of none, mean, sum, batchmean", did_you_mean(name, names));
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return reduce_losses("mse_loss", square(x - target), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return reduce_losses("l1_loss", abs(x - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction, double beta) {
  check(beta >= 0 && std::isfinite(beta), "smooth_l1_loss: beta is ", beta, "; it must not be negative");
  if (beta == 0) return l1_loss(x, target, reduction);
  const Tensor d = x - target;
  const auto value = [beta](auto v) {
    using T = decltype(v);
    const T size = std::abs(v);
    const T b = static_cast<T>(beta);
    return size < b ? v * v / (2 * b) : size - b / 2;
  };
  return reduce_losses("smooth_l1_loss", bent("smooth_l1_loss", d, beta, 1 / beta, value), reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction, double delta) {
  check(delta > 0 && std::isfinite(delta), "huber_loss: delta is ", delta, "; it must be positive");
  const Tensor d = x - target;
  const auto value = [delta](auto v) {
    using T = decltype(v);
    const T size = std::abs(v);
    const T b = static_cast<T>(delta);
    return size <= b ? v * v / 2 : b * (size - b / 2);
  };
  return reduce_losses("huber_loss", bent("huber_loss", d, delta, 1, value), reduction);
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction reduction) {
  check_same("binary_cross_entropy", x, target);
  check_probabilities("binary_cross_entropy", "the input", x);
  const Tensor loss = bce(x, target);
  return reduce_losses("binary_cross_entropy", weight.defined() ? loss * weight : loss, reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const Tensor& weight,
                                        Reduction reduction, const Tensor& pos_weight) {
  check_same("binary_cross_entropy_with_logits", x, target);
  // -log sigmoid(x) is weighed by 1 + (pos_weight - 1) · target.
  const Tensor loss = pos_weight.defined() ? (1 - target) * x - (1 + (pos_weight - 1) * target) * logsigmoid(x)
                                           : bce_with_logits(x, target);
  return reduce_losses("binary_cross_entropy_with_logits", weight.defined() ? loss * weight : loss, reduction);
}

namespace {
template <Tensor (*loss)(const Tensor&, const Tensor&, Reduction)>
OpInfo& add_difference_loss(const char* name, const char* doc) {
  return add_op(name, doc, [](const Tensors& t) { return loss(t[0], t[1], Reduction::mean); })
      .sample({{3, 4}, {3, 4}}, Domain::away_from_ties)
      .sample({{2, 5}, {5}}, Domain::away_from_ties,
              [](const Tensors& t) { return loss(t[0], t[1], Reduction::none); });
}
Tensor smooth_l1(const Tensor& x, const Tensor& target, Reduction reduction) {
  return smooth_l1_loss(x, target, reduction, 0.35);
}
Tensor huber(const Tensor& x, const Tensor& target, Reduction reduction) {
  return huber_loss(x, target, reduction, 0.35);
}
}  // namespace

const auto& mse_loss_op = add_difference_loss<mse_loss>("mse_loss", "squared difference");
const auto& l1_loss_op = add_difference_loss<l1_loss>("l1_loss", "absolute difference");
const auto& smooth_l1_loss_op =
    add_difference_loss<smooth_l1>("smooth_l1_loss", "d²/(2 beta) for |d| < beta, else |d| - beta/2");
const auto& huber_loss_op =
    add_difference_loss<huber>("huber_loss", "d²/2 for |d| <= delta, else delta (|d| - delta/2)");
const auto& binary_cross_entropy_op =
    add_op("binary_cross_entropy", "-(t log x + (1 - t) log(1 - x)), logarithms kept above -100", [](const Tensors& t) {
      return binary_cross_entropy(t[0], t[1]);
    }).sample({{3, 4}, {3, 4}}, Domain::probability);
const auto& binary_cross_entropy_with_logits_op =
    add_op("binary_cross_entropy_with_logits", "binary cross entropy of sigmoid(x)",
           [](const Tensors& t) { return binary_cross_entropy_with_logits(t[0], t[1]); })
        .sample({{3, 4}, {3, 4}})
        .sample({{3, 4}, {3, 4}, {4}}, Domain::positive, [](const Tensors& t) {
          return binary_cross_entropy_with_logits(t[0], t[1], {}, Reduction::none, t[2]);
        });

}  // namespace tarn
