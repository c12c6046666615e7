// Drawing of textures, strokes and noise.
#include "data/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace tarn {

Colour from_hsv(double hue, double saturation, double brightness) {
  const auto channel = [&](double offset) {
    const double k = std::fmod(std::fmod(hue / 60 + offset, 6) + 6, 6);
    return brightness * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
  };
  return {channel(5), channel(3), channel(1)};
}

double distance(const Colour& a, const Colour& b) {
  return std::sqrt((a.r - b.r) * (a.r - b.r) + (a.g - b.g) * (a.g - b.g) + (a.b - b.b) * (a.b - b.b));
}

Point operator+(const Point& a, const Point& b) {
  return {a.x + b.x, a.y + b.y};
}
Point operator-(const Point& a, const Point& b) {
  return {a.x - b.x, a.y - b.y};
}
Point operator*(double s, const Point& p) {
  return {s * p.x, s * p.y};
}
double distance(const Point& a, const Point& b) {
  return std::hypot(a.x - b.x, a.y - b.y);
}
Point direction(double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  return {std::sin(angle), std::cos(angle)};
}

void Canvas::texture(const Colour& colour, const Stream& draws) {
  struct Wave {
    Point step;  // radians a pixel
    double phase;
    Colour tint;
  };
  std::array<Wave, 3> waves;
  for (size_t k = 0; k < waves.size(); ++k) {
    const auto uniform = [&](uint64_t i) { return draws.uniform(8 * k + i); };
    const double length = 4 + (static_cast<double>(std::max(height_, width_)) - 4) * uniform(0) * uniform(0);
    const auto tint = [&](uint64_t i) { return 0.24 * uniform(i) - 0.12; };
    waves[k] = {2 * std::numbers::pi / length * direction(360 * uniform(1)),
                2 * std::numbers::pi * uniform(2),
                {tint(3), tint(4), tint(5)}};
  }
  for (int64_t row = 0; row < height_; ++row)
    for (int64_t column = 0; column < width_; ++column) {
      Colour c = colour;
      for (const Wave& w : waves) {
        const double x = static_cast<double>(column), y = static_cast<double>(row);
        const double level = std::cos(w.step.x * x + w.step.y * y + w.phase);
        c = {c.r + level * w.tint.r, c.g + level * w.tint.g, c.b + level * w.tint.b};
      }
      paint(row, column, c);
    }
}

void Canvas::paint(int64_t row, int64_t column, const Colour& colour, double share) {
  if (row < 0 || row >= height_ || column < 0 || column >= width_) return;
  float* pixel = planes_ + row * width_ + column;
  for (const double value : {colour.r, colour.g, colour.b}) {
    *pixel += static_cast<float>(share) * (static_cast<float>(value) - *pixel);
    pixel += height_ * width_;
  }
}

void Canvas::stroke(const Point& from, const Point& to, double thickness, const Colour& colour) {
  const double radius = thickness / 2;
  const auto first = [&](double a, double b) { return static_cast<int64_t>(std::floor(std::min(a, b) - radius - 1)); };
  const auto last = [&](double a, double b) { return static_cast<int64_t>(std::ceil(std::max(a, b) + radius + 1)); };
  const Point along = to - from;
  const double squared = along.x * along.x + along.y * along.y;
  const int64_t top = std::max<int64_t>(first(from.y, to.y), 0), bottom = std::min(last(from.y, to.y), height_ - 1);
  const int64_t left = std::max<int64_t>(first(from.x, to.x), 0), right = std::min(last(from.x, to.x), width_ - 1);
  for (int64_t row = top; row <= bottom; ++row)
    for (int64_t column = left; column <= right; ++column) {
      const Point here{static_cast<double>(column), static_cast<double>(row)};
      const Point way = here - from;
      const double t = squared > 0 ? std::clamp((way.x * along.x + way.y * along.y) / squared, 0.0, 1.0) : 0;
      const double share = std::clamp(radius + 0.5 - distance(here, from + t * along), 0.0, 1.0);
      if (share > 0) paint(row, column, colour, share);
    }
}

void Canvas::finish(const float* noise, double deviation) {
  for (int64_t i = 0; i < 3 * height_ * width_; ++i)
    planes_[i] = std::clamp(planes_[i] + static_cast<float>(deviation) * noise[i], 0.0f, 1.0f);
}

}  // namespace tarn
