// Unfold and fold: the blocks of an image as columns, and columns added back to an image; each is the other's pullback.
#include <algorithm>

#include "core/kernels/im2col.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::ConvSizes;

constexpr int64_t size_limit = (int64_t{1} << 31) - 1;

void check_setting(const char* op, const char* what, const std::array<int64_t, 2>& values, int64_t least) {
  for (const int64_t value : values)
    check(value >= least && value <= size_limit, op, ": ", what, ' ', value, " is outside [", least, ", ", size_limit,
          "]");
}

/// The convolution whose column matrix the blocks are. No sum or product here can overflow.
ConvSizes sizes_of(const char* op, int64_t images, int64_t channels, const std::array<int64_t, 2>& image,
                   const UnfoldOptions& options) {
  check_setting(op, "kernel_size", options.kernel_size, 1);
  check_setting(op, "dilation", options.dilation, 1);
  check_setting(op, "padding", options.padding, 0);
  check_setting(op, "stride", options.stride, 1);
  check_setting(op, "image size", image, 1);
  ConvSizes s;
  s.images = images;
  s.channels = channels;
  for (size_t d = 0; d < 2; ++d) {
    const int64_t extent = options.dilation[d] * (options.kernel_size[d] - 1) + 1;
    const int64_t padded = image[d] + 2 * options.padding[d];
    check(extent <= padded, op, ": a block spans ", extent, " cells (kernel_size ", options.kernel_size[d],
          ", dilation ", options.dilation[d], "), but the padded image has only ", padded);
    s.input[d + 1] = image[d];
    s.output[d + 1] = (padded - extent) / options.stride[d] + 1;
    s.kernel[d + 1] = options.kernel_size[d];
    s.stride[d + 1] = options.stride[d];
    s.dilation[d + 1] = options.dilation[d];
    s.before[d + 1] = options.padding[d];
  }
  for (const auto* sizes : {&s.input, &s.output, &s.kernel})
    check((*sizes)[1] <= size_limit / (*sizes)[2], op, ": ", (*sizes)[1], " x ", (*sizes)[2],
          " cells, blocks or taps are too many; at most ", size_limit, " are possible");
  return s;
}

// Runs body(block, plane) for the rows (channel, tap) of each channel of each image, in parallel.
template <class Body>
void each_channel(const ConvSizes& s, Body body) {
  parallel_range(s.images * s.channels, 2 * s.taps() * s.output_cells(), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t image = plane / s.channels;
      const int64_t channel = plane % s.channels;
      const int64_t cells = s.output_cells();
      body({channel * s.taps(), (channel + 1) * s.taps(), image * cells, (image + 1) * cells}, plane);
    }
  });
}

}  // namespace

Tensor unfold(const Tensor& x, const UnfoldOptions& options) {
  check(x.rank() == 3 || x.rank() == 4, "unfold: input ", x.shape(), " is not [N,C,H,W] or [C,H,W]");
  if (x.rank() == 3) return squeeze(unfold(unsqueeze(x, 0), options), 0);
  const Shape& in = x.shape();
  check(in[1] >= 1, "unfold: input ", in, " has no channels");
  const ConvSizes s = sizes_of("unfold", in[0], in[1], {in[2], in[3]}, options);
  Tensor y({s.images, s.rows(), s.output_cells()}, x.dtype());
  dispatch_floating(x.dtype(), "unfold", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    each_channel(s, [&](const kernels::ColumnBlock& block, int64_t plane) {
      kernels::im2col<T>(s, block, from, to + plane * s.taps() * s.output_cells(), s.output_cells());
    });
  });
  return record("unfold", std::move(y), Edge{x, [options, size = std::array{in[2], in[3]}](const Tensor& g) {
                                               return fold(g, size, options);
                                             }});
}

Tensor fold(const Tensor& x, const std::array<int64_t, 2>& output_size, const UnfoldOptions& options) {
  check(x.rank() == 2 || x.rank() == 3, "fold: input ", x.shape(), " is not [N,C·taps,L] or [C·taps,L]");
  if (x.rank() == 2) return squeeze(fold(unsqueeze(x, 0), output_size, options), 0);
  const Shape& in = x.shape();
  ConvSizes s = sizes_of("fold", in[0], 1, output_size, options);
  check(in[1] >= 1 && in[1] % s.taps() == 0, "fold: input ", in, " has ", in[1],
        " rows; expected a multiple of kernel_size ", s.kernel[1], " x ", s.kernel[2]);
  check(in[2] == s.output_cells(), "fold: input ", in, " has ", in[2], " columns; an image of ", output_size[0], " x ",
        output_size[1], " has ", s.output[1], " x ", s.output[2], " = ", s.output_cells(), " blocks");
  s.channels = in[1] / s.taps();
  Tensor y({s.images, s.channels, output_size[0], output_size[1]}, x.dtype());
  dispatch_floating(x.dtype(), "fold", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    each_channel(s, [&](const kernels::ColumnBlock& block, int64_t plane) {
      std::fill_n(to + plane * s.input_cells(), s.input_cells(), T(0));
      kernels::col2im<T>(s, block, from + plane * s.taps() * s.output_cells(), s.output_cells(), to);
    });
  });
  return record("fold", std::move(y), Edge{x, [options](const Tensor& g) { return unfold(g, options); }});
}

namespace {

constexpr UnfoldOptions uneven{.kernel_size = {2, 3}, .dilation = {2, 1}, .padding = {1, 4}, .stride = {1, 2}};

const auto& unfold_op = add_op("unfold", "the blocks of an image as columns",
                               [](const Tensors& t) {
                                 return unfold(t[0], {.kernel_size = {2, 2}});
                               })
                            .sample({{2, 2, 3, 4}})
                            .sample({{2, 4, 3}}, Domain::any, [](const Tensors& t) { return unfold(t[0], uneven); });
const auto& fold_op = add_op("fold", "columns added to an image as its blocks",
                             [](const Tensors& t) {
                               return fold(t[0], {3, 4}, {.kernel_size = {2, 2}});
                             })
                          .sample({{2, 4, 6}})
                          .sample({{12, 20}}, Domain::any, [](const Tensors& t) {
                            return fold(t[0], {4, 3}, uneven);
                          });

}  // namespace

}  // namespace tarn
