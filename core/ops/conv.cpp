// Convolution in one, two and three dimensions and its two transposes: a family whose pullbacks use only each other.
#include "core/kernels/conv.h"

#include <algorithm>

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

using kernels::ConvSizes;

constexpr int64_t size_limit = (int64_t{1} << 31) - 1;

const char* name_of(const Shape& x) {
  constexpr const char* names[] = {"conv1d", "conv2d", "conv3d"};
  check(x.rank() >= 3 && x.rank() <= 5, "conv: input ", x,
        " is not [batch, channels, sizes] with one, two or three spatial sizes");
  return names[x.rank() - 3];
}

void check_groups(const char* op, const Shape& x, const Shape& w, int64_t groups) {
  check(w.rank() == x.rank(), op, ": weight ", w, " has rank ", w.rank(), "; an input ", x,
        " needs [filters, channels / groups, kernel sizes] of rank ", x.rank());
  check(groups >= 1, op, ": groups is ", groups, "; it must be at least 1");
  check(x[1] % groups == 0, op, ": input ", x, " has ", x[1], " channels, which ", groups, " groups do not divide");
  check(w[0] >= groups && w[0] % groups == 0, op, ": weight ", w, " has ", w[0], " filters; expected a multiple of ",
        groups, " groups");
  check(w[1] == x[1] / groups, op, ": weight ", w, " expects ", w[1], " channels per group, but input ", x, " has ",
        x[1], " channels in ", groups, " groups");
}

// The size of the output along one dimension; every sum and product stays below 2^63.
int64_t output_size(const char* op, int dimension, int64_t input, int64_t kernel, const ConvGeometry& geometry) {
  const size_t i = static_cast<size_t>(dimension);
  const int64_t stride = geometry.stride[i];
  const int64_t dilation = geometry.dilation[i];
  const int64_t before = geometry.before[i];
  const int64_t after = geometry.after[i];
  check(stride >= 1 && stride <= size_limit, op, ": stride ", stride, " is outside [1, ", size_limit, "]");
  check(dilation >= 1 && dilation <= size_limit, op, ": dilation ", dilation, " is outside [1, ", size_limit, "]");
  check(std::min(before, after) >= 0 && std::max(before, after) <= size_limit, op, ": padding (", before, ", ", after,
        ") is outside [0, ", size_limit, "]");
  check(kernel >= 1 && kernel <= size_limit, op, ": kernel size ", kernel, " is outside [1, ", size_limit, "]");
  check(input >= 1 && input <= size_limit, op, ": input size ", input, " of spatial dimension ", dimension,
        " is outside [1, ", size_limit, "]");
  const int64_t padded = input + before + after;
  const int64_t extent = dilation * (kernel - 1) + 1;
  check(extent <= padded, op, ": the kernel spans ", extent, " cells (size ", kernel, ", dilation ", dilation,
        ") of spatial dimension ", dimension, ", but the padded input has only ", padded,
        "; use a smaller kernel or more padding");
  return (padded - extent) / stride + 1;
}

void check_cells(const char* op, const char* what, const std::array<int64_t, 3>& sizes) {
  int64_t cells = 1;
  for (const int64_t size : sizes) {
    check(cells <= size_limit / size, op, ": ", what, " of ", sizes[0], " x ", sizes[1], " x ", sizes[2],
          " cells is too large; at most ", size_limit, " are possible");
    cells *= size;
  }
}

// Checks the arguments and works out the sizes; spatial sizes stand at the end, after leading ones.
ConvSizes sizes_of(const char* op, const Shape& x, const Shape& w, const ConvGeometry& geometry) {
  check_groups(op, x, w, geometry.groups);
  ConvSizes s;
  s.images = x[0];
  s.channels = x[1];
  s.filters = w[0];
  s.groups = geometry.groups;
  const int rank = x.rank() - 2;
  for (int i = 0; i < rank; ++i) {
    const size_t from = static_cast<size_t>(i);
    const size_t to = static_cast<size_t>(3 - rank + i);
    s.output[to] = output_size(op, i, x[2 + i], w[2 + i], geometry);
    s.input[to] = x[2 + i];
    s.kernel[to] = w[2 + i];
    s.stride[to] = geometry.stride[from];
    s.dilation[to] = geometry.dilation[from];
    s.before[to] = geometry.before[from];
  }
  check_cells(op, "an input plane", s.input);
  check_cells(op, "an output plane", s.output);
  check_cells(op, "a kernel", s.kernel);
  return s;
}

Shape output_shape(const ConvSizes& s, int rank) {
  std::array<int64_t, 5> sizes{s.images, s.filters};
  std::copy(s.output.end() - (rank - 2), s.output.end(), sizes.begin() + 2);
  return Shape(std::span<const int64_t>(sizes.data(), static_cast<size_t>(rank)));
}

void check_same_dtype(const char* op, const Tensor& a, const char* a_name, const Tensor& b, const char* b_name) {
  check(a.defined() && b.defined(), op, ": needs both ", a_name, " and ", b_name);
  check(a.floating() && a.dtype() == b.dtype(), op, ": ", a_name, " is ", a.dtype(), " and ", b_name, " is ", b.dtype(),
        "; both must be float32 or both float64");
}

void check_bias(const char* op, const Tensor& bias, const Tensor& weight) {
  check_same_dtype(op, weight, "weight", bias, "bias");
  check(bias.rank() == 1 && bias.shape()[0] == weight.shape()[0], op, ": bias ", bias.shape(), " does not fit weight ",
        weight.shape(), "; expected [", weight.shape()[0], "]");
}

void check_cotangent(const char* op, const ConvSizes& s, const Tensor& g) {
  const Shape expected = output_shape(s, std::clamp(g.rank(), 3, 5));
  check(g.shape() == expected, op, ": cotangent ", g.shape(), " is not of the output's shape ", expected);
}

Tensor sum_to_filters(const Tensor& g) {
  Dims dims{0};
  for (int64_t i = 2; i < g.rank(); ++i) dims.push_back(i);
  return sum(g, dims);
}

}  // namespace

Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry) {
  const char* op = name_of(x.shape());
  check_same_dtype(op, x, "input", weight, "weight");
  const ConvSizes s = sizes_of(op, x.shape(), weight.shape(), geometry);
  if (bias.defined()) check_bias(op, bias, weight);
  Tensor y(output_shape(s, x.rank()), x.dtype());
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::conv_forward<T>(s, x.data<T>(), weight.data<T>(), bias.defined() ? bias.data<T>() : nullptr, y.fill<T>());
  });
  const Edge to_x{
      x, [weight, geometry, shape = x.shape()](const Tensor& g) { return conv_input(g, weight, geometry, shape); }};
  const Edge to_weight{
      weight, [x, geometry, shape = weight.shape()](const Tensor& g) { return conv_weight(x, g, geometry, shape); }};
  if (!bias.defined()) return record(op, std::move(y), to_x, to_weight);
  return record(op, std::move(y), to_x, to_weight, Edge{bias, [](const Tensor& g) { return sum_to_filters(g); }});
}

Tensor conv_input(const Tensor& g, const Tensor& weight, const ConvGeometry& geometry, const Shape& input) {
  const char* op = "conv_input";
  name_of(input);
  check_same_dtype(op, g, "cotangent", weight, "weight");
  const ConvSizes s = sizes_of(op, input, weight.shape(), geometry);
  check_cotangent(op, s, g);
  Tensor dx(input, g.dtype());
  dispatch_floating(g.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::conv_input_gradient<T>(s, g.data<T>(), weight.data<T>(), dx.fill<T>());
  });
  return record(
      op, std::move(dx), Edge{g, [weight, geometry](const Tensor& h) { return conv(h, weight, {}, geometry); }},
      Edge{weight,
           [g, geometry, shape = weight.shape()](const Tensor& h) { return conv_weight(h, g, geometry, shape); }});
}

Tensor conv_weight(const Tensor& x, const Tensor& g, const ConvGeometry& geometry, const Shape& weight) {
  const char* op = "conv_weight";
  name_of(x.shape());
  check_same_dtype(op, x, "input", g, "cotangent");
  const ConvSizes s = sizes_of(op, x.shape(), weight, geometry);
  check_cotangent(op, s, g);
  Tensor dw(weight, x.dtype());
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::conv_weight_gradient<T>(s, x.data<T>(), g.data<T>(), dw.fill<T>());
  });
  return record(
      op, std::move(dw),
      Edge{x, [g, geometry, shape = x.shape()](const Tensor& h) { return conv_input(g, h, geometry, shape); }},
      Edge{g, [x, geometry](const Tensor& h) { return conv(x, h, {}, geometry); }});
}

namespace {

// A sample's call, with one geometry for the forward op and both transposes.
auto with_geometry(const ConvGeometry& geometry) {
  return [geometry](const Tensors& t) { return conv(t[0], t[1], t.size() > 2 ? t[2] : Tensor{}, geometry); };
}

constexpr ConvGeometry strided2d{.stride = {2, 1, 1}, .dilation = {1, 2, 1}, .before = {1, 0, 0}, .after = {0, 2, 0}};
constexpr ConvGeometry depthwise2d{.before = {1, 1, 0}, .after = {1, 1, 0}, .groups = 3};
constexpr ConvGeometry pad_one{.before = {1, 1, 1}, .after = {1, 1, 1}};

const auto& conv1d_op =
    add_op("conv1d", "cross-correlation over one dimension: x [N, C, L], weight [K, C / groups, kernel], bias [K]",
           with_geometry({}))
        .sample({{2, 3, 7}, {4, 3, 3}, {4}})
        .sample({{2, 4, 8}, {2, 2, 3}}, Domain::any,
                with_geometry({.stride = {2, 1, 1}, .dilation = {2, 1, 1}, .before = {1, 0, 0}, .groups = 2}));
const auto& conv2d_op =
    add_op("conv2d", "cross-correlation over two dimensions: x [N, C, H, W], weight [K, C / groups, kernel], bias [K]",
           with_geometry({}))
        .sample({{2, 2, 5, 4}, {3, 2, 3, 2}, {3}})
        .sample({{1, 2, 6, 5}, {2, 2, 2, 3}}, Domain::any, with_geometry(strided2d))
        .sample({{2, 3, 4, 5}, {6, 1, 3, 3}, {6}}, Domain::any, with_geometry(depthwise2d))
        .sample({{2, 3, 3, 4}, {2, 3, 1, 1}, {2}});
const auto& conv3d_op =
    add_op("conv3d", "cross-correlation over three dimensions: x [N, C, D, H, W], weight [K, C / groups, kernel]",
           with_geometry({}))
        .sample({{1, 2, 3, 4, 3}, {2, 2, 2, 3, 2}, {2}})
        .sample({{1, 2, 3, 4, 5}, {2, 1, 2, 2, 3}}, Domain::any,
                with_geometry({.stride = {1, 2, 2}, .before = {1, 0, 1}, .after = {0, 1, 1}, .groups = 2}));
const auto& conv_input_op =
    add_op("conv_input", "the transpose of a convolution in its input: cotangent of the output, weight",
           [](const Tensors& t) {
             return conv_input(t[0], t[1], pad_one, {2, 2, 5, 4});
           })
        .sample({{2, 3, 5, 4}, {3, 2, 3, 3}})
        .sample({{1, 2, 3, 3}, {2, 2, 2, 3}}, Domain::any,
                [](const Tensors& t) {
                  return conv_input(t[0], t[1], strided2d, {1, 2, 6, 5});
                })
        .sample({{2, 6, 4, 5}, {6, 1, 3, 3}}, Domain::any, [](const Tensors& t) {
          return conv_input(t[0], t[1], depthwise2d, {2, 3, 4, 5});
        });
const auto& conv_weight_op =
    add_op("conv_weight", "the transpose of a convolution in its weight: input, cotangent of the output",
           [](const Tensors& t) {
             return conv_weight(t[0], t[1], pad_one, {3, 2, 3, 3});
           })
        .sample({{2, 2, 5, 4}, {2, 3, 5, 4}})
        .sample({{1, 2, 6, 5}, {1, 2, 3, 3}}, Domain::any,
                [](const Tensors& t) {
                  return conv_weight(t[0], t[1], strided2d, {2, 2, 2, 3});
                })
        .sample({{2, 3, 4, 5}, {2, 6, 4, 5}}, Domain::any, [](const Tensors& t) {
          return conv_weight(t[0], t[1], depthwise2d, {6, 1, 3, 3});
        });

}  // namespace

}  // namespace tarn
