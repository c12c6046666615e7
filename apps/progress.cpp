// Drawing progress bars.
#include "apps/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tarn {

bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return stderr_is_terminal() && !(no_colour && *no_colour) && !(term && std::strcmp(term, "dumb") == 0);
}

void Progress::update(int64_t done, int64_t total, const std::string& label, const std::string& facts) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (drawn_ && now - last_ < std::chrono::milliseconds(50) && done < total) return;
  last_ = now;
  drawn_ = true;
  winsize window{};
  const size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 20 ? window.ws_col : 80;
  constexpr int64_t width = 24;
  const int64_t filled = total > 0 ? std::clamp<int64_t>(done * width / total, 0, width) : 0;
  std::string bar;
  for (int64_t i = 0; i < width; ++i) bar += i < filled ? "━" : "─";
  std::string tail = "  " + facts;
  const size_t taken = label.size() + 1 + static_cast<size_t>(width);
  if (taken + tail.size() >= columns) tail.resize(columns > taken + 1 ? columns - taken - 1 : 0);
  const bool colour = colours_wanted();
  std::fprintf(stderr, "\r\033[K%s %s%s%s%s", label.c_str(), colour ? "\033[36m" : "", bar.c_str(),
               colour ? "\033[0m" : "", tail.c_str());
  std::fflush(stderr);
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Progress::warn(const std::string& text) {
  clear();
  warn_lines(text);
}

void warn_lines(const std::string& lines) {
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    std::fprintf(stderr, "tarn: warning: %s\n", lines.substr(at, end - at).c_str());
    at = end + 1;
  }
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

std::string duration_text(double seconds) {
  char buffer[64];
  if (seconds < 0.1)
    std::snprintf(buffer, sizeof buffer, "%.0f ms", 1000 * seconds);
  else if (seconds < 60)
    std::snprintf(buffer, sizeof buffer, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  else if (seconds < 3600)
    std::snprintf(buffer, sizeof buffer, "%d min %d s", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%d h %d min", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) / 60 % 60);
  return buffer;
}

}  // namespace tarn
