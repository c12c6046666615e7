// Turning the parts of a message into text, and finding the name that was probably meant.
#include "core/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace tarn {

namespace {

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), result.ptr);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment (Levenshtein's distance with swaps of neighbours) in half edits: a wrong case costs one, all
// else two.
size_t half_edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = 2 * j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = 2 * i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same_letter = lower(a[i - 1]) == lower(b[j - 1]);
      const size_t replace = a[i - 1] == b[j - 1] ? 0 : same_letter ? 1 : 2;
      row[j] = std::min({above[j] + 2, row[j - 1] + 2, above[j - 1] + replace});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 2);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void append_text(std::string& out, std::string_view part) {
  out.append(part);
}

void append_text(std::string& out, std::span<const int64_t> part) {
  out.push_back('[');
  for (size_t i = 0; i < part.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_number(out, part[i]);
  }
  out.push_back(']');
}

void append_signed(std::string& out, long long value) {
  append_number(out, value);
}

void append_unsigned(std::string& out, unsigned long long value) {
  append_number(out, value);
}

void append_double(std::string& out, double value) {
  append_number(out, value);
}

void append_float(std::string& out, float value) {
  append_number(out, value);
}

std::string quote(std::string_view written) {
  constexpr size_t longest = 60;
  std::string out = "'";
  for (size_t i = 0; i < written.size(); ++i) {
    const auto byte = static_cast<unsigned char>(written[i]);
    const bool begins_character = (byte & 0xC0) != 0x80;  // all bytes but the later ones of a UTF-8 sequence
    if (i >= longest && begins_character) {
      return out + "...'";
    }
    if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      out.push_back(written[i]);
    }
  }
  return out + "'";
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  constexpr size_t longest = 100;  // nobody mistypes a longer name, and the search stays cheap whatever a file says
  if (word.empty() || word.size() > longest) return {};
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > longest) continue;
    const size_t distance = half_edits(word, candidate);
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return {};
  // One wrong letter in three is the most that still looks like a slip; a name in the wrong case always does.
  const size_t allowed = 2 * std::max(word.size(), best->size()) / 3;
  return best_distance <= allowed || equal_but_for_case(word, *best) ? *best : std::string{};
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string name = nearest(word, candidates);
  return name.empty() ? name : "; did you mean " + quote(name) + "?";
}

}  // namespace tarn
