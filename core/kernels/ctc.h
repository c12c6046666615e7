// Loops of connectionist temporal classification: the probability of all paths that spell a text, forwards and
// backwards (Graves et al. 2006). For ctc_loss.cpp only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace tarn::kernels {

/// One sample: log-probabilities x[t · step + c] of `frames` frames, and `positions` labels, every other one a blank,
/// among which a path moves on by none, one, or, between two different texts' labels, two.
template <class T>
struct Spelling {
  const T* x;
  int64_t step, frames;
  const int64_t* labels;
  int64_t positions;

  double emitted(int64_t t, int64_t s) const { return static_cast<double>(x[t * step + labels[s]]); }
  /// Whether a path may come to s from s - 2.
  bool skips(int64_t s) const { return s % 2 == 1 && s >= 2 && labels[s] != labels[s - 2]; }
};

inline double log_sum(double a, double b, double c) {
  const double top = std::max(a, std::max(b, c));
  if (std::isinf(top)) return top;
  return top + std::log(std::exp(a - top) + std::exp(b - top) + std::exp(c - top));
}

constexpr double never = -std::numeric_limits<double>::infinity();

/// Logarithms of the probabilities that frames 0 … t spell labels 0 … s, [frames, pitch]; returns minus that of all.
template <class T>
double spell_forwards(const Spelling<T>& p, double* alpha, int64_t pitch) {
  if (p.frames == 0) return p.positions == 1 ? 0 : -never;
  for (int64_t t = 0; t < p.frames; ++t) {
    double* row = alpha + t * pitch;
    const double* before = row - pitch;
    for (int64_t s = 0; s < p.positions; ++s) {
      double ways = s < 2 ? 0 : never;
      if (t > 0) ways = log_sum(before[s], s >= 1 ? before[s - 1] : never, p.skips(s) ? before[s - 2] : never);
      row[s] = ways + p.emitted(t, s);
    }
  }
  const double* last = alpha + (p.frames - 1) * pitch + p.positions;
  return -log_sum(last[-1], p.positions > 1 ? last[-2] : never, never);
}

/// dx = -g times the probability that a spelling passes through each class at each frame; nothing where there is none.
template <class T>
void spell_backwards(const Spelling<T>& p, const double* alpha, int64_t pitch, double loss, double g, T* dx) {
  std::vector<double> next(static_cast<size_t>(p.positions) + 2, never);
  std::vector<double> beta = next;
  for (int64_t t = p.frames - 1; t >= 0; --t) {
    for (int64_t s = 0; s < p.positions; ++s) {
      const auto at = static_cast<size_t>(s);
      double ways = s + 2 >= p.positions ? 0 : never;
      if (t + 1 < p.frames)
        ways = log_sum(next[at], next[at + 1], s + 2 < p.positions && p.skips(s + 2) ? next[at + 2] : never);
      beta[at] = ways + p.emitted(t, s);
      const double through = alpha[t * pitch + s] + ways;
      if (through > never) dx[t * p.step + p.labels[s]] -= static_cast<T>(g * std::exp(through + loss));
    }
    std::swap(beta, next);
  }
}

}  // namespace tarn::kernels
