// Posing and painting of stick figures.
#include "data/figure.h"

#include <algorithm>
#include <cmath>

namespace tarn {
namespace {

enum Joint : size_t { head, neck, pelvis, left_elbow, left_hand, left_knee, left_foot, right_elbow };
constexpr size_t side_joints = 4;  // the right side's follow the left side's in the same order

/// Angles from down, away from the body, in degrees: of the upper part of a limb, and of the lower part against it.
struct Limits {
  double upper_low, upper_high, bend_low, bend_high;
};
constexpr std::array<Limits, 3> arm_limits{Limits{10, 45, -25, 30}, {68, 108, -40, 40}, {135, 168, -30, 20}};
constexpr std::array<Limits, 3> leg_limits{Limits{2, 10, -6, 5}, {24, 45, -18, 6}, {52, 78, -95, -60}};

// Lengths as shares of a figure that stands upright; people's are about these.
constexpr double torso_length = 0.32, neck_length = 0.15, head_radius = 0.09;
constexpr double upper_arm = 0.18, lower_arm = 0.17, upper_leg = 0.23, lower_leg = 0.23;

double between(const Stream& draws, uint64_t i, double low, double high) {
  return low + (high - low) * draws.uniform(i);
}

/// The two joints of a limb that begins at `from`; `outward` is 1 or -1, `tilt` the body's angle.
void bend_limb(Point from, const Limits& limits, double upper, double lower, double outward, double tilt,
               const Stream& draws, Point* joints) {
  const double first = between(draws, 0, limits.upper_low, limits.upper_high);
  const double second = first + between(draws, 1, limits.bend_low, limits.bend_high);
  joints[0] = from + between(draws, 2, 0.9, 1.1) * upper * direction(tilt + outward * first);
  joints[1] = joints[0] + between(draws, 3, 0.9, 1.1) * lower * direction(tilt + outward * second);
}

}  // namespace

Figure draw_figure(int64_t pose, int64_t height, int64_t width, const Stream& draws) {
  Figure f;
  const double tilt = between(draws, 0, -15, 15);
  const double facing = draws.uniform(1) < 0.5 ? 1 : -1;
  const double bulk = between(draws, 2, 0.045, 0.08);
  f.joints[pelvis] = {0, 0};
  f.joints[neck] = torso_length * direction(180 + tilt);
  f.joints[head] = f.joints[neck] + neck_length * direction(180 + tilt + between(draws, 3, -20, 20));
  for (size_t side = 0; side < 2; ++side) {
    const double outward = side == 0 ? facing : -facing;
    Point* joints = f.joints.data() + left_elbow + side * side_joints;
    bend_limb(f.joints[neck], arm_limits[static_cast<size_t>(pose / 3)], upper_arm, lower_arm, outward, tilt,
              draws.child(2 * side), joints);
    bend_limb(f.joints[pelvis], leg_limits[static_cast<size_t>(pose % 3)], upper_leg, lower_leg, outward, tilt,
              draws.child(2 * side + 1), joints + 2);
  }
  // As large as a share of what fits, anywhere that it fits; around joints there is room for the head.
  Point low = f.joints[0], high = f.joints[0];
  for (const Point& p : f.joints) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  low = low - Point{head_radius, head_radius};
  high = high + Point{head_radius, head_radius};
  const double w = static_cast<double>(width - 1), h = static_cast<double>(height - 1);
  const double scale = between(draws, 4, 0.5, 1) * std::min(w / (high.x - low.x), h / (high.y - low.y));
  const Point room{w - scale * (high.x - low.x), h - scale * (high.y - low.y)};
  const Point corner{room.x * draws.uniform(5), room.y * draws.uniform(6)};
  for (Point& p : f.joints) p = corner + scale * (p - low);
  f.head = scale * head_radius;
  f.thickness = std::max(1.0, scale * bulk);
  return f;
}

void paint_figure(Canvas& canvas, const Figure& f, const Stream& draws) {
  const auto colour = [&](uint64_t i, double low, double high, double least) {
    return from_hsv(between(draws, 3 * i, low, high), between(draws, 3 * i + 1, least, least + 0.5),
                    between(draws, 3 * i + 2, 0.55, 1));
  };
  const Colour sides[] = {colour(0, -15, 50, 0.4), colour(1, 180, 245, 0.4)};
  const Colour body = colour(2, 90, 150, 0.1);
  const auto paint_side = [&](size_t side) {
    const Point* joints = f.joints.data() + left_elbow + side * side_joints;
    canvas.stroke(f.joints[pelvis], joints[2], f.thickness, sides[side]);
    canvas.stroke(joints[2], joints[3], f.thickness, sides[side]);
    canvas.stroke(f.joints[neck], joints[0], f.thickness, sides[side]);
    canvas.stroke(joints[0], joints[1], f.thickness, sides[side]);
  };
  const size_t behind = draws.uniform(9) < 0.5 ? 0 : 1;
  paint_side(behind);
  canvas.stroke(f.joints[neck], f.joints[pelvis], 1.2 * f.thickness, body);
  canvas.stroke(f.joints[neck], f.joints[head], f.thickness, body);
  canvas.stroke(f.joints[head], f.joints[head], 2 * f.head, body);
  paint_side(1 - behind);
}

}  // namespace tarn
