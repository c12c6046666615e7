// im2col and col2im for any block of the column matrix, row segment by row segment.
#include "core/kernels/im2col.h"

#include <algorithm>

#include "core/kernels/conv_rows.h"
#include "core/kernels/kernel.h"

namespace tarn::kernels {

namespace {

// A run of columns in one row of the output: cells (d, h, w) … (d, h, w + count - 1) of an image.
struct Segment {
  int64_t image, d, h, w, count;
};

// One tap of the kernel: where it looks, and which output columns it finds inside the input's row.
struct Tap {
  int64_t d, h, w;
  int64_t first, last;
};

inline Tap tap_at(const ConvSizes& s, int64_t tap) {
  Tap t;
  t.d = tap / (s.kernel[1] * s.kernel[2]) * s.dilation[0] - s.before[0];
  t.h = tap / s.kernel[2] % s.kernel[1] * s.dilation[1] - s.before[1];
  t.w = tap % s.kernel[2] * s.dilation[2] - s.before[2];
  t.first = std::clamp<int64_t>(ceil_div(-t.w, s.stride[2]), 0, s.output[2]);
  t.last = std::clamp<int64_t>(ceil_div(s.input[2] - t.w, s.stride[2]), t.first, s.output[2]);
  return t;
}

// The segment that starts at `column`.
inline Segment segment_at(const ConvSizes& s, int64_t column, int64_t column_end) {
  const int64_t cell = column % s.output_cells();
  Segment g;
  g.image = column / s.output_cells();
  g.w = cell % s.output[2];
  g.h = cell / s.output[2] % s.output[1];
  g.d = cell / (s.output[2] * s.output[1]);
  g.count = std::min(s.output[2] - g.w, column_end - column);
  return g;
}

// The segment after `g`; `left` columns remain.
inline void advance(const ConvSizes& s, Segment& g, int64_t left) {
  g.w = 0;
  g.count = std::min(s.output[2], left);
  if (++g.h < s.output[1]) return;
  g.h = 0;
  if (++g.d < s.output[0]) return;
  g.d = 0;
  ++g.image;
}

// The input row that a tap sees from a segment, as an offset from the first image; false where it lies in the padding.
inline bool input_row(const ConvSizes& s, const Segment& g, const Tap& t, int64_t channel, int64_t& offset) {
  const int64_t d = g.d * s.stride[0] + t.d;
  const int64_t h = g.h * s.stride[1] + t.h;
  if (d < 0 || d >= s.input[0] || h < 0 || h >= s.input[1]) return false;
  offset = ((g.image * s.channels + channel) * s.input[0] + d) * s.input[1] * s.input[2] + h * s.input[2];
  return true;
}

template <class T>
inline void gather_row(T* out, const T* x, int64_t count, int64_t stride) {
  if (stride == 1) {
    copy_row(out, x, count);
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; ++i) out[i] = x[2 * i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = x[stride * i];
  }
}

template <class T>
inline void scatter_row(T* out, const T* columns, int64_t count, int64_t stride) {
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] += columns[i];
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; ++i) out[2 * i] += columns[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[stride * i] += columns[i];
  }
}

}  // namespace

template <class T>
TARN_KERNEL void im2col(const ConvSizes& s, const ColumnBlock& block, const T* x, T* out, int64_t pitch) {
  const int64_t taps = s.taps();
  const Segment start = segment_at(s, block.column_begin, block.column_end);
  for (int64_t row = block.row_begin; row < block.row_end; ++row, out += pitch) {
    const Tap t = tap_at(s, row % taps);
    T* to = out;
    Segment g = start;
    for (int64_t left = block.column_end - block.column_begin; left > 0; left -= g.count, advance(s, g, left)) {
      const int64_t first = std::clamp(t.first - g.w, int64_t{0}, g.count);
      const int64_t last = std::clamp(t.last - g.w, first, g.count);
      int64_t offset = 0;
      if (input_row(s, g, t, row / taps, offset) && first < last) {
        zero_row(to, first);
        gather_row(to + first, x + offset + (g.w + first) * s.stride[2] + t.w, last - first, s.stride[2]);
        zero_row(to + last, g.count - last);
      } else {
        zero_row(to, g.count);
      }
      to += g.count;
    }
  }
}

template <class T>
TARN_KERNEL void col2im(const ConvSizes& s, const ColumnBlock& block, const T* columns, int64_t pitch, T* dx) {
  const int64_t taps = s.taps();
  const Segment start = segment_at(s, block.column_begin, block.column_end);
  for (int64_t row = block.row_begin; row < block.row_end; ++row, columns += pitch) {
    const Tap t = tap_at(s, row % taps);
    const T* from = columns;
    Segment g = start;
    for (int64_t left = block.column_end - block.column_begin; left > 0; left -= g.count, advance(s, g, left)) {
      const int64_t first = std::clamp(t.first - g.w, int64_t{0}, g.count);
      const int64_t last = std::clamp(t.last - g.w, first, g.count);
      int64_t offset = 0;
      if (input_row(s, g, t, row / taps, offset) && first < last)
        scatter_row(dx + offset + (g.w + first) * s.stride[2] + t.w, from + first, last - first, s.stride[2]);
      from += g.count;
    }
  }
}

template void im2col(const ConvSizes&, const ColumnBlock&, const float*, float*, int64_t);
template void im2col(const ConvSizes&, const ColumnBlock&, const double*, double*, int64_t);
template void col2im(const ConvSizes&, const ColumnBlock&, const float*, int64_t, float*);
template void col2im(const ConvSizes&, const ColumnBlock&, const double*, int64_t, double*);

}  // namespace tarn::kernels
