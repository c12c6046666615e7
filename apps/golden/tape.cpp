// Reference cases of misusing the tape.
#include "core/tape.h"

#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

Tensor ones_of(Case& c) {
  const std::vector<int64_t> sizes = c.attributes().integers("shape");
  return Tensor::ones(Shape{std::span<const int64_t>(sizes)}, c.dtype()).requires_grad();
}

Tensors gradient_of_many(Case& c) {
  Tape tape;
  const Tensor x = ones_of(c);
  return {tape.gradient(x * 2.0, x)};
}

Tensors gradient_after_change(Case& c) {
  Tape tape;
  const Tensor x = ones_of(c);
  Tensor y = exp(x);
  assign(y, Tensor::zeros(y.shape(), y.dtype()));
  return {tape.gradient(sum(y), x)};
}

const Rows tape_rows{
    {"backward_nonscalar", gradient_of_many},
    {"inplace_on_saved", gradient_after_change},
};

}  // namespace
}  // namespace tarn::golden
