// Makes tables of weights, transposes them, and runs them over rows and columns of planes.
#include "core/kernels/resample.h"

#include <algorithm>

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn::kernels {
namespace {

// The longest run of outputs around the middle that have all the taps.
void find_even(Taps& taps) {
  const int64_t* count = taps.count.data<int64_t>();
  int64_t begin = taps.output / 2;
  int64_t end = begin;
  while (end < taps.output && count[end] == taps.widest) ++end;
  while (begin > 0 && count[begin - 1] == taps.widest) --begin;
  taps.even_begin = begin;
  taps.even_end = end;
}

Taps empty_taps(int64_t input, int64_t output, int64_t widest, Dtype dtype) {
  Taps taps;
  taps.input = input;
  taps.output = output;
  taps.widest = widest;
  taps.first = Tensor({output}, Dtype::i64);
  taps.count = Tensor({output}, Dtype::i64);
  taps.weights = Tensor::zeros({output, widest}, dtype);
  return taps;
}

}  // namespace

bool Taps::identity() const {
  if (input != output) return false;
  for (int64_t o = 0; o < output; ++o) {
    const int64_t own = o - first.data<int64_t>()[o];
    const int64_t n = count.data<int64_t>()[o];
    if (own < 0 || own >= n) return false;
    for (int64_t k = 0; k < n; ++k)
      if (weights.at(o * widest + k) != (k == own ? 1 : 0)) return false;
  }
  return true;
}

Taps make_taps(int64_t input, int64_t output, int64_t widest, Dtype dtype,
               const std::function<void(int64_t, TapRow&)>& row) {
  Taps taps = empty_taps(input, output, widest, dtype);
  int64_t* first = taps.first.fill<int64_t>();
  int64_t* count = taps.count.fill<int64_t>();
  dispatch_floating(dtype, "resample", [&](auto t) {
    using T = decltype(t);
    T* weights = taps.weights.fill<T>();
    TapRow one;
    for (int64_t o = 0; o < output; ++o) {
      one.weights.clear();
      row(o, one);
      first[o] = one.first;
      count[o] = static_cast<int64_t>(one.weights.size());
      std::transform(one.weights.begin(), one.weights.end(), weights + o * widest,
                     [](double w) { return static_cast<T>(w); });
    }
  });
  find_even(taps);
  return taps;
}

// The outputs that see an input are neighbours: those after the last one that ends before it, up to the first one that
// starts after it.
Taps transposed(const Taps& taps) {
  const int64_t* first = taps.first.data<int64_t>();
  const int64_t* count = taps.count.data<int64_t>();
  std::vector<int64_t> begin(static_cast<size_t>(taps.input));
  std::vector<int64_t> end(static_cast<size_t>(taps.input));
  int64_t widest = 0;
  for (int64_t i = 0, lo = 0, hi = 0; i < taps.input; ++i) {
    while (lo < taps.output && first[lo] + count[lo] <= i) ++lo;
    while (hi < taps.output && first[hi] <= i) ++hi;
    begin[static_cast<size_t>(i)] = lo;
    end[static_cast<size_t>(i)] = hi;
    widest = std::max(widest, hi - lo);
  }
  Taps back = empty_taps(taps.output, taps.input, widest, taps.weights.dtype());
  dispatch_floating(taps.weights.dtype(), "resample", [&](auto t) {
    using T = decltype(t);
    const T* from = taps.weights.data<T>();
    T* to = back.weights.fill<T>();
    for (int64_t i = 0; i < taps.input; ++i) {
      const int64_t lo = begin[static_cast<size_t>(i)];
      const int64_t n = end[static_cast<size_t>(i)] - lo;
      back.first.fill<int64_t>()[i] = lo;
      back.count.fill<int64_t>()[i] = n;
      for (int64_t k = 0; k < n; ++k) to[i * widest + k] = from[(lo + k) * taps.widest + i - first[lo + k]];
    }
  });
  find_even(back);
  return back;
}

namespace {

/// The arrays of a table.
template <class T>
struct TapArrays {
  explicit TapArrays(const Taps& taps)
      : first(taps.first.data<int64_t>()),
        count(taps.count.data<int64_t>()),
        weights(taps.weights.data<T>()),
        output(taps.output),
        widest(taps.widest),
        even_begin(taps.even_begin),
        even_end(taps.even_end) {}
  const int64_t* first;
  const int64_t* count;
  const T* weights;
  int64_t output, widest, even_begin, even_end;

  /// Whether, within the even outputs, every `period`th has the same weights, `step` input cells further on.
  bool repeats(int64_t period, int64_t step) const {
    for (int64_t o = even_begin; o + period < even_end; ++o) {
      const T* w = weights + o * widest;
      if (first[o + period] != first[o] + step || !std::equal(w, w + widest, w + period * widest)) return false;
    }
    return true;
  }
};

/// Rows of cells, `step` apart.
template <class T>
struct Rows {
  T* data;
  int64_t step;
};

template <class T>
inline void across_any(const TapArrays<T>& t, const T* x, T* y, int64_t begin, int64_t end) {
  for (int64_t o = begin; o < end; ++o) {
    const T* in = x + t.first[o];
    const T* w = t.weights + o * t.widest;
    T total = 0;
    for (int64_t k = 0; k < t.count[o]; ++k) total += w[k] * in[k];
    y[o] = total;
  }
}

/// Several rows at once, so that a position and its weights are read once.
template <int rows, int taps, class T>
inline void across_even(const TapArrays<T>& t, Rows<const T> x, Rows<T> y) {
  const int64_t* first = t.first;
  const T* weights = t.weights;
  for (int64_t o = t.even_begin; o < t.even_end; ++o) {
    const T* in = x.data + first[o];
    T w[taps];
    for (int k = 0; k < taps; ++k) w[k] = weights[o * taps + k];
    T total[rows];
    for (int r = 0; r < rows; ++r) {
      total[r] = 0;
      for (int k = 0; k < taps; ++k) total[r] += w[k] * in[r * x.step + k];
    }
    for (int r = 0; r < rows; ++r) y.data[r * y.step + o] = total[r];
  }
}

/// Twice as many cells: two sets of weights take turns.
template <int taps, class T>
inline void across_doubling(const TapArrays<T>& t, const T* x, T* y) {
  const int64_t pairs = (t.even_end - t.even_begin) / 2;
  const T* w = t.weights + t.even_begin * taps;
  const T* even = x + t.first[t.even_begin];
  const T* odd = x + t.first[t.even_begin + 1];
  T* out = y + t.even_begin;
  for (int64_t i = 0; i < pairs; ++i) {
    T a = 0;
    T b = 0;
    for (int k = 0; k < taps; ++k) {
      a += w[k] * even[i + k];
      b += w[taps + k] * odd[i + k];
    }
    out[2 * i] = a;
    out[2 * i + 1] = b;
  }
  across_any(t, x, y, t.even_begin + 2 * pairs, t.even_end);
}

/// Half as many cells: all have the same weights.
template <int taps, class T>
inline void across_halving(const TapArrays<T>& t, const T* x, T* y) {
  const T* w = t.weights + t.even_begin * taps;
  const T* in = x + t.first[t.even_begin];
  T* out = y + t.even_begin;
  for (int64_t i = 0; i < t.even_end - t.even_begin; ++i) {
    T total = 0;
    for (int k = 0; k < taps; ++k) total += w[k] * in[2 * i + k];
    out[i] = total;
  }
}

enum class Pattern : uint8_t { none, doubling, halving };

template <class T>
Pattern pattern_of(const TapArrays<T>& t) {
  if (t.even_end - t.even_begin < 8) return Pattern::none;
  if (t.repeats(2, 1)) return Pattern::doubling;
  return t.repeats(1, 2) ? Pattern::halving : Pattern::none;
}

template <int taps, class T>
inline void across_rows(const TapArrays<T>& t, Pattern pattern, Rows<const T> x, Rows<T> y, int64_t n) {
  int64_t r = 0;
  if (pattern == Pattern::none) {
    for (; r + 4 <= n; r += 4)
      across_even<4, taps>(t, Rows<const T>{x.data + r * x.step, x.step}, Rows<T>{y.data + r * y.step, y.step});
  }
  for (; r < n; ++r) {
    const T* in = x.data + r * x.step;
    T* out = y.data + r * y.step;
    if (pattern == Pattern::doubling) across_doubling<taps>(t, in, out);
    if (pattern == Pattern::halving) across_halving<taps>(t, in, out);
    if (pattern == Pattern::none) across_even<1, taps>(t, Rows<const T>{in, 0}, Rows<T>{out, 0});
  }
}

/// Combines the cells of each of n rows.
template <class T>
TARN_KERNEL void resample_rows(const TapArrays<T>& t, Pattern pattern, Rows<const T> x, Rows<T> y, int64_t n) {
  const bool few = t.widest >= 1 && t.widest <= 4;
  for (int64_t r = 0; r < n; ++r) {
    const T* in = x.data + r * x.step;
    T* out = y.data + r * y.step;
    across_any(t, in, out, 0, few ? t.even_begin : t.output);
    if (few) across_any(t, in, out, t.even_end, t.output);
  }
  if (t.widest == 1) across_rows<1>(t, pattern, x, y, n);
  if (t.widest == 2) across_rows<2>(t, pattern, x, y, n);
  if (t.widest == 3) across_rows<3>(t, pattern, x, y, n);
  if (t.widest == 4) across_rows<4>(t, pattern, x, y, n);
}

template <int rows, bool add, class T>
inline void add_rows(const T* x, int64_t step, const T* w, T* y, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    T total = add ? y[j] : T(0);
    for (int k = 0; k < rows; ++k) total += w[k] * x[k * step + j];
    y[j] = total;
  }
}

/// y[j] = Σ_k w[k] · x[k · step + j]: combines `count` rows of n cells, four at a time.
template <class T>
TARN_KERNEL void combine_rows(const T* x, int64_t step, const T* w, int64_t count, T* y, int64_t n) {
  constexpr int64_t chunk = 2048;
  if (count == 0) std::fill_n(y, n, T(0));
  for (int64_t left = 0; left < n; left += chunk) {
    const int64_t width = std::min(chunk, n - left);
    const T* in = x + left;
    T* out = y + left;
    if (count == 1) add_rows<1, false>(in, step, w, out, width);
    if (count == 2) add_rows<2, false>(in, step, w, out, width);
    if (count == 3) add_rows<3, false>(in, step, w, out, width);
    if (count >= 4) add_rows<4, false>(in, step, w, out, width);
    int64_t k = 4;
    for (; k + 4 <= count; k += 4) add_rows<4, true>(in + k * step, step, w + k, out, width);
    for (; k < count; ++k) add_rows<1, true>(in + k * step, step, w + k, out, width);
  }
}

template <class T>
void copy_or_combine(const T* x, int64_t step, const T* w, int64_t count, T* y, int64_t n) {
  if (count == 1 && *w == 1)
    std::copy_n(x, n, y);
  else
    combine_rows(x, step, w, count, y, n);
}

/// Few rows of the output at a time: first the input's rows are combined, then the cells of the results.
template <class T>
void rows_first(const Resampling& r, const T* x, T* y) {
  constexpr int64_t few = 4;
  const int64_t height = r.output_height();
  const int64_t width = r.output_width();
  const Pattern pattern = r.across ? pattern_of(TapArrays<T>(*r.across)) : Pattern::none;
  const int64_t cost = (r.down ? r.width * r.down->widest : 0) + (r.across ? 4 * width * r.across->widest : 0);
  parallel_range(r.planes * height, cost, [&](int64_t begin, int64_t end) {
    const Storage scratch(static_cast<size_t>(r.down && r.across ? few * r.width : 0) * sizeof(T));
    T* const thin = static_cast<T*>(scratch.data());
    for (int64_t row = begin; row < end; row += few) {
      const int64_t n = std::min(few, end - row);
      for (int64_t i = row; r.down && i < row + n; ++i) {
        const TapArrays<T> t(*r.down);
        const int64_t o = i % height;
        copy_or_combine(x + (i / height * r.height + t.first[o]) * r.width, r.width, t.weights + o * t.widest,
                        t.count[o], r.across ? thin + (i - row) * r.width : y + i * width, r.width);
      }
      const Rows<const T> from{r.down ? thin : x + row * r.width, r.width};
      if (r.across) resample_rows(TapArrays<T>(*r.across), pattern, from, Rows<T>{y + row * width, width}, n);
    }
  });
}

/// Blocks of rows of the output: the rows of the input that a block sees are resampled across, once each, and then
/// combined. What is right where rows become more.
template <class T>
void cells_first(const Resampling& r, const T* x, T* y) {
  const TapArrays<T> down(*r.down);
  const TapArrays<T> across(*r.across);
  const Pattern pattern = pattern_of(across);
  const int64_t width = across.output;
  const int64_t block = std::max<int64_t>(32, 16384 / width);
  const int64_t blocks = (down.output + block - 1) / block;
  const int64_t rows = std::min(block, down.output);
  const int64_t cost = width * (rows * down.widest + 4 * rows * r.height / down.output * across.widest);
  const auto first_row = [&](int64_t top) { return down.first[top]; };
  const auto end_row = [&](int64_t bottom) { return down.first[bottom - 1] + down.count[bottom - 1]; };
  int64_t most = 0;
  for (int64_t top = 0; top < down.output; top += block)
    most = std::max(most, end_row(std::min(top + block, down.output)) - first_row(top));
  parallel_range(r.planes * blocks, cost, [&](int64_t begin, int64_t end) {
    const Storage scratch(static_cast<size_t>(most * width) * sizeof(T));
    T* const thin = static_cast<T*>(scratch.data());
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t plane = piece / blocks;
      const int64_t top = piece % blocks * block;
      const int64_t bottom = std::min(top + block, down.output);
      const int64_t first = first_row(top);
      resample_rows(across, pattern, Rows<const T>{x + (plane * r.height + first) * r.width, r.width},
                    Rows<T>{thin, width}, end_row(bottom) - first);
      for (int64_t o = top; o < bottom; ++o)
        copy_or_combine(thin + (down.first[o] - first) * width, width, down.weights + o * down.widest, down.count[o],
                        y + (plane * down.output + o) * width, width);
    }
  });
}

}  // namespace

template <class T>
void resample(const Resampling& r, const T* x, T* y) {
  if (r.planes * r.output_height() * r.output_width() == 0) return;
  if (r.down && r.across && r.down->output > r.down->input)
    cells_first(r, x, y);
  else
    rows_first(r, x, y);
}

template void resample(const Resampling&, const float*, float*);
template void resample(const Resampling&, const double*, double*);

}  // namespace tarn::kernels
