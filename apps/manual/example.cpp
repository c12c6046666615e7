// Finding an input that shows what a pooling does, and looking at one cell of the result.
#include "apps/manual/example.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "apps/manual/numbers.h"
#include "core/ops.h"
#include "core/ops/window_watch.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn {
namespace {

constexpr uint64_t draw_seed = 3;     // of random layers
constexpr int64_t most_values = 400;  // of an input or output: more could not be drawn
constexpr double no_change = 1e-9;    // below this, an output is the same

/// A layer, built for inputs of these shapes.
struct Runner {
  std::unique_ptr<Module> module;

  Runner(const Json& config, const std::vector<Shape>& shapes) {
    Build build;
    build.inputs = shapes;
    build.dtype = Dtype::f64;
    module = make_layer(config, build);
  }
  Tensor operator()(const Tensors& inputs, bool training) const {
    Context context{.training = training, .seed = draw_seed};
    context.update_buffers = false;
    return module->apply(inputs, context)[0];
  }
};

Json config_of(const LayerInfo& row, const std::string& given) {
  Json config = Json::object().set("type", row.name);
  const Json fields = given.empty() ? Json::object() : parse_json(given, row.name);
  for (const Member& field : fields.members()) config.set(field.key, field.value);
  return config;
}

/// Different values in random order, of few digits and none of them 0.
Tensor values_from(Domain domain, const Shape& shape, size_t input) {
  const int64_t n = shape.numel();
  const auto order = permutation(n, {0, purpose_of("manual"), input});
  std::vector<double> values;
  for (const int64_t k : order) {
    const double share = (static_cast<double>(k) + 0.5) / static_cast<double>(n);
    if (domain == Domain::unit)
      values.push_back(std::round(180 * share - 90) / 100);
    else if (domain == Domain::probability)
      values.push_back(std::round(90 * share + 5) / 100);
    else  // steps of 0.2; a quarter of the values are negative where they may be
      values.push_back(static_cast<double>(2 * (k - (domain == Domain::positive ? 0 : n / 4)) + 1) / 10);
  }
  return {shape, values};
}

/// Values that are as far out, below and above, as the domain lets them be.
std::pair<double, double> extremes(Domain domain, const Tensor& x) {
  const auto values = x.to_vector<double>();
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double range = *most - *least + 1;
  if (domain == Domain::probability) return {0.01, 0.99};
  if (domain == Domain::unit) return {-0.99, 0.99};
  if (domain == Domain::positive) return {*least / 2, *most + range};
  return {*least - range, *most + range};
}

bool differs(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) != std::isnan(b);
  return std::abs(a - b) > no_change * (1 + std::abs(a) + std::abs(b));
}

/// x with the elements at `first`, `first` + `step`, … , `count` of them, replaced.
Tensor replaced(const Tensor& x, int64_t first, int64_t count, double value) {
  std::vector<double> values = x.to_vector<double>();
  std::fill_n(values.begin() + first, count, value);
  return {x.shape(), values};
}

/// For each output cell, whether it changes where `count` elements of the first input from `first` on do.
std::vector<bool> changed_by(const Runner& run, const LayerInfo& row, Tensors inputs, bool training, int64_t first,
                             int64_t count) {
  const Tensor before = run(inputs, training);
  const Tensor x = inputs[0];
  const auto [low, high] = extremes(row.domain, x);
  std::vector<bool> changed(static_cast<size_t>(before.numel()));
  for (const double value : {low, high}) {
    inputs[0] = replaced(x, first, count, value);
    const Tensor after = run(inputs, training);
    if (after.shape() != before.shape()) continue;
    for (int64_t i = 0; i < before.numel(); ++i)
      if (differs(before.at(i), after.at(i))) changed[static_cast<size_t>(i)] = true;
  }
  return changed;
}

/// Whether an output depends on more than one channel of the row's sample.
bool mixes_channels(const LayerInfo& row) {
  const Shape& x = row.sample_inputs[0];
  if (x.rank() < 3 || x[1] < 2) return false;
  const Runner run(config_of(row, row.sample_config), row.sample_inputs);
  const Tensors inputs = sample_inputs(row, row.sample_inputs);
  const int64_t plane = x.product(2, x.rank());
  std::vector<int> channels;
  for (int64_t c = 0; c < x[1]; ++c) {
    const std::vector<bool> changed = changed_by(run, row, inputs, false, c * plane, plane);
    channels.resize(changed.size());
    for (size_t i = 0; i < changed.size(); ++i) channels[i] += changed[i];
  }
  return std::any_of(channels.begin(), channels.end(), [](int n) { return n > 1; });
}

/// Shapes for all inputs where the first one gets `n` samples, `channels` channels and planes of at most `side` cells.
std::vector<Shape> shrunk(const LayerInfo& row, int64_t n, int64_t channels, int64_t side) {
  const Shape sample = row.sample_inputs[0];
  std::vector<Shape> shapes = row.sample_inputs;
  for (Shape& s : shapes) {
    const bool like_first = s.rank() == sample.rank() && s[0] == sample[0] && s.rank() >= 3;
    if (s.rank() > 0 && s[0] == sample[0]) s = s.with(0, n);
    if (!like_first) continue;
    s = s.with(1, channels);
    for (int i = 2; i < s.rank(); ++i) s = s.with(i, std::min(s[i], side));
  }
  return shapes;
}

/// What is tried, the clearest picture first.
std::vector<std::vector<Shape>> candidates(const LayerInfo& row) {
  const Shape sample = row.sample_inputs[0];
  std::vector<std::vector<Shape>> all;
  if (sample.rank() >= 3) {
    const bool mixing = mixes_channels(row);
    const bool sequence = sample.rank() == 3;
    std::vector<int64_t> sides{sequence ? 8 : mixing ? 3 : 5, 4};
    for (const int64_t channels : {int64_t{mixing ? 2 : 1}, sample[1]})
      for (const int64_t side : sides) all.push_back(shrunk(row, 1, channels, side));
  }
  all.push_back(row.sample_inputs);
  return all;
}

void append_numbers(const Json& list, std::vector<double>& values, bool& whole) {
  if (list.is_array()) {
    for (const Json& item : list.items()) append_numbers(item, values, whole);
  } else {
    values.push_back(list.as_number());
    whole = whole && list.kind() == Json::Kind::integer;
  }
}

/// Nested lists as a tensor; of whole numbers where the layer reads such.
Tensor tensor_from(const Json& list, bool integers) {
  std::vector<int64_t> sizes;
  for (const Json* at = &list; at->is_array() && at->size() > 0; at = &at->items()[0])
    sizes.push_back(static_cast<int64_t>(at->size()));
  std::vector<double> values;
  append_numbers(list, values, integers);
  const Tensor x(Shape(std::span<const int64_t>(sizes)), values);
  return integers ? x.to(Dtype::i64) : x;
}

/// The inputs of these shapes, or those that the row gives.
Tensors inputs_for(const LayerInfo& row, const std::vector<Shape>& shapes) {
  Tensors inputs;
  const Json given = row.shown_inputs.empty() ? Json::array() : parse_json(row.shown_inputs, row.name);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto labels = row.labels.find(i);
    if (i < given.size() && !given.items()[i].is_null())
      inputs.push_back(tensor_from(given.items()[i], labels != row.labels.end()));
    else if (labels != row.labels.end())
      inputs.push_back(draw_labels(shapes[i], labels->second, {0, purpose_of("manual"), i}));
    else
      inputs.push_back(values_from(row.domain, shapes[i], i));
  }
  return inputs;
}

bool suits(const Tensor& y) {
  const int64_t n = y.numel();
  if (!y.floating() || n < 1 || n > most_values) return false;
  for (int64_t i = 0; i < n; ++i)
    if (!std::isfinite(y.at(i))) return false;
  return true;
}

/// How far a cell is from the middle of its plane.
double off_centre(const Shape& s, int64_t cell) {
  double total = 0;
  for (int i = s.rank() - 1; i >= std::max(0, s.rank() - 2); --i) {
    const double away = static_cast<double>(cell % s[i]) - static_cast<double>(s[i] - 1) / 2;
    total += away * away;
    cell /= s[i];
  }
  return total;
}

/// The cells, the clearest first: of those that do not see everything the one that sees most, of such one in the
/// middle.
std::vector<int64_t> by_clearness(const Shape& output, const std::vector<std::vector<bool>>& seen_by) {
  std::vector<std::pair<int64_t, double>> scores;
  for (int64_t cell = 0; cell < output.numel(); ++cell) {
    int64_t count = 0;
    for (const std::vector<bool>& input : seen_by) count += input[static_cast<size_t>(cell)];
    scores.emplace_back(count == static_cast<int64_t>(seen_by.size()) ? 0 : -count, off_centre(output, cell));
  }
  std::vector<int64_t> cells(scores.size());
  std::iota(cells.begin(), cells.end(), 0);
  std::stable_sort(cells.begin(), cells.end(), [&](int64_t a, int64_t b) {
    return scores[static_cast<size_t>(a)] < scores[static_cast<size_t>(b)];
  });
  return cells;
}

Tensor derivative(const Runner& run, Tensors inputs, bool training, std::optional<int64_t> cell) {
  Tape tape;
  const Tensor x = inputs[0].requires_grad();
  inputs[0] = x;
  const Tensor y = run(inputs, training);
  std::vector<double> seed(static_cast<size_t>(y.numel()), cell ? 0 : 1);
  if (cell) seed[static_cast<size_t>(*cell)] = 1;
  const Tensor g = tape.gradient(y, x, {.allow_unused = true, .seed = Tensor(y.shape(), seed)});
  return g.defined() ? g : Tensor::zeros(x.shape(), x.dtype());
}

/// The clearest cell of those that a small change moves; where there is none, the clearest.
int64_t clearest(const Runner& run, const Tensors& inputs, bool training, const std::vector<int64_t>& cells) {
  for (const int64_t cell : cells) {
    const std::vector<double> weights = cleaned(derivative(run, inputs, training, cell));
    if (std::any_of(weights.begin(), weights.end(), [](double w) { return w != 0; })) return cell;
  }
  return cells.front();
}

/// The elements of x that the windows of the layer's one pooling show to a cell, by the enumeration that its kernel
/// goes by; none where it has several, or one of something else than x.
std::vector<int64_t> window_cells(const Runner& run, Tensors inputs, bool training, int64_t cell) {
  const Tape tape;
  const WindowsWatch watch(tape);
  inputs[0] = inputs[0].requires_grad();
  const Shape y = run(inputs, training).shape();
  const Shape x = inputs[0].shape();
  if (watch.all().size() != 1 || watch.all()[0].entry > 1) return {};  // x itself is the first entry
  const Windows& w = watch.all()[0].windows;
  if (x.rank() < w.rank + 1 || x.product(x.rank() - w.rank, x.rank()) != w.input_cells() || w.output_shape(x) != y)
    return {};
  std::vector<int64_t> elements = w.cells(cell % w.output_cells());
  for (int64_t& at : elements) at += cell / w.output_cells() * w.input_cells();
  return elements;
}

PoolView look(const Runner& run, const LayerInfo& row, const Tensors& inputs, bool training, const PoolView* earlier) {
  PoolView view;
  view.training = training;
  view.output = run(inputs, training);
  std::vector<std::vector<bool>> seen_by;
  for (int64_t i = 0; i < inputs[0].numel(); ++i) seen_by.push_back(changed_by(run, row, inputs, training, i, 1));
  const Shape& shape = view.output.shape();
  view.cell = earlier && earlier->output.shape() == shape
                  ? earlier->cell
                  : clearest(run, inputs, training, by_clearness(shape, seen_by));
  view.weights = derivative(run, inputs, training, view.cell);
  view.gradient = derivative(run, inputs, training, {});
  const std::vector<double> weights = cleaned(view.weights);
  for (size_t i = 0; i < seen_by.size(); ++i)
    view.seen.push_back(seen_by[i][static_cast<size_t>(view.cell)] || weights[i] != 0);
  view.window = window_cells(run, inputs, training, view.cell);
  for (const int64_t at : view.window) view.seen[static_cast<size_t>(at)] = true;
  return view;
}

/// Runs the layer on inputs of these shapes; nothing where it refuses them or gives what cannot be shown.
std::optional<PoolExample> example_on(const LayerInfo& row, const Json& config, const std::vector<Shape>& shapes) {
  try {
    PoolExample example{config, inputs_for(row, shapes), {}, {}};
    std::vector<Shape> given;
    for (const Tensor& x : example.inputs) given.push_back(x.shape());
    const Runner run(config, given);
    if (example.inputs[0].numel() > most_values || !suits(run(example.inputs, false))) return std::nullopt;
    for (const NamedTensor& p : parameters(*run.module)) example.parameters.emplace_back(p.name, p.tensor->clone());
    example.views.push_back(look(run, row, example.inputs, false, nullptr));
    if (row.random) example.views.push_back(look(run, row, example.inputs, true, &example.views[0]));
    return example;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

PoolExample pool_example(const LayerInfo& row) {
  const bool floating = !row.sample_inputs.empty() && !row.labels.contains(0);
  check(floating, row.name, ": the manual shows layers whose first input is floating; this one has no such sample");
  const Json config = config_of(row, row.shown_config.empty() ? row.sample_config : row.shown_config);
  for (const std::vector<Shape>& shapes : candidates(row))
    if (auto example = example_on(row, config, shapes)) return *std::move(example);
  fail(row.name, ": runs on no input that the manual could show; give it one with shown_with");
}

}  // namespace tarn
