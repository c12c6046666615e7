// Transposed convolution in one, two and three dimensions: what conv_input computes, sized by output_padding.
#include <algorithm>

#include "core/ops.h"
#include "core/registry.h"

namespace tarn {

namespace {

constexpr int64_t largest_size = (int64_t{1} << 31) - 1;

const char* transpose_name(const Shape& x) {
  constexpr const char* names[] = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};
  check(x.rank() >= 3 && x.rank() <= 5, "conv_transpose: input ", x,
        " is not [batch, channels, sizes] with one, two or three spatial sizes");
  return names[x.rank() - 3];
}

void check_tensors(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups) {
  const Shape& w = weight.shape();
  check(x.floating() && x.dtype() == weight.dtype(), op, ": input is ", x.dtype(), " and weight is ", weight.dtype(),
        "; both must be float32 or both float64");
  check(w.rank() == x.rank(), op, ": weight ", w, " has rank ", w.rank(), "; an input ", x.shape(),
        " needs [channels, filters / groups, kernel sizes] of rank ", x.rank());
  check(groups >= 1, op, ": groups is ", groups, "; it must be at least 1");
  check(w[0] >= groups && w[0] % groups == 0, op, ": weight ", w, " is for ", w[0],
        " input channels; expected a multiple of ", groups, " groups");
  check(w[0] == x.shape()[1], op, ": weight ", w, " is for ", w[0], " input channels, but input ", x.shape(), " has ",
        x.shape()[1]);
  check(w[1] >= 1, op, ": weight ", w, " makes no output channels");
  if (!bias.defined()) return;
  check(bias.dtype() == x.dtype(), op, ": input is ", x.dtype(), " and bias is ", bias.dtype(), "; convert one");
  check(bias.rank() == 1 && bias.shape()[0] == w[1] * groups, op, ": bias ", bias.shape(), " does not fit weight ", w,
        " with ", groups, " groups; expected [", w[1] * groups, "]");
}

void check_setting(const char* op, const char* what, int64_t value, int64_t least) {
  check(value >= least && value <= largest_size, op, ": ", what, ' ', value, " is outside [", least, ", ", largest_size,
        "]");
}

/// One dimension: what the convolution that is transposed crops, and what is done to its result.
struct Extent {
  int64_t size;                ///< of what conv_input returns
  int64_t before, after;       ///< cropped by conv_input
  int64_t start = 0, end = 0;  ///< added afterwards; negative crops
};

// An output_padding below the stride is a size that the convolution would round down to the same input. A larger one,
// which a dilation allows, reaches beyond what any cell of the input adds to: the ends are then moved by `pad`.
Extent extent_of(const char* op, int d, int64_t input, int64_t kernel, const ConvGeometry& geometry, int64_t more) {
  const auto i = static_cast<size_t>(d);
  const int64_t stride = geometry.stride[i], dilation = geometry.dilation[i];
  Extent e{.size = 0, .before = geometry.before[i], .after = geometry.after[i]};
  check_setting(op, "stride", stride, 1);
  check_setting(op, "dilation", dilation, 1);
  check_setting(op, "padding", e.before, 0);
  check_setting(op, "padding", e.after, 0);
  check_setting(op, "kernel size", kernel, 1);
  check_setting(op, "input size", input, 1);
  check(more >= 0 && more < std::max(stride, dilation), op, ": output_padding ", more, " of spatial dimension ", d,
        " is outside [0, ", std::max(stride, dilation) - 1, "]; it must be below the stride, ", stride,
        ", or the dilation, ", dilation);
  const int64_t full = (input - 1) * stride + dilation * (kernel - 1) + 1;
  const int64_t output = full - e.before - e.after + more;
  check(output >= 1 && output <= largest_size, op, ": spatial dimension ", d, " of size ", input,
        " would get the output size ", output, " (kernel size ", kernel, ", stride ", stride, ", dilation ", dilation,
        ", padding ", e.before, " and ", e.after, ", output_padding ", more, "); allowed are 1 to ", largest_size);
  e.size = output;
  if (more < stride) return e;
  return {.size = full, .before = 0, .after = 0, .start = -e.before, .end = more - e.after};
}

// Adds or crops at both ends; the far ends first, so that no crop is larger than what there is.
Tensor move_ends(Tensor y, const Dims& starts, const Dims& ends) {
  const auto none = [](int64_t n) { return n == 0; };
  if (!std::all_of(ends.begin(), ends.end(), none)) y = pad(y, ends);
  if (!std::all_of(starts.begin(), starts.end(), none)) y = pad(y, starts);
  return y;
}

}  // namespace

Tensor conv_transpose(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry,
                      const std::array<int64_t, 3>& output_padding) {
  const char* op = transpose_name(x.shape());
  check_tensors(op, x, weight, bias, geometry.groups);
  const int64_t channels = weight.shape()[1] * geometry.groups;
  std::vector<int64_t> sizes{x.shape()[0], channels};
  ConvGeometry transposed = geometry;
  Dims starts, ends;  // for `pad`: the last dimension first
  for (int d = 0; d < x.rank() - 2; ++d) {
    const auto i = static_cast<size_t>(d);
    const Extent e = extent_of(op, d, x.shape()[2 + d], weight.shape()[2 + d], geometry, output_padding[i]);
    sizes.push_back(e.size);
    transposed.before[i] = e.before;
    transposed.after[i] = e.after;
    starts.insert(starts.begin(), {e.start, 0});
    ends.insert(ends.begin(), {0, e.end});
  }
  const Tensor y = move_ends(conv_input(x, weight, transposed, Shape(sizes)), starts, ends);
  if (!bias.defined()) return y;
  std::vector<int64_t> column(static_cast<size_t>(x.rank() - 1), 1);
  column[0] = channels;
  return y + reshape(bias, column);
}

namespace {

// A sample's call.
auto transposed_with(const ConvGeometry& geometry, const std::array<int64_t, 3>& output_padding = {}) {
  return [=](const Tensors& t) {
    return conv_transpose(t[0], t[1], t.size() > 2 ? t[2] : Tensor{}, geometry, output_padding);
  };
}

constexpr ConvGeometry doubling{.stride = {2, 2, 1}, .before = {1, 1, 0}, .after = {1, 1, 0}};
constexpr ConvGeometry dilated{.dilation = {3, 1, 1}, .before = {1, 0, 0}, .after = {1, 1, 0}, .groups = 2};

const auto& conv_transpose_op =
    add_op("conv_transpose", "transposed convolution: x [N, C, sizes], weight [C, K / groups, kernel], bias [K]",
           transposed_with({.stride = {2, 1, 1}}))
        .sample({{2, 2, 3}, {2, 3, 3}, {3}})
        .sample({{1, 2, 3, 2}, {2, 2, 3, 3}, {2}}, Domain::any, transposed_with(doubling, {1, 1, 0}))
        .sample({{2, 2, 2, 3}, {2, 1, 2, 3}, {2}}, Domain::any, transposed_with(dilated, {2, 0, 0}))
        .sample({{1, 2, 2, 1, 2}, {2, 1, 2, 3, 2}}, Domain::any, transposed_with({.stride = {1, 2, 3}}));

}  // namespace

}  // namespace tarn
