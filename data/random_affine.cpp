// RandomAffine: rotates, shifts, scales and shears images about their centre, with bilinear interpolation.
#include <cmath>
#include <numbers>

#include "core/kernels/kernel.h"
#include "data/augment.h"

namespace tarn {
namespace {

/// For a pixel of the result, where in the source it comes from: (a·x + b·y + c, d·x + e·y + f).
struct Inverse {
  float a, b, c, d, e, f;
};

/// Value between four pixels of a plane; outside it is 0.
TARN_KERNEL void resample_row(const float* plane, int64_t h, int64_t w, Inverse m, int64_t row, float* out) {
  const float y0 = m.b * static_cast<float>(row) + m.c;
  const float y1 = m.e * static_cast<float>(row) + m.f;
  const int32_t height = static_cast<int32_t>(h), width = static_cast<int32_t>(w);
  // Beyond one pixel outside nothing changes; the clamp keeps the conversion to int defined.
  const float right = static_cast<float>(w), bottom = static_cast<float>(h);
  for (int32_t col = 0; col < width; ++col) {
    float sx = m.a * static_cast<float>(col) + y0;
    float sy = m.d * static_cast<float>(col) + y1;
    sx = sx < -1.0f ? -1.0f : sx > right ? right : sx;
    sy = sy < -1.0f ? -1.0f : sy > bottom ? bottom : sy;
    const int32_t left = static_cast<int32_t>(sx + 1.0f) - 1, top = static_cast<int32_t>(sy + 1.0f) - 1;
    const float u = sx - static_cast<float>(left), v = sy - static_cast<float>(top);
    // A weight is 0 where its pixel is outside; the index is moved inside so that it may be read.
    const float u0 = left >= 0 && left < width ? 1 - u : 0.0f, u1 = left + 1 < width ? u : 0.0f;
    const float v0 = top >= 0 && top < height ? 1 - v : 0.0f, v1 = top + 1 < height ? v : 0.0f;
    const int32_t l = left < 0 ? 0 : left < width ? left : width - 1, r = left + 1 < width ? left + 1 : width - 1;
    const int32_t t = top < 0 ? 0 : top < height ? top : height - 1, b = top + 1 < height ? top + 1 : height - 1;
    out[col] = v0 * (u0 * plane[t * width + l] + u1 * plane[t * width + r]) +
               v1 * (u0 * plane[b * width + l] + u1 * plane[b * width + r]);
  }
}

class RandomAffine : public Augmentation {
 public:
  struct Config {
    double degrees = 0;
    double translate = 0;
    std::vector<double> scale{1, 1};
    double shear = 0;
    void fields(auto& f) {
      f("degrees", degrees, "rotates by an angle from -degrees to degrees", {.lo = 0, .hi = 180});
      f("translate", translate, "shifts by at most this share of width and height", {.lo = 0, .hi = 1});
      f("scale", scale, "least and greatest factor of the size", {.lo = 0.01, .hi = 100, .rank = 2});
      f("shear", shear, "shears along x by an angle from -shear to shear, in degrees", {.lo = 0, .hi = 89});
    }
    void validate() const {
      check(scale[0] <= scale[1], "scale is [", scale[0], ", ", scale[1], "], expected the smaller factor first");
    }
  };
  explicit RandomAffine(Config c) : c_(std::move(c)) {}

  void check_shape(const Shape& sample) const override { Planes::of(sample, "RandomAffine"); }

  void apply(const float* x, float* y, const Shape& sample, const Stream& draws) const override {
    const Planes p = Planes::of(sample, "RandomAffine");
    const Inverse m = draw(p, draws);
    for (int64_t channel = 0; channel < p.channels; ++channel)
      for (int64_t row = 0; row < p.height; ++row)
        resample_row(x + channel * p.height * p.width, p.height, p.width, m, row,
                     y + (channel * p.height + row) * p.width);
  }

 private:
  /// The inverse of: shear, rotate and scale about the centre, then shift (the order of torchvision's RandomAffine).
  Inverse draw(const Planes& p, const Stream& draws) const {
    const auto between = [&draws](uint64_t i, double low, double high) {
      return low + (high - low) * draws.uniform(i);
    };
    constexpr double degree = std::numbers::pi / 180;
    const double angle = between(0, -c_.degrees, c_.degrees) * degree;
    const double dx = between(1, -c_.translate, c_.translate) * static_cast<double>(p.width);
    const double dy = between(2, -c_.translate, c_.translate) * static_cast<double>(p.height);
    const double size = between(3, c_.scale[0], c_.scale[1]);
    const double shear = std::tan(between(4, -c_.shear, c_.shear) * degree);
    const double cx = static_cast<double>(p.width - 1) / 2, cy = static_cast<double>(p.height - 1) / 2;
    // Forward is R·S·size with S = [1, shear; 0, 1]; its inverse S⁻¹·R⁻¹ / size.
    const double cosine = std::cos(angle) / size, sine = std::sin(angle) / size;
    const double a = cosine + shear * sine, b = sine - shear * cosine, d = -sine, e = cosine;
    const double ox = cx + dx, oy = cy + dy;
    return {static_cast<float>(a), static_cast<float>(b), static_cast<float>(cx - a * ox - b * oy),
            static_cast<float>(d), static_cast<float>(e), static_cast<float>(cy - d * ox - e * oy)};
  }

  Config c_;
};

const auto& random_affine_row = add_augmentation<RandomAffine>(
    "RandomAffine", "Rotates, shifts, scales and shears images about their centre; outside is 0. Bilinear.");

}  // namespace
}  // namespace tarn
