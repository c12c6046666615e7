// The registry of losses.
#include "layers/loss.h"

namespace tarn {

LossInfo& LossInfo::formula(std::string text) {
  formula_text = std::move(text);
  return *this;
}
LossInfo& LossInfo::source(std::string text) {
  source_text = std::move(text);
  return *this;
}

LossInfo& add_loss_row(LossInfo row) {
  const std::string name = row.name;
  return Registry<LossInfo>::all().add(name, std::move(row));
}

std::vector<const LossInfo*> all_losses() {
  std::vector<const LossInfo*> all;
  for (const auto& [name, row] : Registry<LossInfo>::all()) all.push_back(&row);
  return all;
}

std::unique_ptr<Loss> make_loss(const Json& json, int64_t classes) {
  const Json& type = json.is_string() ? json : json.at("type");
  const LossInfo& row = Registry<LossInfo>::all().get(type.as_string(), type.where());
  return row.make(json, {.classes = classes});
}

}  // namespace tarn
