// Saving and opening runs.
#include "apps/run_folder.h"

#include <ctime>
#include <filesystem>

#include "core/file.h"
#include "core/safetensors.h"

namespace tarn {

namespace {

namespace fs = std::filesystem;

constexpr const char* config_file = "config.json";
constexpr const char* state_file = "state.safetensors";

NamedValues weights_of(Module& model) {
  NamedValues all;
  for (const NamedTensor& p : parameters(model)) all.emplace_back(p.name, p.tensor->detach());
  for (const NamedTensor& b : buffers(model)) all.emplace_back(b.name, *b.tensor);
  return all;
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
  for (int i = 2; fs::exists(path); ++i) path = base + "-" + std::to_string(i);
  return path;
}

RunFolder RunFolder::create(const std::string& path, bool resume) {
  std::error_code error;
  fs::create_directories(path, error);
  check(!error && fs::is_directory(path), path,
        ": cannot be made a folder: ", error ? error.message() : "it is a file");
  RunFolder folder(path);
  check(resume || !fs::exists(folder.file(config_file)), path, ": already holds a run; continue it with --resume ",
        path, ", or give another --out");
  return folder;
}

RunFolder RunFolder::open(const std::string& path) {
  check(fs::exists(path), path, ": there is no such folder; 'tarn train' makes one below runs/");
  RunFolder folder(path);
  check(fs::exists(folder.file(config_file)), path, ": is not the folder of a run: it has no ", config_file);
  return folder;
}

void RunFolder::write(const char* name, const std::string& text) const {
  write_file_atomically(file(name), text);
}

void RunFolder::write_config(const Json& resolved, const std::string& folder) const {
  Json config = resolved;
  config.set("folder", fs::absolute(folder.empty() ? "." : folder).lexically_normal().string());
  write(config_file, to_text(config, 2) + "\n");
}

Experiment RunFolder::read_config() const {
  return read_experiment(file(config_file));
}

void RunFolder::save(Trainer& trainer) const {
  const NamedValues weights = weights_of(trainer.model());
  const std::map<std::string, std::string> facts{{"format", "pt"}, {"epoch", std::to_string(trainer.epoch())}};
  if (trainer.improved()) save_safetensors(file("best.safetensors"), weights, facts);
  save_safetensors(file("last.safetensors"), weights, facts);
  std::string lines;
  for (const EpochRecord& record : trainer.history()) lines += to_text(to_json(record)) + "\n";
  write("metrics.jsonl", lines);
  const Trainer::State state = trainer.state();
  save_safetensors(file(state_file), state.tensors, {{"tarn.state", state.facts}});
}

bool RunFolder::restore(Trainer& trainer) const {
  if (!fs::exists(file(state_file))) return false;
  std::map<std::string, std::string> metadata;
  NamedValues tensors;
  for (auto& [name, value] : load_safetensors(file(state_file), &metadata)) tensors.emplace_back(name, value);
  check(metadata.contains("tarn.state"), file(state_file), ": holds no training state");
  trainer.load_state(tensors, metadata["tarn.state"]);
  return true;
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
