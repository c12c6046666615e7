// Fuzz target: JSON text, with comments and without, within wide limits and narrow ones.
#include "core/json.h"

#include <charconv>

#include "core/error.h"
#include "tests/fuzz/target.h"

namespace tarn::fuzz {

namespace {

// The value that a JSON pointer leads to; nullptr where there is none.
const Json* pointed_at(const Json& root, std::string_view pointer) {
  const Json* at = &root;
  while (at != nullptr && !pointer.empty()) {
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string step;
    for (size_t i = 1; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      step += escaped ? (pointer[++i] == '1' ? '/' : '~') : pointer[i];
    }
    pointer.remove_prefix(end);
    if (at->is_object()) {
      at = at->find(step);
      continue;
    }
    size_t index = 0;
    std::from_chars(step.data(), step.data() + step.size(), index);
    at = at->is_array() && index < at->size() ? &at->items()[index] : nullptr;
  }
  return at;
}

// Every value knows where it stood; looking costs time, so only some do.
void check_places(const Json& root) {
  const Json* at = &root;
  // In messages a key stands as it was written, so that what it escapes stays escaped.
  const bool plain = root.where().source()->text.find('\\') == std::string::npos;
  for (int step = 0; step < 4; ++step) {
    require(!plain || pointed_at(root, at->where().pointer()) == at, "a value's pointer leads to it");
    require(at->where().place().starts_with("input:"), "a value knows its line");
    require(!at->describe().empty(), "a value can be described");
    if (at->size() == 0) return;
    at = at->is_array() ? &at->items().back() : &at->members().back().value;
  }
}

// A text that one way of reading takes is the same value in every other, or is refused.
void read_otherwise(std::string_view bytes, const Json& value, const JsonLimits& limits) {
  try {
    require(parse_json(bytes, "input", limits) == value, "limits change no value");
  } catch (const Error&) {
  }
}

void run_json(std::string_view bytes) {
  const Json value = parse_json(bytes, "input");
  check_places(value);
  read_otherwise(bytes, value, {.comments = false});
  read_otherwise(bytes, value, {.bytes = 256, .depth = 4, .values = 16});
  for (const int indent : {-1, 2}) {
    const std::string written = to_text(value, indent);
    require(parse_json(written, "input", {.comments = false}) == value, "what is written reads back");
  }
}

const auto& json_target = add_target({.name = "json", .run = run_json});

}  // namespace

}  // namespace tarn::fuzz
