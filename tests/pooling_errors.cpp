// What every registered pooling makes of inputs and settings that it should not get: an error that says which layer and
// which argument, and never a crash, a hang or all of the memory.
#include <doctest/doctest.h>

#include "core/derivatives.h"
#include "core/ops.h"
#include "core/storage.h"
#include "tests/support/errors.h"
#include "tests/support/pooling_rows.h"

namespace tarn::test_pooling_errors {
namespace {

using namespace test;

/// That f throws an Error that says which layer it is about and has `argument` in it.
void check_refused(const LayerInfo& row, const std::function<void()>& f, const std::string& argument = "") {
  const std::string message = message_of(f);
  CHECK_MESSAGE(!message.empty(), "nothing was refused");
  if (message.empty()) return;
  CHECK_MESSAGE(names_layer(message, row), message);
  CHECK_MESSAGE(contains(message, argument), message);
}

/// That f throws such an Error, or nothing.
void check_refused_or_runs(const LayerInfo& row, const std::function<void()>& f) {
  const std::string message = message_of(f);
  if (!message.empty()) CHECK_MESSAGE(names_layer(message, row), message);
}

/// The layer for the first input `x` in place of the sample's: built for the sample, and built for x itself.
void with_first_input(const LayerInfo& row, const Tensor& x,
                      const std::function<void(const std::function<void()>&)>& check_each) {
  Tensors inputs = sample_inputs(row, row.sample_inputs);
  inputs[0] = x;
  CAPTURE(x.shape().text());
  check_each([&] { run_row(sample_config(row), row.sample_inputs, inputs); });
  check_each([&] { run_row(sample_config(row), shapes_of(inputs), inputs); });
}

Tensor like_sample(const LayerInfo& row, const Shape& shape) {
  return draw({{shape}, row.domain}, 0)[0];
}

TEST_CASE("every pooling refuses an input of another number of dimensions") {
  REQUIRE(pooling_rows().size() > 150);
  for (const LayerInfo* row : pooling_rows()) {
    CAPTURE(row->name);
    const int rank = fixed_rank(*row);
    for (int dimensions = 0; dimensions <= 6; ++dimensions) {
      if (rank > 0 && (dimensions == rank + 1 || dimensions == rank + 2)) continue;
      const Tensor x = like_sample(*row, Shape(std::vector<int64_t>(static_cast<size_t>(dimensions), 2)));
      with_first_input(*row, x, [&](const std::function<void()>& f) {
        if (rank > 0)
          check_refused(*row, f);
        else
          check_refused_or_runs(*row, f);
      });
    }
  }
}

TEST_CASE("every pooling refuses whole numbers, planes without cells and inputs without channels") {
  for (const LayerInfo* row : pooling_rows()) {
    CAPTURE(row->name);
    const Shape& sample = row->sample_inputs[0];
    const auto refused = [&](const std::function<void()>& f) { check_refused(*row, f); };
    Tensors inputs = sample_inputs(*row, row->sample_inputs);
    inputs[0] = Tensor::ones(sample, Dtype::i64);
    check_refused(*row, [&] { run_row(sample_config(*row), row->sample_inputs, inputs); });
    for (int i = 1; i < sample.rank(); ++i) with_first_input(*row, like_sample(*row, sample.with(i, 0)), refused);
  }
}

/// The row's sample, and that with every other choice of every field that has choices.
std::vector<Json> variants(const LayerInfo& row) {
  std::vector<Json> all{sample_config(row)};
  for (const FieldInfo& field : row.config.fields())
    for (const std::string& choice : choices_of(field)) all.push_back(with_field(row, field.name, choice));
  return all;
}

TEST_CASE("every pooling says so where the sizes are not those that it was built for, or runs") {
  for (const LayerInfo* row : pooling_rows()) {
    CAPTURE(row->name);
    const Shape& sample = row->sample_inputs[0];
    for (const Json& config : variants(*row))
      for (int i = 1; i < sample.rank(); ++i)
        for (const int64_t size : {sample[i] - 1, sample[i] + 1}) {
          Tensors inputs = sample_inputs(*row, row->sample_inputs);
          inputs[0] = like_sample(*row, sample.with(i, size));
          CAPTURE(inputs[0].shape().text());
          check_refused_or_runs(*row, [&] { run_row(config, row->sample_inputs, inputs); });
        }
  }
}

/// Whether a layer normalises by the statistics of its batch, which an empty one does not have.
bool normalises_by_batch(const LayerInfo& row) {
  Build build{.inputs = row.sample_inputs, .dtype = Dtype::f64};
  const auto layer = make_layer(sample_config(row), build);
  const std::vector<NamedTensor> all = buffers(*layer);
  return std::any_of(all.begin(), all.end(), [](const NamedTensor& b) { return b.name.ends_with("running_mean"); });
}

TEST_CASE("every pooling gives an empty result and an empty gradient for an empty batch") {
  for (const LayerInfo* row : pooling_rows()) {
    CAPTURE(row->name);
    std::vector<Shape> empty = row->sample_inputs;
    for (Shape& s : empty) s = s.with(0, 0);
    const Tensors inputs = sample_inputs(*row, empty);
    for (const bool training : {false, true}) {
      CAPTURE(training);
      if (training && normalises_by_batch(*row)) {
        check_refused(*row, [&] { run_row(sample_config(*row), row->sample_inputs, inputs, training); });
        continue;
      }
      const Tensors full =
          run_row(sample_config(*row), row->sample_inputs, sample_inputs(*row, row->sample_inputs), training);
      const Tensors y = run_row(sample_config(*row), row->sample_inputs, inputs, training);
      REQUIRE(y.size() == full.size());
      for (size_t i = 0; i < y.size(); ++i) CHECK(y[i].shape() == full[i].shape().with(0, 0));
      const auto f = [&](const Tensors& t) { return run_row(sample_config(*row), row->sample_inputs, t, training)[0]; };
      CHECK(vjp(f, inputs, Tensor::zeros(y[0].shape(), Dtype::f64)).gradients[0].shape() == empty[0]);
    }
  }
}

TEST_CASE("a pooling of boxes takes no boxes") {
  for (const LayerInfo* row : pooling_rows()) {
    if (row->name.find("RoI") == std::string::npos) continue;
    CAPTURE(row->name);
    std::vector<Shape> none = row->sample_inputs;
    for (size_t i = 1; i < none.size(); ++i) none[i] = none[i].with(0, 0);
    const auto f = [&](const Tensors& t) { return run_row(sample_config(*row), none, t)[0]; };
    const Tensors inputs = sample_inputs(*row, none);
    const Shape full =
        run_row(sample_config(*row), row->sample_inputs, sample_inputs(*row, row->sample_inputs))[0].shape();
    CHECK(f(inputs).shape() == full.with(0, 0));
    const Tensor dx = vjp(f, inputs, Tensor::zeros(full.with(0, 0), Dtype::f64)).gradients[0];
    CHECK(dx.shape() == none[0]);
    for (int64_t i = 0; i < dx.numel(); ++i) CHECK(dx.at(i) == 0);
  }
}

/// The sample's inputs for a batch of one, all labels alike.
Tensors one_sample(const LayerInfo& row) {
  std::vector<Shape> shapes = row.sample_inputs;
  const int64_t batch = shapes[0][0];
  for (Shape& s : shapes)
    if (s[0] == batch) s = s.with(0, 1);
  Tensors inputs = sample_inputs(row, shapes);
  for (const auto& [i, values] : row.labels)
    if (i < inputs.size()) inputs[i] = Tensor::full(shapes[i], static_cast<double>(values.front()), Dtype::i64);
  return inputs;
}

TEST_CASE("an input without a batch gives what a batch of one gives, where a pooling takes it") {
  int taken = 0;
  for (const LayerInfo* row : pooling_rows()) {
    if (fixed_rank(*row) == 0) continue;
    CAPTURE(row->name);
    const int64_t batch = row->sample_inputs[0][0];
    const Tensors batched = one_sample(*row);
    Tensors single = batched;
    for (size_t i = 0; i < single.size(); ++i)
      if (row->sample_inputs[i][0] == batch) single[i] = select(batched[i], 0, 0);
    for (const bool training : {false, true}) {
      Tensors y;
      const std::string message =
          message_of([&] { y = run_row(sample_config(*row), shapes_of(single), single, training); });
      CHECK_MESSAGE((message.empty() || names_layer(message, *row)), message);
      if (!message.empty()) continue;
      ++taken;
      const Tensors want = run_row(sample_config(*row), shapes_of(batched), batched, training);
      for (size_t k = 0; k < y.size(); ++k) {
        REQUIRE(y[k].numel() == want[k].numel());
        if (want[k].shape()[0] == 1) CHECK(y[k].shape() == Shape(want[k].shape().span().subspan(1)));
        for (int64_t i = 0; i < y[k].numel(); ++i) CHECK(y[k].at(i) == doctest::Approx(want[k].at(i)));
      }
    }
  }
  CHECK(taken > 200);
}

Json list_of(int64_t value, int64_t length) {
  Json list = Json::array();
  for (int64_t i = 0; i < length; ++i) list.push(value);
  return list;
}

/// Values of fields that sizes of windows and outputs have; none of them is possible.
std::vector<Json> impossible(const std::string& field) {
  std::vector<Json> values{-1,  int64_t{1} << 31, int64_t{1} << 62, list_of(1, 0), list_of(1, 4), list_of(-1, 1), "3",
                           true};
  if (field != "padding" && field != "output_size") values.emplace_back(0);
  return values;
}

TEST_CASE("every pooling refuses sizes that cannot be, by the name of the argument") {
  reset_peak_memory();
  int tried = 0;
  for (const LayerInfo* row : pooling_rows())
    for (const FieldInfo& field : row->config.fields()) {
      const bool is_size = field.name == "kernel_size" || field.name == "stride" || field.name == "padding" ||
                           field.name == "dilation" || field.name == "output_size";
      if (!is_size) continue;
      CAPTURE(row->name);
      for (const Json& value : impossible(field.name)) {
        ++tried;
        CAPTURE(to_text(value));
        const Json config = with_field(*row, field.name, value);
        check_refused(
            *row, [&] { run_row(config, row->sample_inputs, sample_inputs(*row, row->sample_inputs)); }, field.name);
      }
    }
  CHECK(tried > 2000);
  CHECK(memory_stats().peak < size_t{1} << 30);
}

TEST_CASE("every pooling refuses windows that are padded by more than half, and is not upset by huge ones") {
  reset_peak_memory();
  for (const LayerInfo* row : pooling_rows()) {
    bool has_kernel = false;
    bool has_padding = false;
    for (const FieldInfo& field : row->config.fields()) {
      has_kernel = has_kernel || field.name == "kernel_size";
      has_padding = has_padding || field.name == "padding";
    }
    if (!has_kernel || !has_padding) continue;
    CAPTURE(row->name);
    const auto run = [&](const Json& config) {
      return [row, config] { run_row(config, row->sample_inputs, sample_inputs(*row, row->sample_inputs)); };
    };
    for (const int64_t padding : {int64_t{3}, int64_t{1} << 30})
      check_refused(*row, run(with_field(*row, "padding", padding)), "padding");
    const auto size = [&](int64_t kernel) {
      return run_row(with_field(*row, "kernel_size", kernel), row->sample_inputs,
                     sample_inputs(*row, row->sample_inputs))[0]
          .numel();
    };
    if (size(4) > size(3)) continue;  // a layer that spreads values may well have a larger window
    check_refused_or_runs(*row, run(with_field(*row, "kernel_size", int64_t{1} << 30)));
  }
  CHECK(memory_stats().peak < size_t{1} << 30);
}

}  // namespace
}  // namespace tarn::test_pooling_errors
