// Strided copies: rows by memcpy where memory is contiguous, tiles where two dimensions change places.
#include "core/kernels/copy.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn::kernels {

View view_of(const Shape& shape) {
  View v;
  int64_t step = shape.numel();
  for (const int64_t size : shape.span()) {
    step = size == 0 ? 0 : step / size;
    v.push(size, step);
  }
  return v;
}

namespace {

/// The same elements in the same order with as few dimensions as possible, but at least one.
View merged(const View& v) {
  View m;
  m.offset = v.offset;
  for (int d = 0; d < v.rank; ++d) {
    if (v.sizes[d] == 1) continue;
    const int last = m.rank - 1;
    if (m.rank > 0 && m.steps[last] == v.steps[d] * v.sizes[d]) {
      m.sizes[last] *= v.sizes[d];
      m.steps[last] = v.steps[d];
    } else {
      m.push(v.sizes[d], v.steps[d]);
    }
  }
  if (m.rank == 0) m.push(1, 1);
  return m;
}

/// Calls body(offset in the viewed tensor, position in the contiguous one) for the steps [begin, end) of the first
/// `rank` dimensions; `inner` is the number of elements below one step.
template <class Body>
void walk(const View& v, int rank, int64_t inner, int64_t begin, int64_t end, Body body) {
  int64_t index[View::max_rank] = {};
  int64_t offset = v.offset;
  int64_t rest = begin;
  for (int d = rank - 1; d >= 0; --d) {
    index[d] = rest % v.sizes[d];
    rest /= v.sizes[d];
    offset += index[d] * v.steps[d];
  }
  for (int64_t i = begin; i < end; ++i) {
    body(offset, i * inner);
    for (int d = rank - 1; d >= 0; --d) {
      offset += v.steps[d];
      if (++index[d] < v.sizes[d]) break;
      offset -= v.steps[d] * v.sizes[d];
      index[d] = 0;
    }
  }
}

template <class T>
TARN_KERNEL void read_row(const T* x, int64_t step, T* y, int64_t n) {
  if (step == 0) {
    const T value = *x;
    for (int64_t i = 0; i < n; ++i) y[i] = value;
  } else if (step == -1) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[-i];
  } else if (step == 2) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[2 * i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * step];
  }
}

/// A square of 32-byte vectors, turned over in registers: 8 x 8 of 4 bytes or 4 x 4 of 8.
template <class T>
struct Square {
  static constexpr int size = 32 / sizeof(T);
  typedef T Vector __attribute__((vector_size(32)));
  using Lane = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  typedef Lane Mask __attribute__((vector_size(32)));

  Vector rows[size];

  /// Exchanges the off-diagonal blocks of width `block` (Eklundh 1972).
  template <int block>
  inline __attribute__((always_inline)) void exchange() {
    Mask low;
    Mask high;
    for (int l = 0; l < size; ++l) {
      low[l] = (l & block) == 0 ? l : size + l - block;
      high[l] = (l & block) == 0 ? l + block : size + l;
    }
    for (int i = 0; i < size; ++i) {
      if ((i & block) != 0) continue;
      const Vector a = rows[i];
      const Vector b = rows[i + block];
      pick_by(a, b, low, rows[i]);
      pick_by(a, b, high, rows[i + block]);
    }
  }
  inline __attribute__((always_inline)) void transpose() {
    exchange<1>();
    exchange<2>();
    if constexpr (size == 8) exchange<4>();
  }
};

/// y[i · y_step + j] = x[j · x_step + i] for i < rows, j < columns, square by square.
template <class T>
TARN_KERNEL void transpose_tiles(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t rows, int64_t columns) {
  constexpr int64_t side = Square<T>::size;
  const int64_t whole_rows = rows / side * side;
  const int64_t whole_columns = columns / side * side;
  for (int64_t top = 0; top < whole_rows; top += side) {
    for (int64_t left = 0; left < whole_columns; left += side) {
      const T* from = x + left * x_step + top;
      T* to = y + top * y_step + left;
      Square<T> square;
      for (int64_t j = 0; j < side; ++j) std::memcpy(&square.rows[j], from + j * x_step, 32);
      square.transpose();
      for (int64_t i = 0; i < side; ++i) std::memcpy(to + i * y_step, &square.rows[i], 32);
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j) y[i * y_step + j] = x[j * x_step + i];
  }
}

/// Reads a view whose last two dimensions are [rows with step 1, columns with some other step].
template <class T>
void read_transposed(const T* x, const View& v, T* y) {
  const int outer = v.rank - 2;
  const int64_t rows = v.sizes[outer];
  const int64_t columns = v.sizes[outer + 1];
  constexpr int64_t band = 64;
  const int64_t bands = (rows + band - 1) / band;
  int64_t count = 1;
  for (int d = 0; d < outer; ++d) count *= v.sizes[d];
  parallel_range(count * bands, std::min(rows, band) * columns * 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin / bands; i * bands < end; ++i) {
      const int64_t first = std::max<int64_t>(begin - i * bands, 0);
      const int64_t last = std::min(end - i * bands, bands);
      walk(v, outer, rows * columns, i, i + 1, [&](int64_t offset, int64_t position) {
        const int64_t top = first * band;
        transpose_tiles(x + offset + top, v.steps[outer + 1], y + position + top * columns, columns,
                        std::min(last * band, rows) - top, columns);
      });
    }
  });
}

template <class T>
void read_elements(const T* x, const View& v, T* y) {
  const int last = v.rank - 1;
  if (v.rank >= 2 && v.steps[last - 1] == 1 && v.sizes[last] >= 4 && v.sizes[last - 1] >= 4) {
    read_transposed(x, v, y);
    return;
  }
  const int64_t width = v.sizes[last];
  const int64_t step = v.steps[last];
  int64_t count = 1;
  for (int d = 0; d < last; ++d) count *= v.sizes[d];
  if (count == 1 && step == 1) {
    parallel_range(width, 1, [&](int64_t begin, int64_t end) {
      std::memcpy(y + begin, x + v.offset + begin, static_cast<size_t>(end - begin) * sizeof(T));
    });
    return;
  }
  parallel_range(count, width, [&](int64_t begin, int64_t end) {
    walk(v, last, width, begin, end, [&](int64_t offset, int64_t position) {
      if (step != 1)
        read_row(x + offset, step, y + position, width);
      else if (width < 16)
        for (int64_t i = 0; i < width; ++i) y[position + i] = x[offset + i];
      else
        std::memcpy(y + position, x + offset, static_cast<size_t>(width) * sizeof(T));
    });
  });
}

template <class T>
void write_elements(const T* x, const View& v, T* y) {
  const int last = v.rank - 1;
  const int64_t width = v.sizes[last];
  const int64_t step = v.steps[last];
  int64_t count = 1;
  for (int d = 0; d < last; ++d) count *= v.sizes[d];
  parallel_range(count, width, [&](int64_t begin, int64_t end) {
    walk(v, last, width, begin, end, [&](int64_t offset, int64_t position) {
      if (step == 1)
        std::memcpy(y + offset, x + position, static_cast<size_t>(width) * sizeof(T));
      else
        for (int64_t i = 0; i < width; ++i) y[offset + i * step] = x[position + i];
    });
  });
}

}  // namespace

void read_view(const Tensor& x, const View& view, Tensor& y) {
  if (y.numel() == 0) return;
  const View v = merged(view);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    read_elements(x.data<T>(), v, y.fill<T>());
  });
}

void write_view(const Tensor& x, const View& view, Tensor& y) {
  if (x.numel() == 0) return;
  const View v = merged(view);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    write_elements(x.data<T>(), v, y.fill<T>());
  });
}

}  // namespace tarn::kernels
