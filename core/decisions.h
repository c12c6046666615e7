// What an evaluation chose where a function has several smooth pieces, so that another evaluation can be compared with
// it or made to choose the same.
#pragma once

#include <vector>

#include "core/kernels/map.h"
#include "core/tensor.h"

namespace tarn {

/// One op's choices: for a ReLU which elements are positive, for a maximum where it was found.
struct Decision {
  const char* op;
  Tensor choice;  ///< int64, one number for each independent choice
};

/// While it lives, the ops of this thread with kinks or jumps report what they choose, in the order they run. `note`
/// and `compare` leave values as they are. With `follow` each op goes on with the smooth piece that was chosen in an
/// earlier evaluation, even where the inputs have left it: max pooling gives the value at the earlier place, ReLU is
/// x or 0 throughout. Such an evaluation is a smooth function, equal to the real one around the earlier point as far as
/// no choice changes. Watches do not nest.
class Decisions {
 public:
  enum class Mode { note, compare, follow };

  /// Notes.
  Decisions() : Decisions(Mode::note, nullptr) {}
  /// Compares with, or follows, what another noted; `earlier` must outlive this.
  Decisions(Mode mode, const std::vector<Decision>& earlier) : Decisions(mode, &earlier) {}
  ~Decisions();
  Decisions(const Decisions&) = delete;
  Decisions& operator=(const Decisions&) = delete;

  /// The first op whose choices differ from the earlier ones, or nullptr. For `compare`.
  const char* changed() const { return changed_; }
  /// What was noted.
  const std::vector<Decision>& all() const { return noted_; }

  /// The watch of this thread, or nullptr.
  static Decisions* current() { return current_; }
  /// For an op: reports its choice (an int64 tensor), and gives back the one to go on with, which is the earlier one
  /// where this evaluation follows.
  Tensor choose(const char* op, const Tensor& choice);
  bool follows() const { return mode_ == Mode::follow; }

 private:
  Decisions(Mode mode, const std::vector<Decision>* earlier);

  static constinit thread_local Decisions* current_;
  Mode mode_;
  const std::vector<Decision>* earlier_;
  std::vector<Decision> noted_;
  size_t next_ = 0;
  const char* changed_ = nullptr;
};

/// Elementwise op with kinks: piece(v) numbers the smooth piece that v lies in, on(v, k) is piece k continued to v. The
/// result is `value` mapped over x, or, where an earlier evaluation is followed, its pieces.
template <class Value, class Piece, class On>
Tensor map_pieces(const char* op, const Tensor& x, Value value, Piece piece, On on, int64_t cost = 1) {
  if (Decisions* watch = Decisions::current()) [[unlikely]] {
    Tensor chosen(x.shape(), Dtype::i64);
    dispatch_floating(x.dtype(), op, [&](auto zero) {
      using T = decltype(zero);
      for (int64_t i = 0; i < x.numel(); ++i) chosen.fill<int64_t>()[i] = static_cast<int64_t>(piece(x.data<T>()[i]));
    });
    chosen = watch->choose(op, chosen);
    if (watch->follows()) {
      Tensor y(x.shape(), x.dtype());
      dispatch_floating(x.dtype(), op, [&](auto zero) {
        using T = decltype(zero);
        for (int64_t i = 0; i < x.numel(); ++i)
          y.fill<T>()[i] = static_cast<T>(on(x.data<T>()[i], chosen.data<int64_t>()[i]));
      });
      return y;
    }
  }
  return map(op, x, value, cost);
}

/// Elementwise op that is constant between jumps, and of integer value.
template <class Value>
Tensor map_steps(const char* op, const Tensor& x, Value value) {
  return map_pieces(op, x, value, value, [](double, int64_t k) { return static_cast<double>(k); });
}

/// `map_pieces` for two operands, broadcast.
template <class Value, class Piece, class On>
Tensor map2_pieces(const char* op, const Tensor& a, const Tensor& b, Value value, Piece piece, On on,
                   int64_t cost = 1) {
  if (Decisions* watch = Decisions::current()) [[unlikely]] {
    const auto code = [piece](auto v, auto w) { return static_cast<decltype(v)>(piece(v, w)); };
    const Tensor chosen = watch->choose(op, map2(op, a, b, code).to(Dtype::i64));
    if (watch->follows()) {
      const auto left = [](auto v, auto) { return v; };
      const auto right = [](auto, auto w) { return w; };
      const Tensor wide_a = map2(op, a, b, left);
      const Tensor wide_b = map2(op, a, b, right);
      Tensor y(chosen.shape(), a.dtype());
      dispatch_floating(a.dtype(), op, [&](auto zero) {
        using T = decltype(zero);
        for (int64_t i = 0; i < y.numel(); ++i)
          y.fill<T>()[i] = static_cast<T>(on(wide_a.data<T>()[i], wide_b.data<T>()[i], chosen.data<int64_t>()[i]));
      });
      return y;
    }
  }
  return map2(op, a, b, value, cost);
}

}  // namespace tarn
