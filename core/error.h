// The one error type, and check(), which throws it with a message that is put together only when something is wrong.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tarn {

/// What every mistake of a user (in a call, a config or a file) is reported as. The message says where the mistake is,
/// what was found, what was expected, and the cure where there is a likely one.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// append_text() writes one part of a message. A type of one's own becomes printable by an overload beside it, found by
/// its namespace.
void append_text(std::string& out, std::string_view part);
void append_text(std::string& out, std::span<const int64_t> part);  // [2,3]
void append_signed(std::string& out, long long value);
void append_unsigned(std::string& out, unsigned long long value);
void append_double(std::string& out, double value);  // the shortest text that reads back as the same value
void append_float(std::string& out, float value);

inline void append_text(std::string& out, const char* part) {
  append_text(out, std::string_view(part));
}
inline void append_text(std::string& out, const std::string& part) {
  append_text(out, std::string_view(part));
}
inline void append_text(std::string& out, std::same_as<char> auto part) {
  out.push_back(part);
}
inline void append_text(std::string& out, std::same_as<bool> auto part) {
  append_text(out, part ? "true" : "false");
}
inline void append_text(std::string& out, std::floating_point auto part) {
  if constexpr (sizeof(part) == sizeof(float)) {
    append_float(out, part);
  } else {
    append_double(out, static_cast<double>(part));
  }
}
template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) void append_text(std::string& out, T part) {
  if constexpr (std::signed_integral<T>) {
    append_signed(out, part);
  } else {
    append_unsigned(out, part);
  }
}

/// All parts, one after the other: text("got ", 3) is "got 3".
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

/// What a file or a user wrote, safe to print: in single quotes, control characters escaped, cut after about 60 bytes.
std::string quote(std::string_view written);

/// Throws an Error with the parts as its message.
template <class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  throw Error(text(parts...));
}

/// Throws an Error with the parts as its message unless `ok`. The parts are turned into text only then.
template <class... Parts>
inline void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]] {
    fail(parts...);
  }
}

/// The candidate that looks most like `word` (letter case and swapped neighbours count little); empty where none is
/// near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// The end of a message about an unknown name: "; did you mean 'Linear'?", or nothing where no candidate is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace tarn
