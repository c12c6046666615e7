// Text that is safe in XML, whatever bytes it is made of.
#include "apps/graph/svg.h"
#include "apps/report/chart.h"

namespace tarn {

namespace {

/// Bytes of the character of UTF-8 that starts here; 0 where there is none that XML may hold.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const size_t n = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (n == 0 || first > 0xF4) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const unsigned second = byte(1);
  const bool too_long = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool outside = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);  // surrogates; the end
  const bool no_character = first == 0xEF && second == 0xBF && byte(2) >= 0xBE;
  return too_long || outside || no_character ? 0 : n;
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    clean += n == 0 ? "\xEF\xBF\xBD" : text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return escaped(clean);
}

}  // namespace tarn
