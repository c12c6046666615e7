// Mean and variance of every channel, kept while training for the time after: the buffers of batch and instance
// normalisation.
#pragma once

#include "core/tensor.h"
#include "layers/module.h"

namespace tarn {

class RunningStatistics {
 public:
  /// None are kept.
  RunningStatistics() = default;
  RunningStatistics(int64_t features, Build& build)
      : mean_(build.buffer({features}, 0)),
        variance_(build.buffer({features}, 1)),
        batches_(build.buffer({}, 0, Dtype::i64)) {}

  bool kept() const { return mean_.defined(); }
  const Tensor& mean() const { return mean_; }
  const Tensor& variance() const { return variance_; }
  /// Counts a batch and returns how many there were.
  int64_t count_batch() { return ++*write_in_place<int64_t>(batches_); }

  /// Moves the statistics by `share` towards those of a batch with `count` values per channel; its variance, which is
  /// biased, is made unbiased.
  void move(const Tensor& mean, const Tensor& variance, double share, int64_t count) {
    average(mean_, mean, share, 1);
    average(variance_, variance, share, static_cast<double>(count) / static_cast<double>(count - 1));
  }
  void parts(Parts& p) {
    p.buffer("running_mean", mean_);
    p.buffer("running_var", variance_);
    p.buffer("num_batches_tracked", batches_);
  }

 private:
  /// running = (1 - share) · running + share · scale · value, element by element.
  static void average(Tensor& running, const Tensor& value, double share, double scale) {
    dispatch_floating(running.dtype(), "running statistics", [&](auto zero) {
      using T = decltype(zero);
      T* to = write_in_place<T>(running);
      const T* from = value.data<T>();
      const T keep = static_cast<T>(1 - share);
      const T take = static_cast<T>(share * scale);
      for (int64_t c = 0; c < running.numel(); ++c) to[c] = keep * to[c] + take * from[c];
    });
  }

  Tensor mean_, variance_, batches_;
};

}  // namespace tarn
