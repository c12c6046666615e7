// Making of batches: order, copies, augmentation, prefetch.
#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "core/random.h"

namespace tarn {

namespace {

bool moves_masks(const std::shared_ptr<const Augmentation>& augmentation) {
  return augmentation->moves() == Moves::masks_too;
}

}  // namespace

/// A batch that is being prepared.
struct Loader::Ahead {
  Batch batch;
  Background background;  // last: its destructor waits for the task, which writes to the batch
};

Loader::Loader(const Examples& examples, Batching batching, uint64_t seed)
    : examples_(&examples), batching_(std::move(batching)), seed_(seed) {
  check(batching_.batch_size >= 1, "loader: batch_size is ", batching_.batch_size, ", expected 1 or more");
  check(batching_.prefetch >= 0, "loader: prefetch is ", batching_.prefetch, ", expected 0 or more");
  const int64_t n = examples.size();
  const int64_t size = batching_.batch_size;
  batches_ = batching_.drop_last ? n / size : n / size + (n % size != 0);
  if (n == 0) return;
  check(batches_ > 0, "loader: drop_last leaves no batch of ", size, " among ", n,
        " samples; use a smaller batch_size");
  sample_ = row_shape(examples.x);
  masks_ = examples.y.dtype() == Dtype::i64 && examples.y.rank() == 3;
  for (const auto& augmentation : batching_.augment) {
    augmentation->check_shape(sample_);
    check(!masks_ || augmentation->moves() != Moves::pixels, "loader: an augmentation would leave masks behind");
  }
}

Loader Loader::in_order(const Examples& examples, int64_t batch_size) {
  Batching batching;
  batching.batch_size = batch_size;
  batching.shuffle = false;
  batching.prefetch = 0;
  return Loader(examples, std::move(batching), 0);
}

Loader::~Loader() = default;

void Loader::start(int64_t epoch, int64_t batch) {
  check(epoch >= 0 && batch >= 0 && batch <= batches_, "loader: there is no batch ", batch, " in epoch ", epoch,
        "; an epoch has ", batches_);
  ahead_.clear();
  epoch_ = epoch;
  position_ = batch;
  begun_ = batch;
  if (batching_.shuffle) {
    order_ = permutation(examples_->size(), {seed_, purpose_of("shuffle"), static_cast<uint64_t>(epoch)});
  } else {
    order_.resize(static_cast<size_t>(examples_->size()));
    std::iota(order_.begin(), order_.end(), int64_t{0});
  }
}

bool Loader::next(Batch& batch) {
  if (position_ >= batches_) return false;
  if (batching_.prefetch == 0) {
    prepare(batch, position_);
    fill(batch);
  } else {
    begin_ahead();
    Ahead& ahead = *ahead_[static_cast<size_t>(position_ % batching_.prefetch)];
    ahead.background.wait();
    batch = std::move(ahead.batch);
  }
  ++position_;
  if (batching_.prefetch > 0) begin_ahead();  // while the caller works on this one
  return true;
}

/// Starts as many batches as may be prepared ahead.
void Loader::begin_ahead() {
  const int64_t depth = batching_.prefetch;
  while (static_cast<int64_t>(ahead_.size()) < std::min(depth, batches_)) ahead_.push_back(std::make_unique<Ahead>());
  for (; begun_ < std::min(batches_, position_ + depth); ++begun_) {
    Ahead& ahead = *ahead_[static_cast<size_t>(begun_ % depth)];
    prepare(ahead.batch, begun_);
    ahead.background.run([this, &ahead] { fill(ahead.batch); });
  }
}

/// Says which samples batch number `index` has, and takes memory for them.
void Loader::prepare(Batch& batch, int64_t index) const {
  const int64_t begin = index * batching_.batch_size;
  const int64_t end = std::min(begin + batching_.batch_size, examples_->size());
  batch.samples.assign(order_.begin() + begin, order_.begin() + end);
  const auto rows = [&](const Tensor& all) { return Tensor(all.shape().with(0, end - begin), all.dtype()); };
  batch.x = rows(examples_->x);
  batch.y = rows(examples_->y);
  if (examples_->points.defined()) batch.points = rows(examples_->points);
}

/// Copies and augments the samples of a prepared batch. It may run on any thread, so it uses no op that a tape of that
/// thread could record.
void Loader::fill(Batch& batch) const {
  const float* source = examples_->x.data<float>();
  float* x = batch.x.fill<float>();
  const int64_t n = sample_.numel();
  const int64_t target = examples_->y.shape().product(1, examples_->y.rank());
  const Stream epoch{seed_, purpose_of("augment"), static_cast<uint64_t>(epoch_)};
  const int64_t count = static_cast<int64_t>(batch.samples.size());
  const int64_t cost = n * (1 + 16 * static_cast<int64_t>(batching_.augment.size())) + target;
  parallel_range(count, std::max<int64_t>(cost, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t sample = batch.samples[static_cast<size_t>(i)];
      const Stream draws = epoch.child(static_cast<uint64_t>(sample));
      augment(source + sample * n, x + i * n, n, draws);
      if (masks_) {
        augment(examples_->y.data<int64_t>() + sample * target, batch.y.fill<int64_t>() + i * target, target, draws);
      } else {
        copy_row(examples_->y, sample, batch.y, i);
      }
      if (batch.points.defined()) copy_row(examples_->points, sample, batch.points, i);
    }
  });
}

template <class T>
void Loader::augment(const T* from, T* to, int64_t n, const Stream& draws) const {
  const auto& list = batching_.augment;
  constexpr bool mask = std::is_same_v<T, int64_t>;
  thread_local std::vector<T> between;
  if (list.size() > 1) between.resize(2 * static_cast<size_t>(n));
  size_t left = list.size();
  if constexpr (mask) left = static_cast<size_t>(std::ranges::count_if(list, moves_masks));
  if (left == 0) std::copy_n(from, n, to);
  for (size_t k = 0; left > 0; ++k) {
    if (mask && !moves_masks(list[k])) continue;
    T* out = --left == 0 ? to : between.data() + static_cast<int64_t>(left % 2) * n;
    if constexpr (mask) {
      list[k]->apply_to_mask(from, out, sample_, draws.child(k));
    } else {
      list[k]->apply(from, out, sample_, draws.child(k));
    }
    from = out;
  }
}

}  // namespace tarn
