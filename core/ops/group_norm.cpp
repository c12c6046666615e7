// Normalisation of each sample by itself: over its last dimensions, over groups of its channels, or channel by channel.
#include "core/kernels/group_norm.h"

#include <algorithm>
#include <cmath>

#include "core/ops.h"
#include "core/ops/normalized.h"
#include "core/parallel.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::ChannelSums;
using kernels::Groups;
using normalized::Gradients;
using normalized::Saved;

// The kernels see x as [batch, groups, channels of a group, inner].
Groups groups_of(const Tensor& x) {
  const Shape& s = x.shape();
  return {s[0], s[1], s[2], s[3]};
}

// A weight for each value of a sample, as the loops over narrow rows want it; `fallback` where there is none.
template <class T>
Tensor per_value(const Tensor& weight, const Groups& s, T fallback, Dtype dtype) {
  if (weight.defined() && s.inner == 1) return weight;
  Tensor wide({s.sample()}, dtype);
  T* out = wide.fill<T>();
  for (int64_t c = 0; c < s.all_channels(); ++c)
    std::fill_n(out + c * s.inner, s.inner, weight.defined() ? weight.data<T>()[c] : fallback);
  return wide;
}

template <class T>
const T* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}

template <class T>
void forward_rows(const Tensor& x, Tensor weight, Tensor bias, NormResult& result, Saved& saved) {
  const Groups s = groups_of(x);
  if (s.narrow() && (weight.defined() || bias.defined())) {
    weight = per_value(weight, s, T(1), x.dtype());
    bias = per_value(bias, s, T(0), x.dtype());
  }
  const T* w = data_or_null<T>(weight);
  const T* b = data_or_null<T>(bias);
  const T* in = x.data<T>();
  T* out = result.y.fill<T>();
  T* mean = result.mean.fill<T>();
  T* variance = result.variance.fill<T>();
  T* inverse = saved.inverse.fill<T>();
  parallel_range(s.rows(), 4 * s.width(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* values = in + row * s.width();
      const kernels::Moments moments = kernels::row_moments(values, s.width());
      const double spread = moments.squares / moments.count;
      const double scale = 1 / std::sqrt(spread + saved.eps);
      mean[row] = static_cast<T>(moments.mean);
      variance[row] = static_cast<T>(spread);
      inverse[row] = static_cast<T>(scale);
      kernels::affine_row(values, out + row * s.width(), s, s.group(row), mean[row], inverse[row], w, b);
    }
  });
}

// Samples are cut into this many pieces, each with weight gradients of its own.
int64_t sample_pieces(const Groups& s) {
  if (s.batch * s.sample() < 32 * 1024) return 1;
  return std::clamp<int64_t>(s.batch / 32, std::min<int64_t>(s.batch, 4), 64);
}

// The sum of `pieces` rows, each value's share added to its channel.
template <class T>
void add_pieces(Tensor& rows, int64_t pieces, const Groups& s, Tensor& to) {
  T* first = rows.fill<T>();
  T* out = to.fill<T>();
  parallel_range(s.sample(), pieces, [&](int64_t begin, int64_t end) {
    for (int64_t i = 1; i < pieces; ++i) kernels::add_row(first + begin, first + i * s.sample() + begin, end - begin);
  });
  for (int64_t c = 0; c < s.all_channels(); ++c) {
    out[c] = 0;
    for (int64_t i = 0; i < s.inner; ++i) out[c] += first[c * s.inner + i];
  }
}

template <class T>
void backward_narrow(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved, Gradients& d) {
  const Groups s = groups_of(x);
  const Tensor weights = per_value(weight, s, T(1), x.dtype());
  const int64_t pieces = sample_pieces(s);
  Tensor dws = Tensor::zeros({pieces, s.sample()}, x.dtype());
  Tensor dbs = Tensor::zeros({pieces, s.sample()}, x.dtype());
  const T* w = weights.data<T>();
  T* dw = dws.fill<T>();
  T* db = dbs.fill<T>();
  T* dx = d.x.fill<T>();
  const double n = static_cast<double>(s.width());
  parallel_for(pieces, [&](int64_t piece) {
    for (int64_t row = s.batch * piece / pieces * s.groups; row < s.batch * (piece + 1) / pieces * s.groups; ++row) {
      const T* pg = g.data<T>() + row * s.width();
      const T* px = x.data<T>() + row * s.width();
      const T mean = saved.mean.data<T>()[row];
      const T scale = s.width() > 1 ? saved.inverse.data<T>()[row] : T(0);  // a single value moves its mean alone
      const int64_t column = s.group(row) * s.width();
      const ChannelSums sums = kernels::weighted_sums(pg, px, w + column, s.width(), mean);
      const double r = static_cast<double>(scale);
      const int64_t own = piece * s.sample() + column;
      kernels::weighted_backward(pg, px, w + column, dx + row * s.width(), dw + own, db + own, s.width(), mean, scale,
                                 static_cast<T>(-r * r * sums.gx / n), static_cast<T>(-r * sums.g / n));
    }
  });
  add_pieces<T>(dws, pieces, s, d.weight);
  add_pieces<T>(dbs, pieces, s, d.bias);
}

template <class T>
void backward_wide(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved, Gradients& d) {
  const Groups s = groups_of(x);
  const T* w = data_or_null<T>(weight);
  const T* mean = saved.mean.data<T>();
  const T* inverse = saved.inverse.data<T>();
  T* dx = d.x.fill<T>();
  Tensor sums({s.batch, s.all_channels(), 2}, Dtype::f64);  // of g and of g · (x - mean)
  double* parts = sums.fill<double>();
  parallel_range(s.rows(), 6 * s.width(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * s.width();
      kernels::backward_planes(g.data<T>() + at, x.data<T>() + at, w ? w + s.group(row) * s.channels : nullptr, dx + at,
                               s, mean[row], static_cast<double>(inverse[row]), parts + 2 * row * s.channels);
    }
  });
  for (int64_t c = 0; c < s.all_channels(); ++c) {
    ChannelSums total;
    for (int64_t sample = 0; sample < s.batch; ++sample) {
      const double* part = parts + 2 * (sample * s.all_channels() + c);
      total.g += part[0];
      total.gx += part[1] * static_cast<double>(inverse[sample * s.groups + c / s.channels]);
    }
    d.weight.fill<T>()[c] = static_cast<T>(total.gx);
    d.bias.fill<T>()[c] = static_cast<T>(total.g);
  }
}

NormResult normalize_groups(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, double eps);

/// Which values of [batch, groups, channels of a group, inner] go together, for the derivatives in normalized.h.
struct Grouped {
  static Dims together(const Tensor&) { return {2, 3}; }
  static Tensor per_channel(const Tensor& v, const Shape& like) { return reshape(v, Shape{1, like[1], like[2], 1}); }
  static Tensor weight_sum(const Tensor& v) { return flatten(sum(v, {0, 3})); }
  static Tensor plain(const Tensor& x, double eps) { return normalize_groups("group_norm", x, {}, {}, eps).y; }
  static Gradients kernel(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved) {
    const Groups s = groups_of(x);
    const Shape channels{s.all_channels()};
    Gradients d{Tensor(x.shape(), x.dtype()), Tensor(channels, x.dtype()), Tensor(channels, x.dtype())};
    dispatch_floating(x.dtype(), "norm_backward", [&](auto t) {
      using T = decltype(t);
      if (s.narrow())
        backward_narrow<T>(g, x, weight, saved, d);
      else
        backward_wide<T>(g, x, weight, saved, d);
    });
    return d;
  }
};

// x [batch, groups, channels of a group, inner], weight and bias one for each channel; statistics [batch, groups].
NormResult normalize_groups(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check(eps >= 0, op, ": eps is ", eps, "; it must not be negative");
  const Shape rows{x.shape()[0], x.shape()[1]};
  NormResult result{Tensor(x.shape(), x.dtype()), Tensor(rows, x.dtype()), Tensor(rows, x.dtype())};
  Saved saved{result.mean, Tensor(rows, x.dtype()), eps};
  dispatch_floating(x.dtype(), op, [&](auto t) { forward_rows<decltype(t)>(x, weight, bias, result, saved); });
  result.y = normalized::recorded<Grouped>(op, result.y, x, weight, bias, std::move(saved));
  return result;
}

void check_affine(const char* op, const char* name, const Tensor& value, const Shape& wanted, const Tensor& x) {
  if (!value.defined()) return;
  check(value.shape() == wanted, op, ": ", name, " has shape ", value.shape(), "; for input ", x.shape(),
        " it must be ", wanted);
  check(value.dtype() == x.dtype(), op, ": ", name, " is ", value.dtype(), ", the input ", x.dtype());
}

// The channels of x, [N, C, …], in `groups` groups.
NormResult channel_groups(const char* op, const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias,
                          double eps) {
  const Shape& s = x.shape();
  check_affine(op, "weight", weight, {s[1]}, x);
  check_affine(op, "bias", bias, {s[1]}, x);
  const Shape split{s[0], groups, groups ? s[1] / groups : 1, s.product(2, s.rank())};
  NormResult result = normalize_groups(op, reshape(x, split), weight, bias, eps);
  result.y = reshape(result.y, s);
  return result;
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  const int before = x.rank() - normalized_shape.rank();
  check(normalized_shape.rank() > 0, "layer_norm: normalized_shape is empty; name at least the last dimension's size");
  const bool fits = before >= 0 && Shape(x.shape().span().subspan(static_cast<size_t>(before))) == normalized_shape;
  check(fits, "layer_norm: the last dimensions of input ", x.shape(), " are not normalized_shape ", normalized_shape);
  check_affine("layer_norm", "weight", weight, normalized_shape, x);
  check_affine("layer_norm", "bias", bias, normalized_shape, x);
  const Shape rows{x.shape().product(0, before), 1, normalized_shape.numel(), 1};
  const auto row = [](const Tensor& v) { return v.defined() && v.rank() != 1 ? flatten(v) : v; };
  return reshape(normalize_groups("layer_norm", reshape(x, rows), row(weight), row(bias), eps).y, x.shape());
}

Tensor group_norm(const Tensor& x, int64_t num_groups, const Tensor& weight, const Tensor& bias, double eps) {
  check(x.rank() >= 2, "group_norm: input ", x.shape(), " has ", x.rank(), " dimensions; expected [N,C] or [N,C,…]");
  check(num_groups > 0, "group_norm: num_groups is ", num_groups, "; it must be positive");
  check(x.shape()[1] % num_groups == 0, "group_norm: num_groups is ", num_groups, ", which does not divide the ",
        x.shape()[1], " channels of input ", x.shape());
  check(x.numel() != num_groups, "group_norm: input ", x.shape(), " has one value in each of ", num_groups,
        " groups; nothing is left after subtracting its mean");
  return channel_groups("group_norm", x, num_groups, weight, bias, eps).y;
}

NormResult instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check(x.rank() >= 3, "instance_norm: input ", x.shape(), " has ", x.rank(), " dimensions; expected [N,C,L] or more");
  check(x.shape().product(2, x.rank()) != 1, "instance_norm: input ", x.shape(),
        " has one value per channel; its mean and variance need more than 1");
  return channel_groups("instance_norm", x, x.shape()[1], weight, bias, eps);
}

const auto& layer_norm_op =
    add_op("layer_norm", "normalises the last dimensions of each sample, then scales and shifts them",
           [](const Tensors& t) { return layer_norm(t[0], {5}, t[1], t[2], 0.1); })
        .sample({{4, 5}, {5}, {5}})
        .sample({{3, 2, 4}, {2, 4}, {2, 4}}, Domain::any,
                [](const Tensors& t) {
                  return layer_norm(t[0], {2, 4}, t[1], t[2], 0.1);
                })
        .sample({{2, 3}, {3}}, Domain::any, [](const Tensors& t) { return layer_norm(t[0], {3}, {}, t[1], 0.1); });
const auto& group_norm_op =
    add_op("group_norm", "normalises groups of channels of each sample, then scales and shifts each channel",
           [](const Tensors& t) { return group_norm(t[0], 2, t[1], t[2], 0.1); })
        .sample({{3, 4}, {4}, {4}})
        .sample({{2, 4, 3}, {4}, {4}})
        .sample({{2, 4, 4, 5}, {4}, {4}});
const auto& instance_norm_op =
    add_op("instance_norm", "normalises each channel of each sample, then scales and shifts it",
           [](const Tensors& t) { return instance_norm(t[0], t[1], t[2], 0.1).y; })
        .sample({{2, 3, 5}, {3}, {3}})
        .sample({{2, 2, 4, 5}, {2}, {2}});

}  // namespace tarn
