// Convolution by tiles of the column matrix: forward and both gradients, any rank, stride, dilation and groups.
#include "core/kernels/conv_lowered.h"

#include <algorithm>

#include "core/blas.h"
#include "core/kernels/conv_rows.h"
#include "core/kernels/conv_scratch.h"
#include "core/kernels/im2col.h"
#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn::kernels {

namespace {

constexpr int64_t product_limit = 1'000'000;  // M·N·K up to which BLAS multiplies without packing its operands
constexpr int64_t buffer_limit = 256 * 1024;  // elements of a column buffer: what stays in the second-level cache

// `n` cut into pieces of at most `limit`, all but the last one equal and multiples of `unit`: their length.
int64_t even_piece(int64_t n, int64_t limit, int64_t unit) {
  if (n <= limit) return std::max<int64_t>(n, 1);
  const int64_t units = std::max<int64_t>(limit / unit, 1);
  const int64_t pieces = ceil_div(n, units * unit);
  return ceil_div(ceil_div(n, pieces), unit) * unit;
}

// How the columns of all images are cut into tiles. `merge` images, where they are small, share one column matrix.
struct Tiling {
  int64_t merge, columns, matrices, tiles, row_block;

  Tiling(const ConvSizes& s, int64_t matrix_height) {
    const int64_t cells = s.output_cells();
    merge = cells < 64 ? std::min(s.images, ceil_div(128, cells)) : 1;
    matrices = ceil_div(s.images, merge);
    const int64_t all = merge * cells;
    const int64_t fewest = merge > 1 ? all : 128;  // what was merged stays together: up to 191 columns
    const int64_t fair = std::max(fewest, matrices >= 8 ? all : ceil_div(all * matrices, 8));
    const int64_t limit = std::clamp(buffer_limit / std::max<int64_t>(matrix_height, 1), fewest, fair);
    const int64_t unit = s.output[2] <= limit && cells > s.output[2] ? s.output[2] : 16;
    columns = even_piece(all, limit, unit);
    tiles = ceil_div(all, columns);
    row_block = even_piece(s.rows(), std::max<int64_t>(buffer_limit / columns, 16), 16);
  }
};

// One tile: the columns [begin, end) of the matrix that starts at image `image`.
struct Tile {
  int64_t image, begin, end;
  Tile(const ConvSizes& s, const Tiling& t, int64_t index) : image(index / t.tiles * t.merge) {
    const int64_t all = std::min(t.merge, s.images - image) * s.output_cells();
    begin = std::min(index % t.tiles * t.columns, all);
    end = std::min(begin + t.columns, all);
  }
  int64_t width() const { return end - begin; }
};

// The rows [row, row + rows) of a tile's column matrix: in the image itself where each tap is its own cell, else
// copied.
template <class T>
struct Columns {
  const T* data;
  int64_t pitch;
  Columns(const ConvSizes& s, const Tiling& t, const Tile& tile, const T* x, int64_t group, int64_t row, int64_t rows) {
    const T* first = x + (tile.image * s.channels + group * s.group_channels()) * s.input_cells();
    const bool aligned = s.input_cells() % 256 == 0;  // rows would meet in the same cache sets
    if (s.pointwise() && t.merge == 1 && !aligned) {
      data = first + row * s.input_cells() + tile.begin;
      pitch = s.input_cells();
      return;
    }
    pitch = row_pitch(tile.width());
    T* buffer = scratch<T>(ScratchUse::columns, rows * pitch);
    im2col(s, {row, row + rows, tile.begin, tile.end}, first, buffer, pitch);
    data = buffer;
  }
};

// Visits the runs of a tile's columns that lie in one image: body(plane offset of the image, first cell, column in the
// tile, count).
template <class F>
void for_each_image(const ConvSizes& s, const Tile& tile, const F& body) {
  const int64_t cells = s.output_cells();
  for (int64_t column = tile.begin; column < tile.end;) {
    const int64_t cell = column % cells;
    const int64_t count = std::min(cells - cell, tile.end - column);
    body(tile.image + column / cells, cell, column - tile.begin, count);
    column += count;
  }
}

template <class T>
void copy_rows(const T* from, int64_t from_pitch, T* to, int64_t to_pitch, int64_t rows, int64_t count) {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(from + r * from_pitch, count, to + r * to_pitch);
}

// A tile of y, of the filters of one group, filled with the bias.
template <class T>
void start_rows(T* y, int64_t pitch, int64_t rows, int64_t count, const T* bias) {
  for (int64_t r = 0; r < rows; ++r) std::fill_n(y + r * pitch, count, bias ? bias[r] : T{0});
}

template <class T>
void forward_tile(const ConvSizes& s, const Tiling& t, const Tile& tile, int64_t group, const T* x, const T* w,
                  const T* bias, T* y) {
  const int64_t filters = s.group_filters();
  const int64_t plane = s.output_cells();
  const bool in_place = t.merge == 1;
  T* out = in_place ? y + (tile.image * s.filters + group * filters) * plane + tile.begin
                    : scratch<T>(ScratchUse::product, filters * row_pitch(tile.width()));
  const int64_t pitch = in_place ? plane : row_pitch(tile.width());
  const T* group_bias = bias ? bias + group * filters : nullptr;
  const T* group_w = w + group * filters * s.rows();
  T beta = bias ? T{1} : T{0};
  if (bias || s.rows() == 0) start_rows(out, pitch, filters, tile.width(), group_bias);
  for (int64_t row = 0; row < s.rows(); row += t.row_block, beta = 1) {
    const int64_t rows = std::min(t.row_block, s.rows() - row);
    const Columns<T> columns(s, t, tile, x, group, row, rows);
    split_gemm(false, filters, tile.width(), rows, group_w + row, s.rows(), columns.data, columns.pitch, beta, out,
               pitch);
  }
  if (in_place) return;
  for_each_image(s, tile, [&](int64_t image, int64_t cell, int64_t column, int64_t count) {
    copy_rows(out + column, pitch, y + (image * s.filters + group * filters) * plane + cell, plane, filters, count);
  });
}

// How a weight gradient is cut: `shares` of the tiles, each with a partial sum of its own, times `bands` of the column
// matrix's rows, where the weights are so many that partial sums would cost more than they gain.
struct WeightPieces {
  int64_t shares, bands, band;

  WeightPieces(const ConvSizes& s, const Tiling& t) {
    constexpr int64_t wanted = 8;
    constexpr int64_t partial_limit = 512 * 1024;
    const int64_t needed = ceil_div(wanted, s.groups);
    const bool cut_rows = s.rows() * s.filters > partial_limit;
    band = cut_rows ? even_piece(s.rows(), ceil_div(s.rows(), needed), 16) : std::max<int64_t>(s.rows(), 1);
    bands = ceil_div(s.rows(), band);
    shares = cut_rows ? 1 : std::min(needed, std::max<int64_t>(t.matrices * t.tiles, 1));
  }
};

// One piece of a weight gradient: the tiles [first, last) and the rows [row_begin, row_end) of a group.
struct WeightPiece {
  int64_t group, first, last, row_begin, row_end;
  int64_t rows() const { return row_end - row_begin; }
};

// sum[row][filter] += columns · gᵀ for one tile, g as it lies: for few weights, where transposing g would cost more
// than BLAS loses by reading it across.
template <class T>
void add_few_weights(const ConvSizes& s, const Tiling& t, const Tile& tile, const WeightPiece& piece, const T* x,
                     const T* g, T* sum) {
  const int64_t filters = s.group_filters();
  const Columns<T> columns(s, t, tile, x, piece.group, piece.row_begin, piece.rows());
  const T* from = g + (tile.image * s.filters + piece.group * filters) * s.output_cells() + tile.begin;
  const int64_t longest = product_limit / (filters * piece.rows());
  for (int64_t column = 0; column < tile.width(); column += longest)
    gemm(false, true, piece.rows(), filters, std::min(longest, tile.width() - column), T{1}, columns.data + column,
         columns.pitch, from + column, s.output_cells(), T{1}, sum, filters);
}

// The same with g transposed once, for all rows.
template <class T>
void add_weights(const ConvSizes& s, const Tiling& t, const Tile& tile, const WeightPiece& piece, const T* x,
                 const T* g, T* sum) {
  const int64_t filters = s.group_filters();
  const int64_t g_pitch = row_pitch(filters);
  T* across = scratch<T>(ScratchUse::cotangent, tile.width() * g_pitch);
  for_each_image(s, tile, [&](int64_t image, int64_t cell, int64_t column, int64_t count) {
    transpose_tile(g + (image * s.filters + piece.group * filters) * s.output_cells() + cell, s.output_cells(), filters,
                   count, across + column * g_pitch, g_pitch);
  });
  for (int64_t row = piece.row_begin; row < piece.row_end; row += t.row_block) {
    const int64_t rows = std::min(t.row_block, piece.row_end - row);
    const Columns<T> columns(s, t, tile, x, piece.group, row, rows);
    split_gemm(false, rows, filters, tile.width(), columns.data, columns.pitch, across, g_pitch, T{1},
               sum + (row - piece.row_begin) * filters, filters);
  }
}

template <class T>
void weight_piece(const ConvSizes& s, const Tiling& t, const WeightPiece& piece, const T* x, const T* g, T* sum) {
  const bool few = t.merge == 1 && piece.rows() <= 64 && s.group_filters() * piece.rows() <= 2000;
  std::fill_n(sum, piece.rows() * s.group_filters(), T{0});
  for (int64_t index = piece.first; index < piece.last; ++index) {
    const Tile tile(s, t, index);
    if (few)
      add_few_weights(s, t, tile, piece, x, g, sum);
    else
      add_weights(s, t, tile, piece, x, g, sum);
  }
}

// dw[filter][row] = the partial sums[share][row][filter] added in order, for rows [begin, end) of one group.
template <class T>
TARN_KERNEL void add_partial_sums(T* sums, int64_t shares, int64_t rows, int64_t filters, int64_t begin, int64_t end,
                                  T* dw) {
  T* total = sums + begin * filters;
  for (int64_t p = 1; p < shares; ++p) {
    const T* part = total + p * rows * filters;
    for (int64_t i = 0; i < (end - begin) * filters; ++i) total[i] += part[i];
  }
  transpose_rows(total, filters, end - begin, filters, dw + begin, rows);
}

// dx += wᵀ · g for some channels of a group and the images of one column matrix, whose planes are zeroed first.
template <class T>
void input_piece(const ConvSizes& s, const Tiling& t, int64_t matrix, int64_t group, int64_t channel_begin,
                 int64_t channel_end, const T* g, const T* w, T* dx) {
  const int64_t filters = s.group_filters();
  const int64_t plane = s.output_cells();
  const int64_t image = matrix * t.merge;
  T* first = dx + (image * s.channels + group * s.group_channels()) * s.input_cells();
  for (int64_t i = 0; i < std::min(t.merge, s.images - image); ++i)
    std::fill_n(first + (i * s.channels + channel_begin) * s.input_cells(),
                (channel_end - channel_begin) * s.input_cells(), T{0});
  for (int64_t index = 0; index < t.tiles; ++index) {
    const Tile tile(s, t, matrix * t.tiles + index);
    if (tile.width() == 0) continue;
    const T* rows_of_g = g + (image * s.filters + group * filters) * plane + tile.begin;
    int64_t g_pitch = plane;
    if (t.merge > 1) {
      g_pitch = row_pitch(tile.width());
      T* gathered = scratch<T>(ScratchUse::cotangent, filters * g_pitch);
      for_each_image(s, tile, [&](int64_t n, int64_t cell, int64_t column, int64_t count) {
        copy_rows(g + (n * s.filters + group * filters) * plane + cell, plane, gathered + column, g_pitch, filters,
                  count);
      });
      rows_of_g = gathered;
    }
    const int64_t pitch = row_pitch(tile.width());
    for (int64_t row = channel_begin * s.taps(); row < channel_end * s.taps(); row += t.row_block) {
      const int64_t rows = std::min(t.row_block, channel_end * s.taps() - row);
      T* columns = scratch<T>(ScratchUse::columns, rows * pitch);
      split_gemm(true, rows, tile.width(), filters, w + group * filters * s.rows() + row, s.rows(), rows_of_g, g_pitch,
                 T{0}, columns, pitch);
      col2im(s, {row, row + rows, tile.begin, tile.end}, columns, pitch, first);
    }
  }
}

template <class T>
void scattered_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx) {
  const Tiling t(s, s.rows());
  const int64_t channels = s.group_channels();
  const int64_t wanted = ceil_div(8, std::max<int64_t>(t.matrices * s.groups, 1));
  const int64_t in_buffer = std::max<int64_t>(buffer_limit / (s.taps() * t.columns), 1);
  const int64_t band = std::min(in_buffer, ceil_div(channels, wanted));
  const int64_t bands = ceil_div(channels, band);
  parallel_for(t.matrices * s.groups * bands, [&](int64_t piece) {
    const int64_t begin = piece % bands * band;
    input_piece(s, t, piece / bands / s.groups, piece / bands % s.groups, begin, std::min(begin + band, channels), g, w,
                dx);
  });
}

}  // namespace

template <class T>
void split_gemm(bool transpose_a, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
                T beta, T* c, int64_t ldc) {
  constexpr int64_t large = 256;  // sides of a result from which on packing is paid back
  constexpr int64_t across = 96;  // the same beside a large side where A is read across
  if (m >= large && (n >= large || (transpose_a && n >= across && k >= large)))
    return gemm(transpose_a, false, m, n, k, T{1}, a, lda, b, ldb, beta, c, ldc);
  const int64_t mb = even_piece(m, 64, 16);
  const int64_t kb = even_piece(k, 96, 8);
  const int64_t nb = even_piece(n, product_limit / (mb * kb), 16);
  for (int64_t j = 0; j < n; j += nb) {
    for (int64_t p = 0; p < k; p += kb) {
      for (int64_t i = 0; i < m; i += mb) {
        const T* block = transpose_a ? a + p * lda + i : a + i * lda + p;
        gemm(transpose_a, false, std::min(mb, m - i), std::min(nb, n - j), std::min(kb, k - p), T{1}, block, lda,
             b + p * ldb + j, ldb, p == 0 ? beta : T{1}, c + i * ldc + j, ldc);
      }
    }
  }
}

template <class T>
void rotate_filters(const ConvSizes& s, const T* w, T* out) {
  const int64_t channels = s.group_channels();
  const int64_t filters = s.group_filters();
  const int64_t taps = s.taps();
  parallel_range(s.channels, filters * taps * 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const T* group = w + c / channels * filters * channels * taps;
      for (int64_t k = 0; k < filters; ++k)
        std::reverse_copy(group + (k * channels + c % channels) * taps,
                          group + (k * channels + c % channels + 1) * taps, out + (c * filters + k) * taps);
    }
  });
}

template <class T>
void lowered_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y) {
  const Tiling t(s, std::max(s.rows(), s.group_filters()));
  parallel_for(t.matrices * t.tiles * s.groups, [&](int64_t piece) {
    const Tile tile(s, t, piece / s.groups);
    if (tile.width() > 0) forward_tile(s, t, tile, piece % s.groups, x, w, bias, y);
  });
}

template <class T>
void lowered_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx) {
  const bool few_or_small = s.group_channels() < 8 || s.output_cells() < 64;
  if (!s.unit_stride() || few_or_small) return scattered_input_gradient(s, g, w, dx);
  const Storage rotated(static_cast<size_t>(s.filters * s.rows()) * sizeof(T));
  T* weights = static_cast<T*>(rotated.data());
  rotate_filters(s, w, weights);
  lowered_forward<T>(s.reversed(), g, weights, nullptr, dx);
}

template <class T>
void lowered_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw) {
  const Tiling t(s, s.rows());
  const WeightPieces cut(s, t);
  const int64_t filters = s.group_filters();
  const int64_t sum_size = s.rows() * filters;
  const Storage memory(static_cast<size_t>(s.groups * cut.shares * sum_size) * sizeof(T));
  T* sums = static_cast<T*>(memory.data());
  const int64_t all = t.matrices * t.tiles;
  parallel_for(s.groups * cut.shares * cut.bands, [&](int64_t i) {
    const int64_t share = i / cut.bands % cut.shares;
    const int64_t group = i / cut.bands / cut.shares;
    const int64_t row = i % cut.bands * cut.band;
    const WeightPiece piece{group, share * all / cut.shares, (share + 1) * all / cut.shares, row,
                            std::min(row + cut.band, s.rows())};
    weight_piece(s, t, piece, x, g, sums + (group * cut.shares + share) * sum_size + row * filters);
  });
  parallel_range(s.groups * s.rows(), filters * cut.shares * 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end;) {
      const int64_t group = row / s.rows();
      const int64_t stop = std::min(end, (group + 1) * s.rows());
      add_partial_sums(sums + group * cut.shares * sum_size, cut.shares, s.rows(), filters, row - group * s.rows(),
                       stop - group * s.rows(), dw + group * sum_size);
      row = stop;
    }
  });
}

template void split_gemm(bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float, float*,
                         int64_t);
template void split_gemm(bool, int64_t, int64_t, int64_t, const double*, int64_t, const double*, int64_t, double,
                         double*, int64_t);
template void rotate_filters(const ConvSizes&, const float*, float*);
template void rotate_filters(const ConvSizes&, const double*, double*);
template void lowered_forward(const ConvSizes&, const float*, const float*, const float*, float*);
template void lowered_forward(const ConvSizes&, const double*, const double*, const double*, double*);
template void lowered_input_gradient(const ConvSizes&, const float*, const float*, float*);
template void lowered_input_gradient(const ConvSizes&, const double*, const double*, double*);
template void lowered_weight_gradient(const ConvSizes&, const float*, const float*, float*);
template void lowered_weight_gradient(const ConvSizes&, const double*, const double*, double*);

}  // namespace tarn::kernels
