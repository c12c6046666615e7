// Augmentations: random changes of a sample, drawn from the counter-based generator, so that a sample's change depends
// on seed, epoch and sample alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/place.h"
#include "core/random.h"
#include "core/shape.h"

namespace tarn {

/// What of a sample an augmentation moves.
enum class Moves {
  nothing,    ///< every value stays in its place: targets of any task stay right
  pixels,     ///< pixels alone: a mask or a joint would be left behind
  masks_too,  ///< pixels, and a mask with them
};

/// One augmentation. Images are [C, H, W] or [H, W]. It sees samples after normalisation, so that the 0 that comes in
/// from outside an image is the mean then.
class Augmentation {
 public:
  virtual ~Augmentation() = default;
  /// Throws "NAME: …" where samples of this shape cannot be changed so.
  virtual void check_shape(const Shape& sample) const = 0;
  /// Writes the changed `x` to `y`; both have the sample's shape and do not overlap. `draws` belongs to this sample.
  virtual void apply(const float* x, float* y, const Shape& sample, const Stream& draws) const = 0;
  virtual Moves moves() const { return Moves::pixels; }
  /// Where `moves` says masks_too: writes the mask of a sample, [H, W], to `to` as `apply` moves the sample's planes by
  /// the same draws. What comes in from outside is class 0.
  virtual void apply_to_mask(const int64_t* mask, int64_t* to, const Shape& sample, const Stream& draws) const;
};

/// Planes, rows and columns of a sample.
struct Planes {
  int64_t channels, height, width;
  /// Throws "NAME: …" unless the sample is [C, H, W] or [H, W].
  static Planes of(const Shape& sample, const char* name);
};

/// A row of the registry of augmentations.
struct AugmentationInfo {
  static constexpr const char* kind = "augmentation";
  std::string doc;
  std::function<std::shared_ptr<const Augmentation>(const Json& config)> make;
  ConfigInfo config;
};

/// The augmentation that `json` describes: an object with "type", or just a name. Throws located errors.
std::shared_ptr<const Augmentation> make_augmentation(const Json& json);

/// Registers augmentation A, which has a `Config` struct and a constructor A(Config): call it at namespace scope in A's
/// own file.
template <class A>
const AugmentationInfo& add_augmentation(std::string name, std::string doc) {
  AugmentationInfo row;
  row.doc = std::move(doc);
  row.config = config_info<typename A::Config>();
  row.make = [](const Json& json) -> std::shared_ptr<const Augmentation> {
    return std::make_shared<A>(read_valid<typename A::Config>(json));
  };
  return Registry<AugmentationInfo>::all().add(std::move(name), std::move(row));
}

}  // namespace tarn
