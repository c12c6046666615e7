// What augmentations share.
#include "data/augment.h"

namespace tarn {

void Augmentation::apply_to_mask(const int64_t*, int64_t*, const Shape&, const Stream&) const {
  fail("this augmentation does not move masks");
}

Planes Planes::of(const Shape& sample, const char* name) {
  const int rank = sample.rank();
  check(rank == 2 || rank == 3, name, ": samples are ", sample, ", expected images: [C, H, W] or [H, W]");
  check(sample[rank - 1] < (1 << 24) && sample[rank - 2] < (1 << 24), name, ": images of ", sample, " are too large");
  return {rank == 3 ? sample[0] : 1, sample[rank - 2], sample[rank - 1]};
}

std::shared_ptr<const Augmentation> make_augmentation(const Json& json) {
  const AugmentationInfo& row = Registry<AugmentationInfo>::all().get(type_of(json), json.where());
  return with_place(json, [&] { return row.make(json); });
}

}  // namespace tarn
