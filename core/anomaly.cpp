// The search for the first value that is not finite, forwards and in the sweep.
#include "core/anomaly.h"

#include <cmath>

#include "core/roll.h"

namespace tarn {

namespace {

bool all_finite(const Tensor& x) {
  if (!x.defined() || !x.floating()) return true;
  return dispatch_floating(x.dtype(), "check_finite", [&](auto zero) {
    const auto* values = x.data<decltype(zero)>();
    bool finite = true;
    for (int64_t i = 0; i < x.numel(); ++i) finite = finite && std::isfinite(values[i]);
    return finite;
  });
}

std::string range_of(const Tensor& x) {
  double low = INFINITY;
  double high = -INFINITY;
  int64_t bad = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double v = x.at(i);
    bad += !std::isfinite(v);
    low = std::min(low, v);
    high = std::max(high, v);
  }
  return text(x.shape(), " in [", low, ", ", high, "]", bad ? text(" with ", bad, " not finite") : std::string());
}

std::string ranges_of(std::span<const Tensor* const> values) {
  std::string out;
  for (const Tensor* x : values)
    if (x->defined()) out += text(out.empty() ? " " : ", ", range_of(*x));
  return out;
}

std::string layer_of(const Roll& roll, uint32_t scope) {
  return roll.scopes[scope].empty() ? "model" : roll.scopes[scope];
}

}  // namespace

void Recorder::check_finite(const char* op, const Tensor& y, std::span<const Tensor* const> inputs) {
  if (all_finite(y)) return;
  const Roll& roll = *state.tape->roll_;
  throw NotFinite(text(layer_of(roll, roll.scope), ": '", op,
                       "' gave the first value that is not finite; inputs:", ranges_of(inputs)));
}

void Roll::check_finite(uint32_t number, const Tensor& g, const Tensor& contribution) const {
  if (all_finite(contribution)) return;
  const Tensor* from[] = {&g};
  throw NotFinite(text(layer_of(*this, entries[number].scope), ": the derivative of ", describe(number),
                       " is the first that is not finite; its cotangent:", ranges_of(from)));
}

}  // namespace tarn
