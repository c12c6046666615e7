// Losses: what one is, and the registry that builds them from a config.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/registry.h"
#include "core/tensor.h"

namespace tarn {

/// Measures how far a prediction is from its target.
class Loss {
 public:
  virtual ~Loss() = default;
  /// One number (or one per element, with reduction "none"). Throws where the shapes do not fit.
  virtual Tensor value(const Tensor& prediction, const Tensor& target) const = 0;
};

/// What a loss is told when it is built.
struct LossBuild {
  int64_t classes = 0;  ///< of the data; 0: not known
};

/// What a loss is tried on: the target's values are classes below `classes`, or, where that is 0, drawn from
/// `target_domain`.
struct LossSample {
  Shape prediction, target;
  int64_t classes = 0;
  Domain domain = Domain::any;
  Domain target_domain = Domain::any;
};

/// A row of the loss registry.
struct LossInfo {
  static constexpr const char* kind = "loss";
  std::string name, doc;
  std::function<std::unique_ptr<Loss>(const Json& config, const LossBuild&)> make;
  ConfigInfo config;
  std::string formula_text, source_text;
  LossSample sample;

  LossInfo& formula(std::string text);
  LossInfo& source(std::string text);
};

LossInfo& add_loss_row(LossInfo row);

/// Registers loss L, which has a `Config` struct and a constructor L(Config, LossBuild).
template <class L>
LossInfo& add_loss(std::string name, std::string doc, LossSample sample) {
  LossInfo row;
  row.name = std::move(name);
  row.doc = std::move(doc);
  row.sample = std::move(sample);
  row.config = config_info<typename L::Config>();
  row.make = [](const Json& json, const LossBuild& build) -> std::unique_ptr<Loss> {
    auto config = read_registered<typename L::Config>(json);
    try {
      return std::make_unique<L>(std::move(config), build);
    } catch (const Error& e) {
      fail(place_in(json, e.what()), e.what());
    }
  };
  return add_loss_row(std::move(row));
}

/// All rows, sorted by name.
std::vector<const LossInfo*> all_losses();
/// Builds the loss that `json` describes: an object with "type", or just the name. Throws located errors.
std::unique_ptr<Loss> make_loss(const Json& json, int64_t classes = 0);

}  // namespace tarn
