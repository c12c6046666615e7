// RandomShift: moves images by whole pixels.
#include <algorithm>

#include "data/augment.h"

namespace tarn {
namespace {

class RandomShift : public Augmentation {
 public:
  struct Config {
    int64_t pixels = 1;
    void fields(auto& f) {
      f("pixels", pixels, "most pixels along each axis, in either direction", {.lo = 0, .hi = 4096});
    }
  };
  explicit RandomShift(Config c) : c_(c) {}

  void check_shape(const Shape& sample) const override { Planes::of(sample, "RandomShift"); }

  Moves moves() const override { return Moves::masks_too; }

  void apply(const float* x, float* y, const Shape& sample, const Stream& draws) const override {
    shift(x, y, Planes::of(sample, "RandomShift"), draws);
  }
  void apply_to_mask(const int64_t* mask, int64_t* to, const Shape& sample, const Stream& draws) const override {
    Planes p = Planes::of(sample, "RandomShift");
    p.channels = 1;
    shift(mask, to, p, draws);
  }

 private:
  template <class T>
  void shift(const T* x, T* y, const Planes& p, const Stream& draws) const {
    const int64_t down = draws.below(0, 2 * c_.pixels + 1) - c_.pixels;
    const int64_t right = draws.below(1, 2 * c_.pixels + 1) - c_.pixels;
    const int64_t first = std::clamp<int64_t>(right, 0, p.width),
                  last = std::clamp<int64_t>(p.width + right, 0, p.width);
    for (int64_t row = 0; row < p.channels * p.height; ++row) {
      T* out = y + row * p.width;
      const int64_t from = row % p.height - down;
      std::fill_n(out, p.width, T(0));
      if (from < 0 || from >= p.height || last <= first) continue;
      std::copy_n(x + (row - down) * p.width + first - right, last - first, out + first);
    }
  }

  Config c_;
};

const auto& random_shift_row =
    add_augmentation<RandomShift>("RandomShift", "Moves images by whole pixels; what comes in from outside is 0.");

}  // namespace
}  // namespace tarn
