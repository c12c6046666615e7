// A stick figure: joints at random angles within the limits of its pose, and how it is drawn.
#pragma once

#include <array>
#include <cstdint>

#include "data/canvas.h"

namespace tarn {

/// Poses are three positions of the arms times three of the legs.
constexpr int64_t pose_count = 9;
constexpr std::array<const char*, 3> arm_poses{"down", "out", "up"};
constexpr std::array<const char*, 3> leg_poses{"together", "apart", "bent"};

constexpr std::array<const char*, 11> joint_names{"head",       "neck",       "pelvis",    "left elbow",
                                                  "left hand",  "left knee",  "left foot", "right elbow",
                                                  "right hand", "right knee", "right foot"};
constexpr int64_t joint_count = joint_names.size();

/// Where joints are, in pixels, and how thick limbs are.
struct Figure {
  std::array<Point, joint_names.size()> joints;
  double head = 0;       ///< radius of the head
  double thickness = 0;  ///< of limbs
};

/// A figure in pose 3 · arms + legs, of random proportions, lean, size and place, facing the viewer or turned away:
/// its left side is on either side of the picture. All of it is inside the picture.
Figure draw_figure(int64_t pose, int64_t height, int64_t width, const Stream& draws);

/// Draws it: left limbs are red to yellow, right ones cyan to blue, head and torso greenish or grey.
void paint_figure(Canvas& canvas, const Figure& figure, const Stream& draws);

}  // namespace tarn
