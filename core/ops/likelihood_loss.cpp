// Losses that say how unlikely a target is under a predicted distribution: Kullback and Leibler's divergence, Poisson's
// and Gauss' likelihood.
#include <cmath>
#include <numbers>

#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

// t log t, and 0 at 0.
Tensor t_log_t(const Tensor& t) {
  const auto value = [](auto v) { return v == 0 ? decltype(v)(0) : v * std::log(v); };
  return record("t_log_t", map("kl_div", t, value, 8), Edge{t, [t](const Tensor& g) { return g * (log(t) + 1); }});
}

// Stirling's approximation of log t! where t is above 1, else 0.
Tensor stirling(const Tensor& t) {
  const Tensor small = le(t.detach(), Tensor::ones({}, t.dtype()));
  const Tensor large = masked_fill(t, small, 1);
  const Tensor value = large * log(large) - large + 0.5 * log(2 * std::numbers::pi * large);
  return masked_fill(value, small, 0);
}

// var where it is above eps, else eps; the cotangent passes in either case.
Tensor raised(const Tensor& var, double eps) {
  const auto value = [eps](auto v) {
    const auto least = static_cast<decltype(v)>(eps);
    return v < least ? least : v;
  };
  return record("gaussian_nll_loss_var", map("gaussian_nll_loss", var, value),
                Edge{var, [](const Tensor& g) { return g; }});
}

// A variance that fits x: its own shape, or one for each line of its last dimension, with or without a 1 there.
Tensor fitting_variance(const Tensor& var, const Tensor& x) {
  if (var.shape() == x.shape()) return var;
  const int lines = std::max(x.rank() - 1, 0);
  const auto leads = [lines](const Shape& s) { return s.span().subspan(0, static_cast<size_t>(lines)); };
  const bool same_lines =
      var.rank() >= lines && x.rank() >= 1 && std::ranges::equal(leads(var.shape()), leads(x.shape()));
  const bool fits = same_lines && (var.rank() == lines || (var.rank() == x.rank() && var.shape()[lines] == 1));
  check(fits, "gaussian_nll_loss: var ", var.shape(), " does not fit input ", x.shape(),
        "; it has the same shape, or 1 as its last size, or one dimension less");
  return var.rank() == lines ? unsqueeze(var, -1) : var;
}

void check_variance(const Tensor& var) {
  dispatch_floating(var.dtype(), "gaussian_nll_loss", [&](auto t) {
    const auto* v = var.data<decltype(t)>();
    for (int64_t i = 0; i < var.numel(); ++i)
      check(!(v[i] < 0), "gaussian_nll_loss: var is ", v[i], " at position ", i, "; a variance is not negative");
  });
}

}  // namespace

Tensor kl_div(const Tensor& x, const Tensor& target, Reduction reduction, bool log_target) {
  const Tensor losses = log_target ? exp(target) * (target - x) : t_log_t(target) - target * x;
  if (reduction != Reduction::batchmean) return reduce_losses("kl_div", losses, reduction);
  return sum(losses) / static_cast<double>(x.rank() > 0 ? x.shape()[0] : 1);
}

Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, bool log_input, bool full, double eps,
                        Reduction reduction) {
  const Tensor t = floating_target(target, x);
  const Tensor losses = log_input ? exp(x) - t * x : x - t * log(x + eps);
  return reduce_losses("poisson_nll_loss", full ? losses + stirling(t) : losses, reduction);
}

Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var, bool full, double eps,
                         Reduction reduction) {
  check_variance(var);
  const Tensor v = raised(fitting_variance(var, x), eps);
  const Tensor losses = 0.5 * (log(v) + square(x - floating_target(target, x)) / v);
  const double constant = 0.5 * std::log(2 * std::numbers::pi);
  return reduce_losses("gaussian_nll_loss", full ? losses + constant : losses, reduction);
}

const auto& kl_div_op =
    add_op("kl_div", "t (log t - x), or e^t (t - x)", [](const Tensors& t) { return kl_div(t[0], t[1]); })
        .sample({{3, 4}, {3, 4}}, Domain::positive)
        .sample({{3, 4}, {3, 4}}, Domain::any,
                [](const Tensors& t) { return kl_div(t[0], t[1], Reduction::batchmean, true); });
const auto& poisson_nll_loss_op = add_op("poisson_nll_loss", "e^x - t x, or x - t log x",
                                         [](const Tensors& t) { return poisson_nll_loss(t[0], t[1]); })
                                      .sample({{3, 4}, {3, 4}})
                                      .sample({{3, 4}, {3, 4}}, Domain::positive, [](const Tensors& t) {
                                        return poisson_nll_loss(t[0], 3 * t[1], false, true, 1e-8, Reduction::none);
                                      });
const auto& gaussian_nll_loss_op = add_op("gaussian_nll_loss", "(log v + (x - t)² / v) / 2",
                                          [](const Tensors& t) { return gaussian_nll_loss(t[0], t[1], t[2]); })
                                       .sample({{3, 4}, {3, 4}, {3, 4}}, Domain::positive)
                                       .sample({{3, 4}, {3, 4}, {3}}, Domain::positive, [](const Tensors& t) {
                                         return gaussian_nll_loss(t[0], t[1], t[2], true, 1e-6, Reduction::none);
                                       });

}  // namespace tarn
