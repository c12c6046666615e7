// An experiment: what one config file describes, every key checked, and the objects that are built from it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/config_file.h"
#include "core/config.h"
#include "data/dataset.h"
#include "layers/loss.h"
#include "layers/model.h"

namespace tarn {

/// The "train" section.
struct TrainConfig {
  int64_t epochs = 10;
  std::optional<double> clip_grad_norm;
  std::optional<double> clip_grad_value;
  std::string best_by = "loss";
  int64_t checkpoint = 0;
  bool check_finite = false;
  void fields(Fields& f);
};

/// A config file as read. Sections stay JSON: each registry reads its own.
struct Experiment {
  std::string name = "run";
  int64_t seed = 0;
  Json data, model, blocks = nullptr;
  Json loss = "CrossEntropyLoss";
  Json optimizer = "Adam";
  Json schedule = nullptr;
  TrainConfig train;
  std::string folder;  ///< where relative paths start
  void fields(Fields& f);
};

/// Reads the config at `path`, or the built-in one of that name ("digits"), with all that it extends and includes, and
/// with overrides "PATH=VALUE" applied. Throws one Error with a line for each mistake.
Experiment read_experiment(const std::string& path, const std::vector<std::string>& overrides = {});
/// The same of a config that has been read.
Experiment read_experiment(ConfigFile file, const std::vector<std::string>& overrides = {});
/// The experiment with every default written out; expressions stay. Throws one Error with a line for each mistake.
Json resolved(const Experiment& experiment);

/// How many blocks a file defines that holds nothing else, for other files to include; nothing where it is no such
/// file. Throws one Error with a line for each mistake in them.
std::optional<size_t> checked_library(const std::string& path);
std::optional<size_t> checked_library(const ConfigFile& file);

/// The network of an experiment for the data's shapes. `allocate_only`: shapes without initial values.
std::unique_ptr<Model> build_model(const Experiment& experiment, const Data& data, bool allocate_only = false);
/// The loss of an experiment, tried on the shape of the model's output. Throws where it cannot compare that with the
/// data.
std::unique_ptr<Loss> build_loss(const Experiment& experiment, const Data& data, const Model& model);
/// Builds all that an experiment describes, as for training on these data, and trains nothing; throws where anything
/// does not fit. Returns the network, whose parameters have no values.
std::unique_ptr<Model> check_experiment(const Experiment& experiment, const Data& data);
/// Type of the layer that the model's first result comes from, inside blocks too; empty where that is the input.
std::string last_type(const Model& model);
/// What is no mistake but most likely not meant, in words: a model that ends in LogSoftmax under CrossEntropyLoss,
/// which applies it again. Empty where there is nothing to say.
std::string remark(const Experiment& experiment, const Model& model);
/// The experiment's data set.
Data load_data(const Experiment& experiment);

}  // namespace tarn
