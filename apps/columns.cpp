// Formatting numbers and wrapping text.
#include "apps/columns.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tarn {

size_t terminal_width() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return 100;
  return std::clamp<size_t>(window.ws_col, 40, 200);
}

size_t columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string formatted(double value, const char* format) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string padded(const std::string& text, size_t width) {
  const size_t used = columns(text);
  return text + std::string(width > used ? width - used : 0, ' ');
}

std::string wrapped(const std::string& first, std::string_view text, size_t indent, size_t width) {
  std::string out = first;
  size_t used = columns(first);
  bool fresh = true;  // nothing of the text is on this line yet
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const size_t wide = columns(word);
    if (!fresh && used + 1 + wide > width) {
      out += '\n' + std::string(indent, ' ');
      used = indent;
      fresh = true;
    }
    if (!fresh) out += ' ';
    out += word;
    used += wide + (fresh ? 0 : 1);
    fresh = false;
  }
  return out + '\n';
}

}  // namespace tarn
