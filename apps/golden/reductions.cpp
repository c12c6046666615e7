// Reference cases of reductions and running sums.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

using SumLike = Tensor (*)(const Tensor&, const Dims&, bool);
using AlongOne = Tensor (*)(const Tensor&, std::optional<int64_t>, bool);

bool keeps(Case& c) {
  return c.attributes().flag("keepdim", false);
}

Call sum_like(SumLike f) {
  return [f](Case& c) { return Tensors{f(c.input(), c.attributes().integers("dim"), keeps(c))}; };
}

Call spread(Tensor (*f)(const Tensor&, const Dims&, bool, bool)) {
  return [f](Case& c) {
    return Tensors{f(c.input(), c.attributes().integers("dim"), c.attributes().flag("unbiased", true), keeps(c))};
  };
}

Call along_one(AlongOne f) {
  return [f](Case& c) { return Tensors{f(c.input(), c.attributes().maybe_integer("dim"), keeps(c))}; };
}

Call extreme(Extreme (*along)(const Tensor&, int64_t, bool), Tensor (*whole)(const Tensor&)) {
  return [along, whole](Case& c) {
    const auto dim = c.attributes().maybe_integer("dim");
    if (!dim) return Tensors{whole(c.input())};
    Extreme found = along(c.input(), *dim, keeps(c));
    return Tensors{found.values, found.indices};
  };
}

Call running(Tensor (*f)(const Tensor&, int64_t)) {
  return [f](Case& c) { return Tensors{f(c.input(), c.attributes().integer("dim"))}; };
}

const Rows reductions_rows{
    {"sum", sum_like(sum)},
    {"mean", sum_like(mean)},
    {"amax", sum_like(amax)},
    {"amin", sum_like(amin)},
    {"logsumexp", sum_like(logsumexp)},
    {"var", spread(var)},
    {"std", spread(standard_deviation)},
    {"prod", along_one(prod)},
    {"argmax", along_one(argmax)},
    {"argmin", along_one(argmin)},
    {"all", along_one(all)},
    {"any", along_one(any)},
    {"max", extreme(max, max)},
    {"min", extreme(min, min)},
    {"cumsum", running(cumsum)},
    {"cumprod", running(cumprod)},
    {"cummax",
     [](Case& c) {
       const Extreme found = cummax(c.input(), c.attributes().integer("dim"));
       return Tensors{found.values, found.indices};
     }},
    {"count_nonzero", [](Case& c) { return Tensors{count_nonzero(c.input(), c.attributes().maybe_integer("dim"))}; }},
    {"norm",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{norm(c.input(), a.number("p", 2), a.integers("dim"), keeps(c))};
     }},
    {"normalize",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{normalize(c.input(), a.number("p", 2), a.integer("dim", 1), a.number("eps", 1e-12))};
     }},
    {"cosine_similarity",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{cosine_similarity(c.input(0), c.input(1), a.integer("dim", 1), a.number("eps", 1e-8))};
     }},
};

}  // namespace
}  // namespace tarn::golden
