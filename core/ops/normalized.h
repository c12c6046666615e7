// The derivatives that batch, group and layer normalisation share: three pullbacks served by one pass over the data,
// and how they are differentiated again. For the ops' .cpp files only.
#pragma once

#include <memory>
#include <utility>

#include "core/ops.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn::normalized {

/// What a call keeps for its backward, for each set of values that is normalised together.
struct Saved {
  Tensor mean, inverse;  // inverse: 1 / sqrt(variance + eps)
  double eps = 0;
};

struct Gradients {
  Tensor x, weight, bias;
};

// A kind of normalisation K says which values go together:
//   K::together(x)                  the dimensions whose values have one mean and variance
//   K::per_channel(w, shape)        a weight, shaped to be broadcast against `shape`
//   K::weight_sum(v)                v summed down to a weight
//   K::plain(x, eps)                x normalised, without weight and bias: an op
//   K::kernel(g, x, weight, saved)  all three gradients in one pass, off the tape

template <class K>
Gradients backward(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved);

/// Derivative by x of <v, P u>, P u being the cotangent that normalising x returns for u: with n the normalised x, r
/// its scale and M the mean, <v, P u> = count · r · (M(vu) - M(v) M(u) - M(vn) M(un)).
template <class K>
Tensor second_by_input(const Tensor& v, const Tensor& u, const Tensor& x, const Saved& saved) {
  const Dims dims = K::together(x);
  const Tensor n = K::plain(x, saved.eps);
  const Tensor r = rsqrt(var(x, dims, false, true) + saved.eps);
  const Tensor un = mean(u * n, dims, true);
  const Tensor vn = mean(v * n, dims, true);
  const Tensor spread = mean(v * u, dims, true) - mean(v, dims, true) * mean(u, dims, true) - vn * un;
  const Tensor pu = backward<K>(u, x, {}, saved).x;
  const Tensor pv = backward<K>(v, x, {}, saved).x;
  return -(square(r) * spread * n + r * (vn * pu + un * pv));
}

/// All three gradients. Their own pullbacks use this op and the normalisation.
template <class K>
Gradients backward(const Tensor& g, const Tensor& x, const Tensor& weight, const Saved& saved) {
  Gradients d = K::kernel(g, x, weight, saved);
  const auto by_g = [x, weight, saved](const Tensor& v) {
    const Tensor pv = backward<K>(v, x, {}, saved).x;
    return weight.defined() ? pv * K::per_channel(weight, x.shape()) : pv;
  };
  const auto by_x = [g, x, weight, saved](const Tensor& v) {
    return second_by_input<K>(v, weight.defined() ? g * K::per_channel(weight, g.shape()) : g, x, saved);
  };
  const auto by_weight = [g, x, saved](const Tensor& v) { return K::weight_sum(g * backward<K>(v, x, {}, saved).x); };
  d.x = record("norm_backward", d.x, Edge{g, by_g}, Edge{x, by_x}, Edge{weight, by_weight});
  const auto weight_by_g = [x, saved](const Tensor& v) {
    return K::per_channel(v, x.shape()) * K::plain(x, saved.eps);
  };
  const auto weight_by_x = [g, x, saved](const Tensor& v) {
    return backward<K>(g * K::per_channel(v, x.shape()), x, {}, saved).x;
  };
  d.weight = record("norm_backward_weight", d.weight, Edge{g, weight_by_g}, Edge{x, weight_by_x});
  d.bias =
      record("norm_backward_bias", d.bias,
             Edge{g, [shape = x.shape()](const Tensor& v) { return broadcast_to(K::per_channel(v, shape), shape); }});
  return d;
}

/// One call on a tape. Its three pullbacks share what one pass over the data gives to all of them.
template <class K>
class Call {
 public:
  Call(Tensor x, Tensor weight, Saved saved) : x_(std::move(x)), weight_(std::move(weight)), saved_(std::move(saved)) {}

  /// `sharers`: pullbacks that are still to ask for this cotangent, the asking one included.
  Gradients gradients(const Tensor& g, long sharers) {
    const uint32_t tape = Tape::current() ? Tape::current()->id() : 0;
    const bool same = g_.defined() && g_.storage().block() == g.storage().block() && tape == tape_ &&
                      g_.place().tape == g.place().tape && g_.place().entry == g.place().entry;
    if (!same) {
      gradients_ = backward<K>(g, x_, weight_, saved_);
      g_ = g;
      tape_ = tape;
      left_ = sharers;
    }
    if (--left_ > 0) return gradients_;
    g_ = {};
    return std::exchange(gradients_, {});
  }
  /// For tape reports.
  void visit(VisitTensor see, void* visitor) const {
    for (const Tensor* held : {&x_, &weight_, &saved_.mean, &saved_.inverse}) see(*held, visitor);
  }

 private:
  Tensor x_, weight_;
  Saved saved_;
  Tensor g_;
  Gradients gradients_;
  uint32_t tape_ = 0;
  long left_ = 0;
};

/// The pullback to one of the three.
template <class K>
struct Share {
  std::shared_ptr<Call<K>> call;
  Tensor Gradients::*part;
  Tensor operator()(const Tensor& g) const { return call->gradients(g, call.use_count()).*part; }
  void visit(VisitTensor see, void* visitor) const { call->visit(see, visitor); }
};

/// Puts a call on the tape: y with edges to x, weight and bias.
template <class K>
Tensor recorded(const char* op, Tensor y, const Tensor& x, const Tensor& weight, const Tensor& bias, Saved saved) {
  if (!Tape::current()) return y;
  const auto call = std::make_shared<Call<K>>(x, weight, std::move(saved));
  return record(op, std::move(y), Edge{x, Share<K>{call, &Gradients::x}},
                Edge{weight, Share<K>{call, &Gradients::weight}}, Edge{bias, Share<K>{call, &Gradients::bias}});
}

}  // namespace tarn::normalized
