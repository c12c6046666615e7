// Batch normalisation with the batch's own statistics or with given ones.
#include "core/kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {
namespace {

using kernels::Channels;

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

// One value per channel as [1, C, 1, …], to broadcast against `like`.
Tensor per_channel(const Tensor& v, const Tensor& like) {
  std::vector<int64_t> sizes(static_cast<size_t>(like.rank()), 1);
  sizes[1] = v.numel();
  return reshape(v, sizes);
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

/// What a call in training keeps for its backward.
struct Saved {
  Tensor mean, inverse;  // per channel; inverse: 1 / sqrt(variance + eps)
  double eps = 0;
};

struct Gradients {
  Tensor x, weight, bias;
};

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

Gradients batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved);

// Derivative by x of <v, P u>, P u being the cotangent that normalising x returns for u: with n the normalised x, r its
// scale and M the mean, <v, P u> = count · r · (M(vu) - M(v) M(u) - M(vn) M(un)).
Tensor second_by_input(const Tensor& v, const Tensor& u, const Tensor& x, const Saved& saved) {
  const Dims dims = others(x);
  const Tensor n = batch_norm(x, {}, {}, saved.eps).y;
  const Tensor r = rsqrt(var(x, dims, false, true) + saved.eps);
  const Tensor un = mean(u * n, dims, true);
  const Tensor vn = mean(v * n, dims, true);
  const Tensor spread = mean(v * u, dims, true) - mean(v, dims, true) * mean(u, dims, true) - vn * un;
  const Tensor pu = batch_norm_backward(u, x, {}, saved).x;
  const Tensor pv = batch_norm_backward(v, x, {}, saved).x;
  return -(square(r) * spread * n + r * (vn * pu + un * pv));
}

// All three gradients of a batch_norm in one pass over each channel. Their own pullbacks use this op and batch_norm.
Gradients batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved) {
  const Channels s = channels_of("batch_norm_backward", x);
  Gradients d{Tensor(x.shape(), x.dtype()), Tensor({s.channels}, x.dtype()), Tensor({s.channels}, x.dtype())};
  dispatch_floating(x.dtype(), "batch_norm_backward",
                    [&](auto t) { backward_channels<decltype(t)>(g, x, weight, saved, s, d); });
  const auto by_g = [x, weight, saved](const Tensor& v) { return batch_norm_backward(v, x, weight, saved).x; };
  const auto by_x = [g, x, weight, saved](const Tensor& v) {
    return second_by_input(v, weight.defined() ? g * per_channel(weight, g) : g, x, saved);
  };
  const auto by_weight = [g, x, saved](const Tensor& v) {
    return sum(g * batch_norm_backward(v, x, {}, saved).x, others(x));
  };
  d.x = record("batch_norm_backward", d.x, Edge{g, by_g}, Edge{x, by_x}, Edge{weight, by_weight});
  const auto weight_by_g = [x, saved](const Tensor& v) {
    return per_channel(v, x) * batch_norm(x, {}, {}, saved.eps).y;
  };
  const auto weight_by_x = [g, x, saved](const Tensor& v) {
    return batch_norm_backward(g * per_channel(v, x), x, {}, saved).x;
  };
  d.weight = record("batch_norm_backward_weight", d.weight, Edge{g, weight_by_g}, Edge{x, weight_by_x});
  d.bias = record("batch_norm_backward_bias", d.bias,
                  Edge{g, [x = x.detach()](const Tensor& v) { return broadcast_to(per_channel(v, x), x.shape()); }});
  return d;
}

// One call of batch_norm on a tape. Its three pullbacks share what one pass over the data gives to all of them.
class Call {
 public:
  Call(Tensor x, Tensor weight, Saved saved) : x_(std::move(x)), weight_(std::move(weight)), saved_(std::move(saved)) {}

  // `sharers`: pullbacks that are still to ask for this cotangent, the asking one included.
  Gradients gradients(const Tensor& g, long sharers) {
    const uint32_t tape = Tape::current() ? Tape::current()->id() : 0;
    const bool same = g_.defined() && g_.storage().block() == g.storage().block() && tape == tape_ &&
                      g_.place().tape == g.place().tape && g_.place().entry == g.place().entry;
    if (!same) {
      gradients_ = batch_norm_backward(g, x_, weight_, saved_);
      g_ = g;
      tape_ = tape;
      left_ = sharers;
    }
    if (--left_ > 0) return gradients_;
    g_ = {};
    return std::exchange(gradients_, {});
  }

 private:
  Tensor x_, weight_;
  Saved saved_;
  Tensor g_;
  Gradients gradients_;
  uint32_t tape_ = 0;
  long left_ = 0;
};

template <class T>
void forward_channels(const Tensor& x, const Tensor& weight, const Tensor& bias, Channels s, BatchNormResult& result,
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

BatchNormResult batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const Channels s = channels_of("batch_norm", x);
  check_channels("batch_norm", "weight", weight, x);
  check_channels("batch_norm", "bias", bias, x);
  check(eps >= 0, "batch_norm: eps is ", eps, "; it must not be negative");
  check(s.count() > 1, "batch_norm: input ", x.shape(), " has ", s.count(),
        " values per channel; training needs more than 1");
  BatchNormResult result{Tensor(x.shape(), x.dtype()), Tensor({s.channels}, x.dtype()),
                         Tensor({s.channels}, x.dtype())};
  Saved saved{result.mean, Tensor({s.channels}, x.dtype()), eps};
  dispatch_floating(x.dtype(), "batch_norm",
                    [&](auto t) { forward_channels<decltype(t)>(x, weight, bias, s, result, saved); });
  if (!Tape::current()) return result;
  const auto call = std::make_shared<Call>(x, weight, std::move(saved));
  result.y = record("batch_norm", result.y,
                    Edge{x, [call](const Tensor& g) { return call->gradients(g, call.use_count()).x; }},
                    Edge{weight, [call](const Tensor& g) { return call->gradients(g, call.use_count()).weight; }},
                    Edge{bias, [call](const Tensor& g) { return call->gradients(g, call.use_count()).bias; }});
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
