// Tests of how messages are put together and of finding the name that was meant.
#include "core/error.h"

#include <doctest/doctest.h>

#include <vector>

namespace tarn::test_error {
namespace {

struct Counted {
  int* printed;
};

void append_text(std::string& out, const Counted& counted) {
  ++*counted.printed;
  out += "counted";
}

TEST_CASE("a message is put together only when the check fails") {
  int printed = 0;
  check(true, Counted{&printed});
  CHECK(printed == 0);
  CHECK_THROWS_WITH_AS(check(false, "a ", Counted{&printed}, ' ', 3), "a counted 3", Error);
  CHECK(printed == 1);
}

TEST_CASE("every kind of part prints in its shortest exact form") {
  const std::vector<int64_t> sizes = {2, -3};
  const std::vector<int64_t> none;
  CHECK(text(0.95, ' ', 0.1f, ' ', 1e-5, ' ', 3.0) == "0.95 0.1 1e-05 3");
  CHECK(text(sizes, none, true, uint8_t{7}, int64_t{-1}, size_t{9}) == "[2,-3][]true7-19");
  CHECK(text(std::string("a"), std::string_view("b"), "c", 'd') == "abcd");
}

TEST_CASE("the nearest name is found despite swaps, case and missing letters, and not where nothing is near") {
  const std::vector<std::string> names = {"Linear", "ReLU", "Conv2d", "ConvTranspose2d", "p", ""};
  CHECK(nearest("Linaer", names) == "Linear");
  CHECK(nearest("relu", names) == "ReLU");
  CHECK(nearest("Conv2", names) == "Conv2d");
  CHECK(nearest("conv_transpose2d", names) == "ConvTranspose2d");
  CHECK(nearest("P", names) == "p");
  CHECK(nearest("pp", names) == "p");
  CHECK(nearest("x", names).empty());
  CHECK(nearest("banana", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest(std::string(1'000'000, 'L'), names).empty());
  CHECK(did_you_mean("Linaer", names) == "; did you mean 'Linear'?");
  CHECK(did_you_mean("banana", names).empty());
}

TEST_CASE("a name that is cut short, or has a word more, is near; a short one may have one letter wrong") {
  const std::vector<std::string> names = {"kernel_size", "epochs", "lr", "max_lr", "CrossEntropyLoss", "out_channels"};
  CHECK(nearest("kernel", names) == "kernel_size");
  CHECK(nearest("num_epochs", names) == "epochs");
  CHECK(nearest("channels", names) == "out_channels");
  CHECK(nearest("cross_entropy", names) == "CrossEntropyLoss");
  CHECK(nearest("l", names) == "lr");
  CHECK(nearest("rl", names) == "lr");
  CHECK(nearest("ab", names).empty());
  CHECK(nearest("size_kernel", names).empty());
}

TEST_CASE("quoting makes any text safe to print and short") {
  CHECK(quote("zeros") == "'zeros'");
  CHECK(quote("a\x1b[31m\n") == "'a\\x1b[31m\\x0a'");
  CHECK(quote(std::string(1000, 'x')).size() < 80);
}

}  // namespace
}  // namespace tarn::test_error
