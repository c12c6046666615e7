// Checksums of all that a training holds.
#include "apps/fingerprint.h"

#include <map>
#include <set>

#include "core/checksum.h"

namespace tarn {

namespace {

std::string checksum_of(const Tensor& value) {
  const std::string_view bytes(static_cast<const char*>(value.storage().data()), static_cast<size_t>(value.bytes()));
  return text(value.dtype(), ' ', value.shape(), ' ', checksum(bytes));
}

}  // namespace

Fingerprint fingerprint(const NamedValues& values) {
  Fingerprint lines;
  for (const auto& [name, value] : values) lines.emplace_back(name, checksum_of(value));
  return lines;
}

Fingerprint fingerprint(Module& model) {
  Fingerprint lines;
  for (const NamedTensor& p : parameters(model)) lines.emplace_back(p.name, checksum_of(*p.tensor));
  for (const NamedTensor& b : buffers(model)) lines.emplace_back(b.name, checksum_of(*b.tensor));
  return lines;
}

Fingerprint fingerprint(Trainer& trainer) {
  const Trainer::State state = trainer.state();
  Fingerprint lines = fingerprint(state.tensors);
  Json facts = parse_json(state.facts, "state");
  facts.erase("seconds");
  for (Json& row : facts.find("history")->items()) row.erase("seconds");
  for (const Member& fact : facts.members()) lines.emplace_back("the counter " + quote(fact.key), to_text(fact.value));
  return lines;
}

std::vector<std::string> differences(const Fingerprint& a, const Fingerprint& b) {
  const std::map<std::string, std::string> left(a.begin(), a.end()), right(b.begin(), b.end());
  std::set<std::string> names;
  for (const auto* side : {&left, &right})
    for (const auto& [name, sum] : *side) {
      const auto one = left.find(name), other = right.find(name);
      if (one == left.end() || other == right.end() || one->second != other->second) names.insert(name);
    }
  return {names.begin(), names.end()};
}

}  // namespace tarn
