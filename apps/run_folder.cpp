// Saving and opening runs.
#include "apps/run_folder.h"

#include <ctime>
#include <filesystem>

#include "core/blas.h"
#include "core/checksum.h"
#include "core/file.h"
#include "core/safetensors.h"

namespace tarn {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view config_file = "config.json";
constexpr std::string_view state_file = "state.safetensors";
constexpr std::string_view previous_file = "state.previous.safetensors";
constexpr std::string_view damaged_file = "state.damaged.safetensors";
constexpr const char* facts_key = "tarn.state";
constexpr const char* config_key = "tarn.config";  // the checksum of config.json
constexpr const char* kernel_key = "tarn.blas";    // what the bits depend on besides the config

NamedValues weights_of(Module& model) {
  NamedValues all;
  for (const NamedTensor& p : parameters(model)) all.emplace_back(p.name, p.tensor->detach());
  for (const NamedTensor& b : buffers(model)) all.emplace_back(b.name, *b.tensor);
  return all;
}

struct SavedState {
  NamedValues tensors;
  std::string facts, config_sum, kernel;
};

SavedState read_state(const std::string& path) {
  Metadata metadata;
  SavedState state;
  for (auto& [name, value] : load_safetensors(path, &metadata, Checksums::required))
    state.tensors.emplace_back(name, value);
  check(metadata.contains(facts_key), path, ": holds no training state");
  state.facts = metadata[facts_key];
  state.config_sum = metadata[config_key];
  state.kernel = metadata[kernel_key];
  return state;
}

std::string changed_words(const std::string& config) {
  return config + ": is not as it was when the run was last saved; what it says now is used\n";
}

}  // namespace

std::string RunFolder::default_path(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  std::string safe;
  for (const char c : name) safe += (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-') ? c : '_';
  const std::string base = "runs/" + (safe.empty() ? "run" : safe.substr(0, 100)) + "-" + stamp;
  std::string path = base;
  for (int i = 2; path_exists(path); ++i) path = base + "-" + std::to_string(i);
  return path;
}

RunFolder RunFolder::create(const std::string& path, bool resume) {
  make_folders(path);
  RunFolder folder(path);
  check(resume || !path_exists(folder.file(config_file)), path, ": already holds a run; continue it with --resume ",
        path, ", or give another --out");
  folder.lock_.emplace(path);
  sweep_temporary_files(path);
  if (resume) folder.config_sum_ = checksum(read_file(folder.file(config_file)));
  return folder;
}

RunFolder RunFolder::open(const std::string& path) {
  check(path_exists(path), path, ": there is no such folder; 'tarn train' makes one below runs/");
  RunFolder folder(path);
  check(path_exists(folder.file(config_file)), path, ": is not the folder of a run: it has no ", config_file);
  return folder;
}

void RunFolder::write(std::string_view name, const std::string& text) const {
  write_file_atomically(file(name), text);
}

void RunFolder::write_config(const Json& resolved, const std::string& folder) {
  Json config = resolved;
  config.set("folder", fs::absolute(folder.empty() ? "." : folder).lexically_normal().string());
  const std::string bytes = to_text(config, 2) + "\n";
  write(config_file, bytes);
  config_sum_ = checksum(bytes);
}

Experiment RunFolder::read_config() const {
  return read_experiment(file(config_file));
}

void RunFolder::write_metrics(const Trainer& trainer) const {
  std::string lines;
  for (const EpochRecord& record : trainer.history()) lines += to_text(to_json(record)) + "\n";
  write("metrics.jsonl", lines);
}

void RunFolder::save(Trainer& trainer) {
  trainer.check_weights();
  const NamedValues weights = weights_of(trainer.model());
  const std::map<std::string, std::string> facts{{"format", "pt"}, {"epoch", std::to_string(trainer.epoch())}};
  if (trainer.improved()) {
    best_.clear();
    for (const auto& [name, value] : weights) best_.emplace_back(name, value.clone());
  }
  if (!best_.empty()) {
    save_safetensors(file("best.safetensors"), best_,
                     {{"format", "pt"}, {"epoch", std::to_string(trainer.best_epoch())}});
    best_.clear();
  }
  save_safetensors(file("last.safetensors"), weights, facts);
  write_metrics(trainer);
  const Trainer::State state = trainer.state();
  save_safetensors(file(state_file), state.tensors,
                   {{facts_key, state.facts}, {config_key, config_sum_}, {kernel_key, blas_kernel()}},
                   std::string(previous_file));
}

std::string RunFolder::save_diverged(Trainer& trainer) const {
  const Trainer::State state = trainer.state();
  const std::string path = file("diverged.safetensors");
  save_safetensors(path, state.tensors, {{facts_key, state.facts}});
  return path;
}

RunFolder::Restored RunFolder::restore(Trainer& trainer) const {
  std::string problems;
  bool any = false;
  for (const std::string_view name : {state_file, previous_file}) {
    if (!path_exists(file(name))) continue;
    any = true;
    SavedState saved;
    try {
      saved = read_state(file(name));
    } catch (const Error& error) {
      problems += text(error.what(), "\n");
      continue;
    }
    trainer.load_state(saved.tensors, saved.facts);
    write_metrics(trainer);
    Restored restored{.any = true, .warnings = problems};
    if (name == previous_file) {  // the next save keeps the newest, which must be a whole one
      const bool damaged = path_exists(file(state_file));
      if (damaged) replace_file(file(state_file), file(damaged_file));
      replace_file(file(previous_file), file(state_file));
      restored.warnings += text(path_, ": goes on from the checkpoint before it, after step ", trainer.steps(),
                                damaged ? text("; the other is kept as ", damaged_file) : "", '\n');
    }
    if (saved.config_sum != config_sum_) restored.warnings += changed_words(file(config_file));
    if (saved.kernel != blas_kernel())
      restored.warnings += text(path_, ": was trained with the matrix products of ", quote(saved.kernel),
                                ", here they are ", quote(blas_kernel()), ": it goes on, but not to the same bits\n");
    return restored;
  }
  check(!any, problems, path_, ": has no whole checkpoint to go on from; start again with another --out");
  return {};
}

std::string RunFolder::changed_config() const {
  const std::string config = read_file(file(config_file));
  Metadata metadata;
  try {
    if (!path_exists(file(state_file))) return "";
    metadata = safetensors_metadata(file(state_file));
  } catch (const Error& error) {  // nobody asked for the state itself
    return error.what();
  }
  const auto sum = metadata.find(config_key);
  const bool same = sum == metadata.end() || sum->second == checksum(config);
  return same ? "" : changed_words(file(config_file));
}

void RunFolder::load_weights(const char* name, Module& model) const {
  const std::string path = file(name) + ".safetensors";
  const auto saved = load_safetensors(path);
  std::vector<NamedTensor> targets = parameters(model);
  for (const NamedTensor& b : buffers(model)) targets.push_back(b);
  for (const NamedTensor& t : targets) {
    const auto it = saved.find(t.name);
    check(it != saved.end(), path, ": has no tensor '", t.name, "'");
    check(it->second.shape() == t.tensor->shape() && it->second.dtype() == t.tensor->dtype(), path, ": '", t.name,
          "' is ", it->second.dtype(), " ", it->second.shape(), "; the model wants ", t.tensor->dtype(), " ",
          t.tensor->shape());
    assign(*t.tensor, it->second);
  }
}

}  // namespace tarn
