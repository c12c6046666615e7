// Tests that every name of the config language is found again when it is misspelt: each field of every registered type,
// each section, each key of train, of blocks and of items, and the types themselves.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "apps/catalog.h"
#include "apps/experiment.h"
#include "core/file.h"
#include "data/augment.h"
#include "layers/initializer.h"
#include "layers/loss.h"
#include "layers/model.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_misspellings {
namespace {

/// One letter left out, two neighbours swapped, one letter doubled: each once, in the middle. A name of one letter has
/// only the last.
std::vector<std::string> misspellings(const std::string& name) {
  const size_t middle = name.size() / 2;
  std::vector<std::string> out;
  if (name.size() > 1) out.push_back(name.substr(0, middle) + name.substr(middle + 1));
  for (size_t i = 0; i + 1 < name.size(); ++i) {
    const size_t at = (middle + i) % (name.size() - 1);
    if (name[at] == name[at + 1]) continue;
    out.push_back(name);
    std::swap(out.back()[at], out.back()[at + 1]);
    break;
  }
  out.push_back(name.substr(0, middle) + name[middle] + name.substr(middle));
  return out;
}

/// How many letters were left out, put in, replaced or swapped with a neighbour, for the test's own judgement: the
/// plain table.
size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

/// Counts what was tried, and holds each answer against the name that was meant.
class Judge {
 public:
  explicit Judge(std::string what) : what_(std::move(what)) {}
  ~Judge() { MESSAGE(what_ << ": " << tried_ << " misspellings, of which " << ambiguous_ << " are ambiguous"); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  /// Tries all misspellings of `meant`, one of the `names`; `answer` gives the message about one. A misspelling that is
  /// another of the names is none. One that is as near to another is ambiguous, and either may be suggested.
  template <class Answer>
  void operator()(const std::string& meant, const std::vector<std::string>& names, const Answer& answer) {
    for (const std::string& word : misspellings(meant)) {
      if (std::ranges::find(names, word) != names.end()) continue;
      ++tried_;
      const size_t distance = edits(word, meant);
      std::set<std::string> nearest{meant};
      for (const std::string& name : names)
        if (edits(word, name) <= distance) nearest.insert(name);
      if (nearest.size() > 1) ++ambiguous_;
      const std::string message = answer(word);
      const bool right = std::ranges::any_of(nearest, [&](const std::string& name) {
        return message.find("'" + word + "'; did you mean '" + name + "'?") != std::string::npos;
      });
      CHECK_MESSAGE(right, what_ << ": '" << word << "' for '" << meant << "' is answered with\n" << message);
    }
  }
  size_t tried() const { return tried_; }
  size_t ambiguous() const { return ambiguous_; }

 private:
  std::string what_;
  size_t tried_ = 0;
  size_t ambiguous_ = 0;
};

std::vector<std::string> split(const std::string& path) {
  const size_t dot = path.find('.');
  return dot == std::string::npos ? std::vector<std::string>{path}
                                  : std::vector<std::string>{path.substr(0, dot), path.substr(dot + 1)};
}

/// What is said of an item of a registry, as the section that it stands in is read.
std::string mistakes_of(const CatalogSection& section, const std::string& item) {
  Problems problems;
  const Json json = parse_json(item, "c.json");
  if (section.place == "model")
    resolve_model(parse_json("[" + item + "]", "c.json"), Blocks(), problems);
  else if (section.place == "loss")
    resolve_item<LossInfo>(json, problems);
  else if (section.place == "optimizer")
    resolve_item<OptimizerInfo>(json, problems);
  else if (section.place == "schedule")
    resolve_item<ScheduleInfo>(json, problems);
  else if (section.place == "data")
    resolve_item<DatasetInfo>(json, problems);
  else if (section.place == "augment")
    resolve_item<AugmentationInfo>(json, problems);
  else
    resolve_item<InitializerInfo>(json, problems);
  return problems.lines();
}

/// What is said of a whole config.
std::string mistakes_of(const std::string& config) {
  static const TemporaryFolder folder;
  const std::string file = folder / "c.json";
  write_file_atomically(file, config);
  return test::message_of([&] { read_experiment(file); });
}

TEST_CASE("every field of every registered type is found when it is misspelt") {
  size_t tried = 0, ambiguous = 0;
  for (const CatalogSection& section : catalog()) {
    Judge judge("fields of " + section.title);
    for (const CatalogEntry& entry : section.entries) {
      const std::vector<FieldInfo> fields = entry.config.fields();
      for (const FieldInfo& field : fields) {
        const std::vector<std::string> path = split(field.name);
        std::vector<std::string> names{"type"};
        if (section.place == "model") names = {"type", "name", "from", "shared", "when", "size_of", "init"};
        if (path.size() > 1) names.clear();
        for (const FieldInfo& other : fields) {
          const std::vector<std::string> steps = split(other.name);
          if (path.size() == 1) names.push_back(steps.front());
          if (path.size() > 1 && steps.size() > 1 && steps.front() == path.front()) names.push_back(steps.back());
        }
        judge(path.back(), names, [&](const std::string& word) {
          const std::string inner =
              path.size() == 1 ? "\"" + word + "\": 1}" : "\"" + path.front() + "\": {\"" + word + "\": 1}}";
          return mistakes_of(section, R"({"type": ")" + entry.name + "\", " + inner);
        });
      }
    }
    tried += judge.tried();
    ambiguous += judge.ambiguous();
  }
  CHECK(tried > 3000);
  CHECK(ambiguous * 100 < tried);
}

TEST_CASE("every registered type is found when it is misspelt") {
  size_t tried = 0, ambiguous = 0;
  for (const CatalogSection& section : catalog()) {
    Judge judge("names of " + section.title);
    std::vector<std::string> names;
    for (const CatalogEntry& entry : section.entries) names.push_back(entry.name);
    for (const CatalogEntry& entry : section.entries)
      judge(entry.name, names, [&](const std::string& word) {
        if (section.place == "model" && find_layer(word)) return "'" + word + "'; did you mean '" + entry.name + "'?";
        return mistakes_of(section, "\"" + word + "\"");  // what papers call a layer is a name, too
      });
    tried += judge.tried();
    ambiguous += judge.ambiguous();
  }
  CHECK(tried > 1000);
  CHECK(ambiguous * 20 < tried);  // Conv1d, Conv2d and Conv3d are near each other
}

TEST_CASE("the keys of items of a model are found when they are misspelt") {
  Judge judge("keys of items");
  const std::vector<std::string> keys{"type", "name", "from", "shared", "when", "size_of", "init"};
  std::vector<std::string> names = keys;
  for (const char* own : {"in_features", "out_features", "bias"}) names.emplace_back(own);
  const CatalogSection model{.kind = "layer", .title = "", .place = "model", .entries = {}};
  for (const std::string& key : keys)
    if (key != "type")
      judge(key, names, [&](const std::string& word) {
        return mistakes_of(model, R"({"type": "Linear", "out_features": 3, ")" + word + "\": 1}");
      });
  judge("type", {"type"}, [&](const std::string& word) {
    return mistakes_of(model, "{\"" + word + R"(": "Linear", "out_features": 3})");
  });
  const std::vector<std::string> loop{"for", "in", "body", "when"};
  for (const char* key : {"in", "body", "when"})
    judge(key, loop,
          [&](const std::string& word) { return mistakes_of(model, R"({"for": "i", ")" + word + "\": 1}"); });
}

TEST_CASE("sections, and the keys of train and of blocks, are found when they are misspelt") {
  const std::string whole = R"("data": "Spirals", "model": [{"type": "Linear", "out_features": 3}])";
  Experiment experiment;
  std::vector<std::string> sections{"$schema", "extends", "include"};
  std::vector<std::string> train;
  for (const FieldInfo& field : field_rows(experiment)) {
    const std::vector<std::string> path = split(field.name);
    (path.size() > 1 ? train : sections).push_back(path.back());
  }
  sections.emplace_back("train");
  Judge sections_judge("sections");
  for (const std::string& section : sections)
    sections_judge(section, sections,
                   [&](const std::string& word) { return mistakes_of("{\"" + word + "\": 1, " + whole + "}"); });
  Judge train_judge("keys of train");
  CHECK(train.size() >= 6);
  for (const std::string& key : train)
    train_judge(key, train, [&](const std::string& word) {
      return mistakes_of("{" + whole + R"(, "train": {")" + word + "\": 1}}");
    });
  const std::vector<std::string> block{"params", "inputs", "outputs", "require", "body"};
  Judge block_judge("keys of blocks");
  for (const std::string& key : block)
    block_judge(key, block, [&](const std::string& word) {
      return mistakes_of("{" + whole + R"(, "blocks": {"B": {")" + word + R"(": 1, "body": ["ReLU"]}}})");
    });
  const std::vector<std::string> params{"width", "kernel", "stride", "reduction", "k"};
  Judge param_judge("parameters of a block");
  for (const std::string& key : params) {
    std::vector<std::string> names{"type", "name", "from", "shared", "when", "size_of"};
    names.insert(names.end(), params.begin(), params.end());
    param_judge(key, names, [&](const std::string& word) {
      return mistakes_of(R"({"data": "Spirals", "model": [{"type": "B", ")" + word + R"(": 1}, "ReLU"],
        "blocks": {"B": {"params": {"width": 1, "kernel": 1, "stride": 1, "reduction": 1, "k": 1}, "body": ["ReLU"]}}})");
    });
  }
}

}  // namespace
}  // namespace tarn::test_misspellings
