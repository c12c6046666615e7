// What a report says of masks and of joints: a table with a row for each class or joint, and the worst test samples as
// pictures.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "apps/evaluate.h"
#include "apps/report/picture.h"
#include "data/dataset.h"
#include "layers/module.h"

namespace tarn {

/// The name of a class or joint; its number where it has none.
std::string class_name(const Data& data, int64_t c);
/// A colour for a class or a joint; neighbours differ clearly.
std::array<uint8_t, 3> class_colour(int64_t c);
/// The picture with the pixels of every class but 0 tinted in the class's colour; `mask` is [H, W] as the sample is,
/// of W = `width` columns.
Bitmap tinted(Bitmap picture, const int64_t* mask, int64_t width);

/// Segmentation: IoU and share of the pixels of each class.
std::string class_table(const Data& data, const Evaluation& test);
/// Segmentation: the test samples with the lowest mean IoU: the picture, its true mask and the model's.
std::string worst_masks(const Data& data, const Evaluation& test, Module& model);
/// Keypoints: how often each joint was found.
std::string joint_table(const Data& data, const Evaluation& test);
/// Keypoints: the test samples whose joints are farthest off on average, with both true and told joints.
std::string worst_joints(const Data& data, const Evaluation& test, Module& model);

}  // namespace tarn
