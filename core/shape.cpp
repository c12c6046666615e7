// Shapes: their checks, their text, and NumPy's rule of broadcasting.
#include "core/shape.h"

#include "core/error.h"

namespace tarn {

namespace {

// Far beyond any memory, and small enough that sizes in bytes never overflow.
constexpr int64_t largest_numel = int64_t{1} << 46;

}  // namespace

const char* dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return "float32";
    case Dtype::f64:
      return "float64";
    default:
      return "int64";
  }
}

Shape::Shape(std::span<const int64_t> sizes) {
  check(sizes.size() <= max_rank, "shape ", sizes, ": ", sizes.size(), " dimensions; at most ", max_rank,
        " are possible");
  int64_t n = 1;
  bool empty = false;
  for (const int64_t size : sizes) {
    check(size >= 0, "shape ", sizes, ": size ", size, " is negative");
    empty = empty || size == 0;
    sizes_[static_cast<size_t>(rank_++)] = size;
  }
  for (const int64_t size : sizes) {
    if (size == 0) continue;
    check(n <= largest_numel / size, "shape ", sizes, ": more than 2^46 elements",
          empty ? " beside an empty dimension" : "");
    n *= size;
  }
}

Shape Shape::with(int i, int64_t size) const {
  std::array<int64_t, max_rank> sizes = sizes_;
  sizes[static_cast<size_t>(i)] = size;
  return Shape(std::span<const int64_t>(sizes.data(), static_cast<size_t>(rank_)));
}

int Shape::axis(int64_t i, const char* op) const {
  const int64_t n = rank_ == 0 ? 1 : rank_;  // a scalar has dimensions 0 and -1, as in PyTorch
  check(i >= -n && i < n, op, ": dimension ", i, " of a tensor of shape ", *this, "; expected ", -n, " to ", n - 1);
  return static_cast<int>(i < 0 ? i + n : i);
}

std::string Shape::text() const {
  std::string out;
  append_text(out, *this);
  return out;
}

void append_text(std::string& out, const Shape& shape) {
  append_text(out, shape.span());
}

void append_text(std::string& out, Dtype dtype) {
  out += dtype_name(dtype);
}

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  std::array<int64_t, Shape::max_rank> sizes{};
  for (int i = 1; i <= rank; ++i) {
    const int64_t sa = i <= a.rank() ? a[a.rank() - i] : 1;
    const int64_t sb = i <= b.rank() ? b[b.rank() - i] : 1;
    check(sa == sb || sa == 1 || sb == 1, op, ": ", a, " and ", b, " do not broadcast: sizes ", sa, " and ", sb,
          " differ in dimension ", rank - i);
    sizes[static_cast<size_t>(rank - i)] = sa == 1 ? sb : sa;
  }
  return Shape(std::span<const int64_t>(sizes.data(), static_cast<size_t>(rank)));
}

}  // namespace tarn
