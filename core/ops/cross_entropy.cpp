// Losses over classes: cross entropy of logits, fused, and the negative log likelihood.
#include <cmath>
#include <limits>

#include "core/kernels/softmax.h"
#include "core/ops.h"
#include "core/ops/loss_reduction.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Along;

/// A loss over classes with everything that is not a logit: one target per line of [N, C, inner].
struct ClassLoss {
  Along lines;
  Tensor target;  // int64, one per line
  Tensor weight;  // per class, of the logits' dtype, or undefined
  int64_t ignore_index = -100;
  double smoothing = 0;

  bool ignored(int64_t line) const { return target.data<int64_t>()[line] == ignore_index; }
  template <class T>
  T weight_of(int64_t c) const {
    return weight.defined() ? weight.data<T>()[c] : T(1);
  }
};

// The logits' shape without the classes.
Shape target_shape(const Tensor& x) {
  std::vector<int64_t> sizes;
  for (int i = 0; i < x.rank(); ++i)
    if (i != (x.rank() == 1 ? 0 : 1)) sizes.push_back(x.shape()[i]);
  return Shape(sizes);
}

ClassLoss class_loss(const char* op, const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                     double smoothing) {
  check(x.rank() >= 1, op, ": the input is a scalar; expected [C], [N,C] or [N,C,…]");
  check(x.floating(), op, ": the input is ", x.dtype(), "; it must be floating-point");
  check(target.dtype() == Dtype::i64, op, ": the target is ", target.dtype(), "; class indices are int64");
  check(target.shape() == target_shape(x), op, ": target ", target.shape(), " does not fit input ", x.shape(),
        "; expected ", target_shape(x));
  const int axis = x.rank() == 1 ? 0 : 1;
  const Along lines{x.shape().product(0, axis), x.shape()[axis], x.shape().product(axis + 1, x.rank())};
  if (weight.defined()) {
    check(weight.rank() == 1 && weight.numel() == lines.size, op, ": weight ", weight.shape(), " must have one value ",
          "for each of the ", lines.size, " classes");
    check(weight.dtype() == x.dtype(), op, ": weight is ", weight.dtype(), ", the input ", x.dtype());
  }
  const int64_t* t = target.data<int64_t>();
  for (int64_t i = 0; i < target.numel(); ++i)
    check((t[i] >= 0 && t[i] < lines.size) || t[i] == ignore_index, op, ": target ", t[i], " at position ", i,
          " is outside [0, ", lines.size, "), the classes of input ", x.shape());
  return {lines, target, weight.detach(), ignore_index, smoothing};
}

// Sum of the target's weights over all lines that count: what a mean divides by.
double total_weight(const ClassLoss& c, Dtype dtype) {
  return dispatch_floating(dtype, "cross_entropy", [&](auto t) {
    using T = decltype(t);
    double total = 0;
    const int64_t* target = c.target.data<int64_t>();
    for (int64_t i = 0; i < c.target.numel(); ++i)
      if (!c.ignored(i)) total += static_cast<double>(c.weight_of<T>(target[i]));
    return total;
  });
}

Tensor reduced(const Tensor& losses, Reduction reduction, double total) {
  if (reduction == Reduction::none) return losses;
  const Tensor all = sum(losses);
  if (reduction == Reduction::sum) return all;
  // A mean over nothing is NaN, but pulls at nothing.
  if (total == 0) return all * 0.0 + std::numeric_limits<double>::quiet_NaN();
  return all * (1 / total);
}

// Per class, times the weight: what a line's log-probabilities are multiplied by, negated. [N, C, inner]; ignored lines
// are zero.
Tensor class_factors(const ClassLoss& c, Dtype dtype) {
  Tensor factors = Tensor::zeros({c.lines.outer, c.lines.size, c.lines.inner}, dtype);
  dispatch_floating(dtype, "cross_entropy", [&](auto t) {
    using T = decltype(t);
    T* out = factors.fill<T>();
    const int64_t* target = c.target.data<int64_t>();
    const T even = static_cast<T>(c.smoothing / static_cast<double>(c.lines.size));
    for (int64_t line = 0; line < c.lines.lines(); ++line) {
      if (c.ignored(line)) continue;
      T* first = out + line / c.lines.inner * c.lines.size * c.lines.inner + line % c.lines.inner;
      for (int64_t k = 0; k < c.lines.size && c.smoothing > 0; ++k) first[k * c.lines.inner] = even * c.weight_of<T>(k);
      first[target[line] * c.lines.inner] += static_cast<T>(1 - c.smoothing) * c.weight_of<T>(target[line]);
    }
  });
  return factors;
}

/// Largest logit and log of the sum of e^(x - largest), per line.
struct LogSums {
  Tensor tops, lowers;
};

LogSums log_sums(const Tensor& x, const Along& a) {
  LogSums s{Tensor({a.lines()}, x.dtype()), Tensor({a.lines()}, x.dtype())};
  dispatch_floating(x.dtype(), "cross_entropy", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* tops = s.tops.fill<T>();
    T* lowers = s.lowers.fill<T>();
    along_lines(
        a, 8, [&](int64_t begin, int64_t end) { kernels::log_sum_rows(in, tops, lowers, a.size, begin, end); },
        [&](int64_t at, int64_t line, int64_t count) {
          kernels::log_sum_columns(in + at, tops + line, lowers + line, a.size, a.inner, count);
        });
  });
  return s;
}

// The sum of a line's factors, i.e. what its softmax is multiplied by in the derivative.
template <class T>
T line_factor(const ClassLoss& c, int64_t line, T all_weights) {
  if (c.ignored(line)) return 0;
  return static_cast<T>(1 - c.smoothing) * c.weight_of<T>(c.target.data<int64_t>()[line]) +
         static_cast<T>(c.smoothing / static_cast<double>(c.lines.size)) * all_weights;
}

template <class T>
T sum_of_weights(const ClassLoss& c) {
  T total = 0;
  for (int64_t k = 0; k < c.lines.size; ++k) total += c.weight_of<T>(k);
  return total;
}

// Per line, -(1 - s) w_t log p_t - s / C sum_c w_c log p_c.
template <class T>
void line_losses(const T* x, const LogSums& s, const ClassLoss& c, T* losses) {
  const T* tops = s.tops.data<T>();
  const T* lowers = s.lowers.data<T>();
  const int64_t* target = c.target.data<int64_t>();
  const T even = static_cast<T>(c.smoothing / static_cast<double>(c.lines.size));
  const T odd = static_cast<T>(1 - c.smoothing);
  parallel_range(c.lines.lines(), 16 + (even > 0 ? 4 * c.lines.size : 0), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      losses[line] = 0;
      if (c.ignored(line)) continue;
      const T* first = x + line / c.lines.inner * c.lines.size * c.lines.inner + line % c.lines.inner;
      const auto surprise = [&](int64_t k) { return lowers[line] - (first[k * c.lines.inner] - tops[line]); };
      T loss = odd * c.weight_of<T>(target[line]) * surprise(target[line]);
      for (int64_t k = 0; k < c.lines.size && even > 0; ++k) loss += even * c.weight_of<T>(k) * surprise(k);
      losses[line] = loss;
    }
  });
}

// dx = q (a softmax(x) - factors), a being the sum of a line's factors.
template <class T>
void line_gradients(const T* q, const T* x, const LogSums& s, const ClassLoss& c, T* scales, T* dx) {
  const int64_t* target = c.target.data<int64_t>();
  const T even = static_cast<T>(c.smoothing / static_cast<double>(c.lines.size));
  const T odd = static_cast<T>(1 - c.smoothing);
  const T all_weights = c.smoothing > 0 ? sum_of_weights<T>(c) : T(0);
  const auto [outer, size, inner] = c.lines;
  for (int64_t line = 0; line < c.lines.lines(); ++line) scales[line] = q[line] * line_factor(c, line, all_weights);
  const T* tops = s.tops.data<T>();
  const T* lowers = s.lowers.data<T>();
  along_lines(
      c.lines, 8,
      [&](int64_t begin, int64_t end) { kernels::scaled_softmax_rows(x, tops, lowers, scales, dx, size, begin, end); },
      [&](int64_t at, int64_t line, int64_t count) {
        kernels::scaled_softmax_columns(x + at, tops + line, lowers + line, scales + line, dx + at, size, inner, count);
      });
  for (int64_t line = 0; line < c.lines.lines(); ++line) {
    if (c.ignored(line)) continue;
    T* first = dx + line / inner * size * inner + line % inner;
    for (int64_t k = 0; k < size && even > 0; ++k) first[k * inner] -= q[line] * even * c.weight_of<T>(k);
    first[target[line] * inner] -= q[line] * odd * c.weight_of<T>(target[line]);
  }
}

// The pullback of the losses per line, [N, inner] to [N, C, inner]. Its own pullbacks are written in public ops.
Tensor cross_entropy_backward(const Tensor& q, const Tensor& x, const ClassLoss& c, const LogSums& s) {
  Tensor dx(x.shape(), x.dtype());
  Tensor scales(q.shape(), x.dtype());
  dispatch_floating(x.dtype(), "cross_entropy_backward", [&](auto t) {
    using T = decltype(t);
    line_gradients(q.data<T>(), x.data<T>(), s, c, scales.fill<T>(), dx.fill<T>());
  });
  const auto by_q = [x, c](const Tensor& v) {
    const Tensor factors = class_factors(c, x.dtype());
    return sum(v * (softmax(x, 1) * sum(factors, {1}, true) - factors), {1});
  };
  const auto by_x = [q, x, c](const Tensor& v) {
    const Tensor p = softmax(x, 1);
    const Tensor u = v * p;
    return unsqueeze(q, 1) * sum(class_factors(c, x.dtype()), {1}, true) * (u - p * sum(u, {1}, true));
  };
  return record("cross_entropy_backward", dx, Edge{q, by_q}, Edge{x, by_x});
}

// Losses per line of x [N, C, inner].
Tensor class_losses(const Tensor& x, const ClassLoss& c) {
  const LogSums s = log_sums(x, c.lines);
  Tensor losses({c.lines.outer, c.lines.inner}, x.dtype());
  dispatch_floating(x.dtype(), "cross_entropy", [&](auto t) {
    using T = decltype(t);
    line_losses(x.data<T>(), s, c, losses.fill<T>());
  });
  return record("cross_entropy", losses,
                Edge{x, [x, c, s](const Tensor& q) { return cross_entropy_backward(q, x, c, s); }});
}

// Targets that are probabilities: a composition, so that they get gradients too.
Tensor soft_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction reduction,
                          double smoothing) {
  check(target.shape() == x.shape(), "cross_entropy: target ", target.shape(), " of probabilities does not have the ",
        "shape of the input, ", x.shape(), "; class indices must be int64");
  check(target.dtype() == x.dtype(), "cross_entropy: target is ", target.dtype(), ", the input ", x.dtype());
  const int axis = x.rank() == 1 ? 0 : 1;
  const int64_t classes = x.shape()[axis];
  Tensor factors = smoothing > 0 ? target * (1 - smoothing) + smoothing / static_cast<double>(classes) : target;
  if (weight.defined()) {
    check(weight.rank() == 1 && weight.numel() == classes, "cross_entropy: weight ", weight.shape(),
          " must have one value for each of the ", classes, " classes");
    std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
    sizes[static_cast<size_t>(axis)] = classes;
    factors = factors * reshape(weight.detach(), sizes);
  }
  const Tensor losses = -sum(factors * log_softmax(x, axis), {axis});
  return reduced(losses, reduction, static_cast<double>(losses.numel()));
}

// Each line's log-probability of its target, times minus its weight; lines that are ignored give 0.
Tensor picked(const Tensor& x, const ClassLoss& c) {
  Tensor index({c.lines.outer, 1, c.lines.inner}, Dtype::i64);
  Tensor keep({c.lines.outer, 1, c.lines.inner}, Dtype::i64);
  Tensor factor({c.lines.outer, 1, c.lines.inner}, x.dtype());
  dispatch_floating(x.dtype(), "nll_loss", [&](auto t) {
    using T = decltype(t);
    for (int64_t i = 0; i < c.lines.lines(); ++i) {
      keep.fill<int64_t>()[i] = !c.ignored(i);
      index.fill<int64_t>()[i] = c.ignored(i) ? 0 : c.target.data<int64_t>()[i];
      factor.fill<T>()[i] = -c.weight_of<T>(index.data<int64_t>()[i]);
    }
  });
  return where(keep, gather(x, 1, index) * factor, Tensor::zeros({}, x.dtype()));
}

Tensor lined_up(const Tensor& x, const Along& a) {
  return reshape(x, Shape{a.outer, a.size, a.inner});
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const Tensor& weight, Reduction reduction,
                     int64_t ignore_index, double label_smoothing) {
  check(label_smoothing >= 0 && label_smoothing <= 1, "cross_entropy: label_smoothing is ", label_smoothing,
        "; allowed are 0 to 1");
  check(logits.rank() >= 1, "cross_entropy: the input is a scalar; expected [C], [N,C] or [N,C,…]");
  check_reduction("cross_entropy", reduction);
  if (target.floating()) return soft_cross_entropy(logits, target, weight, reduction, label_smoothing);
  const ClassLoss c = class_loss("cross_entropy", logits, target, weight, ignore_index, label_smoothing);
  const Tensor losses = class_losses(lined_up(logits, c.lines), c);
  if (reduction == Reduction::none) return reshape(losses, target.shape());
  return reduced(losses, reduction, total_weight(c, logits.dtype()));
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const Tensor& weight, Reduction reduction,
                int64_t ignore_index) {
  check_reduction("nll_loss", reduction);
  const ClassLoss c = class_loss("nll_loss", log_probabilities, target, weight, ignore_index, 0);
  const Tensor losses = picked(lined_up(log_probabilities, c.lines), c);
  if (reduction == Reduction::none) return reshape(losses, target.shape());
  return reduced(losses, reduction, total_weight(c, log_probabilities.dtype()));
}

namespace {
// Targets 0, 1, … in turn, the last of them ignored.
Tensor sample_classes(const Shape& shape, int64_t classes) {
  std::vector<int64_t> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i) % classes;
  values.back() = -100;
  return {shape, values};
}
}  // namespace

const auto& cross_entropy_op =
    add_op("cross_entropy", "minus the log of the softmax at the target's class",
           [](const Tensors& t) { return cross_entropy(t[0], sample_classes({4}, 3)); })
        .sample({{4, 3}})
        .sample({{2, 3, 2}}, Domain::any,
                [](const Tensors& t) {
                  const Tensor weight({3}, std::vector<double>{0.5, 2, 1});
                  return cross_entropy(t[0], sample_classes({2, 2}, 3), weight, Reduction::none, -100, 0.2);
                })
        .sample({{3, 4}, {3, 4}}, Domain::probability, [](const Tensors& t) { return cross_entropy(t[0], t[1]); });
const auto& nll_loss_op = add_op("nll_loss", "minus the log-probability at the target's class", [](const Tensors& t) {
                            return nll_loss(t[0], sample_classes({4}, 3));
                          }).sample({{4, 3}});

}  // namespace tarn
