// What a training is at an instant, in a form that two of them can be compared by.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/trainer.h"

namespace tarn {

/// A line for each thing that the rest of a training depends on: the name of a tensor or counter, and the checksum of
/// its bytes. How long it took is left out.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

Fingerprint fingerprint(Trainer& trainer);
/// Of parameters and buffers alone, by their names in the model.
Fingerprint fingerprint(Module& model);
Fingerprint fingerprint(const NamedValues& values);

/// The names under which the two differ, or which one of them lacks.
std::vector<std::string> differences(const Fingerprint& a, const Fingerprint& b);

}  // namespace tarn
