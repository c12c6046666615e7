// Tests of ops at the edges of sizes: tensors without dimensions or elements, positions just inside and just outside;
// and of settings of optimizers, schedules and checks that cannot be.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/blas.h"
#include "core/gradcheck.h"
#include "core/ops.h"
#include "core/tape.h"
#include "optim/method.h"
#include "optim/schedule.h"
#include "tests/support/errors.h"

namespace tarn::test_wrong_sizes {
namespace {

using test::contains;
using test::message_of;

Tensor scalar(double value) {
  return Tensor::full({}, value, Dtype::f64);
}
Tensor positions(std::vector<int64_t> values) {
  const auto n = static_cast<int64_t>(values.size());
  return Tensor({n}, values);
}
std::vector<double> values_of(const Tensor& x) {
  return x.to_vector<double>();
}

TEST_CASE("a tensor without dimensions has a first and a last one, as in PyTorch") {
  const Tensor x = scalar(3);
  for (const int64_t dim : {0, -1}) {
    CAPTURE(dim);
    CHECK(flatten(x, dim, dim).shape() == Shape{1});
    CHECK(squeeze(x, dim).shape() == Shape{});
    CHECK(transpose(x, dim, dim).shape() == Shape{});
    CHECK(cumsum(x, dim).item() == 3);
    CHECK(cumprod(x, dim).item() == 3);
    CHECK(cummax(x, dim).values.item() == 3);
    CHECK(argmax(x, dim).item() == 0);
    CHECK(index_select(x, dim, positions({0})).item() == 3);
    CHECK(values_of(repeat_interleave(x, 2, dim)) == std::vector<double>{3, 3});
  }
  CHECK(contains(message_of([&] {
                   index_select(x, 0, positions({0, 0}));
                 }),
                 "2 positions of a scalar; one is possible"));
  for (const int64_t dim : {1, -2}) {
    CAPTURE(dim);
    CHECK(message_of([&] { squeeze(x, dim); }) != "");
    CHECK(message_of([&] { transpose(x, dim, 0); }) != "");
    CHECK(message_of([&] { transpose(x, 0, dim); }) != "");
    CHECK(message_of([&] { flatten(x, dim, 0); }) != "");
    CHECK(message_of([&] { cumsum(x, dim); }) != "");
  }
  CHECK(prod(Tensor::full({2, 2}, 3.0, Dtype::f64), {}, true).shape() == Shape{1, 1});
  CHECK(argmax(Tensor({2, 2}, std::vector<float>{1, 4, 2, 3}), {}, true).shape() == Shape{1, 1});
  CHECK(argmax(Tensor({2, 2}, std::vector<float>{1, 4, 2, 3}), {}, true).item() == 1);
}

TEST_CASE("tensors without elements keep their shape, and extremes of them are refused") {
  const Tensor none({2, 0, 3}, Dtype::f64);
  CHECK(cumsum(none, 1).shape() == none.shape());
  CHECK(cummax(none, 0).indices.shape() == none.shape());
  CHECK(flip(none, {0, 2}).shape() == none.shape());
  CHECK(roll(none, std::vector<int64_t>{1}, {1}).shape() == none.shape());
  CHECK(triu(none).shape() == none.shape());
  CHECK(chunk(none, 3, 1).size() == 3);
  CHECK(chunk(none, 3, 1)[2].shape() == none.shape());
  CHECK(contains(message_of([&] { chunk(none, 2000, 1); }), "chunk: 2000 chunks of an empty dimension"));
  CHECK(argmax(none, 2).shape() == Shape{2, 0});
  CHECK(contains(message_of([&] { argmax(none, 1); }), "no elements to choose from in dimension 1 of [2,0,3]"));
  CHECK(contains(message_of([&] { argmax(none); }), "no elements to choose from in [2,0,3]"));
  CHECK(contains(message_of([&] { amax(none, {1}); }), "no elements to choose from"));
  CHECK(one_hot(Tensor({0}, Dtype::i64), 4).shape() == Shape{0, 4});
}

TEST_CASE("positions are counted from both ends, and the first ones outside are refused") {
  const Tensor x({3}, std::vector<double>{1, 2, 3});
  CHECK(select(x, 0, -3).item() == 1);
  CHECK(select(x, 0, 2).item() == 3);
  CHECK(values_of(narrow(x, 0, -1, 1)) == std::vector<double>{3});
  CHECK(narrow(x, 0, 3, 0).shape() == Shape{0});
  CHECK(values_of(take(x, positions({-3, 2}))) == std::vector<double>{1, 3});
  CHECK(values_of(put(x, positions({-1, 0, 0}), {3})) == std::vector<double>{5, 0, 1});
  for (const int64_t outside : {int64_t{3}, int64_t{-4}}) {
    CAPTURE(outside);
    CHECK(contains(message_of([&] { select(x, 0, outside); }), text("index ", outside, " is outside [-3, 2]")));
    CHECK(contains(message_of([&] { take(x, positions({outside})); }), text("index ", outside, " is outside [-3, 2]")));
    CHECK(contains(message_of([&] { put(x, positions({0, outside, 1}), {3}); }), text("index ", outside)));
    CHECK(contains(message_of([&] { unsqueeze(x, outside); }), text("dimension ", outside, " is outside [-2, 1]")));
  }
  for (const int64_t outside : {int64_t{4}, int64_t{-4}})
    CHECK(contains(message_of([&] { narrow(x, 0, outside, 0); }), text("start ", outside)));
  CHECK(contains(message_of([&] { repeat_interleave(x, int64_t{1} << 62, 0); }), "repeats of size 3"));
  CHECK(contains(message_of([&] { expand(x, std::vector<int64_t>{-1, 3}); }), "size -1"));
  CHECK(contains(message_of([&] { expand(x, std::vector<int64_t>{-2}); }), "size -2"));
  CHECK(message_of([&] { expand(x, std::vector<int64_t>{}); }) != "");
  CHECK(message_of([&] { repeat(x, std::vector<int64_t>{}); }) != "");
  CHECK(message_of([&] { repeat(x, std::vector<int64_t>{-1}); }) != "");
  CHECK(message_of([&] { repeat(x, std::vector<int64_t>{int64_t{1} << 62}); }) != "");
  CHECK(values_of(repeat(x, std::vector<int64_t>{2, 1})) == std::vector<double>{1, 2, 3, 1, 2, 3});
}

TEST_CASE("values of another type than is asked for are refused with both") {
  const Tensor x({2, 3});
  CHECK(message_of([&] { x.data<int64_t>(); }) ==
        "a float32 tensor of shape [2,3] was used where int64 values are needed");
  CHECK(message_of([] { Tensor().data<float>(); }) == "an undefined tensor was used where float32 values are needed");
}

TEST_CASE("a check of gradients that cannot be made is refused, and one without time skips") {
  const auto square = [](const Tensors& x) { return x[0] * x[0]; };
  const Tensors inputs{Tensor({2}, std::vector<double>{1, 2})};
  const auto refused = [&](const GradientCheckOptions& options) {
    return message_of([&] { check_gradients(square, inputs, options); });
  };
  for (const int order : {0, 3})
    CHECK(refused({.order = order}) == text("check_gradients: order ", order, " must be 1 or 2"));
  CHECK(contains(refused({.directions = 0}), "directions and samples must be positive"));
  CHECK(contains(refused({.samples = 0}), "directions and samples must be positive"));
  CHECK(contains(refused({.step = 0}), "step and tolerance must be positive"));
  CHECK(contains(refused({.tolerance = -1}), "step and tolerance must be positive"));
  CHECK(refused({}) == "");
}

TEST_CASE("what multiplies matrices has a name, which is part of its description") {
  CHECK(blas_description().starts_with("OpenBLAS "));
  CHECK(contains(blas_description(), blas_kernel()));
}

/// An optimizer of one parameter.
struct One {
  Tensor tensor = Tensor::ones({1});
  std::unique_ptr<Optimizer> make(const std::string& json) {
    return make_optimizer(parse_json(json, "o.json"), {{"a", &tensor}});
  }
};

TEST_CASE("OneCycleLR's length is that of the training, or of the epochs and steps that it is given") {
  const auto rates = [](const std::string& length, ScheduleContext context) {
    One one;
    const auto optimizer = one.make(R"({"type": "SGD", "lr": 0.1, "momentum": 0.9})");
    const auto schedule = make_schedule(parse_json(R"({"type": "OneCycleLR", "max_lr": 1)" + length + "}", "s.json"),
                                        *optimizer, context);
    std::vector<double> out;
    for (int i = 0; i < 12; ++i, schedule->step()) out.push_back(optimizer->lr(0));
    return out;
  };
  const std::vector<double> twelve = rates(R"(, "total_steps": 12)", {});
  CHECK(rates(R"(, "epochs": 3, "steps_per_epoch": 4)", {}) == twelve);
  CHECK(rates("", {3, 4}) == twelve);
  CHECK(*std::max_element(twelve.begin(), twelve.end()) == doctest::Approx(1).epsilon(0.01));
  CHECK(twelve.front() == doctest::Approx(1 / 25.0));
  CHECK(contains(message_of([&] { rates(R"(, "epochs": 9000000000000000000, "steps_per_epoch": 4)", {}); }),
                 "9000000000000000000 epochs of 4 steps are too many"));
  CHECK(contains(message_of([&] { rates(R"(, "epochs": 3)", {}); }), "total_steps is missing"));
}

TEST_CASE("a group says which parameters are its own, and nothing of the whole") {
  const auto error = [](const std::string& group) {
    One one;
    return message_of([&] { one.make(R"({"type": "SGD", "lr": 0.1, "groups": [)" + group + "]}"); });
  };
  CHECK(error(R"({"params": "a", "lr": 1})") == "");
  CHECK(contains(error(R"({"params": "a", "type": "SGD"})"), "a group has no 'type'"));
  CHECK(contains(error(R"({"params": "a", "groups": []})"), "a group has no 'groups'"));
  for (const char* params : {"3", "[]", "[1]", "null"}) {
    CAPTURE(params);
    Problems problems;
    const Json json = parse_json(params, "p.json");
    check_patterns(json, problems);
    CHECK(contains(problems.lines(), "or a list of them, found " + json.describe()));
  }
  CHECK(error(R"({"params": ["a"]})") == "");
}

}  // namespace
}  // namespace tarn::test_wrong_sizes
