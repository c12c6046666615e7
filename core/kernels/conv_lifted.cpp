// Forward and weight gradient of convolution by lifted rows.
#include "core/kernels/conv_lifted.h"

#include <algorithm>

#include "core/kernels/conv_lowered.h"
#include "core/kernels/conv_rows.h"
#include "core/kernels/conv_scratch.h"
#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn::kernels {

namespace {

constexpr int64_t overhang = 16;              // elements that copying whole vectors may write or read behind a row
constexpr int64_t buffer_limit = 192 * 1024;  // elements of lifted rows: what stays in the second-level cache

// How output rows are cut into tiles and channels into blocks. A lifted row stands for a channel and a tap along the
// depth and the width; it holds the input rows of a tile, every stride-th together, each as wide as the output.
struct Lift {
  int64_t taps;    // along the depth and the width
  int64_t height;  // output rows of a tile
  int64_t tiles;   // of a slice of the depth
  int64_t rows;    // input rows of a tile with the same remainder by the stride
  int64_t pitch;
  int64_t block;  // channels at a time
  int64_t seen;   // input rows that a whole tile sees, and what of each, with margins and room for a vector's overhang
  int64_t wide;

  explicit Lift(const ConvSizes& s) {
    taps = s.kernel[0] * s.kernel[2];
    const int64_t wanted = ceil_div(256, s.output[2]);
    const int64_t fair = std::max(ceil_div(64, s.output[2]), s.images * s.groups * s.output[0] * s.output[1] / 8);
    const int64_t most = std::clamp<int64_t>(std::min(wanted, fair), 1, s.output[1]);
    tiles = ceil_div(s.output[1], most);
    height = ceil_div(s.output[1], tiles);
    tiles = ceil_div(s.output[1], height);
    rows = height + (s.kernel[1] - 1) * s.dilation[1] / s.stride[1];
    pitch = row_pitch(s.stride[1] * rows * s.output[2]);
    const int64_t blocks = ceil_div(s.group_channels() * taps * pitch, buffer_limit);
    block = ceil_div(s.group_channels(), blocks);
    seen = rows_seen(s, height);
    wide = cells_seen(s) + overhang;
  }
  static int64_t rows_seen(const ConvSizes& s, int64_t output_rows) {
    return (output_rows - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  }
  static int64_t cells_seen(const ConvSizes& s) {
    return (s.output[2] - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
  }
  // Elements of memory for a block of lifted rows, and behind them for one slice of a channel with its margins.
  int64_t lifted() const { return block * taps * pitch + overhang; }
  int64_t room() const { return lifted() + seen * wide; }
  // Where the output rows of a tile find what the kernel's row `kh` sees.
  int64_t offset(const ConvSizes& s, int64_t kh) const {
    const int64_t first = kh * s.dilation[1];
    return (first % s.stride[1] * rows + first / s.stride[1]) * s.output[2];
  }
};

// The rows [top, top + height) of one slice of the output, of one image and group.
struct LiftedTile {
  int64_t image, group, depth, top, height;
  int64_t first_cell(const ConvSizes& s) const { return (depth * s.output[1] + top) * s.output[2]; }
};

// Copies n elements of vectors, the last of which may run over the end.
template <class T>
inline void copy_over(const T* from, int64_t n, T* to) {
  constexpr int64_t lanes = 64 / sizeof(T);
  static_assert(lanes <= overhang);
  for (int64_t i = 0; i < n; i += lanes) __builtin_memcpy(to + i, from + i, 64);
}

// The rows of one slice of a channel that a tile sees, from number `above` on, with the zeros that stand around it.
// Those beside the rows are there already.
template <class T>
inline void rows_with_margins(const ConvSizes& s, const Lift& l, const T* slice, int64_t above, int64_t seen, T* to) {
  const int64_t width = s.input[2];
  const int64_t first = std::clamp<int64_t>(s.before[2], 0, l.wide - overhang);
  const int64_t skipped = std::max<int64_t>(0, -s.before[2]);
  const int64_t count = std::clamp<int64_t>(width - skipped, 0, l.wide - overhang - first);
  to += first;
  for (int64_t h = above; h < above + seen; ++h, to += l.wide) {
    if (!slice || h < 0 || h >= s.input[1])
      zero_row(to, count);
    else
      copy_row(to, slice + h * width + skipped, count);
  }
}

// Lifted rows of the channels [begin, end) of a tile's group, in the order of memory: what a row writes over its end
// comes before what belongs there.
template <class T>
TARN_KERNEL void lift(const ConvSizes s, const Lift l, const LiftedTile tile, int64_t begin, int64_t end, const T* x,
                      T* out) {
  const int64_t width = s.output[2];
  const int64_t stride = s.stride[2];
  const int64_t seen = Lift::rows_seen(s, tile.height);
  const int64_t above = tile.top * s.stride[1] - s.before[1];
  const T* channel = x + (tile.image * s.channels + tile.group * s.group_channels() + begin) * s.input_cells();
  T* const plain = out + l.lifted();
  zero_row(plain, seen * l.wide);
  for (int64_t c = begin; c < end; ++c, channel += s.input_cells())
    for (int64_t kd = 0; kd < s.kernel[0]; ++kd) {
      const int64_t z = tile.depth * s.stride[0] + kd * s.dilation[0] - s.before[0];
      const bool outside = z < 0 || z >= s.input[0];
      rows_with_margins(s, l, outside ? nullptr : channel + z * s.input[1] * s.input[2], above, seen, plain);
      for (int64_t kw = 0; kw < s.kernel[2]; ++kw, out += l.pitch)
        for (int64_t phase = 0; phase < s.stride[1]; ++phase) {
          T* to = out + phase * l.rows * width;
          const T* from = plain + phase * l.wide + kw * s.dilation[2];
          for (int64_t r = phase; r < seen; r += s.stride[1], to += width, from += s.stride[1] * l.wide) {
            if (stride == 1) {
              copy_over(from, width, to);
            } else if (stride == 2) {
#pragma GCC ivdep
              for (int64_t i = 0; i < width; ++i) to[i] = from[2 * i];
            } else {
              for (int64_t i = 0; i < width; ++i) to[i] = from[stride * i];
            }
          }
        }
    }
}

// out[group][kh][filter][channel][kd][kw] from w[filter][channel][kd][kh][kw].
template <class T>
void by_kernel_rows(const ConvSizes& s, const T* w, T* out) {
  const int64_t filters = s.group_filters();
  const int64_t lines = s.group_channels() * s.kernel[0];  // (channel, kd)
  const int64_t taps = s.kernel[2];
  parallel_range(s.filters, s.rows() * 4, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k)
      for (int64_t kh = 0; kh < s.kernel[1]; ++kh) {
        T* to = out + ((k / filters * s.kernel[1] + kh) * filters + k % filters) * lines * taps;
        for (int64_t line = 0; line < lines; ++line)
          for (int64_t kw = 0; kw < taps; ++kw)
            to[line * taps + kw] = w[((k * lines + line) * s.kernel[1] + kh) * taps + kw];
      }
  });
}

// Tile number `index` of an image.
LiftedTile tile_at(const ConvSizes& s, const Lift& l, int64_t image, int64_t group, int64_t index) {
  const int64_t top = index % l.tiles * l.height;
  return {image, group, index / l.tiles, top, std::min(l.height, s.output[1] - top)};
}

// How a weight gradient is cut: shares of the tiles with sums of their own, times bands of channels where the weights
// are so many that such sums would cost more than they gain.
struct Cut {
  int64_t shares, band, bands;

  Cut(const ConvSizes& s, const Lift& l) {
    constexpr int64_t weights_limit = 512 * 1024;
    const int64_t wanted = ceil_div(8, s.groups);
    const bool many = s.rows() * s.filters > weights_limit;
    band = many ? ceil_div(s.group_channels(), wanted) : s.group_channels();
    bands = ceil_div(s.group_channels(), band);
    shares = many ? 1 : std::min(wanted, s.images * s.output[0] * l.tiles);
  }
};

// dw of row (kh, channel, kd, kw) of a group: the shares' sums in order.
template <class T>
void finish_row(const ConvSizes& s, int64_t shares, T* sums, int64_t row, T* dw) {
  const int64_t filters = s.group_filters();
  T* total = sums + row * filters;
  for (int64_t p = 1; p < shares; ++p)
    for (int64_t k = 0; k < filters; ++k) total[k] += total[p * s.rows() * filters + k];
  const int64_t kernel_row = s.group_channels() * s.kernel[0] * s.kernel[2];
  const int64_t line = row % kernel_row / s.kernel[2];  // (channel, kd)
  const int64_t at = (line * s.kernel[1] + row / kernel_row) * s.kernel[2] + row % s.kernel[2];
  for (int64_t k = 0; k < filters; ++k) dw[k * s.rows() + at] = total[k];
}

}  // namespace

bool lifted_fits(const ConvSizes& s) {
  constexpr int64_t fewest_columns = 64;
  constexpr int64_t fewest_rows = 24;
  if (s.kernel[1] < 2 || s.group_channels() * s.kernel[0] * s.kernel[2] < fewest_rows) return false;
  if (s.output[1] * s.output[2] < fewest_columns || s.output[2] < 4) return false;
  // A tile sees some rows more than it has, which must stay in proportion.
  const Lift l(s);
  return l.pitch <= 4 * l.height * s.output[2] * s.stride[1] && l.taps * l.pitch <= buffer_limit &&
         l.seen * l.wide <= buffer_limit;  // padding and dilation may reach far beyond the input
}

template <class T>
void lifted_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y) {
  const Lift l(s);
  const int64_t filters = s.group_filters();
  const int64_t channels = s.group_channels();
  const int64_t plane = s.output_cells();
  const Storage memory(static_cast<size_t>(s.filters * s.rows()) * sizeof(T));
  T* weights = static_cast<T*>(memory.data());
  by_kernel_rows(s, w, weights);
  const int64_t tiles = s.output[0] * l.tiles;
  parallel_for(s.images * s.groups * tiles, [&](int64_t piece) {
    const int64_t group = piece / tiles % s.groups;
    const LiftedTile tile = tile_at(s, l, piece / tiles / s.groups, group, piece % tiles);
    const int64_t count = tile.height * s.output[2];
    T* out = y + (tile.image * s.filters + group * filters) * plane + tile.first_cell(s);
    if (bias)
      for (int64_t k = 0; k < filters; ++k) std::fill_n(out + k * plane, count, bias[group * filters + k]);
    T beta = bias ? T{1} : T{0};
    T* rows = scratch<T>(ScratchUse::columns, l.room());
    for (int64_t c = 0; c < channels; c += l.block) {
      const int64_t last = std::min(c + l.block, channels);
      lift(s, l, tile, c, last, x, rows);
      for (int64_t kh = 0; kh < s.kernel[1]; ++kh, beta = 1)
        split_gemm(false, filters, count, (last - c) * l.taps,
                   weights + (group * s.kernel[1] + kh) * filters * channels * l.taps + c * l.taps, channels * l.taps,
                   rows + l.offset(s, kh), l.pitch, beta, out, plane);
    }
  });
}

template <class T>
void lifted_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw) {
  const Lift l(s);
  const Cut cut(s, l);
  const int64_t filters = s.group_filters();
  const int64_t channels = s.group_channels();
  const int64_t sum_size = s.rows() * filters;
  const int64_t tiles = s.output[0] * l.tiles;
  const int64_t all = s.images * tiles;
  const int64_t g_pitch = row_pitch(filters);
  const Storage memory(static_cast<size_t>(s.groups * cut.shares * sum_size) * sizeof(T));
  T* sums = static_cast<T*>(memory.data());
  parallel_for(s.groups * cut.shares * cut.bands, [&](int64_t piece) {
    const int64_t share = piece / cut.bands % cut.shares;
    const int64_t group = piece / cut.bands / cut.shares;
    const int64_t begin = piece % cut.bands * cut.band;
    const int64_t end = std::min(begin + cut.band, channels);
    T* sum = sums + (group * cut.shares + share) * sum_size;
    for (int64_t kh = 0; kh < s.kernel[1]; ++kh)
      std::fill_n(sum + (kh * channels + begin) * l.taps * filters, (end - begin) * l.taps * filters, T{0});
    T* across = scratch<T>(ScratchUse::cotangent, l.height * s.output[2] * g_pitch);
    T* rows = scratch<T>(ScratchUse::columns, l.room());
    for (int64_t i = share * all / cut.shares; i < (share + 1) * all / cut.shares; ++i) {
      const LiftedTile tile = tile_at(s, l, i / tiles, group, i % tiles);
      const int64_t count = tile.height * s.output[2];
      const T* from = g + (tile.image * s.filters + group * filters) * s.output_cells() + tile.first_cell(s);
      transpose_tile(from, s.output_cells(), filters, count, across, g_pitch);
      for (int64_t c = begin; c < end; c += l.block) {
        const int64_t last = std::min(c + l.block, end);
        lift(s, l, tile, c, last, x, rows);
        for (int64_t kh = 0; kh < s.kernel[1]; ++kh)
          split_gemm(false, (last - c) * l.taps, filters, count, rows + l.offset(s, kh), l.pitch, across, g_pitch, T{1},
                     sum + (kh * channels + c) * l.taps * filters, filters);
      }
    }
  });
  parallel_range(s.groups * s.rows(), filters * cut.shares * 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t group = row / s.rows();
      finish_row(s, cut.shares, sums + group * cut.shares * sum_size, row % s.rows(), dw + group * sum_size);
    }
  });
}

template void lifted_forward(const ConvSizes&, const float*, const float*, const float*, float*);
template void lifted_forward(const ConvSizes&, const double*, const double*, const double*, double*);
template void lifted_weight_gradient(const ConvSizes&, const float*, const float*, float*);
template void lifted_weight_gradient(const ConvSizes&, const double*, const double*, double*);

}  // namespace tarn::kernels
