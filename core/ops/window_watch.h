// Telling which windows the poolings of a pass look through.
#pragma once

#include <string>
#include <vector>

#include "core/ops/window.h"

namespace tarn {

class Tape;

/// While it lives, notes the windows of every pooling that this thread runs. Watches do not nest.
class WindowsWatch {
 public:
  struct Seen {
    const char* op;
    Windows windows;
    size_t entry;  ///< of the tape: what it held before the pooling was recorded
  };
  explicit WindowsWatch(const Tape& tape);
  ~WindowsWatch();
  WindowsWatch(const WindowsWatch&) = delete;
  WindowsWatch& operator=(const WindowsWatch&) = delete;
  const std::vector<Seen>& all() const { return seen_; }
  /// For `Windows::check_input`, with which every pooling begins.
  static void note(const char* op, const Windows& w) {
    if (current_) current_->add(op, w);
  }

 private:
  void add(const char* op, const Windows& w);
  static constinit thread_local WindowsWatch* current_;
  const Tape* tape_;
  std::vector<Seen> seen_;
};

/// The geometry in a line: "8 x 8 to 4 x 4, windows of 2 x 2, stride 2 x 2".
std::string text_of(const Windows& w);
/// Where the cells lie that output cell `cell` sees, as coordinates in the plane: "(2,2) (2,3) (3,2) (3,3)"; after
/// `most` of them their number.
std::string cells_text(const Windows& w, int64_t cell, size_t most = 16);

}  // namespace tarn
