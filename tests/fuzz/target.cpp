// The targets that are linked into a program.
#include "tests/fuzz/target.h"

#include <stdexcept>

#include "core/error.h"

namespace tarn::fuzz {

namespace {

std::map<std::string, Target>& added_targets() {
  static std::map<std::string, Target> all;
  return all;
}

}  // namespace

const Target& add_target(Target target) {
  const std::string name = target.name;
  const auto [place, added] = added_targets().emplace(name, std::move(target));
  require(added, "no two targets have one name");
  return place->second;
}

const std::map<std::string, Target>& targets() {
  return added_targets();
}

std::string run(const Target& target, std::string_view bytes) {
  try {
    target.run(bytes);
  } catch (const Error& error) {
    std::string message = error.what();
    require(!message.empty(), "an error says what is wrong");
    return message;
  }
  return {};
}

void require(bool holds, const char* promise) {
  if (!holds) throw std::logic_error(promise);
}

}  // namespace tarn::fuzz
