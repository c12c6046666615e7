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

constexpr size_t longest_name = 100;  // nobody mistypes a longer one, and a search stays cheap whatever a file says

// The letters alone, in lower case: "max_lr" and "MaxLR" are one word.
std::string squashed(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '_') out.push_back(lower(c));
  return out;
}

// The candidate with the fewest other letters that begins or ends with `word`, or which `word` begins or ends with:
// "kernel" for "kernel_size", "num_epochs" for "epochs". Empty where there is none.
std::string with_that_end(std::string_view word, std::span<const std::string> candidates) {
  constexpr size_t shortest = 3;  // fewer letters are found everywhere
  const std::string wanted = squashed(word);
  const std::string* best = nullptr;
  size_t least = 0;  // letters beside the common part
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest_name) continue;
    const std::string name = squashed(candidate);
    const std::string& part = name.size() < wanted.size() ? name : wanted;
    const std::string& whole = name.size() < wanted.size() ? wanted : name;
    if (part.size() < shortest || !(whole.starts_with(part) || whole.ends_with(part))) continue;
    const size_t rest = whole.size() - part.size();
    if (best == nullptr || rest < least) {
      best = &candidate;
      least = rest;
    }
  }
  return best == nullptr ? std::string() : *best;
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
  if (word.empty() || word.size() > longest_name) return {};
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > longest_name) continue;
    const size_t distance = half_edits(word, candidate);
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return {};
  // One wrong letter in three is the most that still looks like a slip; a name in the wrong case always does, and so
  // does a short one with one letter wrong if another is right: "l" for "lr".
  const size_t letters = std::max(word.size(), best->size());
  const size_t wrong = half_edits(squashed(word), squashed(*best));
  const bool slip =
      std::min(wrong, best_distance) <= 2 * letters / 3 || (best_distance <= 2 && best_distance < 2 * letters);
  return slip || equal_but_for_case(word, *best) ? *best : with_that_end(word, candidates);
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string name = nearest(word, candidates);
  return name.empty() ? name : "; did you mean " + quote(name) + "?";
}

}  // namespace tarn
