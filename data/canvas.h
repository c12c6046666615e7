// A colour picture that is being drawn, for data sets that are made by the program.
#pragma once

#include <cstdint>

#include "core/random.h"

namespace tarn {

/// Red, green and blue, from 0 to 1.
struct Colour {
  double r = 0, g = 0, b = 0;
};

/// The colour of a hue in degrees (any number; 0 is red, 120 green, 240 blue), a saturation and a brightness in [0, 1].
Colour from_hsv(double hue, double saturation, double brightness);
double distance(const Colour& a, const Colour& b);

/// A place in a picture, in pixels: the centre of the top left one is (0, 0), x points right and y down.
struct Point {
  double x = 0, y = 0;
};
Point operator+(const Point& a, const Point& b);
Point operator-(const Point& a, const Point& b);
Point operator*(double s, const Point& p);
double distance(const Point& a, const Point& b);
/// The unit vector that points down where `degrees` is 0, right where it is 90, up where it is 180.
Point direction(double degrees);

/// A view of planes [3, H, W] that are drawn on. Coordinates outside are left out.
class Canvas {
 public:
  Canvas(float* planes, int64_t height, int64_t width) : planes_(planes), height_(height), width_(width) {}
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }

  /// Fills the picture with a colour over which three plane waves of random directions, lengths and tints run.
  void texture(const Colour& colour, const Stream& draws);
  /// Mixes a colour into a pixel; `share` 1 covers it.
  void paint(int64_t row, int64_t column, const Colour& colour, double share = 1);
  /// A thick line with round ends; from == to: a disc. Its edge is smoothed over one pixel.
  void stroke(const Point& from, const Point& to, double thickness, const Colour& colour);
  /// Adds `noise`, as many values as the planes have, times `deviation`, and keeps everything in [0, 1].
  void finish(const float* noise, double deviation);

 private:
  float* planes_;
  int64_t height_, width_;
};

}  // namespace tarn
