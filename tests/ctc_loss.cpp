// Connectionist temporal classification against a sum over all paths, its derivatives in both forms, and what it
// refuses.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_ctc_loss {

namespace {

const double infinity = std::numeric_limits<double>::infinity();

using Labels = std::vector<int64_t>;

Tensor whole(const Shape& shape, const Labels& values) {
  return {shape, values};
}
Tensor row(const Labels& values) {
  return {Shape{static_cast<int64_t>(values.size())}, values};
}

Labels collapsed(const Labels& path, int64_t blank) {
  Labels text;
  for (size_t t = 0; t < path.size(); ++t)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) text.push_back(path[t]);
  return text;
}

// Minus the log of the summed probabilities of all paths of `frames` frames that spell `text`, for sample n of x.
double by_counting(const Tensor& x, int64_t n, int64_t frames, const Labels& text, int64_t blank) {
  const int64_t classes = x.shape()[2];
  double total = 0;
  Labels path(static_cast<size_t>(frames), 0);
  for (bool more = true; more;) {
    if (collapsed(path, blank) == text) {
      double log_p = 0;
      for (int64_t t = 0; t < frames; ++t)
        log_p += x.at((t * x.shape()[1] + n) * classes + path[static_cast<size_t>(t)]);
      total += std::exp(log_p);
    }
    more = false;
    for (int64_t& label : path) {
      more = ++label < classes;
      if (more) break;
      label = 0;
    }
  }
  return -std::log(total);
}

Tensor drawn(const Shape& shape) {
  return normal(shape, {5, 6, 7}, 0, 1.5, Dtype::f64);
}

double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double d = 0;
  for (int64_t i = 0; i < a.numel(); ++i) d = std::max(d, std::abs(a.at(i) - b.at(i)));
  return d;
}

}  // namespace

TEST_CASE(
    "ctc_loss equals the sum over all paths, for texts with and without repetitions, of no label, and impossible") {
  const Tensor x = drawn({5, 6, 3});
  for (const int64_t blank : {0, 2}) {
    const int64_t a = blank == 0 ? 1 : 0;
    const int64_t b = blank == 0 ? 2 : 1;
    const std::vector<Labels> texts{{a, b}, {a, a}, {b}, {}, {a, b, a}, {b, b, b}};
    const Labels frames{5, 4, 1, 3, 5, 4};
    Labels padded;
    Labels lengths;
    Labels joined;
    for (const Labels& text : texts) {
      lengths.push_back(static_cast<int64_t>(text.size()));
      joined.insert(joined.end(), text.begin(), text.end());
      for (size_t i = 0; i < 3; ++i) padded.push_back(i < text.size() ? text[i] : -7);  // never looked at
    }
    const auto loss = [&](const Tensor& targets, Reduction r) {
      return ctc_loss(x, targets, row(frames), row(lengths), blank, r);
    };
    const Tensor each = loss(whole({6, 3}, padded), Reduction::none);
    double mean = 0;
    for (size_t n = 0; n < 6; ++n) {
      CAPTURE(n);
      const double want = by_counting(x, static_cast<int64_t>(n), frames[n], texts[n], blank);
      if (std::isinf(want))
        CHECK(each.at(static_cast<int64_t>(n)) == infinity);
      else
        CHECK(each.at(static_cast<int64_t>(n)) == doctest::Approx(want).epsilon(1e-12));
      if (n < 5) mean += want / static_cast<double>(std::max<size_t>(texts[n].size(), 1)) / 6;
    }
    CHECK(each.at(5) == infinity);  // three equal labels need two blanks between them: five frames
    CHECK(loss(row(joined), Reduction::none).to_vector<double>() == each.to_vector<double>());
    const Tensor zeroed = ctc_loss(x, row(joined), row(frames), row(lengths), blank, Reduction::mean, true);
    CHECK(zeroed.item() == doctest::Approx(mean));
    CHECK(loss(row(joined), Reduction::sum).item() == infinity);
  }
}

TEST_CASE("a sample without batch dimension, of one label or of no frame") {
  const Tensor x = drawn({4, 1, 3});
  const Tensor one = squeeze(x, 1);
  const Tensor four = whole({}, {4});
  const auto alone = [&](const Labels& text, const Tensor& frames) {
    return ctc_loss(one, row(text), frames, whole({}, {static_cast<int64_t>(text.size())}), 0, Reduction::none);
  };
  CHECK(alone({1, 2}, four).shape() == Shape{});
  CHECK(alone({1, 2}, four).item() == doctest::Approx(by_counting(x, 0, 4, {1, 2}, 0)));
  CHECK(alone({}, whole({}, {0})).item() == 0);
  CHECK(alone({1}, whole({}, {0})).item() == infinity);
  CHECK(ctc_loss(Tensor::zeros({5, 0, 3}), Tensor::zeros({0, 2}, Dtype::i64), row({}), row({}), 0, Reduction::none)
            .shape() == Shape{0});
}

TEST_CASE("the fused gradient of ctc_loss equals the one in public ops, and frames behind a sample's end have none") {
  const Tensor x = drawn({6, 4, 4}).requires_grad();
  const Tensor targets = whole({4, 3}, {1, 2, 3, 2, 2, 0, 3, 0, 0, 1, 1, 1});
  Tape tape;
  const Tensor losses = ctc_loss(x, targets, row({6, 5, 2, 4}), row({3, 2, 0, 3}), 0, Reduction::none);
  CHECK(losses.at(3) == infinity);
  const Tensor seed({4}, std::vector<double>{1, -2, 0.5, 3});
  const Tensor fused = tape.gradient(losses, x, {.keep = true, .seed = seed});
  const Tensor in_ops = tape.gradient(losses, x, {.create_graph = true, .seed = seed});
  CHECK(distance(fused, in_ops.detach()) < 1e-13);
  for (int64_t t = 0; t < 6; ++t)
    for (int64_t c = 0; c < 4; ++c) {
      const auto at = [&](int64_t n) { return fused.at((t * 4 + n) * 4 + c); };
      CHECK((t < 5 || at(1) == 0));
      CHECK((t < 2 || at(2) == 0));
      CHECK(at(3) == 0);
    }
}

TEST_CASE("behind a log_softmax the gradient is the probabilities minus the shares of the text's paths") {
  // One frame, one label: the loss is that of cross entropy.
  const Tensor x = drawn({1, 1, 5}).requires_grad();
  Tape tape;
  const Tensor loss = ctc_loss(log_softmax(x, 2), row({3}), row({1}), row({1}));
  const Tensor d = tape.gradient(loss, x);
  const Tensor p = softmax(x.detach(), 2);
  for (int64_t c = 0; c < 5; ++c) CHECK(d.at(c) == doctest::Approx(p.at(c) - (c == 3 ? 1 : 0)));
}

TEST_CASE("ctc_loss survives classes of probability zero and a thousand frames") {
  Tensor x = log_softmax(drawn({1000, 2, 6}), 2);
  std::vector<double> values = x.to_vector<double>();
  for (size_t t = 0; t < 1000; t += 3) values[t * 12 + 5] = -infinity;
  x = Tensor(x.shape(), values).requires_grad();
  Labels text;
  for (int64_t i = 0; i < 300; ++i) text.push_back(1 + i % 5);
  Tape tape;
  const Tensor targets = whole({2, 300}, [&] {
    Labels both = text;
    both.insert(both.end(), text.begin(), text.end());
    return both;
  }());
  const Tensor loss = ctc_loss(x, targets, row({1000, 900}), row({300, 300}), 0, Reduction::sum);
  CHECK(std::isfinite(loss.item()));
  const Tensor fused = tape.gradient(loss, x, {.keep = true});
  double worst = 0;
  for (int64_t t = 0; t < 1000; ++t) {
    double total = 0;
    for (int64_t c = 0; c < 6; ++c) total += fused.at(t * 12 + c);
    worst = std::max(worst, std::abs(total + 1));
  }
  CHECK(worst < 1e-9);  // at each frame a path passes through exactly one class
  CHECK(distance(fused, tape.gradient(loss, x, {.create_graph = true}).detach()) < 1e-9);
}

TEST_CASE("ctc_loss gives the same bits for one and four threads") {
  const Tensor x = normal({80, 9, 12}, {3, 3, 3}).requires_grad();
  const Labels text{1, 2, 3, 3, 4, 5, 11, 7};
  Labels all;
  for (int n = 0; n < 9; ++n) all.insert(all.end(), text.begin(), text.end());
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 4}) {
    set_threads(n);
    Tape tape;
    const Tensor loss = ctc_loss(x, whole({9, 8}, all), row(Labels(9, 80)), row(Labels(9, 8)), 0, Reduction::sum);
    seen.push_back(loss.to_vector<float>());
    seen.push_back(tape.gradient(loss, x).to_vector<float>());
  }
  set_threads(processors());
  CHECK(seen[0] == seen[2]);
  CHECK(seen[1] == seen[3]);
}

TEST_CASE("ctc_loss refuses lengths and labels that do not fit") {
  const Tensor x = drawn({5, 2, 3});
  const Tensor targets = whole({2, 2}, {1, 2, 2, 2});
  const auto refused = [&](const Tensor& t, const Labels& frames, const Labels& lengths, int64_t blank = 0) {
    CHECK_THROWS_AS(ctc_loss(x, t, row(frames), row(lengths), blank), Error);
  };
  CHECK_NOTHROW(ctc_loss(x, targets, row({5, 5}), row({2, 2})));
  refused(targets, {6, 5}, {2, 2});
  refused(targets, {5, -1}, {2, 2});
  refused(targets, {5, 5, 5}, {2, 2});
  refused(targets, {5, 5}, {2, 3});
  refused(targets, {5, 5}, {2, 2}, 3);
  refused(targets, {5, 5}, {2, 2}, 1);
  refused(whole({2, 2}, {1, 3, 1, 1}), {5, 5}, {2, 2});
  refused(whole({2, 2}, {1, -1, 1, 1}), {5, 5}, {2, 2});
  refused(row({1, 2, 1}), {5, 5}, {2, 2});
  refused(whole({1, 2}, {1, 2}), {5, 5}, {2, 2});
  refused(Tensor::ones({2, 2}, Dtype::f64), {5, 5}, {2, 2});
  CHECK_THROWS_WITH_AS(ctc_loss(x, targets, row({5, 6}), row({2, 2})),
                       "ctc_loss: input_lengths of sample 1 is 6; allowed are 0 to 5", Error);
  CHECK_THROWS_AS(ctc_loss(drawn({5}), row({1}), row({1}), row({1})), Error);
  CHECK_THROWS_AS(ctc_loss(x.to(Dtype::i64), targets, row({5, 5}), row({2, 2})), Error);
}

}  // namespace tarn::test_ctc_loss
