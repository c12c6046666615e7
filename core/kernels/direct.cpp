// Direct convolution on flattened padded planes.
#include "core/kernels/direct.h"

#include <algorithm>
#include <vector>

#include "core/kernels/conv_rows.h"
#include "core/kernels/conv_scratch.h"
#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn::kernels {

namespace {

constexpr int64_t slack = 16 * 16;  // elements after a row that whole vectors may read and write

// The taps of one axis. Tap j of output cell o sees padded position o · stride + j · dilation; the positions with one
// remainder by the stride form a phase, in which the tap is o + shift.
struct AxisTaps {
  std::vector<int64_t> remainders;    // of each phase that a tap needs
  std::vector<int64_t> phase, shift;  // of each tap
  int64_t length = 0;                 // cells of a phase

  AxisTaps(const ConvSizes& s, size_t axis) {
    for (int64_t j = 0; j < s.kernel[axis]; ++j) {
      const int64_t remainder = j * s.dilation[axis] % s.stride[axis];
      const auto found = std::find(remainders.begin(), remainders.end(), remainder);
      phase.push_back(found - remainders.begin());
      if (found == remainders.end()) remainders.push_back(remainder);
      shift.push_back(j * s.dilation[axis] / s.stride[axis]);
    }
    length = s.output[axis] + shift.back();
  }
};

// Some taps and how far their rows are shifted.
struct Taps {
  std::vector<int64_t> offsets;
  std::vector<int64_t> numbers;  // in the kernel
};

// Padded planes, one for each phase, all with the same pitches; output cells have the same pitches, so that a tap is a
// shift whatever the cell.
struct Layout {
  std::array<AxisTaps, 3> axes;
  int64_t row, plane, phase_cells;  // pitches
  int64_t phases;
  int64_t output_length;  // from the first output cell to behind the last one
  int64_t margin;         // largest shift within a phase
  std::vector<Taps> of_phase;

  explicit Layout(const ConvSizes& s) : axes{AxisTaps(s, 0), AxisTaps(s, 1), AxisTaps(s, 2)} {
    row = axes[2].length;
    plane = row * axes[1].length;
    phase_cells = plane * axes[0].length;
    phases = count(0) * count(1) * count(2);
    output_length = (s.output[0] - 1) * plane + (s.output[1] - 1) * row + s.output[2];
    margin = axes[0].shift.back() * plane + axes[1].shift.back() * row + axes[2].shift.back();
    of_phase.resize(static_cast<size_t>(phases));
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      const size_t d = static_cast<size_t>(tap / (s.kernel[1] * s.kernel[2]));
      const size_t h = static_cast<size_t>(tap / s.kernel[2] % s.kernel[1]);
      const size_t w = static_cast<size_t>(tap % s.kernel[2]);
      const int64_t phase = (axes[0].phase[d] * count(1) + axes[1].phase[h]) * count(2) + axes[2].phase[w];
      Taps& taps = of_phase[static_cast<size_t>(phase)];
      taps.offsets.push_back(axes[0].shift[d] * plane + axes[1].shift[h] * row + axes[2].shift[w]);
      taps.numbers.push_back(tap);
    }
  }
  int64_t count(size_t axis) const { return static_cast<int64_t>(axes[axis].remainders.size()); }
  int64_t pitch() const { return row_pitch(phases * phase_cells + slack); }
  // Offsets of all taps in the planes of a channel, in the kernel's order.
  std::vector<int64_t> all_offsets(int64_t taps) const {
    std::vector<int64_t> all(static_cast<size_t>(taps));
    for (int64_t p = 0; p < phases; ++p) {
      const Taps& t = of_phase[static_cast<size_t>(p)];
      for (size_t i = 0; i < t.numbers.size(); ++i)
        all[static_cast<size_t>(t.numbers[i])] = p * phase_cells + t.offsets[i];
    }
    return all;
  }
};

// Visits the rows of the phases that meet the input: body(position in the phases, input position, first cell, count)
// with input cells input + i · stride, i < count; and the cells of the row that lie outside: [0, first) and [first +
// count, row).
template <class F>
void for_each_row(const ConvSizes& s, const Layout& l, const F& body) {
  for (int64_t phase = 0; phase < l.phases; ++phase) {
    const std::array<int64_t, 3> at{phase / (l.count(1) * l.count(2)), phase / l.count(2) % l.count(1),
                                    phase % l.count(2)};
    std::array<int64_t, 3> start;
    for (size_t a = 0; a < 3; ++a) start[a] = l.axes[a].remainders[static_cast<size_t>(at[a])] - s.before[a];
    const int64_t stride = s.stride[2];
    const int64_t first = std::min(start[2] >= 0 ? 0 : (-start[2] + stride - 1) / stride, l.row);
    const int64_t room = s.input[2] - start[2];
    const int64_t last = std::clamp((room + stride - 1) / stride, first, l.row);
    for (int64_t d = 0; d < l.axes[0].length; ++d) {
      for (int64_t h = 0; h < l.axes[1].length; ++h) {
        const int64_t z = d * s.stride[0] + start[0];
        const int64_t y = h * s.stride[1] + start[1];
        const bool inside = z >= 0 && z < s.input[0] && y >= 0 && y < s.input[1];
        const int64_t input = (z * s.input[1] + y) * s.input[2] + first * stride + start[2];
        body(phase * l.phase_cells + d * l.plane + h * l.row, input, inside ? first : 0, inside ? last - first : 0);
      }
    }
  }
}

// An input plane, split into padded phases.
template <class T>
TARN_KERNEL void gather_plane(const ConvSizes& s, const Layout& l, const T* x, T* phases) {
  for_each_row(s, l, [&](int64_t at, int64_t input, int64_t first, int64_t count) {
    T* to = phases + at;
    zero_row(to, first);
    if (s.stride[2] == 1) {
      copy_row(to + first, x + (count > 0 ? input : 0), count);
    } else {
      for (int64_t i = 0; i < count; ++i) to[first + i] = x[input + i * s.stride[2]];
    }
    zero_row(to + first + count, l.row - first - count);
  });
}

// Output rows between planes [cells] and the flat layout, whose gaps the caller has zeroed.
template <class F>
void for_each_output_row(const ConvSizes& s, const Layout& l, const F& body) {
  for (int64_t d = 0; d < s.output[0]; ++d)
    for (int64_t h = 0; h < s.output[1]; ++h) body(d * l.plane + h * l.row, (d * s.output[1] + h) * s.output[2]);
}

template <class T>
using Vector __attribute__((vector_size(64))) = T;

// Sums that a kernel below computes: out[o][i] = start[o] + Σ weights[o][source][tap] · planes[source][offset[tap] +
// i].
template <class T>
struct FlatSums {
  const T* planes;
  int64_t plane_pitch, sources;
  const int64_t* offsets;
  int64_t taps;
  const T* weights;  // [outputs][sources][taps]
  const T* start;    // may be null: zeros
  T* out;
  int64_t out_pitch, outputs, length;
};

// `rows` outputs from number `first` on, `width` vectors at a time, all in registers.
template <int rows, int width, class T>
inline void flat_rows(const FlatSums<T>& f, int64_t first) {
  constexpr int64_t lanes = 64 / sizeof(T);
  for (int64_t i = 0; i < f.length; i += width * lanes) {
    Vector<T> sums[rows][width];
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < width; ++v) sums[r][v] = Vector<T>{} + (f.start ? f.start[first + r] : T{0});
    for (int64_t source = 0; source < f.sources; ++source) {
      const T* plane = f.planes + source * f.plane_pitch + i;
      const T* weights = f.weights + (first * f.sources + source) * f.taps;
      for (int64_t tap = 0; tap < f.taps; ++tap) {
        const T* from = plane + f.offsets[tap];
        for (int v = 0; v < width; ++v) {
          Vector<T> x;
          __builtin_memcpy(&x, from + v * lanes, 64);
          for (int r = 0; r < rows; ++r) sums[r][v] += weights[r * f.sources * f.taps + tap] * x;
        }
      }
    }
    for (int r = 0; r < rows; ++r) __builtin_memcpy(f.out + (first + r) * f.out_pitch + i, sums[r], width * 64);
  }
}

template <class T>
TARN_KERNEL void flat_sums(const FlatSums<T>& f) {
  int64_t first = 0;
  for (; first + 2 <= f.outputs; first += 2) flat_rows<2, 4, T>(f, first);
  for (; first < f.outputs; ++first) flat_rows<1, 8, T>(f, first);
}

// A fixed tree over the lanes.
template <class T>
inline T add_lanes(const Vector<T>& v) {
  constexpr int lanes = 64 / sizeof(T);
  T part[lanes];
  __builtin_memcpy(part, &v, 64);
  for (int width = lanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) part[i] += part[i + width];
  return part[0];
}

// dw[tap] += Σ g[i] · plane[offset[tap] + i] for `count` taps.
template <int count, class T>
inline void dot_taps(const T* g, const T* plane, const int64_t* offsets, int64_t length, T* dw) {
  constexpr int64_t lanes = 64 / sizeof(T);
  Vector<T> sums[count];
  for (int t = 0; t < count; ++t) sums[t] = Vector<T>{};
  for (int64_t i = 0; i < length; i += lanes) {
    Vector<T> y;
    __builtin_memcpy(&y, g + i, 64);
    for (int t = 0; t < count; ++t) {
      Vector<T> x;
      __builtin_memcpy(&x, plane + offsets[t] + i, 64);
      sums[t] += x * y;
    }
  }
  for (int t = 0; t < count; ++t) dw[t] += add_lanes<T>(sums[t]);
}

template <class T>
TARN_KERNEL void flat_dots(const T* g, int64_t g_pitch, int64_t filters, const T* planes, int64_t pitch,
                           int64_t channels, const int64_t* offsets, int64_t taps, int64_t length, T* dw) {
  for (int64_t k = 0; k < filters; ++k) {
    for (int64_t c = 0; c < channels; ++c, dw += taps) {
      const T* plane = planes + c * pitch;
      int64_t t = 0;
      for (; t + 9 <= taps; t += 9) dot_taps<9, T>(g + k * g_pitch, plane, offsets + t, length, dw + t);
      for (; t + 3 <= taps; t += 3) dot_taps<3, T>(g + k * g_pitch, plane, offsets + t, length, dw + t);
      for (; t < taps; ++t) dot_taps<1, T>(g + k * g_pitch, plane, offsets + t, length, dw + t);
    }
  }
}

// The weights of the taps of one phase, channels before filters: [groups][channels][filters][taps].
template <class T>
std::vector<T> phase_weights(const ConvSizes& s, const Taps& taps, const T* w) {
  std::vector<T> out;
  out.reserve(static_cast<size_t>(s.channels * s.group_filters()) * taps.numbers.size());
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t k = 0; k < s.group_filters(); ++k)
      for (const int64_t tap : taps.numbers) {
        const int64_t filter = c / s.group_channels() * s.group_filters() + k;
        out.push_back(w[(filter * s.group_channels() + c % s.group_channels()) * s.taps() + tap]);
      }
  return out;
}

// Copies the cotangent's planes of one group into the flat layout, whose gaps are zero and stay so.
template <class T>
TARN_KERNEL void spread_cotangent(const ConvSizes& s, const Layout& l, const T* g, T* flat, int64_t pitch) {
  for (int64_t k = 0; k < s.group_filters(); ++k)
    for_each_output_row(s, l, [&](int64_t to, int64_t from) {
      copy_row(flat + k * pitch + to, g + k * s.output_cells() + from, s.output[2]);
    });
}

}  // namespace

bool direct_fits(const ConvSizes& s) {
  constexpr int64_t most_taps = 1024;
  if (s.taps() > most_taps) return false;
  double cells = 1;
  for (size_t a = 0; a < 3; ++a) {
    const auto last = static_cast<double>((s.kernel[a] - 1) * s.dilation[a] / s.stride[a]);
    cells *= (static_cast<double>(s.output[a]) + last) * static_cast<double>(std::min(s.kernel[a], s.stride[a]));
  }
  return cells <= 8.0 * static_cast<double>(s.input_cells() + s.output_cells()) + 4096;
}

template <class T>
void direct_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y) {
  const Layout l(s);
  const std::vector<int64_t> offsets = l.all_offsets(s.taps());
  const int64_t channels = s.group_channels();
  const int64_t filters = s.group_filters();
  const int64_t out_pitch = row_pitch(l.output_length + slack);
  parallel_range(s.images * s.groups, filters * s.rows() * s.output_cells(), [&](int64_t begin, int64_t end) {
    T* planes = scratch<T>(ScratchUse::planes, channels * l.pitch());
    T* out = scratch<T>(ScratchUse::product, filters * out_pitch);
    std::fill_n(planes, channels * l.pitch(), T{0});
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i % s.groups;
      for (int64_t c = 0; c < channels; ++c)
        gather_plane(s, l, x + (i * channels + c) * s.input_cells(), planes + c * l.pitch());
      flat_sums<T>({planes, l.pitch(), channels, offsets.data(), s.taps(), w + group * filters * s.rows(),
                    bias ? bias + group * filters : nullptr, out, out_pitch, filters, l.output_length});
      for (int64_t k = 0; k < filters; ++k)
        for_each_output_row(s, l, [&](int64_t from, int64_t to) {
          copy_row(y + (i * filters + k) * s.output_cells() + to, out + k * out_pitch + from, s.output[2]);
        });
    }
  });
}

// dx of a phase is a sum of shifted cotangents over the taps of the phase; the gaps of the cotangent are zeros.
template <class T>
void direct_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx) {
  const Layout l(s);
  std::vector<std::vector<T>> weights;
  std::vector<std::vector<int64_t>> offsets;
  for (const Taps& taps : l.of_phase) {
    weights.push_back(phase_weights(s, taps, w));
    offsets.push_back(taps.offsets);
    for (int64_t& offset : offsets.back()) offset = -offset;
  }
  const int64_t channels = s.group_channels();
  const int64_t filters = s.group_filters();
  const int64_t g_pitch = row_pitch(l.margin + l.phase_cells + slack);
  parallel_range(s.images * s.groups, filters * s.rows() * s.output_cells(), [&](int64_t begin, int64_t end) {
    T* flat = scratch<T>(ScratchUse::cotangent, filters * g_pitch);
    T* planes = scratch<T>(ScratchUse::planes, channels * l.pitch());
    std::fill_n(flat, filters * g_pitch, T{0});
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i % s.groups;
      spread_cotangent(s, l, g + i * filters * s.output_cells(), flat + l.margin, g_pitch);
      for (size_t p = 0; p < l.of_phase.size(); ++p) {
        const auto taps = static_cast<int64_t>(offsets[p].size());
        flat_sums<T>({flat + l.margin, g_pitch, filters, offsets[p].data(), taps,
                      weights[p].data() + group * channels * filters * taps, nullptr,
                      planes + static_cast<int64_t>(p) * l.phase_cells, l.pitch(), channels, l.phase_cells});
      }
      std::fill_n(dx + i * channels * s.input_cells(), channels * s.input_cells(), T{0});
      for (int64_t c = 0; c < channels; ++c)
        for_each_row(s, l, [&](int64_t at, int64_t input, int64_t first, int64_t count) {
          T* to = dx + (i * channels + c) * s.input_cells();
          const T* from = planes + c * l.pitch() + at + first;
          for (int64_t j = 0; j < count; ++j) to[input + j * s.stride[2]] = from[j];
        });
    }
  });
}

// Each share of the images has partial sums of its own; few images are cut by groups as well.
template <class T>
void direct_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw) {
  const Layout l(s);
  const std::vector<int64_t> offsets = l.all_offsets(s.taps());
  const int64_t channels = s.group_channels();
  const int64_t filters = s.group_filters();
  const int64_t weights = filters * s.rows();
  const int64_t shares = std::min<int64_t>(8, s.images);
  const int64_t bands = std::min((8 + shares - 1) / shares, s.groups);
  const int64_t g_pitch = row_pitch(l.output_length + slack);
  std::vector<T> sums(static_cast<size_t>(shares * s.groups * weights));
  parallel_for(shares * bands, [&](int64_t piece) {
    const int64_t share = piece / bands;
    const int64_t band = piece % bands;
    T* planes = scratch<T>(ScratchUse::planes, channels * l.pitch());
    T* flat = scratch<T>(ScratchUse::cotangent, filters * g_pitch);
    std::fill_n(planes, channels * l.pitch(), T{0});
    std::fill_n(flat, filters * g_pitch, T{0});
    for (int64_t n = share * s.images / shares; n < (share + 1) * s.images / shares; ++n) {
      for (int64_t group = band * s.groups / bands; group < (band + 1) * s.groups / bands; ++group) {
        const int64_t i = n * s.groups + group;
        for (int64_t c = 0; c < channels; ++c)
          gather_plane(s, l, x + (i * channels + c) * s.input_cells(), planes + c * l.pitch());
        spread_cotangent(s, l, g + i * filters * s.output_cells(), flat, g_pitch);
        flat_dots<T>(flat, g_pitch, filters, planes, l.pitch(), channels, offsets.data(), s.taps(), l.output_length,
                     sums.data() + (share * s.groups + group) * weights);
      }
    }
  });
  for (int64_t i = 0; i < s.groups * weights; ++i) {
    T total = sums[static_cast<size_t>(i)];
    for (int64_t share = 1; share < shares; ++share) total += sums[static_cast<size_t>(share * s.groups * weights + i)];
    dw[i] = total;
  }
}

template void direct_forward(const ConvSizes&, const float*, const float*, const float*, float*);
template void direct_forward(const ConvSizes&, const double*, const double*, const double*, double*);
template void direct_input_gradient(const ConvSizes&, const float*, const float*, float*);
template void direct_input_gradient(const ConvSizes&, const double*, const double*, double*);
template void direct_weight_gradient(const ConvSizes&, const float*, const float*, float*);
template void direct_weight_gradient(const ConvSizes&, const double*, const double*, double*);

}  // namespace tarn::kernels
