// Fuzz targets: what is done with bytes from anywhere. libFuzzer's programs run one each, the test suite runs all of
// them over the corpus.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tarn::fuzz {

/// Some change of a few bytes; the result is not longer than the bytes and `room` together.
using Change = std::function<std::string(std::string_view bytes, size_t room)>;

/// A parser under test.
struct Target {
  std::string name;  ///< of its file, and of its folder in the corpus
  /// Parses, and checks what comes out. An Error is what broken bytes should lead to; anything else is a finding.
  void (*run)(std::string_view bytes);
  /// Changes something that a checksum, a length or compression covers, and makes these fit again. May be null.
  std::string (*mutate)(std::string_view bytes, uint64_t seed, const Change& change) = nullptr;
};

/// Adds a target; call it at namespace scope in the target's own file.
const Target& add_target(Target target);
/// All that are linked into the program, by name.
const std::map<std::string, Target>& targets();

/// Runs a target. Returns the message of the Error that it ended in; empty where it ended in none.
std::string run(const Target& target, std::string_view bytes);

/// Throws what is no Error, and so a finding, unless a promise of a parser holds.
void require(bool holds, const char* promise);

}  // namespace tarn::fuzz
