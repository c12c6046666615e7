// Finds line, column and JSON pointer of a place in a JSON text by walking over its tokens once.
#include "core/where.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace tarn {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool stands_alone(char c) {
  return std::string_view("{}[]:,").find(c) != std::string_view::npos;
}

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      at = std::min(text.find_first_of("\r\n", at), text.size());
    } else if (text.substr(at, 2) == "/*") {
      const size_t end = text.find("*/", at + 2);
      at = end == std::string_view::npos ? text.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

size_t end_of_string(std::string_view text, size_t quote) {
  for (size_t at = quote + 1; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

// An object or list that is open at some place of the text.
struct Level {
  bool object = false;
  bool wants_key = false;  // the next string is a key
  bool has_key = false;
  size_t index = 0;
  std::string_view key = {};  // as written, without its quotes
};

// The levels that are open at `target`, the key or index of each being the one that `target` belongs to.
std::vector<Level> levels_at(std::string_view text, size_t target) {
  std::vector<Level> levels;
  for (Token token = next_token(text, 0); token.begin < token.end; token = next_token(text, token.end)) {
    const char c = text[token.begin];
    Level* level = levels.empty() ? nullptr : &levels.back();
    if (c == '"' && level != nullptr && level->wants_key && token.begin <= target) {
      level->key = text.substr(token.begin + 1, token.end - token.begin - 1);
      if (level->key.ends_with('"')) level->key.remove_suffix(1);
      level->has_key = true;
      level->wants_key = false;
    }
    if (token.end > target) break;
    if (c == '{' || c == '[') {
      levels.push_back({.object = c == '{', .wants_key = c == '{'});
    } else if ((c == '}' || c == ']') && level != nullptr) {
      levels.pop_back();
    } else if (c == ',' && level != nullptr) {
      ++level->index;
      level->wants_key = level->object;
      level->has_key = false;
    }
  }
  return levels;
}

void append_step(std::string& pointer, std::string_view key) {
  pointer.push_back('/');
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer.push_back(c);
    }
  }
}

}  // namespace

Token next_token(std::string_view text, size_t from) {
  const size_t begin = skip_blanks(text, std::min(from, text.size()));
  if (begin == text.size()) return {begin, begin};
  if (stands_alone(text[begin])) return {begin, begin + 1};
  if (text[begin] == '"') return {begin, end_of_string(text, begin)};
  size_t end = begin + 1;
  while (end < text.size() && !is_blank(text[end]) && !stands_alone(text[end]) && text[end] != '"' &&
         text[end] != '/') {
    ++end;
  }
  return {begin, end};
}

std::string Where::place() const {
  if (!known()) return {};
  if (!source_->lines) return source_->name;
  const auto before = std::string_view(source_->text).substr(0, offset_);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const auto in_line = newline == std::string_view::npos ? before : before.substr(newline + 1);
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto column = 1 + std::count_if(in_line.begin(), in_line.end(), begins_character);
  return text(source_->name, ':', line, ':', column);
}

std::string Where::pointer() const {
  if (!known()) return {};
  std::string out = source_->pointer;
  for (const Level& level : levels_at(source_->text, offset_)) {
    if (!level.object) {
      append_step(out, std::to_string(level.index));
    } else if (level.has_key) {
      append_step(out, level.key);
    }
  }
  return out;
}

std::string Where::prefix(std::string_view member) const {
  std::string path = pointer();
  if (!member.empty()) append_step(path, member);
  if (path.empty()) path = "/";
  return known() ? text(place(), ": ", path, ": ") : member.empty() ? std::string{} : text(path, ": ");
}

void append_text(std::string& out, const Where& where) {
  out += where.prefix();
}

}  // namespace tarn
