// Notes windows, and prints them.
#include "core/ops/window_watch.h"

#include <algorithm>

#include "core/error.h"
#include "core/tape.h"

namespace tarn {

constinit thread_local WindowsWatch* WindowsWatch::current_ = nullptr;

WindowsWatch::WindowsWatch(const Tape& tape) : tape_(&tape) {
  current_ = this;
}
WindowsWatch::~WindowsWatch() {
  current_ = nullptr;
}
void WindowsWatch::add(const char* op, const Windows& w) {
  seen_.push_back({op, w, tape_->size()});
}

namespace {

/// A number of each spatial axis: "3 x 2".
template <class F>
std::string of_axes(const Windows& w, F number) {
  std::string out;
  for (size_t i = static_cast<size_t>(3 - w.rank); i < 3; ++i)
    out += (out.empty() ? "" : " x ") + std::to_string(number(w.axes[i]));
  return out;
}

template <class F>
bool any_axis(const Windows& w, F is) {
  return std::any_of(w.axes.begin() + (3 - w.rank), w.axes.end(), is);
}

}  // namespace

std::string text_of(const Windows& w) {
  std::string out =
      of_axes(w, [](const Axis& a) { return a.input; }) + " to " + of_axes(w, [](const Axis& a) { return a.output; });
  if (any_axis(w, [](const Axis& a) { return a.kind == Axis::Kind::listed; }))
    return out + ", windows from a list, up to " + of_axes(w, [](const Axis& a) { return a.kernel; });
  if (any_axis(w, [](const Axis& a) { return a.kind == Axis::Kind::adaptive; }))
    return out + ", adaptive windows of up to " + of_axes(w, [](const Axis& a) { return a.kernel; });
  out += ", windows of " + of_axes(w, [](const Axis& a) { return a.kernel; });
  out += ", stride " + of_axes(w, [](const Axis& a) { return a.stride; });
  if (any_axis(w, [](const Axis& a) { return a.padding > 0; }))
    out += ", padding " + of_axes(w, [](const Axis& a) { return a.padding; });
  if (any_axis(w, [](const Axis& a) { return a.dilation > 1; }))
    out += ", dilation " + of_axes(w, [](const Axis& a) { return a.dilation; });
  return out;
}

std::string cells_text(const Windows& w, int64_t cell, size_t most) {
  const std::vector<int64_t> cells = w.cells(cell);
  std::string out;
  for (size_t i = 0; i < std::min(most, cells.size()); ++i) {
    std::string place;
    int64_t rest = cells[i];
    for (size_t axis = 3; axis-- > static_cast<size_t>(3 - w.rank); rest /= w.axes[axis].input)
      place = std::to_string(rest % w.axes[axis].input) + (place.empty() ? "" : "," + place);
    out += (out.empty() ? "(" : " (") + place + ")";
  }
  return cells.size() <= most ? out : text(out, " … ", cells.size(), " cells");
}

}  // namespace tarn
