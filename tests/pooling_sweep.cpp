// Random settings and random small inputs for every registered pooling: an Error or a result, soon and of finite size.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/derivatives.h"
#include "core/ops.h"
#include "core/storage.h"
#include "tests/support/errors.h"
#include "tests/support/pooling_rows.h"

namespace tarn::test_pooling_sweep {
namespace {

using namespace test;

/// Draws settings and shapes; the same for the same seed.
class Draws {
 public:
  explicit Draws(uint64_t seed) : random_{seed, purpose_of("tests/pooling_sweep"), 0} {}

  int64_t pick(int64_t low, int64_t high) { return low + random_.below(i_++, high - low + 1); }
  bool once_in(int64_t n) { return pick(1, n) == 1; }
  template <class T>
  const T& of(const std::vector<T>& all) {
    return all[static_cast<size_t>(pick(0, static_cast<int64_t>(all.size()) - 1))];
  }

  /// A number that may well be possible, or an absurd one.
  Json number() {
    static const std::vector<Json> absurd{
        -1,
        0,
        (int64_t{1} << 31) - 1,
        int64_t{1} << 31,
        int64_t{1} << 62,
        std::numeric_limits<int64_t>::max(),
        std::numeric_limits<int64_t>::min(),
        -0.0,
        1e-300,
        1e300,
        -1e300,
        std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(),
    };
    if (once_in(3)) return of(absurd);
    if (once_in(4)) return static_cast<double>(pick(-4, 40)) / 16;
    return pick(1, 5);
  }

  /// A word that the field's documentation names, or another.
  Json word(const FieldInfo& field) {
    std::vector<std::string> words{"", "max", "inf", "same", "nonsense"};
    for (const std::string& choice : choices_of(field)) words.push_back(choice);
    return of(words);
  }

  Json value(const FieldInfo& field) {
    if (!choices_of(field).empty() && !once_in(4)) return word(field);
    switch (pick(0, 9)) {
      case 0:
        return word(field);
      case 1:
        return once_in(2) ? Json(nullptr) : Json(once_in(2));
      case 2:
      case 3: {
        Json list = Json::array();
        for (int64_t n = pick(0, 4); n > 0; --n) list.push(once_in(8) ? Json(nullptr) : number());
        return list;
      }
      case 4:
        return once_in(3) ? Json::object() : Json(once_in(2));
      default:
        return number();
    }
  }

  /// The sample's settings, some of them replaced.
  Json config(const LayerInfo& row) {
    Json config = sample_config(row);
    const int64_t rarely = pick(1, 4);
    for (const FieldInfo& field : row.config.fields())
      if (once_in(rarely + 1) && std::ranges::find(row.lists, field.name) == row.lists.end())  // other layers' matter
        config.set(field.name, value(field));
    return config;
  }

  /// Values that nobody would give: box corners out of sight, indices of nowhere, NaN.
  Tensor wild(const Shape& shape, Dtype dtype) {
    static const std::vector<double> values{-1, 0, 1, 2, 3, 0.5, -1e9, 1e9, 1e300, -1e300, NAN, INFINITY, -INFINITY};
    static const std::vector<int64_t> whole{
        -1, 0, 1, 2, 5, int64_t{1} << 31, int64_t{1} << 62, std::numeric_limits<int64_t>::min()};
    const bool mild = once_in(2);
    if (dtype == Dtype::i64) {
      std::vector<int64_t> drawn(static_cast<size_t>(shape.numel()));
      for (int64_t& v : drawn) v = mild ? pick(-1, 3) : of(whole);
      return Tensor(shape, drawn);
    }
    std::vector<double> drawn(static_cast<size_t>(shape.numel()));
    for (double& v : drawn) v = mild ? static_cast<double>(pick(-4, 12)) / 4 : of(values);
    return Tensor(shape, drawn).to(dtype);
  }

  Shape shape(const Shape& like) {
    std::vector<int64_t> sizes(like.begin(), like.end());
    if (once_in(8)) sizes.assign(static_cast<size_t>(pick(0, 6)), 2);
    for (int64_t& s : sizes)
      if (once_in(2)) s = once_in(8) ? 0 : pick(1, 7);
    return Shape(sizes);
  }

 private:
  Stream random_;
  uint64_t i_ = 0;
};

/// A case: what it was and what came of it.
struct Tried {
  std::string what;
  std::string problem;  ///< empty where all is well
  bool ran = false;
};

/// As many inputs as the layer may take, some of odd shapes, dtypes or values.
Tensors random_inputs(const LayerInfo& row, Draws& draws, Dtype dtype) {
  std::vector<Shape> shapes = row.sample_inputs;
  const auto most = std::max<int64_t>(row.inputs_max, static_cast<int64_t>(shapes.size()));
  shapes.resize(static_cast<size_t>(draws.pick(row.inputs_min, most)), shapes[0]);
  const bool other_shapes = draws.once_in(2);
  for (Shape& s : shapes)
    if (other_shapes) s = draws.shape(s);
  Tensors inputs = sample_inputs(row, shapes);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool odd = draws.once_in(i == 0 ? 6 : 2);
    if (odd) inputs[i] = draws.wild(inputs[i].shape(), i > 0 && draws.once_in(2) ? Dtype::i64 : dtype);
    if (inputs[i].floating()) inputs[i] = inputs[i].to(dtype);
  }
  return inputs;
}

Tried try_one(const LayerInfo& row, Draws& draws) {
  const Json config = draws.config(row);
  const Dtype dtype = draws.once_in(2) ? Dtype::f32 : Dtype::f64;
  const Tensors inputs = random_inputs(row, draws, dtype);
  const bool training = draws.once_in(2);
  Tried tried;
  tried.what = to_text(config) + (training ? " trains on" : " on");
  for (const Tensor& t : inputs) tried.what += text(" ", t.dtype(), t.shape());
  try {
    const auto f = [&](const Tensors& t) { return run_row(config, shapes_of(inputs), t, training, dtype)[0]; };
    const Tensor y = f(inputs);
    if (y.numel() > int64_t{1} << 22) tried.problem = "an output " + y.shape().text();
    if (y.floating()) vjp(f, inputs, Tensor::ones(y.shape(), y.dtype()));
    tried.ran = true;
  } catch (const Error& e) {
    const bool says = names_layer(e.what(), row) || std::string(e.what()).starts_with("/");
    if (!says) tried.problem = text("an error that does not name its layer: ", e.what());
  } catch (const std::exception& e) {
    tried.problem = text("another exception: ", e.what());
  }
  return tried;
}

TEST_CASE("thousands of random settings of poolings are refused, or run, without much time or memory") {
  using Clock = std::chrono::steady_clock;
  Draws draws(11);
  reset_peak_memory();
  const size_t before = memory_stats().in_use;
  int ran = 0;
  int cases = 0;
  double longest = 0;
  std::string slowest;
  for (const LayerInfo* row : pooling_rows())
    for (int i = 0; i < 40; ++i) {
      const auto begin = Clock::now();
      const Tried tried = try_one(*row, draws);
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      if (seconds > longest) {
        longest = seconds;
        slowest = tried.what;
      }
      CHECK_MESSAGE(tried.problem.empty(), tried.what, ": ", tried.problem);
      ++cases;
      ran += tried.ran;
    }
  CAPTURE(slowest);
  CHECK(cases > 6000);
  CHECK(ran > cases / 4);
  CHECK(longest < 10);  // of milliseconds, so that a busy machine is no failure
  CHECK(memory_stats().peak - before < size_t{256} << 20);
}

}  // namespace
}  // namespace tarn::test_pooling_sweep
