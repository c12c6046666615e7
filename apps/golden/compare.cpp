// Comparing a result with the expected tensor, element by element.
#include "apps/golden/compare.h"

#include <cmath>

#include "apps/golden/case.h"
#include "core/error.h"

namespace tarn::golden {
namespace {

bool close(double got, double want, const Tolerance& t) {
  if (std::isnan(want)) return std::isnan(got) || (t.nan_as_zero && got == 0);
  if (std::isinf(want) || std::isinf(got)) return got == want;
  return std::abs(got - want) <= t.atol + t.rtol * std::abs(want);
}

std::string position(const Shape& shape, int64_t flat) {
  std::vector<int64_t> index(static_cast<size_t>(shape.rank()));
  for (int i = shape.rank() - 1; i >= 0; --i) {
    index[static_cast<size_t>(i)] = flat % shape[i];
    flat /= shape[i];
  }
  return text(std::span<const int64_t>(index));
}

/// int64 values are compared as such: a double would lose bits above 2^53.
bool equal_at(const Tensor& got, const Tensor& want, int64_t i, const Tolerance& t) {
  if (want.dtype() == Dtype::i64 && got.dtype() == Dtype::i64) return got.data<int64_t>()[i] == want.data<int64_t>()[i];
  return close(got.at(i), want.at(i), t);
}

}  // namespace

Tolerance given_tolerance(const Case& c) {
  const Json& t = c.json().at("tolerance");
  return {read_number(t.at("rtol")), read_number(t.at("atol"))};
}

void compare(std::string_view what, const Tensor& got, const Tensor& want, const Tolerance& t) {
  if (!got.defined()) return compare(what, Tensor::zeros(want.shape(), want.dtype()), want, t);
  if (!(got.shape() == want.shape())) throw Mismatch{text(what, ": shape ", got.shape(), ", expected ", want.shape())};
  if (got.dtype() != want.dtype() && !t.any_dtype)
    throw Mismatch{text(what, ": dtype ", got.dtype(), ", expected ", want.dtype())};
  int64_t wrong = 0;
  int64_t first = -1;
  for (int64_t i = 0; i < want.numel(); ++i) {
    if (equal_at(got, want, i, t)) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return;
  throw Mismatch{text(what, position(want.shape(), first), ": ", got.at(first), ", expected ", want.at(first), " (",
                      wrong, " of ", want.numel(), " elements differ)")};
}

void compare(std::string_view what, double got, double want, double allowed) {
  if (std::isnan(want) ? std::isnan(got) : std::abs(got - want) <= allowed || got == want) return;
  throw Mismatch{text(what, ": ", got, ", expected ", want, " within ", allowed)};
}

}  // namespace tarn::golden
