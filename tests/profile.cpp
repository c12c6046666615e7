// Tests of profiles and of counting a step's work.
#include "core/profile.h"

#include <doctest/doctest.h>

#include <sstream>

#include "apps/bench/bench.h"
#include "apps/bench/cost.h"
#include "apps/profile_table.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"
#include "tests/support/program.h"

namespace tarn::test_profile {
namespace {

const Profile::Row& row_of(const std::vector<Profile::Row>& rows, const std::string& name) {
  for (const Profile::Row& row : rows)
    if (row.name == name) return row;
  FAIL("no row is called " << name);
  return rows.front();
}

/// One pass of relu(x · w) forward and backward, in a layer "hidden".
void pass(const Tensor& x, const Tensor& w) {
  Tape tape;
  Tensor y;
  {
    const Scope scope("hidden");
    y = relu(linear(x, w, {}));
  }
  tape.gradient(sum(y), w);
}

TEST_CASE("a profile charges ops forward and backward, by layer, and what lies between by name") {
  const Tensor x = uniform({4, 3}, Stream{1}, -1, 1);
  const Tensor w = uniform({2, 3}, Stream{2}, -1, 1).requires_grad();
  Profile profile;
  for (int i = 0; i < 3; ++i) {
    pass(x, w);
    Profile::lap("between");
  }
  const auto ops = profile.by_op();
  for (const char* op : {"linear", "relu", "sum"}) {
    CAPTURE(op);
    const Profile::Row& row = row_of(ops, op);
    CHECK(row.calls == 3);
    CHECK(row.forward > 0);
    CHECK(row.backward > 0);
    CHECK(row.other == 0);
  }
  CHECK(row_of(ops, "between").other > 0);
  CHECK(row_of(ops, "between").calls == 3);
  const auto layers = profile.by_layer();
  CHECK(row_of(layers, "hidden").calls == 6);
  CHECK(row_of(layers, "(no layer)").calls == 3);
  int64_t sum = 0;
  for (const auto& row : ops) sum += row.total();
  CHECK(sum == profile.total());
  CHECK(std::is_sorted(ops.begin(), ops.end(), [](const auto& a, const auto& b) { return a.total() > b.total(); }));
  int64_t end = 0;
  for (const Profile::Event& e : profile.events()) {
    CHECK(e.begin >= end);  // events follow each other, none twice
    CHECK(e.end >= e.begin);
    end = e.end;
  }
  CHECK(profile_table(profile, 3).find("hidden") != std::string::npos);
}

TEST_CASE("without a profile nothing is timed, and a closed one gives way to the one around it") {
  Profile::lap("nothing");
  CHECK(Profile::current() == nullptr);
  Profile outer;
  {
    Profile inner;
    CHECK(Profile::current() == &inner);
  }
  CHECK(Profile::current() == &outer);
  Profile::lap("after");
  CHECK(outer.events().size() == 1);
}

TEST_CASE("the trace of a profile is JSON with an event for each piece of time, whatever layers are called") {
  const Tensor w = uniform({2, 3}, Stream{2}, -1, 1).requires_grad();
  Profile profile;
  {
    Tape tape;
    const Scope scope("a \"quoted\" layer");
    tape.gradient(sum(w), w);
  }
  const Json json = parse_json(chrome_trace(profile), "trace");
  const auto& events = json.at("traceEvents").items();
  REQUIRE(events.size() == 3 + profile.events().size());
  CHECK(events[3].at("name").as_string() == "sum");
  CHECK(events[3].at("args").at("layer").as_string() == "a \"quoted\" layer");
  CHECK(events[3].at("dur").as_number() > 0);
  CHECK(parse_json(chrome_trace(Profile()), "trace").at("traceEvents").size() == 3);
}

TEST_CASE("bench writes the trace of one workload and refuses to trace several") {
  const TemporaryFolder folder;
  std::ostringstream out;
  BenchOptions options;
  options.names = {"tiny_mlp"};
  options.seconds = 0;
  options.profile = folder / "trace.json";
  CHECK(bench_command(options, out) == 0);
  CHECK(out.str().find("update") != std::string::npos);
  CHECK(parse_json(read_file(options.profile), "trace").at("traceEvents").size() > 3);
  options.names = {"overhead/"};
  CHECK_THROWS_AS(bench_command(options, out), Error);
}

/// The cost of one pass over what `make` gives for `inputs`.
template <class Make>
Cost cost(const Tensors& inputs, Make make) {
  Tensors leaves;
  for (const Tensor& t : inputs) leaves.push_back(t.requires_grad());
  Tape tape;
  make(leaves);
  return cost_of(tape);
}

Tensor zeros(const Shape& s) {
  return Tensor::zeros(s, Dtype::f32);
}

TEST_CASE("the work of products is that of their definition, three times over, whichever op does it") {
  // 2 · out · taps forward, and as much for each of both gradients.
  CHECK(cost({zeros({2, 3, 8, 8}), zeros({4, 3, 3, 3}), zeros({4})}, [](const Tensors& t) {
          conv(t[0], t[1], t[2], {.before = {1, 1}, .after = {1, 1}});
        }).flops == 3 * 2.0 * (2 * 4 * 8 * 8) * 27);
  CHECK(cost({zeros({2, 4, 8}), zeros({4, 2, 3})}, [](const Tensors& t) {
          conv(t[0], t[1], {}, {.groups = 2});
        }).flops == 3 * 2.0 * (2 * 4 * 6) * 6);
  CHECK(cost({zeros({5, 7}), zeros({3, 7}), zeros({3})}, [](const Tensors& t) { linear(t[0], t[1], t[2]); }).flops ==
        3 * 2.0 * 5 * 7 * 3);
  CHECK(cost({zeros({5, 7}), zeros({7, 3})}, [](const Tensors& t) { matmul(t[0], t[1]); }).flops ==
        3 * 2.0 * 5 * 7 * 3);
  CHECK(cost({zeros({2, 3, 5, 5}), zeros({3, 4, 2, 2})}, [](const Tensors& t) {
          conv_transpose(t[0], t[1], {}, {});
        }).flops == 3 * 2.0 * (2 * 3 * 5 * 5) * 16);
  CHECK(cost({zeros({2, 3, 5, 5})}, [](const Tensors& t) { conv(t[0], zeros({4, 3, 2, 2}), {}, {}); }).flops == 0);
  // An input that nothing flows back to saves one of the three.
  const Tensor x = zeros({5, 7});
  CHECK(cost({zeros({3, 7})}, [&](const Tensors& t) { linear(x, t[0], {}); }).flops == 2 * 2.0 * 5 * 7 * 3);
  const Cost r = cost({zeros({10})}, [](const Tensors& t) { relu(t[0]); });
  CHECK(r.flops == 0);
  CHECK(r.bytes == 4.0 * 10 * (2 + 3));
}

TEST_CASE("summary --batch shows what the tape keeps of each layer, and train --profile where its time went") {
  const Ended summary = run_tarn({"summary", "digits", "--batch", "64", "--json"});
  REQUIRE(summary.status == 0);
  std::istringstream lines(summary.out);
  int64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json row = parse_json(line, "summary");
    const int64_t held = row.at("held_bytes").as_integer();
    if (row.find("event")) CHECK(held == sum);
    sum += held;
    if (!row.find("layer")) continue;
    const std::string layer = row.at("layer").as_string();
    if (layer == "conv1") CHECK(held == 64 * 64 * 4);     // its input, which nothing else keeps
    if (layer == "6") CHECK(held == 64 * 32 * 16);        // a byte for each winner
    if (layer == "bn1") CHECK(held >= 64 * 32 * 64 * 4);  // its input, and sums of channels
    if (layer == "11") CHECK(held == 0);                  // a view
  }
  CHECK(run_tarn({"summary", "digits", "--batch", "-1"}).status == 2);

  const TemporaryFolder folder;
  const Ended train =
      run_tarn({"train", "spirals_mlp", "--epochs", "2", "--out", folder / "run", "--profile", folder / "trace.json"});
  REQUIRE(train.status == 0);
  for (const char* word : {"linear", "update", "validation", "save", "trace.json"}) {
    CAPTURE(word);
    CHECK(train.err.find(word) != std::string::npos);
  }
  CHECK(parse_json(read_file(folder / "trace.json"), "trace").at("traceEvents").size() > 10);
}

}  // namespace
}  // namespace tarn::test_profile
