// The geometry of pooling against brute force: which cells a window sees, what a mean divides by, what is refused.
#include "core/ops/window.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/error.h"
#include "core/ops.h"
#include "core/ops/window_watch.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_window {

namespace {

// Positions that window o of a sliding axis sees, by trying every tap; `inside` counts the taps up to the end of the
// padding.
std::vector<int64_t> taps_of(int64_t o, int64_t size, int64_t k, int64_t s, int64_t p, int64_t d, int64_t& inside) {
  std::vector<int64_t> positions;
  inside = 0;
  for (int64_t j = 0; j < k; ++j) {
    const int64_t at = o * s - p + j * d;
    if (at >= 0 && at < size) positions.push_back(at);
    if (at < size + p) ++inside;
  }
  return positions;
}

int64_t pick(const Stream& random, uint64_t& i, int64_t low, int64_t high) {
  return low + random.below(i++, high - low + 1);
}

}  // namespace

TEST_CASE("sliding windows see what counting taps one by one says, and divide by the taps inside the padding") {
  const Stream random{7, purpose_of("window"), 0};
  uint64_t draws = 0;
  int made = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    const int64_t size = pick(random, draws, 1, 12);
    const int64_t k = pick(random, draws, 1, 5);
    const int64_t s = pick(random, draws, 1, 4);
    const int64_t p = pick(random, draws, 0, k / 2);
    const int64_t d = pick(random, draws, 1, 3);
    const bool ceil_mode = pick(random, draws, 0, 1) == 1;
    const SlidingOptions options{
        .kernel_size = {k}, .stride = {s}, .padding = {p}, .dilation = {d}, .ceil_mode = ceil_mode};
    Windows w;
    try {
      w = sliding_windows("test", {1, 1, size}, 1, options);
    } catch (const Error&) {
      continue;
    }
    ++made;
    CAPTURE(text("input ", size, " kernel ", k, " stride ", s, " padding ", p, " dilation ", d, " ceil ", ceil_mode));
    // The number of windows: those that start inside the input or its left padding, and, unless rounded up, end inside
    // the right one.
    int64_t expected = 0;
    for (int64_t o = 0; o * s - p < size; ++o)
      if (o * s - p + (k - 1) * d < size + p || (ceil_mode && (o - 1) * s - p + (k - 1) * d < size + p - 1)) ++expected;
    REQUIRE(w.output_cells() == expected);
    for (int64_t o = 0; o < expected; ++o) {
      int64_t inside = 0;
      const auto positions = taps_of(o, size, k, s, p, d, inside);
      REQUIRE(w.cells(o) == positions);
      REQUIRE(w.divisor(o) == inside);
    }
  }
  CHECK(made > 2000);
}

TEST_CASE("adaptive windows cover floor(i I / O) to ceil((i + 1) I / O), and the widest is known without a search") {
  for (int64_t size = 1; size <= 20; ++size)
    for (int64_t output = 1; output <= 25; ++output) {
      const Windows w = adaptive_windows("test", {1, 1, size}, 1, {output});
      int64_t widest = 0;
      for (int64_t o = 0; o < output; ++o) {
        std::vector<int64_t> expected;
        for (int64_t i = 0; i < size; ++i)
          if ((i + 1) * output > o * size && i * output < (o + 1) * size) expected.push_back(i);
        REQUIRE(w.cells(o) == expected);
        widest = std::max(widest, static_cast<int64_t>(expected.size()));
      }
      CHECK(w.taps() == widest);
      // Equal windows side by side are as good as sliding ones.
      CHECK(w.axes[2].sliding() == (size % output == 0 && (output > 1 || size == 1)));
    }
}

TEST_CASE("cells of planes of two and three dimensions are the products of their axes, row by row") {
  const Windows w = sliding_windows("test", {2, 5, 4}, 2, {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 0}});
  CHECK(w.output_shape({2, 5, 4}) == Shape{2, 3, 3});
  CHECK(w.output_shape({7, 2, 5, 4}) == Shape{7, 2, 3, 3});
  CHECK(w.cells(0) == std::vector<int64_t>{0, 1, 4, 5});
  CHECK(w.cells(5) == std::vector<int64_t>{6, 7, 10, 11, 14, 15});
  const Windows v = adaptive_windows("test", {1, 2, 2, 3}, 3, {1, std::nullopt, 2});
  CHECK(v.output_shape({1, 2, 2, 3}) == Shape{1, 1, 2, 2});
  CHECK(v.cells(3) == std::vector<int64_t>{4, 5, 10, 11});
}

TEST_CASE("listed spans must lie inside the input") {
  const Axis axis = listed_axis(5, {{.first = 0, .taps = 2}, {.first = 3, .taps = 2, .skipped = 1}});
  CHECK(axis.output == 2);
  CHECK(axis.kernel == 3);
  CHECK(axis.span(1).first == 3);
  CHECK_THROWS_AS(listed_axis(5, {{.first = 4, .taps = 2}}), Error);
  CHECK_THROWS_AS(listed_axis(5, {{.first = 0, .taps = 0}}), Error);
  CHECK_THROWS_AS(listed_windows("test", {1, 1, 5}, {{{.first = 0, .taps = 0}}}), Error);
  const Windows w = listed_windows("test", {1, 1, 5}, {{{.first = 5, .taps = 0}, {.first = 4}}}, Empty::allowed);
  CHECK(w.cells(0).empty());
  CHECK(w.cells(1) == std::vector<int64_t>{4});
  CHECK_THROWS_AS(listed_axis(5, {{.first = 6, .taps = 0}}, Empty::allowed), Error);
}

TEST_CASE("options out of range are refused by name, value and range, however large they are") {
  const Shape x{1, 2, 6, 5};
  const auto refuses = [&x](const SlidingOptions& options, const char* part) {
    CAPTURE(part);
    try {
      sliding_windows("max_pool2d", x, 2, options);
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(std::string(e.what()).find("max_pool2d: ") == 0);
      CHECK(std::string(e.what()).find(part) != std::string::npos);
    }
  };
  refuses({.kernel_size = {0}}, "kernel_size is 0");
  refuses({.kernel_size = {-2}}, "kernel_size is -2");
  refuses({.kernel_size = {2}, .stride = {0}}, "stride is 0");
  refuses({.kernel_size = {2}, .stride = {4799942556533499770}}, "stride is 4799942556533499770");
  refuses({.kernel_size = {2}, .padding = {4799942556533499770}}, "padding is 4799942556533499770");
  refuses({.kernel_size = {4294967298}}, "kernel_size is 4294967298");
  refuses({.kernel_size = {2}, .dilation = {4611686018427387904}}, "dilation is 4611686018427387904");
  refuses({.kernel_size = {2}, .dilation = {0}}, "dilation is 0");
  refuses({.kernel_size = {3}, .padding = {2}}, "padding is 2; allowed are 0 to 1");
  refuses({.kernel_size = {3}, .padding = {-1}}, "padding is -1");
  refuses({.kernel_size = {9}}, "kernel_size 9");
  refuses({.kernel_size = {2, 2, 2}}, "kernel_size has 3 entries");
  refuses({.kernel_size = {2}, .divisor_override = 0}, "divisor_override is 0");
  refuses({}, "kernel_size is missing");
}

TEST_CASE("a window that lies in the padding alone is refused") {
  CHECK_THROWS_AS(
      sliding_windows("max_pool1d", {1, 1, 1}, 1, {.kernel_size = {2}, .stride = {1}, .padding = {1}, .dilation = {2}}),
      Error);
}

TEST_CASE("inputs that are no planes, and outputs that no memory holds, are refused") {
  const SlidingOptions two{.kernel_size = {2}};
  CHECK_THROWS_AS(sliding_windows("max_pool1d", {6}, 1, two), Error);
  CHECK_THROWS_AS(sliding_windows("max_pool1d", {2, 2, 3, 6}, 1, two), Error);
  CHECK_THROWS_AS(sliding_windows("max_pool1d", {2, 3, 0}, 1, two), Error);
  CHECK_THROWS_AS(sliding_windows("max_pool1d", {2, 0, 6}, 1, two), Error);
  CHECK(sliding_windows("max_pool1d", {0, 3, 6}, 1, two).output_shape({0, 3, 6}) == Shape{0, 3, 3});
  CHECK_THROWS_AS(adaptive_windows("pool", {1, 1, 6, 5}, 2, {-1}), Error);
  CHECK_THROWS_AS(adaptive_windows("pool", {1, 1, 6, 5}, 2, {4799942556533499770}), Error);
  CHECK_THROWS_AS(adaptive_windows("pool", {1, 1, 6, 5}, 2, {100000}), Error);
  CHECK_THROWS_AS(adaptive_windows("pool", {1, 1, 6, 5}, 2, {2, 2, 2}), Error);
  CHECK(adaptive_windows("pool", {1, 1, 6, 5}, 2, {0, 2}).output_cells() == 0);
}

TEST_CASE("padding \"same\" gives a window for each step, the larger half behind, and never counts in a mean") {
  for (int64_t size = 1; size <= 12; ++size)
    for (int64_t k = 1; k <= 5; ++k)
      for (int64_t s = 1; s <= 4; ++s)
        for (int64_t d = 1; d <= 3; ++d) {
          CAPTURE(size);
          CAPTURE(k);
          CAPTURE(s);
          CAPTURE(d);
          int64_t steps = 0;
          while (steps * s < size) ++steps;
          int64_t total = 0;  // the least padding with which the last window fits
          while (size + total < (steps - 1) * s + d * (k - 1) + 1) ++total;
          const SlidingOptions options{.kernel_size = {k}, .stride = {s}, .dilation = {d}, .same = true};
          Windows w;
          bool filled = true;
          int64_t inside = 0;
          for (int64_t o = 0; o < steps; ++o) filled = filled && !taps_of(o, size, k, s, total / 2, d, inside).empty();
          if (!filled) {
            CHECK_THROWS_AS(sliding_windows("test", {1, 1, size}, 1, options), Error);
            continue;
          }
          w = sliding_windows("test", {1, 1, size}, 1, options);
          REQUIRE(w.output_cells() == steps);
          for (int64_t o = 0; o < steps; ++o) {
            const auto seen = taps_of(o, size, k, s, total / 2, d, inside);
            REQUIRE(w.cells(o) == seen);
            REQUIRE(w.divisor(o) == static_cast<int64_t>(seen.size()));
          }
        }
}

TEST_CASE("relaxed padding goes up to half of what a dilated window reaches over") {
  SlidingOptions options{.kernel_size = {3}, .stride = {1}, .padding = {2}, .dilation = {2}};
  CHECK_THROWS_AS(sliding_windows("test", {1, 1, 9}, 1, options), Error);
  options.relaxed_padding = true;
  CHECK(sliding_windows("test", {1, 1, 9}, 1, options).output_cells() == 9);
  options.padding = {3};
  CHECK_THROWS_AS(sliding_windows("test", {1, 1, 9}, 1, options), Error);
  options.dilation = {1};
  options.padding = {2};
  CHECK_THROWS_AS(sliding_windows("test", {1, 1, 9}, 1, options), Error);
}

TEST_CASE("windows over channels and from lists are windows as all others") {
  const Windows channels = channel_windows("test", {2, 1, 6, 4}, 3, 2);
  CHECK(channels.cells(0) == std::vector<int64_t>{0, 4, 8});
  CHECK(channels.cells(5) == std::vector<int64_t>{9, 13, 17});
  CHECK(channel_windows("test", {2, 1, 6, 4}, 3, 1, 2).cells(4) == std::vector<int64_t>{4, 12, 20});
  const Windows listed =
      listed_windows("test", {1, 1, 3, 5}, {{{.first = 1, .taps = 2}}, {{.first = 0}, {.first = 3, .taps = 2}}});
  CHECK(listed.cells(0) == std::vector<int64_t>{5, 10});
  CHECK(listed.cells(1) == std::vector<int64_t>{8, 9, 13, 14});
  CHECK_THROWS_AS(listed_windows("test", {1, 1, 3}, {{{.first = 2, .taps = 2}}}), Error);
}

TEST_CASE("a watch tells which windows a pass looks through, and where their cells lie") {
  Tape tape;
  const Tensor x = Tensor::ones({1, 1, 4, 6}, Dtype::f64).requires_grad();
  const WindowsWatch watch(tape);
  max_pool(x, sliding_windows("test", x.shape(), 2, {.kernel_size = {2, 3}, .padding = {1, 0}, .ceil_mode = true}));
  avg_pool(x, adaptive_windows("test", x.shape(), 2, {2, 1}));
  REQUIRE(watch.all().size() == 2);
  CHECK(std::string(watch.all()[0].op) == "max_pool");
  CHECK(text_of(watch.all()[0].windows) == "4 x 6 to 3 x 2, windows of 2 x 3, stride 2 x 3, padding 1 x 0");
  CHECK(cells_text(watch.all()[0].windows, 3) == "(1,3) (1,4) (1,5) (2,3) (2,4) (2,5)");
  CHECK(text_of(watch.all()[1].windows) == "4 x 6 to 2 x 1, adaptive windows of up to 2 x 6");
  CHECK(cells_text(watch.all()[1].windows, 1, 2) == "(2,0) (2,1) … 12 cells");
  CHECK(watch.all()[1].entry > watch.all()[0].entry);
}

}  // namespace tarn::test_window
