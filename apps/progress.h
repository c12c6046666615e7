// Progress on standard error: a bar that redraws itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tarn {

/// Whether standard error is a terminal, and whether colours are welcome on it (NO_COLOR, TERM=dumb).
bool stderr_is_terminal();
bool colours_wanted();

/// Shows how far a long piece of work is. On a terminal it redraws at most 20 times a second; elsewhere `update` prints
/// nothing, and only `line` does.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet), terminal_(!quiet && stderr_is_terminal()) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` units; `label` stands before the bar and `facts` behind it.
  void update(int64_t done, int64_t total, const std::string& label, const std::string& facts);
  /// A line that stays.
  void line(const std::string& text);
  /// A warning, which is also shown where progress is not.
  void warn(const std::string& text);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point last_{};
};

/// Each line of a text as a warning on standard error; nothing where there is none.
void warn_lines(const std::string& lines);

/// "45 ms", "3.2 s", "2 min 5 s", "1 h 3 min".
std::string duration_text(double seconds);

}  // namespace tarn
