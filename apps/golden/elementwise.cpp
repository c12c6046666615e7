// Reference cases of elementwise operations, comparisons and selections.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

const Rows arithmetic_rows{
    {"add", binary(add)},
    {"sub", binary(sub)},
    {"mul", binary(mul)},
    {"div", binary(div)},
    {"pow", binary(pow)},
    {"maximum", binary(maximum)},
    {"minimum", binary(minimum)},
    {"atan2", binary(atan2)},
    {"fmod", binary(fmod)},
    {"remainder", binary(remainder)},
    {"eq", binary(eq)},
    {"ne", binary(ne)},
    {"lt", binary(lt)},
    {"le", binary(le)},
    {"gt", binary(gt)},
    {"ge", binary(ge)},
    {"add_scalar", [](Case& c) { return Tensors{c.input() + c.attributes().number("value")}; }},
    {"mul_scalar", [](Case& c) { return Tensors{c.input() * c.attributes().number("value")}; }},
    {"rsub_scalar", [](Case& c) { return Tensors{c.attributes().number("value") - c.input()}; }},
    {"scalar_div", [](Case& c) { return Tensors{c.attributes().number("value") / c.input()}; }},
    {"pow_scalar", [](Case& c) { return Tensors{pow(c.input(), c.attributes().number("exponent"))}; }},
    {"scalar_pow", [](Case& c) { return Tensors{pow(c.attributes().number("base"), c.input())}; }},
    {"add_alpha", [](Case& c) { return Tensors{c.input(0) + c.input(1) * c.attributes().number("alpha")}; }},
    {"addcmul", [](Case& c) { return Tensors{c.input(0) + c.input(1) * c.input(2) * c.attributes().number("value")}; }},
    {"addcdiv", [](Case& c) { return Tensors{c.input(0) + c.input(1) / c.input(2) * c.attributes().number("value")}; }},
    {"lerp", [](Case& c) { return Tensors{lerp(c.input(0), c.input(1), c.attributes().number("weight"))}; }},
};

const Rows unary_rows{
    {"neg", unary(neg)},
    {"exp", unary(exp)},
    {"exp2", unary(exp2)},
    {"expm1", unary(expm1)},
    {"log", unary(log)},
    {"log1p", unary(log1p)},
    {"log2", unary(log2)},
    {"log10", unary(log10)},
    {"sqrt", unary(sqrt)},
    {"rsqrt", unary(rsqrt)},
    {"reciprocal", unary(reciprocal)},
    {"square", unary(square)},
    {"abs", unary(abs)},
    {"sin", unary(sin)},
    {"cos", unary(cos)},
    {"tan", unary(tan)},
    {"sinh", unary(sinh)},
    {"cosh", unary(cosh)},
    {"asin", unary(asin)},
    {"acos", unary(acos)},
    {"atan", unary(atan)},
    {"erf", unary(erf)},
    {"erfc", unary(erfc)},
    {"sign", unary(sign)},
    {"floor", unary(floor)},
    {"ceil", unary(ceil)},
    {"round", unary(round)},
    {"trunc", unary(trunc)},
    {"frac", unary(frac)},
    {"isnan", unary(isnan)},
    {"isinf", unary(isinf)},
    {"isfinite", unary(isfinite)},
};

const Rows selecting_rows{
    {"clamp",
     [](Case& c) {
       return Tensors{clamp(c.input(), c.attributes().maybe_number("min"), c.attributes().maybe_number("max"))};
     }},
    {"nan_to_num",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{nan_to_num(c.input(), a.number("nan", 0), a.maybe_number("posinf"), a.maybe_number("neginf"))};
     }},
    {"where", [](Case& c) { return Tensors{where(c.input(0), c.input(1), c.input(2))}; }},
    {"masked_fill",
     [](Case& c) { return Tensors{masked_fill(c.input(0), c.input(1), c.attributes().number("value"))}; }},
    {"masked_select", binary(masked_select)},
};

}  // namespace
}  // namespace tarn::golden
