// Makes and checks the geometry of pooling.
#include "core/ops/window.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/ops/window_watch.h"

namespace tarn {
namespace {

// Positions in a plane are kept in 32 bits; with every number below this, no sum or product here can overflow.
constexpr int64_t limit = std::numeric_limits<int32_t>::max();

Span sliding_span(const Axis& a, int64_t o) {
  const int64_t start = o * a.stride - a.padding;
  Span s;
  s.skipped = start < 0 ? std::min(a.kernel, (-start + a.dilation - 1) / a.dilation) : 0;
  s.first = start + s.skipped * a.dilation;
  s.taps = s.first < a.input ? std::min(a.kernel - s.skipped, (a.input - 1 - s.first) / a.dilation + 1) : 0;
  const int64_t room = a.input + a.padding - start;
  s.extent = room > 0 ? std::min(a.kernel, (room - 1) / a.dilation + 1) : 0;
  return s;
}

const char* layout(int rank) {
  constexpr const char* names[] = {"[N,C,L] or [C,L]", "[N,C,H,W] or [C,H,W]", "[N,C,D,H,W] or [C,D,H,W]"};
  return names[rank - 1];
}

// The geometry before its windows are known: input sizes in place, everything about the input checked.
Windows frame(const char* op, const Shape& input, int rank) {
  check(1 <= rank && rank <= 3, op, ": pooling has 1 to 3 spatial dimensions, not ", rank);
  check(input.rank() == rank + 1 || input.rank() == rank + 2, op, ": input ", input, " has ", input.rank(),
        " dimensions; expected ", layout(rank));
  Windows w;
  w.rank = rank;
  const int front = input.rank() - rank;
  check(input[front - 1] > 0, op, ": input ", input, " has no channels; expected ", layout(rank));
  int64_t cells = 1;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = input[front + i];
    check(size > 0, op, ": input ", input, " has a spatial size of 0; only the batch may be empty");
    check(size <= limit && cells * size <= limit, op, ": input ", input, " has planes of more than ", limit, " cells");
    cells *= size;
    w.axes[static_cast<size_t>(3 - rank + i)].input = size;
  }
  return w;
}

void check_output(const char* op, const Windows& w) {
  int64_t cells = 1;
  for (const Axis& a : w.axes) {
    cells *= a.output;
    check(cells <= limit, op, ": the output would have more than ", limit, " cells a plane");
  }
}

int64_t option(const char* op, const char* name, const std::vector<int64_t>& values, int rank, int i, int64_t absent,
               int64_t least) {
  if (values.empty()) return absent;
  check(values.size() == 1 || static_cast<int>(values.size()) == rank, op, ": ", name, " has ", values.size(),
        " entries; expected 1 or ", rank);
  const int64_t value = values.size() == 1 ? values[0] : values[static_cast<size_t>(i)];
  check(least <= value && value <= limit, op, ": ", name, " is ", value, "; allowed are ", least, " to ", limit);
  return value;
}

// What the options say of dimension i.
void set_steps(const char* op, Axis& a, const SlidingOptions& options, int rank, int i) {
  a.kernel = option(op, "kernel_size", options.kernel_size, rank, i, 0, 1);
  a.stride = option(op, "stride", options.stride, rank, i, a.kernel, 1);
  a.dilation = option(op, "dilation", options.dilation, rank, i, 1, 1);
  a.padding = option(op, "padding", options.padding, rank, i, 0, 0);
  const bool relaxed = options.relaxed_padding && a.dilation > 1;
  const int64_t reach = relaxed ? a.dilation * (a.kernel - 1) + 1 : a.kernel;
  const int64_t most = reach / 2;
  check(a.padding <= most, op, ": padding is ", a.padding, "; allowed are 0 to ", most, ", half of ",
        relaxed ? "what the window reaches over, " : "kernel_size ", reach);
}

// A window for each step of the stride; the padding in front is the smaller half of what that takes.
void set_same_output(Axis& a) {
  a.output = (a.input + a.stride - 1) / a.stride;
  const int64_t reach = a.dilation * (a.kernel - 1) + 1;
  a.padding = std::max<int64_t>((a.output - 1) * a.stride + reach - a.input, 0) / 2;
}

// floor((I + 2p - E) / s) + 1, or the ceiling, less a last window that would start in the right padding.
void set_output(const char* op, Axis& a, bool ceil_mode) {
  const int64_t reach = a.dilation * (a.kernel - 1) + 1;
  const int64_t room = a.input + 2 * a.padding - reach;
  const int64_t steps = room + (ceil_mode ? a.stride - 1 : 0);
  check(steps >= 0, op, ": kernel_size ", a.kernel, " with dilation ", a.dilation, " reaches over ", reach,
        " cells, more than the input's ", a.input, " and its padding of ", a.padding, " on both sides");
  a.output = steps / a.stride + 1;
  if (ceil_mode && (a.output - 1) * a.stride >= a.input + a.padding) --a.output;
}

// With dilation all taps of a window may fall into the padding.
void check_filled(const char* op, const Axis& a) {
  if (a.dilation == 1) return;
  for (int64_t o = 0; o < a.output; ++o)
    check(a.span(o).taps > 0, op, ": window ", o, " lies in the padding alone (input ", a.input, ", kernel_size ",
          a.kernel, ", stride ", a.stride, ", padding ", a.padding, ", dilation ", a.dilation, ")");
}

}  // namespace

Span Axis::clipped_span(int64_t o) const {
  if (kind == Kind::sliding) return sliding_span(*this, o);
  if (kind == Kind::listed) return (*spans)[static_cast<size_t>(o)];
  Span s;
  s.first = o * input / output;
  s.taps = ((o + 1) * input + output - 1) / output - s.first;
  s.extent = s.taps;
  return s;
}

Axis listed_axis(int64_t input, std::vector<Span> spans, Empty empty) {
  Axis a;
  a.kind = Axis::Kind::listed;
  a.input = input;
  a.output = static_cast<int64_t>(spans.size());
  const int64_t least = empty == Empty::allowed ? 0 : 1;
  for (const Span& s : spans) {
    check(s.taps >= least && s.skipped >= 0 && s.first >= 0 && s.first <= input - s.taps, "windows: ", s.taps,
          " taps from position ", s.first, " do not lie inside an input of ", input);
    a.kernel = std::max(a.kernel, s.skipped + s.taps);
  }
  a.spans = std::make_shared<const std::vector<Span>>(std::move(spans));
  return a;
}

Shape Windows::output_shape(const Shape& input) const {
  Shape s = input;
  for (int i = 0; i < rank; ++i) s = s.with(input.rank() - rank + i, axes[static_cast<size_t>(3 - rank + i)].output);
  return s;
}

std::vector<int64_t> Windows::cells(int64_t cell) const {
  const Span d = axes[0].span(cell / (axes[1].output * axes[2].output));
  const Span h = axes[1].span(cell / axes[2].output % axes[1].output);
  const Span w = axes[2].span(cell % axes[2].output);
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < d.taps; ++i)
    for (int64_t j = 0; j < h.taps; ++j)
      for (int64_t k = 0; k < w.taps; ++k) {
        const int64_t z = d.first + i * axes[0].dilation;
        const int64_t y = h.first + j * axes[1].dilation;
        positions.push_back((z * axes[1].input + y) * axes[2].input + w.first + k * axes[2].dilation);
      }
  return positions;
}

int64_t Windows::divisor(int64_t cell) const {
  return divisor(axes[0].span(cell / (axes[1].output * axes[2].output)),
                 axes[1].span(cell / axes[2].output % axes[1].output), axes[2].span(cell % axes[2].output));
}

namespace {

// Throws unless the last sizes of `shape` are those of the planes that `size` of each axis gives.
template <class Size>
void check_planes(const char* op, const char* what, const Shape& shape, const Windows& w, Size size) {
  bool same = shape.rank() == w.rank + 1 || shape.rank() == w.rank + 2;
  const auto wanted = [&](int i) { return size(w.axes[static_cast<size_t>(3 - w.rank + i)]); };
  for (int i = 0; same && i < w.rank; ++i) same = shape[shape.rank() - w.rank + i] == wanted(i);
  if (same) return;
  std::vector<int64_t> sizes;
  for (int i = 0; i < w.rank; ++i) sizes.push_back(wanted(i));
  fail(op, ": input ", shape, " does not end in the sizes ", Shape(sizes), " that the windows ", what);
}

}  // namespace

void Windows::check_input(const char* op, const Shape& input) const {
  WindowsWatch::note(op, *this);
  check_planes(op, "were made for", input, *this, [](const Axis& a) { return a.input; });
}

Shape Windows::input_shape(const char* op, const Shape& output) const {
  check_planes(op, "give", output, *this, [](const Axis& a) { return a.output; });
  Shape s = output;
  for (int i = 0; i < rank; ++i) s = s.with(output.rank() - rank + i, axes[static_cast<size_t>(3 - rank + i)].input);
  return s;
}

Windows sliding_windows(const char* op, const Shape& input, int rank, const SlidingOptions& options) {
  Windows w = frame(op, input, rank);
  check(!options.kernel_size.empty(), op, ": kernel_size is missing");
  check(options.divisor_override != 0, op, ": divisor_override is 0; allowed is any other number");
  w.count_include_pad = options.count_include_pad && !options.same;
  w.divisor_override = options.divisor_override;
  for (int i = 0; i < rank; ++i) {
    Axis& a = w.axes[static_cast<size_t>(3 - rank + i)];
    set_steps(op, a, options, rank, i);
    if (options.same)
      set_same_output(a);
    else
      set_output(op, a, options.ceil_mode);
    check_filled(op, a);
  }
  check_output(op, w);
  return w;
}

Windows unpooling_windows(const char* op, const Shape& pooled, int rank, const SlidingOptions& options,
                          const std::optional<std::vector<int64_t>>& output_size) {
  Windows w = frame(op, pooled, rank);
  check(!options.kernel_size.empty(), op, ": kernel_size is missing");
  w.count_include_pad = options.count_include_pad;
  const int given = output_size ? static_cast<int>(output_size->size()) : rank;
  check(given == rank || given == rank + 2 || given == pooled.rank(), op, ": output_size has ", given,
        " entries; expected ", rank, " spatial sizes or a full shape");
  int64_t cells = 1;
  for (int i = 0; i < rank; ++i) {
    Axis& a = w.axes[static_cast<size_t>(3 - rank + i)];
    set_steps(op, a, options, rank, i);
    a.dilation = 1;
    a.output = a.input;
    const int64_t usual = (a.output - 1) * a.stride - 2 * a.padding + a.kernel;
    a.input = output_size ? (*output_size)[static_cast<size_t>(given - rank + i)] : usual;
    check(usual - a.stride < a.input && a.input < usual + a.stride, op, ": output_size is ", a.input,
          " in spatial dimension ", i, "; allowed are ", std::max<int64_t>(1, usual - a.stride + 1), " to ",
          usual + a.stride - 1);
    check(a.input > 0, op, ": the output would have ", a.input, " cells in spatial dimension ", i, ", from ", a.output,
          " with kernel_size ", a.kernel, ", stride ", a.stride, " and padding ", a.padding);
    check(a.input <= limit && cells * a.input <= limit, op, ": the output would have more than ", limit,
          " cells a plane");
    cells *= a.input;
  }
  return w;
}

Windows adaptive_windows(const char* op, const Shape& input, int rank,
                         const std::vector<std::optional<int64_t>>& output_size) {
  Windows w = frame(op, input, rank);
  check(output_size.size() == 1 || static_cast<int>(output_size.size()) == rank, op, ": output_size has ",
        output_size.size(), " entries; expected ", rank);
  for (int i = 0; i < rank; ++i) {
    Axis& a = w.axes[static_cast<size_t>(3 - rank + i)];
    a.kind = Axis::Kind::adaptive;
    a.output = output_size[output_size.size() == 1 ? 0 : static_cast<size_t>(i)].value_or(a.input);
    check(0 <= a.output && a.output <= limit, op, ": output_size is ", a.output, "; allowed are 0 to ", limit);
    if (a.output == 0) continue;
    // The start of a window, in units of 1/O cells, is a multiple of the common divisor of I and O.
    const int64_t latest = a.output - std::gcd(a.input, a.output);
    a.kernel = (a.input + latest + a.output - 1) / a.output;
    if (a.output > 1 && a.input % a.output == 0) a.stride = a.kernel;  // equal windows side by side
  }
  check_output(op, w);
  return w;
}

Windows global_windows(const char* op, const Shape& input, int rank) {
  return adaptive_windows(op, input, rank, {1});
}

Windows listed_windows(const char* op, const Shape& input, const std::vector<std::vector<Span>>& spans, Empty empty) {
  const int rank = static_cast<int>(spans.size());
  Windows w = frame(op, input, rank);
  for (size_t i = 0; i < spans.size(); ++i) {
    Axis& a = w.axes[3 - spans.size() + i];
    a = listed_axis(a.input, spans[i], empty);
  }
  check_output(op, w);
  return w;
}

Windows channel_windows(const char* op, const Shape& input, int64_t kernel, int64_t stride, int64_t dilation) {
  return sliding_windows(op, input, 2, {.kernel_size = {kernel, 1}, .stride = {stride, 1}, .dilation = {dilation, 1}});
}

}  // namespace tarn
