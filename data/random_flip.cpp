// RandomHorizontalFlip and RandomVerticalFlip: mirrors images.
#include <algorithm>

#include "data/augment.h"

namespace tarn {
namespace {

template <bool horizontal>
class RandomFlip : public Augmentation {
 public:
  static constexpr const char* name = horizontal ? "RandomHorizontalFlip" : "RandomVerticalFlip";
  struct Config {
    double p = 0.5;
    void fields(auto& f) { f("p", p, "chance that an image is mirrored", {.lo = 0, .hi = 1}); }
  };
  explicit RandomFlip(Config c) : c_(c) {}

  void check_shape(const Shape& sample) const override { Planes::of(sample, name); }

  Moves moves() const override { return Moves::masks_too; }

  void apply(const float* x, float* y, const Shape& sample, const Stream& draws) const override {
    mirror(x, y, Planes::of(sample, name), draws);
  }
  void apply_to_mask(const int64_t* mask, int64_t* to, const Shape& sample, const Stream& draws) const override {
    Planes p = Planes::of(sample, name);
    p.channels = 1;
    mirror(mask, to, p, draws);
  }

 private:
  template <class T>
  void mirror(const T* x, T* y, const Planes& p, const Stream& draws) const {
    const bool flip = draws.uniform(0) < c_.p;
    for (int64_t row = 0; row < p.channels * p.height; ++row) {
      const int64_t across = row - row % p.height + p.height - 1 - row % p.height;
      const T* from = x + (flip && !horizontal ? across : row) * p.width;
      if (flip && horizontal) {
        std::reverse_copy(from, from + p.width, y + row * p.width);
      } else {
        std::copy_n(from, p.width, y + row * p.width);
      }
    }
  }

  Config c_;
};

const auto& random_horizontal_flip_row =
    add_augmentation<RandomFlip<true>>(RandomFlip<true>::name, "Mirrors images left to right, at random.");
const auto& random_vertical_flip_row =
    add_augmentation<RandomFlip<false>>(RandomFlip<false>::name, "Mirrors images top to bottom, at random.");

}  // namespace
}  // namespace tarn
