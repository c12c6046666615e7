// Reference cases of interpolation, of shuffles, and of blocks as columns.
#include "apps/golden/table.h"
#include "core/error.h"
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

/// One integer for height and width, or a list of two.
std::array<int64_t, 2> pair(const Case& c, const char* name, int64_t fallback) {
  if (!c.attributes().given(name)) return {fallback, fallback};
  const std::vector<int64_t> values = c.attributes().integers(name);
  const bool list = c.attributes().json().at(name).is_array();
  check(values.size() == (list ? 2 : 1), name, " has ", values.size(), " entries; expected 2");
  return {values.front(), values.back()};
}

UnfoldOptions unfold_options(const Case& c) {
  return {pair(c, "kernel_size", 0), pair(c, "dilation", 1), pair(c, "padding", 0), pair(c, "stride", 1)};
}

Call with_factor(Tensor (*f)(const Tensor&, int64_t), const char* attribute) {
  return [=](Case& c) { return Tensors{f(c.input(), c.attributes().integer(attribute))}; };
}

const Rows resize_rows{
    {"interpolate", run_interpolate},
    {"pixel_shuffle", with_factor(pixel_shuffle, "upscale_factor")},
    {"pixel_unshuffle", with_factor(pixel_unshuffle, "downscale_factor")},
    {"channel_shuffle", with_factor(channel_shuffle, "groups")},
    {"unfold", [](Case& c) { return Tensors{unfold(c.input(), unfold_options(c))}; }},
    {"fold", [](Case& c) { return Tensors{fold(c.input(), pair(c, "output_size", 0), unfold_options(c))}; }},
};

}  // namespace
}  // namespace tarn::golden
