// The logarithm of a sum of two exponentials.
#include <cmath>

#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

Tensor logaddexp(const Tensor& a, const Tensor& b) {
  // From the larger operand, so that no exponential overflows; equal infinities have no difference to take.
  const auto value = [](auto x, auto y) {
    return x == y ? x + decltype(x)(0.69314718055994530942) : std::fmax(x, y) + std::log1p(std::exp(-std::abs(x - y)));
  };
  return record("logaddexp", map2("logaddexp", a, b, value, 40),
                Edge{a, [a, b](const Tensor& g) { return g * sigmoid(a - b); }},
                Edge{b, [a, b](const Tensor& g) { return g * sigmoid(b - a); }});
}
const auto& logaddexp_row =
    add_op("logaddexp", "log(e^a + e^b)", [](const Tensors& t) { return logaddexp(t[0], t[1]); })
        .sample({{2, 3}, {2, 3}})
        .sample({{2, 3}, {3}});

}  // namespace tarn
