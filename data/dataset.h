// Data sets: examples in memory, cut into training, validation and test parts that never overlap, and the registry that
// knows how each set is made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/place.h"
#include "data/augment.h"
#include "data/examples.h"

namespace tarn {

/// How samples become batches.
struct Batching {
  int64_t batch_size = 32;
  bool shuffle = true;
  bool drop_last = false;
  int64_t prefetch = 2;  ///< batches prepared ahead on another thread
  std::vector<std::shared_ptr<const Augmentation>> augment;
};

/// Makes values comparable: (x - mean) / deviation. Both are undefined where nothing is to be done; else they have a
/// sample's rank, with size 1 along axes that share a value.
struct Normalisation {
  Tensor mean, deviation;
  /// `x` is float32 [N, …]; without statistics it comes back as it is.
  Tensor operator()(const Tensor& x) const;
};

/// A data set, ready for training. No sample is in two parts, and every sample that was asked for is in one.
struct Data {
  Examples train, validation, test;
  Shape input;  ///< of one sample, without N
  /// Classes of samples or of pixels, or joints: what "=classes" stands for in a model; 0 for regression.
  int64_t classes = 0;
  std::vector<std::string> class_names;  ///< one a class, or one a joint
  std::string description;
  Normalisation normalisation;  ///< of the training part, applied to all parts; for samples that come later
  Batching batching;
  Task task = Task::classification;

  /// The targets of n training samples, from the first on and over again where there are fewer: to try things on.
  Tensor some_targets(int64_t n) const;
};

/// All samples as a data set's own code returns them, before they are cut; images are scaled to [0, 1].
struct Samples {
  Examples all;
  Examples test;                         ///< where the test part comes from files of its own; else empty
  std::vector<std::string> class_names;  ///< or of joints; none for regression
  std::string description;
  Task task = Task::classification;
};

/// What a data set is told when it is loaded.
struct DataContext {
  uint64_t seed = 0;   ///< the experiment's; for sets that are drawn
  std::string folder;  ///< relative paths start here: the config file's folder
};

/// Which samples become the test part unless the config says so.
enum class TestBy {
  tail,  ///< the last
  head,  ///< the first
  seed,  ///< drawn at random
};

/// Numbers of the samples in each part, ascending.
struct Partition {
  std::vector<int64_t> train, validation, test;
};

/// Cuts 0 … n - 1 into parts: the test part by `by` (`seed` draws it); of the rest, in order, the first `train` samples
/// (0: all) are for training; of these `validation` are drawn by `seed` for the validation part. `test` and
/// `validation` are shares below 1 (rounded up and down) or counts. Throws where nothing is left to train on.
Partition partition(int64_t n, double test, TestBy by, int64_t train, double validation, uint64_t seed);

/// How the test part is chosen.
struct Split {
  double test = 0.2;
  std::optional<std::string> by;
  int64_t train = 0;
  int64_t seed = 0;
  void fields(auto& f) {
    f("test", test, "share (below 1) or number of the samples in the test part", {.lo = 0});
    f("by", by, "the test part is the last samples, the first, or drawn by the split's seed; default: as the type does",
      {.choices = {"tail", "head", "seed"}});
    f("train", train, "most samples of the rest that are used, from the front; 0: all", {.lo = 0});
    f("seed", seed, "draws the test part; apart from the experiment's seed, so that runs with several seeds share it",
      {.lo = 0});
  }
};

/// What all data sets have in common.
struct DataFields {
  int64_t batch_size = 32;
  bool shuffle = true;
  bool drop_last = false;
  int64_t prefetch = 2;
  int64_t limit = 0;
  double validation = 0.1;
  Split split;
  std::string normalize = "none";
  Json augment = Json::array();
  void fields(auto& f) {
    f("batch_size", batch_size, "samples that are worked on together", {.lo = 1, .hi = 1 << 24});
    f("shuffle", shuffle, "a new order in every epoch");
    f("drop_last", drop_last, "leave out the last batch of an epoch where it is smaller");
    f("prefetch", prefetch, "batches prepared ahead on another thread", {.lo = 0, .hi = 64});
    f("limit", limit, "uses only the first so many samples of the source; 0: all", {.lo = 0});
    f("validation", validation, "share (below 1) or number of the training samples that choose the best checkpoint",
      {.lo = 0});
    f.child("split", split, "how the test part is chosen");
    f("normalize", normalize,
      "subtract the mean of the training part and divide by its deviation: of each feature (standard) or channel",
      {.choices = {"none", "standard", "channels"}});
    f("augment", augment, "random changes of the training samples, one after the other",
      {.list_of = "augmentations", .inside = check_items<AugmentationInfo>});
  }
};
template <class Own>
struct WithDataFields {
  Own own;
  DataFields common;
  void fields(auto& f) {
    own.fields(f);
    common.fields(f);
  }
  void validate() const {
    if constexpr (requires { own.validate(); }) own.validate();
  }
};

/// A row of the data set registry. `load` also tells the fields that all data sets share.
struct DatasetInfo {
  static constexpr const char* kind = "data set";
  std::string doc;
  TestBy test_by;
  std::function<Samples(const Json& config, const DataContext&, DataFields&)> load;
  ConfigInfo config;
};

/// Registers data set D, which has a `Config` struct and `static Samples load(const Config&, const DataContext&)`: call
/// it at namespace scope in D's own file.
template <class D>
const DatasetInfo& add_dataset(std::string name, std::string doc, TestBy test_by) {
  using Config = WithDataFields<typename D::Config>;
  DatasetInfo row;
  row.doc = std::move(doc);
  row.test_by = test_by;
  row.config = config_info<Config>();
  row.load = [](const Json& json, const DataContext& context, DataFields& common) {
    const Config config = read_valid<Config>(json);
    common = config.common;
    return D::load(config.own, context);
  };
  return Registry<DatasetInfo>::all().add(std::move(name), std::move(row));
}

/// The data set that `json` describes: an object with "type", or just a name. `folder` is where relative paths start.
/// Throws located errors; a broken file names itself and the line or byte.
Data make_dataset(const Json& json, uint64_t seed, const std::string& folder);

}  // namespace tarn
