// Reference cases of interpolation.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

/// An attribute that is a list as it is, a single value for every spatial dimension.
template <class T>
std::vector<T> for_each_dimension(const Case& c, const char* name, T (*read)(const Json&)) {
  if (!c.attributes().given(name)) return {};
  const Json& value = c.attributes().json().at(name);
  std::vector<T> all;
  if (value.is_array())
    for (const Json& item : value.items()) all.push_back(read(item));
  else
    all.assign(static_cast<size_t>(std::max(c.input().rank() - 2, 1)), read(value));
  return all;
}

Tensors run_interpolate(Case& c) {
  const Attributes& a = c.attributes();
  InterpolateOptions options;
  options.size = for_each_dimension<int64_t>(c, "size", [](const Json& j) { return j.as_integer(); });
  options.scale_factor = for_each_dimension<double>(c, "scale_factor", read_number);
  options.mode = a.text("mode", "nearest");
  if (a.given("align_corners")) options.align_corners = a.flag("align_corners", false);
  options.recompute_scale_factor = a.flag("recompute_scale_factor", false);
  options.antialias = a.flag("antialias", false);
  return {interpolate(c.input(), options)};
}

const Rows rows{
    {"interpolate", run_interpolate},
};

}  // namespace
}  // namespace tarn::golden
