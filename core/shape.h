// Sizes of a tensor, stored inline: at most six dimensions, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace tarn {

/// Element types a tensor can have at run time: training, checking, and indices or labels.
enum class Dtype : uint8_t { f32, f64, i64 };

/// "float32", "float64" or "int64".
const char* dtype_name(Dtype dtype);

/// Bytes of one element.
constexpr int64_t dtype_size(Dtype dtype) {
  return dtype == Dtype::f32 ? 4 : 8;
}

/// Sizes of a row-major tensor. Rank 0 is a scalar with one element.
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}
  /// Throws when there are more than `max_rank` sizes, one is negative, or their product is beyond 2^46 elements.
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return sizes_[static_cast<size_t>(i)]; }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= sizes_[static_cast<size_t>(i)];
    return n;
  }
  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }
  std::span<const int64_t> span() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }

  /// The same shape with dimension `i` replaced by `size`.
  Shape with(int i, int64_t size) const;
  /// Dimension `i` counted from the front, or from the back where negative; throws "OP: dimension …" when there is
  /// none.
  int axis(int64_t i, const char* op) const;
  /// Product of the sizes from dimension `first` up to, not including, `last`.
  int64_t product(int first, int last) const {
    int64_t n = 1;
    for (int i = first; i < last; ++i) n *= sizes_[static_cast<size_t>(i)];
    return n;
  }
  /// "[2,3,4]".
  std::string text() const;

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (sizes_[static_cast<size_t>(i)] != other.sizes_[static_cast<size_t>(i)]) return false;
    return true;
  }

 private:
  std::array<int64_t, max_rank> sizes_{};
  int rank_ = 0;
};

/// The shape both operands take under NumPy's broadcasting rules; throws "OP: [2,3] and [4]: …" when they do not fit.
Shape broadcast(const Shape& a, const Shape& b, const char* op);

/// Shapes print as "[2,3]" in messages.
void append_text(std::string& out, const Shape& shape);
void append_text(std::string& out, Dtype dtype);

}  // namespace tarn
