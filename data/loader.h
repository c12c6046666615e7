// The loader: walks through a part of a data set in batches, shuffled and augmented, with the next batches prepared on
// another thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/parallel.h"
#include "data/dataset.h"

namespace tarn {

/// Samples that are worked on together.
struct Batch {
  Tensor x;                      ///< float32 [B, …]
  Tensor y;                      ///< their targets, [B, …]
  Tensor points = {};            ///< of joints, [B, K, 2], where the examples have them
  std::vector<int64_t> samples;  ///< their numbers in the part
};

/// Batches of one epoch after the other. Their contents depend on seed, epoch and position alone, never on threads or
/// prefetching: the order is a permutation drawn for (seed, epoch), a sample's augmentation for (seed, epoch, sample).
class Loader {
 public:
  /// `examples` must outlive the loader. Throws where the batching does not fit them.
  Loader(const Examples& examples, Batching batching, uint64_t seed);
  /// In order, without augmentation, all samples: for validation and test.
  static Loader in_order(const Examples& examples, int64_t batch_size);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches of an epoch.
  int64_t batches() const { return batches_; }
  /// Begins an epoch, at any batch of it: resuming needs only these two numbers.
  void start(int64_t epoch, int64_t batch = 0);
  /// The next batch of the epoch; false where there is none.
  bool next(Batch& batch);
  int64_t epoch() const { return epoch_; }
  /// Number of the batch that `next` gives next.
  int64_t position() const { return position_; }

 private:
  struct Ahead;
  void prepare(Batch& batch, int64_t index) const;
  void fill(Batch& batch) const;
  /// Writes one sample or one mask, changed by every augmentation in turn.
  template <class T>
  void augment(const T* from, T* to, int64_t n, const Stream& draws) const;
  void begin_ahead();

  const Examples* examples_;
  Batching batching_;
  uint64_t seed_;
  Shape sample_;
  bool masks_ = false;  // targets that augmentations move with their samples
  int64_t batches_ = 0;
  int64_t epoch_ = 0;
  int64_t position_ = 0;
  int64_t begun_ = 0;  // batches up to here are prepared or being prepared
  std::vector<int64_t> order_;
  std::vector<std::unique_ptr<Ahead>> ahead_;  // a ring
};

}  // namespace tarn
