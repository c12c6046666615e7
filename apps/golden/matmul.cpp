// Reference cases of matrix products.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

using AddProduct = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, double, double);

Call add_product(AddProduct f) {
  return [f](Case& c) {
    const Attributes& a = c.attributes();
    return Tensors{f(c.input(0), c.input(1), c.input(2), a.number("beta", 1), a.number("alpha", 1))};
  };
}

const Rows matmul_rows{
    {"matmul", binary(matmul)},
    {"bmm", [](Case& c) { return Tensors{bmm(c.input(0), c.input(1))}; }},
    {"mm", binary(mm)},
    {"mv", binary(mv)},
    {"dot", binary(dot)},
    {"outer", binary(outer)},
    {"addmm", add_product(addmm)},
    {"baddbmm", add_product(baddbmm)},
    {"einsum", [](Case& c) { return Tensors{einsum(c.attributes().text("equation"), c.inputs())}; }},
};

}  // namespace
}  // namespace tarn::golden
