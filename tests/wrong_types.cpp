// Tests that a value of a wrong type is refused for every field there is, with its place and what is expected.
#include <doctest/doctest.h>

#include <algorithm>

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

namespace tarn::test_wrong_types {
namespace {

bool accepts(const std::string& type, const std::string& words) {
  return type.find(words) != std::string::npos;
}

/// JSON values that a field of this type, in words, does not take.
std::vector<std::string> wrong_values(const FieldInfo& field) {
  const std::string& type = field.type;
  std::vector<std::string> out{R"({"a": 1})"};
  const bool number = accepts(type, "integer") || accepts(type, "number");
  const bool list = accepts(type, "list");
  const bool text = accepts(type, "string") || accepts(type, "'");
  if (!accepts(type, "true or false")) out.emplace_back("true");
  if (!accepts(type, "a number") && !accepts(type, "of numbers")) out.emplace_back("2.5");
  if (!number) out.emplace_back("7");
  if (!text) out.emplace_back("\"word\"");
  if (!list) out.emplace_back("[1, 2]");
  if (list) out.emplace_back(R"([{"a": 1}])");
  if (!accepts(type, "null") && field.default_text != "null") out.emplace_back("null");
  return out;
}

/// Whether some line is "f.json:LINE:COLUMN: POINTER…: expected …", or says that the value is outside the bounds.
bool is_refused(const std::string& lines, const std::string& pointer) {
  size_t at = 0;
  while (at < lines.size()) {
    const std::string line = lines.substr(at, lines.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with("f.json:")) continue;
    const size_t pointed = line.find(": " + pointer);
    if (pointed == std::string::npos) continue;
    if (line.find("expected ", pointed) != std::string::npos && line.find("found ", pointed) != std::string::npos)
      return true;
    if (line.find("must be given", pointed) != std::string::npos) return true;  // of what a list holds
  }
  return false;
}

/// What is said of an item of a registry.
std::string mistakes_of(const CatalogSection& section, const std::string& item) {
  Problems problems;
  const bool layer = section.place == "model";
  const Json json = parse_json(layer ? "[" + item + "]" : item, "f.json");
  if (layer) resolve_model(json, Blocks(), problems);
  if (section.place == "loss") resolve_item<LossInfo>(json, problems);
  if (section.place == "optimizer") resolve_item<OptimizerInfo>(json, problems);
  if (section.place == "schedule") resolve_item<ScheduleInfo>(json, problems);
  if (section.place == "data") resolve_item<DatasetInfo>(json, problems);
  if (section.place == "augment") resolve_item<AugmentationInfo>(json, problems);
  if (section.place == "init") resolve_item<InitializerInfo>(json, problems);
  return problems.lines();
}

TEST_CASE("every field of every registered type refuses values of other types") {
  size_t fields = 0, values = 0;
  for (const CatalogSection& section : catalog())
    for (const CatalogEntry& entry : section.entries)
      for (const FieldInfo& field : entry.config.fields()) {
        ++fields;
        CHECK_MESSAGE(field.type != "any value", entry.name << "." << field.name);
        const size_t dot = field.name.find('.');
        for (const std::string& value : wrong_values(field)) {
          ++values;
          const std::string inner = dot == std::string::npos ? "\"" + field.name + "\": " + value
                                                             : "\"" + field.name.substr(0, dot) + "\": {\"" +
                                                                   field.name.substr(dot + 1) + "\": " + value + "}";
          std::string pointer = (section.place == "model" ? "/0/" : "/") + field.name;
          if (dot != std::string::npos) pointer[pointer.find('.')] = '/';
          const std::string lines = mistakes_of(section, R"({"type": ")" + entry.name + "\", " + inner + "}");
          CHECK_MESSAGE(is_refused(lines, pointer), entry.name << ": " << field.name << " (" << field.type
                                                               << ") = " << value << " says\n"
                                                               << lines);
        }
      }
  MESSAGE(values << " wrong values of " << fields << " fields");
  CHECK(fields > 1000);
}

TEST_CASE("every section, and every key of train and of blocks, refuses values of other types") {
  const TemporaryFolder folder;
  const std::string file = folder / "f.json";
  const auto says = [&](const std::string& config) {
    write_file_atomically(file, config);
    std::string lines = test::message_of([&] { read_experiment(file); });
    for (size_t at = lines.find(file); at != std::string::npos; at = lines.find(file))
      lines.replace(at, file.size(), "f.json");
    return lines;
  };
  const auto refused = [&](const std::string& config, const std::string& pointer) {
    const std::string lines = says(config);
    CHECK_MESSAGE(is_refused(lines, pointer), config << " says\n" << lines);
  };
  const std::string data = R"("data": "Spirals", )";
  const std::string model = R"("model": [{"type": "Linear", "out_features": 3}])";
  for (const char* section : {"data", "loss", "optimizer", "schedule", "train", "name", "seed", "blocks", "folder"})
    for (const std::string value : {"true", "[1]", "1.5"}) {
      const std::string rest = std::string(section) == "data" ? model : data + model;
      refused("{\"" + std::string(section) + "\": " + value + ", " + rest + "}", "/" + std::string(section));
    }
  for (const std::string value : {"true", "7", "null"}) refused("{" + data + "\"model\": " + value + "}", "/model");
  for (const std::string item : {"true", "7", "null", "[\"ReLU\"]"})
    refused("{" + data + "\"model\": [" + item + "]}", "/model/0");
  TrainConfig train;
  for (const FieldInfo& field : field_rows(train))
    for (const std::string& value : wrong_values(field))
      refused("{" + data + model + ", \"train\": {\"" + field.name + "\": " + value + "}}", "/train/" + field.name);
  for (const char* key : {"params", "inputs", "outputs", "require", "body"})
    for (const std::string value : {"true", "7", "\"word\""})
      refused("{" + data + model + ", \"blocks\": {\"B\": {\"" + key + "\": " + value + "}}}",
              "/blocks/B/" + std::string(key));
  for (const std::string value : {"true", "7", "[\"ReLU\"]"})
    refused("{" + data + model + ", \"blocks\": {\"B\": " + value + "}}", "/blocks/B");
  for (const std::string value : {"7", "true", "{\"a\": 1}", "[1]"})
    refused("{" + data + R"("model": [{"out_features": 3, "type": )" + value + "}]}", "/model/0/type");
  for (const char* key : {"name", "from", "shared", "size_of", "when", "init"})
    for (const std::string value : {"7", "true", "{\"a\": 1}"}) {
      if (std::string(key) == "when" && value == "true") continue;
      refused("{" + data + R"("model": [{"type": "Linear", "out_features": 3, ")" + key + "\": " + value + "}]}",
              "/model/0/" + std::string(key));
    }
}

}  // namespace
}  // namespace tarn::test_wrong_types
