// The tape: gradients of any order, and misuse that is named.
#include "core/tape.h"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "core/ops.h"
#include "tests/support/errors.h"

namespace tarn::test_tape {

using namespace test;

namespace {

Tensor scalar(double value) {
  return Tensor::full({}, value, Dtype::f64).requires_grad();
}

}  // namespace

TEST_CASE("gradients of gradients go on to any order") {
  const Tensor x = scalar(0.7);
  Tape tape;
  Tensor y = exp(x * 2.0);
  for (int order = 1; order <= 5; ++order) {
    y = tape.gradient(y, x, {.create_graph = true});
    CHECK(y.item() == doctest::Approx(std::pow(2.0, order) * std::exp(1.4)).epsilon(1e-12));
  }
}

TEST_CASE("contributions of several uses add up, and broadcasting is undone") {
  const Tensor x = Tensor(Shape{3}, std::vector<double>{1, 2, 3}).requires_grad();
  Tape tape;
  const Tensor y = sum(x * Tensor::ones(Shape{2, 3}, Dtype::f64)) + sum(x * x) + sum(x);
  CHECK(tape.gradient(y, x).to_vector<double>() == std::vector<double>{5, 7, 9});
}

TEST_CASE("nothing is recorded without a tape, without a leaf, or while recording is paused") {
  const Tensor x = scalar(2);
  CHECK((x * x).place().tape == 0);
  Tape tape;
  CHECK((Tensor::full({}, 1) * 2.0).place().tape == 0);
  CHECK(tape.size() == 0);
  {
    const NoRecord quiet;
    CHECK((x * x).place().tape == 0);
  }
  CHECK((x * x).place().tape == tape.id());
  CHECK(tape.size() == 2);  // the leaf and the product
}

TEST_CASE("tapes nest, and each keeps its own leaves") {
  const Tensor x = scalar(3);
  Tape outer;
  const Tensor y = x * x;
  {
    Tape inner;
    CHECK(inner.gradient(x * 5.0, x).item() == 5);
    CHECK(contains(message_of([&] { y * 2.0; }), "another tape"));
  }
  CHECK(outer.gradient(y, x).item() == 6);
}

TEST_CASE("a tensor of a closed tape is refused by name, and welcome once detached") {
  const Tensor x = scalar(3);
  Tensor old;
  {
    Tape tape;
    old = x * 2.0;
  }
  Tape tape;
  CHECK(contains(message_of([&] { exp(old); }), "exp: an input was recorded on another tape"));
  CHECK(tape.gradient(x * old.detach(), x).item() == 6);
}

TEST_CASE("wrt and y that are not on the tape are refused") {
  const Tensor x = scalar(3);
  const Tensor other = scalar(1);
  Tape tape;
  const Tensor y = x * x;
  CHECK(contains(message_of([&] { tape.gradient(y, other); }), "wrt 0 is not on this tape"));
  CHECK(contains(message_of([&] { tape.gradient(Tensor::ones({}), x); }), "y is not on this tape"));
  CHECK_FALSE(tape.gradient(y, other, {.keep = true, .allow_unused = true}).defined());
  const Tensor unused = other * 2.0;
  CHECK(tape.gradient(y, other).item() == 0);  // on the tape, but y does not depend on it
}

TEST_CASE("y with several elements needs a seed of its shape") {
  const Tensor x = Tensor(Shape{2}, std::vector<double>{1, 2}).requires_grad();
  Tape tape;
  const Tensor y = x * x;
  CHECK(contains(message_of([&] { tape.gradient(y, x); }), "give a seed"));
  CHECK(contains(message_of([&] { tape.gradient(y, x, {.seed = Tensor::ones(Shape{3}, Dtype::f64)}); }),
                 "seed has shape [3]"));
  CHECK(tape.gradient(y, x, {.seed = Tensor(Shape{2}, std::vector<double>{1, 10})}).to_vector<double>() ==
        std::vector<double>{2, 40});
}

TEST_CASE("captures are released by a sweep unless it keeps them") {
  const Tensor x = scalar(3);
  Tape tape;
  const Tensor y = x * x;
  CHECK(tape.gradient(y, x, {.keep = true}).item() == 6);
  CHECK(tape.gradient(y, x).item() == 6);
  CHECK(contains(message_of([&] { tape.gradient(y, x); }), "'mul' (entry 1) captured was released"));
}

TEST_CASE("a captured value that was assigned over is an error only where the old value is needed") {
  Tensor w = scalar(3);
  const Tensor x = scalar(2);
  Tape tape;
  const Tensor product = w * x;
  const Tensor total = w + x;
  assign(w, Tensor::full({}, 5, Dtype::f64));
  CHECK(tape.gradient(total, x).item() == 1);
  CHECK(contains(message_of([&] { tape.gradient(product, x); }), "a value that 'mul' captured was assigned over"));
}

TEST_CASE("the first value that is not finite names op, layer path and inputs") {
  const Tensor x = scalar(-1);
  Tape tape;
  tape.check_finite(true);
  const Scope outer("block");
  const Scope inner("norm");
  const std::string message = message_of([&] { log(x); });
  CHECK(contains(message, "block.norm: 'log' gave the first value that is not finite"));
  CHECK(contains(message, "[-1, -1]"));
}

TEST_CASE("entries say what they are") {
  const Tensor x = scalar(2);
  Tape tape;
  Tensor y;
  {
    const Scope scope("fc");
    y = tanh(x);
  }
  tape.name(y, "hidden");
  const EntryInfo e = tape.entry(1);
  CHECK(std::string(e.op) == "tanh");
  CHECK(e.scope == "fc");
  CHECK(e.name == "hidden");
  CHECK(e.inputs == std::vector<uint32_t>{0});
  CHECK(std::string(tape.entry(0).op) == "leaf");
  CHECK_THROWS_AS(tape.entry(9), Error);
}

TEST_CASE("a million entries neither overflow the stack nor slow down") {
  const Tensor x = Tensor::full({}, 1).requires_grad();
  Tape tape;
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y * 1.0;
  CHECK(tape.gradient(y, x).item() == 1);
}

TEST_CASE("each thread has a tape of its own") {
  const Tensor x = scalar(2);
  Tape tape;
  const Tensor y = x * x;
  std::thread other([&] {
    CHECK(Tape::current() == nullptr);
    Tape own;
    CHECK(own.gradient(x * 7.0, x).item() == 7);
  });
  other.join();
  CHECK(tape.gradient(y, x).item() == 4);
}

TEST_CASE("a steady step asks the system for no memory") {
  Tensor w = Tensor::full(Shape{64, 64}, 0.01).requires_grad();
  const auto step = [&] {
    Tape tape;
    tape.gradient(sum(tanh(matmul(w, w)) * w), w);
  };
  for (int i = 0; i < 3; ++i) step();
  const size_t before = memory_stats().requests;
  for (int i = 0; i < 10; ++i) step();
#if defined(__SANITIZE_ADDRESS__)
  MESSAGE("not measured: the address sanitizer's build does not cache blocks");
#else
  CHECK(memory_stats().requests == before);
#endif
}

}  // namespace tarn::test_tape
