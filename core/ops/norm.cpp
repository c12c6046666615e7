// Batch normalisation with the batch's own statistics or with given ones.
#include "core/kernels/norm.h"

#include <algorithm>
#include <cmath>

#include "core/ops.h"
#include "core/ops/normalized.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Channels;
using normalized::Gradients;
using normalized::Saved;

Channels channels_of(const char* op, const Tensor& x) {
  check(2 <= x.rank() && x.rank() <= 5, op, ": input ", x.shape(), " has ", x.rank(),
        " dimensions; expected [N,C] to [N,C,D,H,W]");
  return {x.shape()[0], x.shape()[1], x.shape().product(2, x.rank())};
}

void check_channels(const char* op, const char* name, const Tensor& value, const Tensor& x) {
  if (!value.defined()) return;
  check(value.rank() == 1 && value.shape()[0] == x.shape()[1], op, ": ", name, " has shape ", value.shape(), "; input ",
        x.shape(), " has ", x.shape()[1], " channels");
  check(value.dtype() == x.dtype(), op, ": ", name, " is ", value.dtype(), ", the input ", x.dtype());
}

// All dimensions but 1.
Dims others(const Tensor& x) {
  Dims dims{0};
  for (int i = 2; i < x.rank(); ++i) dims.push_back(i);
  return dims;
}

// Calls body(first, count) for blocks of channels that are handled at once; `cost` is the work per value.
template <class F>
void over_blocks(const Channels& s, int64_t cost, F body) {
  if (s.count() == 0 || s.channels == 0) return;
  const int64_t size = kernels::block_channels(s);
  parallel_range((s.channels + size - 1) / size, cost * size * s.count(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i * size, std::min(size, s.channels - i * size));
  });
}

template <class T>
void backward_channels(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved, Channels s,
                       Gradients& d) {
  const T* pg = g.data<T>();
  const T* px = x.data<T>();
  const T* scale = weight.defined() ? weight.data<T>() : nullptr;
  const T* mean = saved.mean.data<T>();
  const T* inverse = saved.inverse.data<T>();
  T* dx = d.x.fill<T>();
  T* dw = d.weight.fill<T>();
  T* db = d.bias.fill<T>();
  const double n = static_cast<double>(s.count());
  over_blocks(s, 4, [&](int64_t first, int64_t count) {
    kernels::ChannelSums sums[kernels::columns];
    T p[kernels::columns], q[kernels::columns], shift[kernels::columns];
    kernels::block_sums(pg, px, s, first, count, mean + first, sums);
    for (int64_t k = 0; k < count; ++k) {
      const int64_t c = first + k;
      const double r = static_cast<double>(inverse[c]);
      const double factor = r * (scale ? static_cast<double>(scale[c]) : 1.0);
      p[k] = static_cast<T>(factor);
      q[k] = static_cast<T>(-factor * r * r * sums[k].gx / n);
      shift[k] = static_cast<T>(-factor * sums[k].g / n);
      dw[c] = static_cast<T>(sums[k].gx * r);
      db[c] = static_cast<T>(sums[k].g);
    }
    kernels::block_backward(pg, px, dx, s, first, count, mean + first, p, q, shift);
  });
}

/// Which values batch normalisation takes together, for the derivatives in normalized.h.
struct Batch {
  static Dims together(const Tensor& x) { return others(x); }
  static Tensor per_channel(const Tensor& v, const Shape& like) {
    std::vector<int64_t> sizes(static_cast<size_t>(like.rank()), 1);
    sizes[1] = v.numel();
    return reshape(v, sizes);
  }
  static Tensor weight_sum(const Tensor& v) { return sum(v, others(v)); }
  static Tensor plain(const Tensor& x, double eps) { return batch_norm(x, {}, {}, eps).y; }
  static Gradients kernel(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved) {
    const Channels s = channels_of("batch_norm_backward", x);
    Gradients d{Tensor(x.shape(), x.dtype()), Tensor({s.channels}, x.dtype()), Tensor({s.channels}, x.dtype())};
    dispatch_floating(x.dtype(), "batch_norm_backward",
                      [&](auto t) { backward_channels<decltype(t)>(g, x, weight, saved, s, d); });
    return d;
  }
};

template <class T>
void forward_channels(const Tensor& x, const Tensor& weight, const Tensor& bias, Channels s, NormResult& result,
                      Saved& saved) {
  const T* in = x.data<T>();
  const T* scale = weight.defined() ? weight.data<T>() : nullptr;
  const T* shift = bias.defined() ? bias.data<T>() : nullptr;
  T* out = result.y.fill<T>();
  T* mean = result.mean.fill<T>();
  T* variance = result.variance.fill<T>();
  T* inverse = saved.inverse.fill<T>();
  over_blocks(s, 4, [&](int64_t first, int64_t count) {
    kernels::Moments moments[kernels::columns];
    T scales[kernels::columns], shifts[kernels::columns];
    kernels::block_moments(in, s, first, count, moments);
    for (int64_t k = 0; k < count; ++k) {
      const int64_t c = first + k;
      const double spread = moments[k].squares / moments[k].count;
      const double r = 1 / std::sqrt(spread + saved.eps);
      mean[c] = static_cast<T>(moments[k].mean);
      variance[c] = static_cast<T>(spread);
      inverse[c] = static_cast<T>(r);
      scales[k] = static_cast<T>(r * (scale ? static_cast<double>(scale[c]) : 1.0));
      shifts[k] = shift ? shift[c] : T(0);
    }
    kernels::block_affine(in, out, s, first, count, mean + first, scales, shifts);
  });
}

// y = x · scale + shift, one of each per channel; shift may be undefined.
Tensor scale_channels(const Tensor& x, const Tensor& scale, const Tensor& shift) {
  const Channels s = channels_of("batch_norm_with", x);
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "batch_norm_with", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    const T* factors = scale.data<T>();
    const T* shifts = shift.defined() ? shift.data<T>() : nullptr;
    const T none[kernels::columns] = {};
    over_blocks(s, 2, [&](int64_t first, int64_t count) {
      kernels::block_affine(in, out, s, first, count, none, factors + first, shifts ? shifts + first : none);
    });
  });
  return record("batch_norm_with", y, Edge{x, [scale](const Tensor& g) { return scale_channels(g, scale, {}); }},
                Edge{scale, [x](const Tensor& g) { return sum(g * x, others(x)); }},
                Edge{shift, [](const Tensor& g) { return sum(g, others(g)); }});
}

}  // namespace

NormResult batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const Channels s = channels_of("batch_norm", x);
  check_channels("batch_norm", "weight", weight, x);
  check_channels("batch_norm", "bias", bias, x);
  check(eps >= 0, "batch_norm: eps is ", eps, "; it must not be negative");
  check(s.count() > 1, "batch_norm: input ", x.shape(), " has ", s.count(),
        " values per channel; training needs more than 1");
  NormResult result{Tensor(x.shape(), x.dtype()), Tensor({s.channels}, x.dtype()), Tensor({s.channels}, x.dtype())};
  Saved saved{result.mean, Tensor({s.channels}, x.dtype()), eps};
  dispatch_floating(x.dtype(), "batch_norm",
                    [&](auto t) { forward_channels<decltype(t)>(x, weight, bias, s, result, saved); });
  result.y = normalized::recorded<Batch>("batch_norm", result.y, x, weight, bias, std::move(saved));
  return result;
}

Tensor batch_norm_with(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& weight,
                       const Tensor& bias, double eps) {
  channels_of("batch_norm", x);
  check_channels("batch_norm", "mean", mean, x);
  check_channels("batch_norm", "variance", variance, x);
  check_channels("batch_norm", "weight", weight, x);
  check_channels("batch_norm", "bias", bias, x);
  const Tensor inverse = rsqrt(variance + eps);
  const Tensor scale = weight.defined() ? weight * inverse : inverse;
  const Tensor shift = -(mean * scale);
  return scale_channels(x, scale, bias.defined() ? shift + bias : shift);
}

const auto& batch_norm_op =
    add_op("batch_norm", "normalises each channel by its own mean and variance, then scales and shifts it",
           [](const Tensors& t) { return batch_norm(t[0], t[1], t[2], 0.1).y; })
        .sample({{4, 3}, {3}, {3}})
        .sample({{2, 3, 5}, {3}, {3}})
        .sample({{2, 2, 3, 2}, {2}, {2}});
const auto& batch_norm_with_op =
    add_op("batch_norm_with", "normalises each channel by a given mean and variance, then scales and shifts it",
           [](const Tensors& t) { return batch_norm_with(t[0], t[1], t[2], t[3], t[4], 0.1); })
        .sample({{3, 2, 4}, {2}, {2}, {2}, {2}}, Domain::positive);

}  // namespace tarn
