// Gradient clipping, by common norm and by value.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "optim/optimizer.h"

namespace tarn {
namespace {

constexpr int64_t piece_size = int64_t{64} << 10;
constexpr int64_t lanes = 32;

/// Sums term(|x[i]|) in double with `lanes` accumulators and a fixed tree, so that the bits depend on nothing else.
template <class T, class Term>
[[gnu::always_inline]] inline double sum_terms(const T* x, int64_t n, Term term) {
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t l = 0; l < lanes; ++l) sums[l] += term(std::abs(static_cast<double>(x[i + l])));
  for (int64_t l = 0; i < n; ++i, ++l) sums[l] += term(std::abs(static_cast<double>(x[i])));
  for (int64_t half = lanes / 2; half > 0; half /= 2)
    for (int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
  return sums[0];
}

template <class T>
TARN_KERNEL double sum_of_squares(const T* x, int64_t n) {
  return sum_terms(x, n, [](double a) { return a * a; });
}
template <class T>
TARN_KERNEL double sum_of_values(const T* x, int64_t n) {
  return sum_terms(x, n, [](double a) { return a; });
}
template <class T>
double sum_of_powers(const T* x, int64_t n, double p) {
  return sum_terms(x, n, [p](double a) { return std::pow(a, p); });
}
/// The largest |x[i]|; NaN where there is one.
template <class T>
TARN_KERNEL double largest(const T* x, int64_t n) {
  T most = 0;
  T zero = 0;  // stays 0 unless something is NaN or infinite
  for (int64_t i = 0; i < n; ++i) {
    const T a = std::abs(x[i]);
    most = a > most ? a : most;
  }
  for (int64_t i = 0; i < n; ++i) zero = x[i] == x[i] ? zero : std::numeric_limits<T>::quiet_NaN();
  return static_cast<double>(most + zero);
}

template <class T>
double term_sum(const T* x, int64_t n, double p) {
  if (std::isinf(p)) return largest(x, n);
  if (p == 2) return sum_of_squares(x, n);
  if (p == 1) return sum_of_values(x, n);
  return sum_of_powers(x, n, p);
}

template <class T>
TARN_KERNEL void scale_loop(const T* x, T* y, int64_t n, T factor) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor;
}
template <class T>
TARN_KERNEL void clamp_loop(const T* x, T* y, int64_t n, T limit) {
  for (int64_t i = 0; i < n; ++i) {
    const T low = x[i] < -limit ? -limit : x[i];
    y[i] = low > limit ? limit : low;
  }
}

/// A piece of one gradient.
struct Piece {
  size_t gradient;
  int64_t begin, end;
};

std::vector<Piece> cut(std::span<const Tensor> gradients, const char* op) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    if (!gradients[i].floating()) not_floating(op);
    const int64_t n = gradients[i].numel();
    for (int64_t begin = 0; begin < n; begin += piece_size)
      pieces.push_back({i, begin, std::min(n, begin + piece_size)});
  }
  return pieces;
}

/// Runs body for every piece, in parallel where there is enough to do.
void for_each_piece(std::span<const Piece> pieces, FunctionRef<void(size_t)> body) {
  int64_t total = 0;
  for (const Piece& piece : pieces) total += piece.end - piece.begin;
  if (total < (int64_t{32} << 10)) {
    for (size_t i = 0; i < pieces.size(); ++i) body(i);
  } else {
    parallel_for(static_cast<int64_t>(pieces.size()), [&](int64_t i) { body(static_cast<size_t>(i)); });
  }
}

/// Replaces every gradient x by loop(x, y, n), in place where nobody else holds its storage: a pullback may hand the
/// same tensor to two parameters.
template <class Loop>
void rewrite(std::span<Tensor> gradients, std::span<const Piece> pieces, const char* op, Loop loop) {
  std::vector<Tensor> results(gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined() && !gradients[i].storage().unique())
      results[i] = Tensor(gradients[i].shape(), gradients[i].dtype());
  for_each_piece(pieces, [&](size_t k) {
    const Piece& piece = pieces[k];
    Tensor& x = gradients[piece.gradient];
    Tensor& y = results[piece.gradient].defined() ? results[piece.gradient] : x;
    dispatch_floating(x.dtype(), op, [&](auto type) {
      using T = decltype(type);
      loop(x.data<T>() + piece.begin, y.fill<T>() + piece.begin, piece.end - piece.begin);
    });
  });
  for (size_t i = 0; i < gradients.size(); ++i)
    if (results[i].defined()) gradients[i] = std::move(results[i]);
}

}  // namespace

double clip_grad_norm(std::span<Tensor> gradients, double max_norm, double norm_type) {
  check(norm_type > 0, "clip_grad_norm: norm_type is ", norm_type, ", expected a number above 0 or infinity");
  check(max_norm >= 0, "clip_grad_norm: max_norm is ", max_norm, ", expected 0 or more");
  const std::vector<Piece> pieces = cut(gradients, "clip_grad_norm");
  std::vector<double> sums(pieces.size());
  for_each_piece(pieces, [&](size_t k) {
    const Tensor& x = gradients[pieces[k].gradient];
    dispatch_floating(x.dtype(), "clip_grad_norm", [&](auto type) {
      using T = decltype(type);
      sums[k] = term_sum(x.data<T>() + pieces[k].begin, pieces[k].end - pieces[k].begin, norm_type);
    });
  });
  double norm = 0;
  for (const double sum : sums) {
    if (!std::isinf(norm_type)) {
      norm += sum;
    } else if (!(sum <= norm)) {
      norm = sum;
      if (std::isnan(norm)) break;
    }
  }
  if (norm_type == 2) {
    norm = std::sqrt(norm);
  } else if (!std::isinf(norm_type) && norm_type != 1) {
    norm = std::pow(norm, 1 / norm_type);
  }
  const double factor = max_norm / (norm + 1e-6);
  if (factor < 1 || std::isnan(factor)) {
    rewrite(gradients, pieces, "clip_grad_norm",
            [factor]<class T>(const T* x, T* y, int64_t n) { scale_loop(x, y, n, static_cast<T>(factor)); });
  }
  return norm;
}

void clip_grad_value(std::span<Tensor> gradients, double value) {
  check(value >= 0, "clip_grad_value: the limit is ", value, ", expected 0 or more");
  rewrite(gradients, cut(gradients, "clip_grad_value"), "clip_grad_value",
          [value]<class T>(const T* x, T* y, int64_t n) { clamp_loop(x, y, n, static_cast<T>(value)); });
}

}  // namespace tarn
