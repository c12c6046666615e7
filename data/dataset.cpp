// Cutting samples into parts, normalising them, and building data sets from configs.
#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"

namespace tarn {

Tensor Normalisation::operator()(const Tensor& x) const {
  if (!mean.defined()) return x;
  const Shape sample(x.shape().span().subspan(1));
  const int64_t features = sample.numel();
  const int64_t values = mean.numel();
  const int64_t run = values == 0 ? 1 : features / values;  // neighbours that share a value
  check(values * run == features, "normalisation: samples of ", sample, " cannot use statistics of ", mean.shape());
  Tensor out(x.shape());
  const float* m = mean.data<float>();
  const float* d = deviation.data<float>();
  for (int64_t i = 0, at = 0; i < x.shape()[0]; ++i)
    for (int64_t v = 0; v < values; ++v)
      for (int64_t k = 0; k < run; ++k, ++at) out.fill<float>()[at] = (x.data<float>()[at] - m[v]) / d[v];
  return out;
}

namespace {

/// Mean and deviation of the samples, for each feature or for each channel. A value that never changes is left as it
/// is but for its mean.
Normalisation statistics(const Tensor& x, bool channels) {
  Shape shape(x.shape().span().subspan(1));
  const int64_t features = shape.numel();
  if (channels)
    for (int d = 1; d < shape.rank(); ++d) shape = shape.with(d, 1);
  const int64_t values = shape.numel();
  const int64_t run = values == 0 ? 1 : features / values;
  const int64_t n = x.shape()[0];
  const double count = static_cast<double>(n * run);
  Normalisation result{Tensor(shape), Tensor(shape)};
  for (int64_t v = 0; v < values; ++v) {
    const auto each = [&](auto&& f) {
      for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < run; ++k) f(static_cast<double>(x.data<float>()[i * features + v * run + k]));
    };
    double sum = 0, squares = 0;
    each([&sum](double value) { sum += value; });
    const double mean = sum / count;
    each([&squares, mean](double value) { squares += (value - mean) * (value - mean); });
    const double deviation = std::sqrt(squares / count);
    result.mean.fill<float>()[v] = static_cast<float>(mean);
    result.deviation.fill<float>()[v] = deviation > 1e-7 * (1 + std::abs(mean)) ? static_cast<float>(deviation) : 1.0f;
  }
  return result;
}

/// A share below 1 of n, rounded up or down, or a count.
int64_t part_of(int64_t n, double share, bool up, const char* what) {
  check(share >= 0, what, " is ", share, ", expected a share or a number of samples");
  const double part = share * static_cast<double>(n);
  if (share < 1) return static_cast<int64_t>(up ? std::ceil(part - 1e-9) : std::floor(part + 1e-9));
  check(share == std::floor(share), what, " is ", share, ", expected a share below 1 or a whole number");
  check(share <= static_cast<double>(n), what, " asks for ", share, " of ", n, " samples");
  return static_cast<int64_t>(share);
}

/// Moves `count` of the numbers, drawn by a stream, from one list to another; both stay ascending.
void move_drawn(std::vector<int64_t>& from, std::vector<int64_t>& to, int64_t count, const Stream& stream) {
  if (count == 0) return;
  const std::vector<int64_t> order = permutation(static_cast<int64_t>(from.size()), stream);
  std::vector<char> chosen(from.size(), 0);
  for (int64_t i = 0; i < count; ++i) chosen[static_cast<size_t>(order[static_cast<size_t>(i)])] = 1;
  std::vector<int64_t> rest;
  for (size_t i = 0; i < from.size(); ++i) (chosen[i] ? to : rest).push_back(from[i]);
  from = std::move(rest);
}

TestBy test_by(const DatasetInfo& row, const Split& split) {
  if (!split.by) return row.test_by;
  return *split.by == "tail" ? TestBy::tail : *split.by == "head" ? TestBy::head : TestBy::seed;
}

/// Refuses augmentations that would leave targets behind.
void check_augmentation(const Json& json, const Augmentation& augmentation, const Data& data) {
  augmentation.check_shape(data.input);
  if (data.task == Task::classification || augmentation.moves() == Moves::nothing) return;
  if (data.task == Task::segmentation && augmentation.moves() == Moves::masks_too) return;
  // A single number, such as an age, says nothing about places; several may be coordinates.
  if (data.task == Task::regression && row_shape(data.train.y).numel() == 1) return;
  fail(json.where(), type_of(json), " moves pixels, but cannot move the targets for ", name_of(data.task),
       " with them, which would be wrong then; leave it out",
       data.task == Task::segmentation ? ", or use RandomHorizontalFlip, RandomVerticalFlip or RandomShift" : "");
}

Examples first(const Examples& examples, int64_t limit) {
  if (limit == 0 || limit >= examples.size()) return examples;
  std::vector<int64_t> samples(static_cast<size_t>(limit));
  std::iota(samples.begin(), samples.end(), int64_t{0});
  return examples.take(samples);
}

void cut(Data& data, Samples samples, const DataFields& fields, TestBy by) {
  const bool own_test = samples.test.size() > 0;
  samples.all = first(samples.all, fields.limit);
  data.test = first(samples.test, fields.limit);
  const Partition parts = partition(samples.all.size(), own_test ? 0 : fields.split.test, by, fields.split.train,
                                    fields.validation, static_cast<uint64_t>(fields.split.seed));
  if (!own_test) data.test = samples.all.take(parts.test);
  data.validation = samples.all.take(parts.validation);
  const bool everything = static_cast<int64_t>(parts.train.size()) == samples.all.size();
  data.train = everything ? samples.all : samples.all.take(parts.train);
}

}  // namespace

Tensor Data::some_targets(int64_t n) const {
  check(train.size() > 0, "there are no samples to learn from");
  Tensor out(rows_shape(n, row_shape(train.y)), train.y.dtype());
  for (int64_t i = 0; i < n; ++i) copy_row(train.y, i % train.size(), out, i);
  return out;
}

Partition partition(int64_t n, double test, TestBy by, int64_t train, double validation, uint64_t seed) {
  check(n > 0, "split: there are no samples");
  const int64_t tested = part_of(n, test, true, "split.test");
  Partition parts;
  parts.train.resize(static_cast<size_t>(n));
  std::iota(parts.train.begin(), parts.train.end(), int64_t{0});
  if (by == TestBy::seed) {
    move_drawn(parts.train, parts.test, tested, {seed, purpose_of("split/test"), 0});
  } else {
    const auto begin = by == TestBy::head ? parts.train.begin() : parts.train.end() - tested;
    parts.test.assign(begin, begin + tested);
    parts.train.erase(begin, begin + tested);
  }
  const int64_t rest = n - tested;
  check(train <= rest, "split.train asks for ", train, " samples, ", rest, " are left beside the test part");
  if (train > 0) parts.train.resize(static_cast<size_t>(train));
  const int64_t validated = part_of(static_cast<int64_t>(parts.train.size()), validation, false, "validation");
  move_drawn(parts.train, parts.validation, validated, {seed, purpose_of("split/validation"), 0});
  check(!parts.train.empty(), "split: of ", n, " samples ", tested, " are for the test and ", validated,
        " for validation; nothing is left to train on");
  return parts;
}

namespace {

/// The place for a message about a data set: the member that it begins with, or, behind the name of a file, that member
/// or the one that names the file.
const Where& place_of(const Json& json, std::string_view message) {
  const Where& first = place_in(json, message);
  if (!json.is_object() || first.offset() != json.where().offset()) return first;
  const std::string_view file = message.substr(0, message.find(": "));
  const Where& inside = place_in(json, message.substr(std::min(file.size() + 2, message.size())));
  if (inside.offset() != json.where().offset()) return inside;
  for (const Member& member : json.members()) {
    if (!member.value.is_string() || member.key == "type" || member.value.as_string().empty()) continue;
    const std::string& given = member.value.as_string();
    if (file.find("/" + given) != std::string_view::npos || file.starts_with(given)) return member.value.where();
  }
  return first;
}

}  // namespace

Data make_dataset(const Json& json, uint64_t seed, const std::string& folder) {
  const DatasetInfo& row = Registry<DatasetInfo>::all().get(type_of(json), json.where());
  const auto place = [&json](std::string_view message) -> const Where& { return place_of(json, message); };
  const auto build = [&] {
    DataFields fields;
    Samples samples = row.load(json, {seed, folder}, fields);
    check(samples.all.size() > 0, "there are no samples");
    check(samples.test.size() == 0 || samples.test.x.shape().with(0, 1) == samples.all.x.shape().with(0, 1),
          "samples of the test part are ", samples.test.x.shape(), ", the others ", samples.all.x.shape());
    Data data;
    data.input = row_shape(samples.all.x);
    data.classes = static_cast<int64_t>(samples.class_names.size());
    data.class_names = std::move(samples.class_names);
    data.description = std::move(samples.description);
    data.task = samples.task;
    check_examples(samples.all, data.task, data.classes);
    check_examples(samples.test, data.task, data.classes);
    cut(data, std::move(samples), fields, test_by(row, fields.split));
    if (fields.normalize != "none") {
      data.normalisation = statistics(data.train.x, fields.normalize == "channels");
      for (Examples* part : {&data.train, &data.validation, &data.test}) part->x = data.normalisation(part->x);
    }
    data.batching = {.batch_size = fields.batch_size,
                     .shuffle = fields.shuffle,
                     .drop_last = fields.drop_last,
                     .prefetch = fields.prefetch,
                     .augment = {}};
    for (const Json& augmentation : fields.augment.items()) {
      data.batching.augment.push_back(make_augmentation(augmentation));
      with_place(augmentation, [&] { check_augmentation(augmentation, *data.batching.augment.back(), data); });
    }
    return data;
  };
  return placed(build, place);
}

}  // namespace tarn
