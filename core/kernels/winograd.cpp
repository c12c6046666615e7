// Winograd convolution: tiles to frequencies, one matrix product per frequency, and back, block by block of tile rows.
#include "core/kernels/winograd.h"

#include <algorithm>
#include <type_traits>

#include "core/kernels/conv_lowered.h"
#include "core/kernels/conv_rows.h"
#include "core/kernels/conv_scratch.h"
#include "core/kernels/kernel.h"
#include "core/kernels/winograd_rows.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn::kernels {

namespace {

// How the tiles of all images are laid out. A block is some whole rows of tiles, counted on through the images; its
// frequencies are planes [frequency][channel or filter][tile].
struct Plan {
  int64_t across, down;  // tiles per image
  int64_t vectors;       // vectors along a tile row
  int64_t block_rows, blocks;
  int64_t pitch;             // tiles of a block, with room for the vector that runs over its end
  int64_t x_plane, y_plane;  // from one frequency to the next; not a multiple of 4096 bytes
};

constexpr int wide = 16;  // lanes where whole blocks of tiles are worked on, whatever their rows

Plan plan_of(const ConvSizes& s, int m, int lanes) {
  constexpr int64_t planes_limit = 512 * 1024;  // elements: 2 MB, the second-level cache
  Plan p;
  p.across = ceil_div(s.output[2], m);
  p.down = ceil_div(s.output[1], m);
  p.vectors = ceil_div(p.across, lanes);
  const int64_t rows = s.images * p.down;
  const int64_t tiles = planes_limit / ((m + 2) * (m + 2) * (s.channels + s.filters));
  const int64_t most = std::clamp<int64_t>(std::min<int64_t>(tiles, 128) / p.across, 1, ceil_div(rows, 8));
  p.block_rows = ceil_div(rows, ceil_div(rows, most));
  p.blocks = ceil_div(rows, p.block_rows);
  p.pitch = row_pitch(p.block_rows * p.across + wide);
  p.x_plane = s.channels * p.pitch + 32;
  p.y_plane = s.filters * p.pitch + 32;
  return p;
}

// Working memory of a block. Where rows and planes met modulo 4096 bytes the same code took twice as long.
struct Buffers {
  float* x_planes;
  float* y_planes;
  float* row;         // one image row with its margins
  float* lines;       // m + 2 rows of the block's tiles, each with m + 2 frequencies along the width
  float* transposed;  // one plane of x, for the weight gradient
  int64_t row_length;

  Buffers(const ConvSizes& s, const Plan& p, int m) {
    row_length = p.across * m + 2;
    const auto pages = [](int64_t n) { return ceil_div(n, 1024) * 1024; };
    const int64_t x_size = pages((m + 2) * (m + 2) * p.x_plane);
    const int64_t y_size = pages((m + 2) * (m + 2) * p.y_plane);
    const int64_t row_size = ceil_div(row_length, 16) * 16;
    const int64_t small = pages(256 + row_size + (m + 2) * (m + 2) * p.pitch);
    x_planes = scratch<float>(ScratchUse::planes, x_size + y_size + small + p.pitch * row_pitch(s.channels));
    y_planes = x_planes + x_size;
    row = y_planes + y_size + 256;
    lines = row + row_size;
    transposed = y_planes + y_size + small;
  }
};

// A row of tiles: of which image, and where in it. Going on to the next one takes no division.
struct TileRow {
  int64_t image, at;
  TileRow(const Plan& p, int64_t row) : image(row / p.down), at(row % p.down) {}
  void next(const Plan& p) {
    if (++at < p.down) return;
    at = 0;
    ++image;
  }
};

// Asks for the row's cells, to be read or (1) written soon. Planes of the next channel are new pages, where the
// processor does not look ahead by itself.
template <int write = 0>
inline void fetch_row(const float* row, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(row + i, write);
}

// Lines of an image row, which lies outside where `h` does. The row starts `margin` cells after the first tile does.
template <int m, int lanes>
inline void image_row_to_lines(const ConvSizes& s, const Plan& p, const Buffers& b, const float* image, int64_t h,
                               float* to, float* also) {
  const int64_t width = s.input[2];
  const int64_t margin = s.before[2];
  if (h < 0 || h >= s.input[1]) {
    for (int f = 0; f < m + 2; ++f) zero_row(to + f * p.pitch, p.across);
    if (!also) return;
    for (int f = 0; f < m + 2; ++f) zero_row(also + f * p.pitch, p.across);
  } else if (margin >= 0 && margin <= 2) {
    fetch_row(image + h * width + s.input[1] * width, width);
    row_to_lines<m, lanes>(image + h * width, width, margin, p.vectors, p.pitch, to, also);
  } else {
    const int64_t begin = std::clamp<int64_t>(margin, 0, b.row_length);
    const int64_t end = std::clamp<int64_t>(margin + width, begin, b.row_length);
    zero_row(b.row, b.row_length);
    copy_row(b.row + begin, image + h * width + begin - margin, end - begin);
    row_to_lines<m, lanes>(b.row, b.row_length, 0, p.vectors, p.pitch, to, also);
  }
}

// The kernels below take their sizes by value: what is written could not change a copy, so it stays in registers.

// Frequencies of the tile rows [begin, end) of every channel: lines first, each row of which serves the one or two rows
// of tiles that see it; then, on full vectors, Bᵀ along the height.
template <int m, int lanes>
TARN_KERNEL void transform_input(const ConvSizes s, const Plan p, const Buffers b, int64_t begin, int64_t end,
                                 const float* x) {
  using V = typename Lanes<wide>::Vector;
  const int64_t cells = s.input[1] * s.input[2];
  const int64_t tiles = (end - begin) * p.across;
  const int64_t row_lines = (m + 2) * p.pitch;
  for (int64_t c = 0; c < s.channels; ++c) {
    TileRow tile(p, begin);
    for (int64_t row = begin; row < end; ++row, tile.next(p)) {
      const float* image = x + (tile.image * s.channels + c) * cells;
      const int64_t top = tile.at * m - s.before[1];
      const bool goes_on = row + 1 < end && tile.at + 1 < p.down;
      float* to = b.lines + (row - begin) * p.across;
      for (int i = row > begin && tile.at > 0 ? 2 : 0; i < m + 2; ++i) {
        float* also = goes_on && i >= m ? to + (i - m) * row_lines + p.across : nullptr;
        image_row_to_lines<m, lanes>(s, p, b, image, top + i, to + i * row_lines, also);
      }
    }
    float* to = b.x_planes + c * p.pitch;
    for (int64_t v = 0; v < tiles; v += wide) {
      for (int f = 0; f < m + 2; ++f) {
        V in[m + 2], out[m + 2];
        load_column<m + 2>(b.lines + f * p.pitch + v, row_lines, in);
        input_to_frequencies<m>(in, out);
        store_column<m + 2>(to + f * p.x_plane + v, (m + 2) * p.x_plane, out);
      }
    }
  }
}

// Output rows: Aᵀ along the height on full vectors, which gives lines; then along the width.
template <int m, int lanes>
TARN_KERNEL void transform_output(const ConvSizes s, const Plan p, const Buffers b, int64_t begin, int64_t end,
                                  const float* bias, float* y) {
  using V = typename Lanes<wide>::Vector;
  const int64_t cells = s.output[1] * s.output[2];
  const int64_t tiles = (end - begin) * p.across;
  const int64_t row_lines = (m + 2) * p.pitch;
  for (int64_t k = 0; k < s.filters; ++k) {
    const float* from = b.y_planes + k * p.pitch;
    for (int64_t v = 0; v < tiles; v += wide) {
      for (int f = 0; f < m + 2; ++f) {
        V in[m + 2], out[m];
        load_column<m + 2>(from + f * p.y_plane + v, (m + 2) * p.y_plane, in);
        frequencies_to_output<m>(in, out);
        store_column<m>(b.lines + f * p.pitch + v, row_lines, out);
      }
    }
    TileRow tile(p, begin);
    for (int64_t row = begin; row < end; ++row, tile.next(p)) {
      const int64_t top = tile.at * m;
      const float* lines = b.lines + (row - begin) * p.across;
      float* to = y + (tile.image * s.filters + k) * cells + top * s.output[2];
      const int64_t rows = std::min<int64_t>(m, s.output[1] - top);
      fetch_row<1>(to + cells, rows * s.output[2]);
      for (int64_t r = 0; r < rows; ++r)
        lines_to_row<m, lanes>(lines + r * row_lines, p.pitch, p.vectors, bias ? bias[k] : 0.0f, to + r * s.output[2],
                               s.output[2]);
    }
  }
}

// Frequencies of the output's cotangent: planes (i, f) = A along both axes of m × m cells, zeros outside.
template <int m, int lanes>
TARN_KERNEL void transform_cotangent(const ConvSizes s, const Plan p, const Buffers b, int64_t begin, int64_t end,
                                     const float* g) {
  using V = typename Lanes<wide>::Vector;
  const int64_t cells = s.output[1] * s.output[2];
  const int64_t tiles = (end - begin) * p.across;
  const int64_t row_lines = (m + 2) * p.pitch;
  for (int64_t k = 0; k < s.filters; ++k) {
    TileRow tile(p, begin);
    for (int64_t row = begin; row < end; ++row, tile.next(p)) {
      const float* image = g + (tile.image * s.filters + k) * cells;
      const int64_t top = tile.at * m;
      float* to = b.lines + (row - begin) * p.across;
      for (int64_t i = 0; i < m; ++i, to += row_lines) {
        if (top + i >= s.output[1]) {
          for (int f = 0; f < m + 2; ++f) zero_row(to + f * p.pitch, p.across);
          continue;
        }
        fetch_row(image + (top + i) * s.output[2] + cells, s.output[2]);
        cotangent_to_lines<m, lanes>(image + (top + i) * s.output[2], s.output[2], p.vectors, p.pitch, to);
      }
    }
    float* to = b.y_planes + k * p.pitch;
    for (int64_t v = 0; v < tiles; v += wide) {
      for (int f = 0; f < m + 2; ++f) {
        V in[m], out[m + 2];
        load_column<m>(b.lines + f * p.pitch + v, row_lines, in);
        cotangent_to_frequencies<m>(in, out);
        store_column<m + 2>(to + f * p.y_plane + v, (m + 2) * p.y_plane, out);
      }
    }
  }
}

constexpr int filter_lanes = 16;

// u[frequency][filter][channel] = G w Gᵀ for one filter, 16 channels at a time.
template <int m>
TARN_KERNEL void transform_filter(const ConvSizes& s, int64_t k, const float* w, float* u) {
  using V = typename Lanes<filter_lanes>::Vector;
  const int64_t plane = s.filters * s.channels;
  for (int64_t c = 0; c < s.channels; c += filter_lanes) {
    const int64_t count = std::min<int64_t>(filter_lanes, s.channels - c);
    float taps[9][filter_lanes] = {};
    for (int64_t i = 0; i < count; ++i)
      for (int t = 0; t < 9; ++t) taps[t][i] = w[(k * s.channels + c + i) * 9 + t];
    V half[m + 2][3];
    for (int j = 0; j < 3; ++j) {
      V in[3], out[m + 2];
      for (int i = 0; i < 3; ++i) load(in[i], taps[i * 3 + j]);
      filter_to_frequencies<m>(in, out);
      for (int i = 0; i < m + 2; ++i) half[i][j] = out[i];
    }
    for (int i = 0; i < m + 2; ++i) {
      V out[m + 2];
      filter_to_frequencies<m>(half[i], out);
      for (int f = 0; f < m + 2; ++f)
        __builtin_memcpy(u + (i * (m + 2) + f) * plane + k * s.channels + c, &out[f],
                         static_cast<size_t>(count) * sizeof(float));
    }
  }
}

// dw of one filter = Gᵀ (sum of the shares' du, in order) G.
template <int m>
TARN_KERNEL void finish_filter(const ConvSizes& s, int64_t k, int64_t shares, const float* du, float* dw) {
  using V = typename Lanes<filter_lanes>::Vector;
  constexpr int frequencies = (m + 2) * (m + 2);
  const int64_t plane = s.filters * s.channels;
  for (int64_t c = 0; c < s.channels; c += filter_lanes) {
    const int64_t count = std::min<int64_t>(filter_lanes, s.channels - c);
    V sums[frequencies];
    for (int f = 0; f < frequencies; ++f) {
      float total[filter_lanes] = {};
      for (int64_t share = 0; share < shares; ++share) {
        const float* from = du + (share * frequencies + f) * plane + k * s.channels + c;
        for (int64_t i = 0; i < count; ++i) total[i] += from[i];
      }
      load(sums[f], total);
    }
    V half[3][m + 2];
    for (int f = 0; f < m + 2; ++f) {
      V in[m + 2], out[3];
      for (int i = 0; i < m + 2; ++i) in[i] = sums[i * (m + 2) + f];
      frequencies_to_filter<m>(in, out);
      for (int i = 0; i < 3; ++i) half[i][f] = out[i];
    }
    for (int i = 0; i < 3; ++i) {
      V out[3];
      frequencies_to_filter<m>(half[i], out);
      for (int j = 0; j < 3; ++j) {
        float tap[filter_lanes];
        store(tap, out[j]);
        for (int64_t n = 0; n < count; ++n) dw[(k * s.channels + c + n) * 9 + i * 3 + j] = tap[n];
      }
    }
  }
}

template <int m, int lanes>
void forward(const ConvSizes& s, const float* x, const float* w, const float* bias, float* y) {
  constexpr int frequencies = (m + 2) * (m + 2);
  const Plan p = plan_of(s, m, lanes);
  const int64_t weights = s.filters * s.channels;
  const Storage memory(static_cast<size_t>(frequencies * weights) * sizeof(float));
  float* u = static_cast<float*>(memory.data());
  parallel_range(s.filters, s.channels * frequencies * 4, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) transform_filter<m>(s, k, w, u);
  });
  parallel_for(p.blocks, [&](int64_t block) {
    const Buffers b(s, p, m);
    const int64_t begin = block * p.block_rows;
    const int64_t end = std::min(begin + p.block_rows, s.images * p.down);
    transform_input<m, lanes>(s, p, b, begin, end, x);
    for (int f = 0; f < frequencies; ++f)
      split_gemm(false, s.filters, (end - begin) * p.across, s.channels, u + f * weights, s.channels,
                 b.x_planes + f * p.x_plane, p.pitch, 0.0f, b.y_planes + f * p.y_plane, p.pitch);
    transform_output<m, lanes>(s, p, b, begin, end, bias, y);
  });
}

template <int m, int lanes>
void weight_gradient(const ConvSizes& s, const float* x, const float* g, float* dw) {
  constexpr int frequencies = (m + 2) * (m + 2);
  const Plan p = plan_of(s, m, lanes);
  const int64_t weights = s.filters * s.channels;
  const int64_t shares = std::min<int64_t>(weights >= 128 * 128 ? 4 : 8, p.blocks);
  const Storage memory(static_cast<size_t>(shares * frequencies * weights) * sizeof(float));
  float* du = static_cast<float*>(memory.data());
  parallel_for(shares, [&](int64_t share) {
    const Buffers b(s, p, m);
    const int64_t first = share * p.blocks / shares;
    const int64_t last = (share + 1) * p.blocks / shares;
    const int64_t x_pitch = row_pitch(s.channels);
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * p.block_rows;
      const int64_t end = std::min(begin + p.block_rows, s.images * p.down);
      const int64_t tiles = (end - begin) * p.across;
      transform_input<m, lanes>(s, p, b, begin, end, x);
      transform_cotangent<m, lanes>(s, p, b, begin, end, g);
      for (int f = 0; f < frequencies; ++f) {
        transpose_tile(b.x_planes + f * p.x_plane, p.pitch, s.channels, tiles, b.transposed, x_pitch);
        split_gemm(false, s.filters, s.channels, tiles, b.y_planes + f * p.y_plane, p.pitch, b.transposed, x_pitch,
                   block == first ? 0.0f : 1.0f, du + (share * frequencies + f) * weights, s.channels);
      }
    }
  });
  parallel_range(s.filters, s.channels * frequencies * shares, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) finish_filter<m>(s, k, shares, du, dw);
  });
}

// Calls body with the tile and the vector length, as constants, that fit the width: a row of tiles in full vectors.
template <class F>
void with_lanes(const ConvSizes& s, int tile, const F& body) {
  const int64_t across = ceil_div(s.output[2], tile);
  const auto choose = [&](auto m) {
    if (across > 8) return body(m, std::integral_constant<int, 16>());
    if (across > 4) return body(m, std::integral_constant<int, 8>());
    body(m, std::integral_constant<int, 4>());
  };
  if (tile == 2) return choose(std::integral_constant<int, 2>());
  choose(std::integral_constant<int, 4>());
}

}  // namespace

void winograd_forward(const ConvSizes& s, int tile, const float* x, const float* w, const float* bias, float* y) {
  with_lanes(s, tile, [&](auto m, auto lanes) { forward<m(), lanes()>(s, x, w, bias, y); });
}

void winograd_weight_gradient(const ConvSizes& s, int tile, const float* x, const float* g, float* dw) {
  with_lanes(s, tile, [&](auto m, auto lanes) { weight_gradient<m(), lanes()>(s, x, g, dw); });
}

}  // namespace tarn::kernels
