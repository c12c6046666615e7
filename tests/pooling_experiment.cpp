// The experiment in apps/configs/pooling: every pooling takes part or is excused, and nothing but the pooling differs.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "apps/experiment.h"
#include "core/file.h"
#include "core/json.h"
#include "layers/module.h"
#include "tests/folders.h"

namespace tarn::test_pooling_experiment {
namespace {

namespace fs = std::filesystem;

const std::string experiment_folder = TARN_SOURCE_DIR "/apps/configs/pooling";
const std::vector<std::string> data_sets{"digits", "mnist"};

/// Its configs by name.
std::map<std::string, Json> configs_of(const std::string& data_set) {
  std::map<std::string, Json> configs;
  for (const auto& entry : fs::directory_iterator(experiment_folder + "/" + data_set))
    configs.emplace(entry.path().stem().string(),
                    parse_json(read_file(entry.path().string()), entry.path().filename().string()));
  return configs;
}

std::string member(const Json& item, const char* key) {
  const Json* value = item.is_object() ? item.find(key) : nullptr;
  return value ? value->as_string() : "";
}

/// "pool1" or "pool2" for the items of a pooling: "pool2", and what prepares for it and follows it, "pool2_sequence".
std::string place_of(const Json& item) {
  const std::string name = member(item, "name");
  return name.starts_with("pool1") || name.starts_with("pool2") ? name.substr(0, 5) : "";
}

/// The config with each pooling replaced by the name of its place.
Json without_poolings(Json config) {
  Json model = Json::array();
  std::string last;
  for (const Json& item : config.at("model").items()) {
    const std::string place = place_of(item);
    if (place.empty())
      model.push(item);
    else if (place != last)
      model.push(place);
    last = place;
  }
  config.set("model", model);
  config.erase("name");
  return config;
}

std::vector<Json> items_at(const Json& config, const std::string& place) {
  std::vector<Json> items;
  for (const Json& item : config.at("model").items())
    if (place_of(item) == place) items.push_back(item);
  return items;
}

/// The name under which a layer takes part: that of its kin for planes, where there is one.
std::string two_dimensional(const std::string& layer) {
  std::string family = layer;
  if (family.ends_with("1d") || family.ends_with("2d") || family.ends_with("3d")) family.resize(family.size() - 2);
  return find_layer(family + "2d") ? family + "2d" : layer;
}

bool is_pooling(const LayerInfo& row) {
  const std::vector<std::string> plain{"MaxPool2d", "AvgPool2d", "AdaptiveMaxPool2d", "AdaptiveAvgPool2d"};
  return row.is_pooling || std::ranges::find(plain, row.name) != plain.end();
}

/// What the README's table "Left out" names: layers, each with its reason.
std::map<std::string, std::string> left_out() {
  const std::string page = read_file(experiment_folder + "/README.md");
  std::map<std::string, std::string> reasons;
  for (size_t at = page.find("## Left out"); at < page.size();) {
    const size_t end = std::min(page.find('\n', at), page.size());
    const std::string line = page.substr(at, end - at);
    at = end + 1;
    const size_t bar = line.find(" | ");
    if (!line.starts_with("| `") || bar == std::string::npos) continue;
    for (size_t from = line.find('`'); from < bar; from = line.find('`', from + 1)) {
      const size_t to = line.find('`', from + 1);
      reasons[line.substr(from + 1, to - from - 1)] = line.substr(bar + 3, line.size() - bar - 5);
      from = to;
    }
  }
  return reasons;
}

TEST_CASE("every pooling is compared on each data set, or the README says why it cannot be") {
  const std::map<std::string, std::string> excused = left_out();
  CHECK(excused.size() >= 5);
  for (const auto& [layer, reason] : excused) CHECK_MESSAGE(reason.size() > 10, layer);
  for (const std::string& data_set : data_sets) {
    const std::map<std::string, Json> configs = configs_of(data_set);
    CHECK(configs.size() >= 80);
    for (const LayerInfo* row : all_layers()) {
      if (!is_pooling(*row)) continue;
      const std::string name = two_dimensional(row->name);
      const bool left = excused.contains(name) || excused.contains(row->name);
      const bool told = configs.contains(name) != left;
      CHECK_MESSAGE(told, name, " needs either ", data_set, "/", name, ".json or a line in README.md's \"Left out\"");
    }
    for (const auto& [name, config] : configs) {
      CHECK_MESSAGE(find_layer(name), data_set, "/", name, ".json is called after no layer that there is");
      CHECK_MESSAGE(two_dimensional(name) == name, name, " has kin for planes, which is to be compared");
    }
  }
}

TEST_CASE("the configs of a data set are equal but for the poolings") {
  for (const std::string& data_set : data_sets) {
    const std::map<std::string, Json> configs = configs_of(data_set);
    const Json& reference = configs.at("MaxPool2d");
    const Json common = without_poolings(reference);
    CHECK(std::ranges::count(common.at("model").items(), Json("pool1")) == 1);
    CHECK(std::ranges::count(common.at("model").items(), Json("pool2")) == 1);
    for (const auto& [name, config] : configs) {
      CAPTURE(data_set);
      CAPTURE(name);
      CHECK(member(config, "name") == name);
      CHECK(without_poolings(config) == common);
    }
  }
}

TEST_CASE("a pooling stands in both places, or in the second behind a maximum") {
  const std::set<std::string> helpers{"MaxPool2d", "AvgPool2d", "Flatten", "Permute", "BatchNorm2d", "Sigmoid"};
  for (const std::string& data_set : data_sets) {
    const std::map<std::string, Json> configs = configs_of(data_set);
    const std::vector<Json> maximum = items_at(configs.at("MaxPool2d"), "pool1");
    for (const auto& [name, config] : configs) {
      CAPTURE(data_set);
      CAPTURE(name);
      const std::vector<Json> first = items_at(config, "pool1");
      const std::vector<Json> second = items_at(config, "pool2");
      const bool both = first.size() == 1 && member(first[0], "type") == name;
      CHECK((both || first == maximum));
      if (both) CHECK(second.size() == 1);
      for (const Json& item : second) {
        if (member(item, "name") == "pool2")
          CHECK(member(item, "type") == name);
        else
          CHECK_MESSAGE(helpers.contains(member(item, "type")), member(item, "type"));
      }
      CHECK(std::ranges::count_if(second, [](const Json& item) { return member(item, "name") == "pool2"; }) == 1);
    }
  }
}

TEST_CASE("every config of the experiment can be built") {
  for (const std::string& data_set : data_sets) {
    Data data;
    data.input = data_set == "digits" ? Shape{1, 8, 8} : Shape{1, 28, 28};
    data.classes = 10;
    for (const auto& [name, config] : configs_of(data_set)) {
      CAPTURE(data_set);
      CAPTURE(name);
      const auto built = [&, path = experiment_folder + "/" + data_set + "/" + name + ".json"] {
        return build_model(read_experiment(path), data)->output_shape();
      };
      CHECK_NOTHROW(built());
    }
  }
}

}  // namespace
}  // namespace tarn::test_pooling_experiment
