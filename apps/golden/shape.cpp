// Reference cases of joining, splitting, reordering, indexing and sorting.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

Call with_dim(Tensor (*f)(const Tensor&, int64_t, const Tensor&)) {
  return [f](Case& c) { return Tensors{f(c.input(0), c.attributes().integer("dim"), c.input(1))}; };
}

Call with_dim(Tensor (*f)(const Tensor&, int64_t, const Tensor&, const Tensor&)) {
  return [f](Case& c) { return Tensors{f(c.input(0), c.attributes().integer("dim"), c.input(1), c.input(2))}; };
}

Call joining(Tensor (*f)(std::span<const Tensor>, int64_t)) {
  return [f](Case& c) { return Tensors{f(c.inputs(), c.attributes().integer("dim", 0))}; };
}

Call sizes(Tensor (*f)(const Tensor&, std::span<const int64_t>), const char* attribute) {
  return [=](Case& c) { return Tensors{f(c.input(), c.attributes().integers(attribute))}; };
}

Call dims(Tensor (*f)(const Tensor&, const Dims&)) {
  return [f](Case& c) { return Tensors{f(c.input(), c.attributes().integers("dims"))}; };
}

Call number(Tensor (*f)(const Tensor&, int64_t), const char* attribute) {
  return [=](Case& c) { return Tensors{f(c.input(), c.attributes().integer(attribute, 0))}; };
}

Tensors both(const Extreme& found) {
  return {found.values, found.indices};
}

/// An integer is the size of every piece, a list has one size for each.
Tensors run_split(Case& c) {
  const int64_t dim = c.attributes().integer("dim", 0);
  if (c.attributes().json().at("split_size").is_array())
    return split(c.input(), c.attributes().integers("split_size"), dim);
  return split(c.input(), c.attributes().integer("split_size"), dim);
}

/// One [start, stop, step] per leading dimension; null leaves a bound open.
Tensors run_slice(Case& c) {
  Tensor x = c.input();
  const Json::Array& slices = c.attributes().json().at("slices").items();
  for (size_t dim = 0; dim < slices.size(); ++dim) {
    const Json::Array& bounds = slices[dim].items();
    const auto bound = [&](size_t i, int64_t open) {
      return i >= bounds.size() || bounds[i].is_null() ? open : bounds[i].as_integer();
    };
    const auto d = static_cast<int64_t>(dim);
    x = slice(x, d, bound(0, 0), bound(1, x.size(d)), bound(2, 1));
  }
  return {x};
}

const Rows joining_rows{
    {"cat", joining(cat)},
    {"stack", joining(stack)},
    {"split", run_split},
    {"chunk",
     [](Case& c) { return chunk(c.input(), c.attributes().integer("chunks"), c.attributes().integer("dim", 0)); }},
    {"unbind", [](Case& c) { return unbind(c.input(), c.attributes().integer("dim", 0)); }},
    {"slice", run_slice},
    {"narrow",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{narrow(c.input(), a.integer("dim"), a.integer("start"), a.integer("length"))};
     }},
    {"pad",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{pad(c.input(), a.integers("pad"), a.text("mode", "constant"), a.number("value", 0))};
     }},
};

const Rows reordering_rows{
    {"reshape", sizes(reshape, "shape")},
    {"expand", sizes(expand, "size")},
    {"repeat", sizes(repeat, "repeats")},
    {"repeat_interleave",
     [](Case& c) {
       return Tensors{repeat_interleave(c.input(), c.attributes().integer("repeats"), c.attributes().integer("dim"))};
     }},
    {"permute", dims(permute)},
    {"flip", dims(flip)},
    {"unsqueeze", number(unsqueeze, "dim")},
    {"tril", number(tril, "diagonal")},
    {"triu", number(triu, "diagonal")},
    {"squeeze", [](Case& c) { return Tensors{squeeze(c.input(), c.attributes().maybe_integer("dim"))}; }},
    {"transpose",
     [](Case& c) {
       return Tensors{transpose(c.input(), c.attributes().integer("dim0"), c.attributes().integer("dim1"))};
     }},
    {"flatten",
     [](Case& c) {
       return Tensors{
           flatten(c.input(), c.attributes().integer("start_dim", 0), c.attributes().integer("end_dim", -1))};
     }},
    {"roll",
     [](Case& c) {
       return Tensors{roll(c.input(), c.attributes().integers("shifts"), c.attributes().integers("dims"))};
     }},
    {"diagonal",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{diagonal(c.input(), a.integer("offset", 0), a.integer("dim1", 0), a.integer("dim2", 1))};
     }},
};

const Rows indexing_rows{
    {"gather", with_dim(gather)},
    {"index_select", with_dim(index_select)},
    {"scatter", with_dim(scatter)},
    {"scatter_add", with_dim(scatter_add)},
    {"take", binary(take)},
    {"index_add",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{index_add(c.input(0), a.integer("dim"), c.input(1), c.input(2), a.number("alpha", 1))};
     }},
    {"one_hot", [](Case& c) { return Tensors{one_hot(c.input(), c.attributes().integer("num_classes", -1))}; }},
    {"sort",
     [](Case& c) {
       return both(sort(c.input(), c.attributes().integer("dim", -1), c.attributes().flag("descending", false)));
     }},
    {"topk",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return both(topk(c.input(), a.integer("k"), a.integer("dim", -1), a.flag("largest", true)));
     }},
};

}  // namespace
}  // namespace tarn::golden
