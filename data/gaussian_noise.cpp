// GaussianNoise: adds normal noise to every value.
#include "data/augment.h"

namespace tarn {
namespace {

class GaussianNoise : public Augmentation {
 public:
  struct Config {
    double deviation = 0.1;
    void fields(auto& f) { f("deviation", deviation, "standard deviation of the noise", {.lo = 0}); }
  };
  explicit GaussianNoise(Config c) : c_(c) {}

  void check_shape(const Shape&) const override {}
  Moves moves() const override { return Moves::nothing; }

  void apply(const float* x, float* y, const Shape& sample, const Stream& draws) const override {
    const int64_t n = sample.numel();
    for (int64_t i = 0; i < n; ++i)
      y[i] = x[i] + static_cast<float>(c_.deviation * draws.normal(static_cast<uint64_t>(i)));
  }

 private:
  Config c_;
};

const auto& gaussian_noise_row =
    add_augmentation<GaussianNoise>("GaussianNoise", "Adds independent normal noise to every value.");

}  // namespace
}  // namespace tarn
