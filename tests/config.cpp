// Tests of configs: one list of fields gives the reader with its errors, the writer, the schema and the manual.
#include "core/config.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

namespace tarn::test_config {
namespace {

struct Warmup {
  int64_t steps = 5;
  void fields(Fields& f) { f("steps", steps, "how many", {.lo = 0}); }
};

struct Sample {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  Sizes kernel_size;
  Sizes stride = {1};
  bool bias = true;
  std::string padding_mode = "zeros";
  SizesOrWord padding = {.sizes = {0}};
  MaybeSizes output_size = {std::nullopt};
  double p = 0.5;
  float slope = 0.1f;
  double value = 0;
  std::optional<double> momentum;
  std::optional<int64_t> groups = 1;
  std::optional<bool> affine;
  std::optional<std::string> note;
  std::vector<double> betas = {0.9, 0.999};
  std::vector<std::string> axes = {"h"};
  Warmup warmup;
  Json extra;

  void fields(Fields& f) {
    f("in_channels", in_channels, "channels of the input", {.lo = 1, .inferred = true});
    f("out_channels", out_channels, "number of filters", {.lo = 1, .required = true});
    f("kernel_size", kernel_size, "size of the window", {.lo = 1, .required = true, .rank = 2});
    f("stride", stride, "step of the window", {.lo = 1, .rank = 2});
    f("bias", bias, "adds a vector");
    f("padding_mode", padding_mode, "what stands outside", {.choices = {"zeros", "reflect", "replicate"}});
    f("padding", padding, "how much stands outside", {.lo = 0, .choices = {"same", "valid"}, .rank = 2});
    f("output_size", output_size, "cells of the output", {.lo = 1, .rank = 2});
    f("p", p, "chance that a value is zeroed", {.lo = 0, .hi = 0.95});
    f("slope", slope, "slope below zero", {.lo = 0, .lo_open = true});
    f("value", value, "any number", {.infinite = true});
    f("momentum", momentum, "null: cumulative", {.hi = 1, .hi_open = true});
    f("groups", groups, "how many groups", {.lo = 1});
    f("affine", affine, "scales");
    f("note", note, "free text");
    f("betas", betas, "decay of the averages", {.lo = 0, .hi = 1, .hi_open = true, .rank = 2});
    f("axes", axes, "names of axes", {.choices = {"h", "w"}});
    f.child("warmup", warmup, "how it starts");
    f("extra", extra, "whatever");
  }
};

const std::string least = R"("out_channels": 8, "kernel_size": 3)";

Sample read(const std::string& members) {
  return read_config<Sample>(parse_json("{" + members + "}", "f.json"));
}

std::string mistakes(const std::string& members) {
  try {
    read(members);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST_CASE("every type of field is read") {
  const Sample s = read(R"("in_channels": 3, "out_channels": 8, "kernel_size": [3, 5], "stride": 2, "bias": false,
    "padding_mode": "reflect", "padding": "same", "output_size": [null, 7], "p": 0, "slope": 0.25, "value": "-inf",
    "momentum": 0.1, "groups": null, "affine": true, "note": "n", "betas": [0.5, 0], "axes": ["w", "h"],
    "warmup": {"steps": 9}, "extra": {"k": [1]})");
  CHECK(s.in_channels == 3);
  CHECK(s.kernel_size == Sizes{3, 5});
  CHECK(s.stride == Sizes{2});
  CHECK_FALSE(s.bias);
  CHECK(s.padding_mode == "reflect");
  CHECK(s.padding.word == "same");
  CHECK(s.padding.sizes.empty());
  CHECK(s.output_size == MaybeSizes{std::nullopt, 7});
  CHECK(s.p == 0);
  CHECK(s.slope == 0.25f);
  CHECK(s.value == -HUGE_VAL);
  CHECK(s.momentum == 0.1);
  CHECK_FALSE(s.groups.has_value());
  CHECK(s.affine == true);
  CHECK(s.note == "n");
  CHECK(s.betas == std::vector<double>{0.5, 0});
  CHECK(s.axes == std::vector<std::string>{"w", "h"});
  CHECK(s.warmup.steps == 9);
  CHECK(s.extra.at("k").items()[0].as_integer() == 1);
  CHECK(read(least + R"(, "padding": [1, 2])").padding.sizes == Sizes{1, 2});
  CHECK(read(least + R"(, "output_size": 4)").output_size == MaybeSizes{4});
  CHECK(read(least + R"(, "stride": [4])").stride == Sizes{4});
}

TEST_CASE("what is left out keeps its default") {
  const Sample s = read(least);
  CHECK(s.stride == Sizes{1});
  CHECK(s.bias);
  CHECK(s.slope == 0.1f);
  CHECK(s.groups == 1);
  CHECK(s.betas == std::vector<double>{0.9, 0.999});
  CHECK(s.warmup.steps == 5);
}

TEST_CASE("each mistake names its place, what was found and what was expected") {
  struct Case {
    const char* member;
    const char* message;
  };
  const Case cases[] = {
      {R"("p": 1.5)", "/p: 1.5 is outside [0, 0.95]"},
      {R"("p": "half")", "/p: expected a number, found 'half'"},
      {R"("p": null)", "/p: expected a number, found null"},
      {R"("in_channels": 0)", "/in_channels: 0 must be >= 1"},
      {R"("in_channels": 2.0)", "/in_channels: expected an integer, found 2.0; write 2"},
      {R"("in_channels": true)", "/in_channels: expected an integer, found true"},
      {R"("slope": 0)", "/slope: 0 must be > 0"},
      {R"("slope": 1e300)", "/slope: 1e+300 is beyond the range of float32"},
      {R"("momentum": 1)", "/momentum: 1 must be < 1"},
      {R"("momentum": "inf")", "/momentum: expected a number or null, found 'inf'"},
      {R"("value": "nan")", "/value: expected a number, \"inf\" or \"-inf\", found 'nan'"},
      {R"("bias": 1)", "/bias: expected true or false, found 1"},
      {R"("padding_mode": "zero")",
       "/padding_mode: 'zero' is not one of 'zeros', 'reflect', 'replicate'; did you mean 'zeros'?"},
      {R"("padding_mode": 0)", "/padding_mode: expected one of 'zeros', 'reflect', 'replicate', found 0"},
      {R"("padding": "some")", "/padding: 'some' is not one of 'same', 'valid'; did you mean 'same'?"},
      {R"("padding": -1)", "/padding: -1 must be >= 0"},
      {R"("padding": 0.5)", "/padding: expected an integer or a list of 2 integers or 'same', 'valid', found 0.5"},
      {R"("stride": [1, 2, 3])", "/stride: expected an integer or a list of 2 integers, found a list of 3"},
      {R"("stride": [])", "/stride: expected an integer or a list of 2 integers, found a list of 0"},
      {R"("stride": [1, "x"])", "/stride/1: expected an integer, found 'x'"},
      {R"("stride": [0, 1])", "/stride/0: 0 must be >= 1"},
      {R"("output_size": [null, 0])", "/output_size/1: 0 must be >= 1"},
      {R"("output_size": [7])", "/output_size: expected a list of 2, found a list of 1"},
      {R"("betas": [0.9])", "/betas: expected a list of 2, found a list of 1"},
      {R"("betas": [0.9, 1])", "/betas/1: 1 is outside [0, 1)"},
      {R"("betas": 0.9)", "/betas: expected a list of 2 numbers, found 0.9"},
      {R"("axes": ["h", "d"])", "/axes/1: 'd' is not one of 'h', 'w'"},
      {R"("axes": ["h", 1])", "/axes/1: expected a string, found 1"},
      {R"("warmup": {"step": 1})", "/warmup/step: unknown key 'step'; did you mean 'steps'?"},
      {R"("warmup": 3)", "/warmup: expected an object, found 3"},
      {R"("warmup": {"qqq": 1})", "/warmup/qqq: unknown key 'qqq'; there are 'steps'"},
      {R"("kernal_size": 3)", "/kernal_size: unknown key 'kernal_size'; did you mean 'kernel_size'?"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.member);
    const std::string found = mistakes(least + ",\n " + c.member);
    CAPTURE(found);
    CHECK(found.starts_with("f.json:2:"));
    CHECK(found.substr(found.find(": /") + 2) == c.message);
  }
}

TEST_CASE("all mistakes of a text come at once, in the order of the text") {
  CHECK(mistakes("\"typo\": 1,\n \"bias\": 3,\n \"kernel_size\": 0") ==
        "f.json:1:1: /out_channels: must be given (an integer): number of filters\n"
        "f.json:1:2: /typo: unknown key 'typo'; there are 'in_channels', 'out_channels', 'kernel_size', 'stride', "
        "'bias', 'padding_mode', 'padding', 'output_size', 'p', 'slope', 'value', 'momentum', 'groups', 'affine', "
        "'note', 'betas', 'axes', 'warmup', 'extra'\n"
        "f.json:2:10: /bias: expected true or false, found 3\n"
        "f.json:3:17: /kernel_size: 0 must be >= 1");
}

TEST_CASE("an object of a registry may have the registry's keys, and a bare name stands for its type") {
  const std::string members = R"("type": "Sample", "name": "a", "from": "input", "shared": "b", )" + least;
  CHECK(read_registered<Sample>(parse_json("{" + members + "}", "f.json")).out_channels == 8);
  CHECK_THROWS_AS(read_config<Sample>(parse_json("{" + members + "}", "f.json")), Error);
  CHECK(read_registered<Warmup>(parse_json("\"Warmup\"", "f.json")).steps == 5);
  CHECK_THROWS_WITH_AS(
      read_registered<Sample>(parse_json("[\"Sample\"]", "f.json").items()[0]),
      "f.json:1:2: /0/out_channels: must be given (an integer): number of filters\n"
      "f.json:1:2: /0/kernel_size: must be given (an integer or a list of 2 integers): size of the window",
      Error);
  CHECK_THROWS_AS(read_registered<Sample>(Json(3)), Error);
}

TEST_CASE("a config made in code is checked with the names of its fields") {
  Json json = Json::object();
  json.set("steps", -1);
  CHECK_THROWS_WITH_AS(read_config<Warmup>(json), "/steps: -1 must be >= 0", Error);
  json.set("steps", std::nan(""));
  CHECK_THROWS_WITH_AS(read_config<Warmup>(json), "/steps: expected an integer, found null", Error);
  json = Json::object();
  json.set("out_channels", 1).set("kernel_size", 1).set("p", HUGE_VAL);
  CHECK_THROWS_WITH_AS(read_config<Sample>(json), "/p: expected a finite number", Error);
}

TEST_CASE("writing gives every value, and reading that gives the same config") {
  Sample s =
      read(R"("out_channels": 8, "kernel_size": [3, 5], "value": "inf", "padding": "valid", "output_size": [null, 2])");
  const Json written = write_config(s);
  CHECK(to_text(written) ==
        R"({"out_channels":8,"kernel_size":[3,5],"stride":1,"bias":true,"padding_mode":"zeros","padding":"valid",)"
        R"("output_size":[null,2],"p":0.5,"slope":0.1,"value":"inf","momentum":null,"groups":1,"affine":null,)"
        R"("note":null,)"
        R"("betas":[0.9,0.999],"axes":["h"],"warmup":{"steps":5},"extra":null})");
  Sample again = read_config<Sample>(parse_json(to_text(written), "again"));
  CHECK(write_config(again) == written);
  s.in_channels = 4;
  CHECK(write_config(s).at("in_channels").as_integer() == 4);
}

TEST_CASE("resolving keeps what the registry needs and writes every default out") {
  const ConfigInfo info = config_info<Warmup>();
  Problems problems;
  const Json object = parse_json(R"({"type": "Warmup", "from": ["a"]})", "f.json");
  CHECK(to_text(info.resolve(object, problems, true)) == R"({"type":"Warmup","from":["a"],"steps":5})");
  CHECK(to_text(info.resolve(parse_json("\"Warmup\"", "f.json"), problems, false)) == R"({"type":"Warmup","steps":5})");
  CHECK(problems.empty());
  info.resolve(parse_json(R"({"steps": -1, "stops": 0})", "f.json"), problems, false);
  CHECK(problems.size() == 2);
  CHECK(to_text(info.defaults()) == R"({"steps":5})");
}

TEST_CASE("the schema says what the reader checks") {
  Sample s;
  const Json schema = schema_of(s);
  const Json& fields = schema.at("properties");
  CHECK(to_text(fields.at("p")) ==
        R"({"type":"number","minimum":0,"maximum":0.95,"description":"chance that a value is zeroed","default":0.5})");
  CHECK(to_text(fields.at("slope")) ==
        R"({"type":"number","exclusiveMinimum":0,"description":"slope below zero","default":0.1})");
  CHECK(to_text(fields.at("padding_mode").at("enum")) == R"(["zeros","reflect","replicate"])");
  CHECK(to_text(fields.at("kernel_size").at("anyOf")) ==
        R"([{"type":"integer","minimum":1},)"
        R"({"type":"array","items":{"type":"integer","minimum":1},"minItems":1,"maxItems":2}])");
  CHECK(to_text(fields.at("groups").at("anyOf")) == R"([{"type":"integer","minimum":1},{"type":"null"}])");
  CHECK(to_text(schema.at("required")) == R"(["out_channels","kernel_size"])");
  CHECK(fields.at("in_channels").find("default") == nullptr);
  CHECK(to_text(fields.at("warmup").at("properties").at("steps").at("default")) == "5");
  CHECK_FALSE(schema.at("additionalProperties").as_boolean());
  CHECK(to_text(schema_of(s, true).at("properties").at("bias").at("anyOf")) ==
        R"([{"type":"boolean"},{"type":"string","pattern":"^="}])");
}

TEST_CASE("the rows of the manual name type, default, bounds and meaning") {
  Sample s;
  const std::vector<FieldInfo> rows = field_rows(s);
  CHECK(rows.size() == 19);
  const auto row = [&](std::string_view name) {
    for (const FieldInfo& r : rows) {
      if (r.name == name) return text(r.type, " | ", r.default_text, " | ", r.bounds, " | ", r.doc);
    }
    return std::string("no such row");
  };
  CHECK(row("p") == "a number | 0.5 | [0, 0.95] | chance that a value is zeroed");
  CHECK(row("in_channels") == "an integer | inferred | >= 1 | channels of the input");
  CHECK(row("kernel_size") == "an integer or a list of 2 integers | required | >= 1 | size of the window");
  CHECK(row("padding_mode") == "'zeros', 'reflect', 'replicate' | \"zeros\" |  | what stands outside");
  CHECK(row("warmup.steps") == "an integer | 5 | >= 0 | how many");
}

TEST_CASE("sizes expand to a rank or say why not") {
  CHECK(expand(Sizes{3}, 2) == Sizes{3, 3});
  CHECK(expand(Sizes{3, 4}, 2) == Sizes{3, 4});
  CHECK(expand(MaybeSizes{std::nullopt}, 1) == MaybeSizes(1));
  CHECK_THROWS_WITH_AS(expand(MaybeSizes{std::nullopt}, 3), doctest::Contains("null alone says nothing"), Error);
  CHECK_THROWS_WITH_AS(expand(Sizes{1, 2}, 3), "2 sizes where 1 or 3 are wanted", Error);
  CHECK_THROWS_AS(expand(Sizes{}, 2), Error);
}

struct Kind {
  static constexpr const char* kind = "colour";
  int value = 0;
};

TEST_CASE("a registry keeps its rows in place, sorted by name, and names the nearest") {
  auto& registry = Registry<Kind>::all();
  const Kind& red = registry.add("red", {1});
  for (int i = 0; i < 100; ++i) registry.add("other" + std::to_string(i), {i});
  registry.add("blue", {2});
  CHECK(registry.find("red") == &red);
  CHECK(registry.find("green") == nullptr);
  CHECK(registry.names().front() == "blue");
  CHECK(registry.size() == 102);
  CHECK_THROWS_WITH_AS(registry.get("blew"), "unknown colour 'blew'; 'tarn layers' lists what there is", Error);
  const Json json = parse_json("[\"bleu\"]", "f.json");
  CHECK_THROWS_WITH_AS(registry.get("bleu", json.items()[0].where()),
                       "f.json:1:2: /0: unknown colour 'bleu'; did you mean 'blue'?", Error);
  CHECK_THROWS_WITH_AS(registry.add("red", {}), "colour 'red' is registered twice", Error);
}

std::string set(const std::string& path, const std::string& value) {
  Json root =
      parse_json(R"({"optimizer": {"lr": 0.1}, "model": [{"p": 1}, "ReLU"], "loss": "CE", "seed": 3})", "f.json");
  try {
    set_path(root, path, value);
  } catch (const Error& error) {
    return error.what();
  }
  return to_text(root);
}

TEST_CASE("a setting replaces, makes, removes, and says what is there when it cannot") {
  const std::string head = R"({"optimizer":{"lr":0.1},"model":[{"p":1},"ReLU"],)";
  CHECK(set("optimizer.lr", "1e-3") == R"({"optimizer":{"lr":0.001},"model":[{"p":1},"ReLU"],"loss":"CE","seed":3})");
  CHECK(set("model.0.p", "[1, 2]").find(R"("model":[{"p":[1,2]},"ReLU"])") != std::string::npos);
  CHECK(set("model.1", "Tanh").find(R"([{"p":1},"Tanh"])") != std::string::npos);
  CHECK(set("model.1.slope", "2").find(R"([{"p":1},{"type":"ReLU","slope":2}])") != std::string::npos);
  CHECK(set("loss.eps", "true") == head + R"("loss":{"type":"CE","eps":true},"seed":3})");
  CHECK(set("a.b.c", "x y") == head + R"("loss":"CE","seed":3,"a":{"b":{"c":"x y"}}})");
  CHECK(set("seed", "null") == head + R"("loss":"CE"})");
  CHECK(set("name", "") == head + R"("loss":"CE","seed":3,"name":""})");
  CHECK(set("seed.x", "1") == "--set seed.x: /seed/x: there is no 'x' in 3");
  CHECK(set("model.2.p", "1") == "--set model.2.p: /model/2/p: there is no item '2'; the list has items 0 to 1");
  CHECK(set("model.x", "1") == "--set model.x: /model/x: there is no item 'x'; the list has items 0 to 1");
  CHECK(set("model.-1", "1").find("no item '-1'") != std::string::npos);
  CHECK(set("model.99999999999999999999", "1").find("no item") != std::string::npos);
  CHECK(set("a..b", "1").starts_with("--set a..b: a path is"));
  CHECK(set("", "1").starts_with("--set : a path is"));
  CHECK(set("a", "[1,").starts_with("--set a: /a"));
  CHECK(set(std::string(100, '.'), "1").find("a path is") != std::string::npos);
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep += ".a";
  CHECK(set(deep, "1").find("deeper than 64 levels") != std::string::npos);
}

TEST_CASE("a mistake in a setting is reported under the setting's name") {
  Json root = parse_json("{" + least + "}", "f.json");
  set_path(root, "bias", "maybe");
  set_path(root, "stride", "[1, 0]");
  set_path(root, "warmup.stepz", "1");
  CHECK_THROWS_WITH_AS(read_config<Sample>(root),
                       "--set stride: /stride/1: 0 must be >= 1\n"
                       "--set bias: /bias: expected true or false, found 'maybe'\n"
                       "--set warmup.stepz: /warmup/stepz: unknown key 'stepz'; did you mean 'steps'?",
                       Error);
}

TEST_CASE("extending merges objects key by key, replaces the rest, and null removes") {
  const Json base = parse_json(R"({"a": {"x": 1, "y": [1, 2]}, "b": 2, "c": {"d": 1}})", "base.json");
  const Json over =
      parse_json(R"({"a": {"y": [3], "z": {"deep": null}}, "b": null, "c": 5, "n": null, "e": 6})", "over.json");
  const Json merged = merge(base, over);
  CHECK(to_text(merged) == R"({"a":{"x":1,"y":[3],"z":{"deep":null}},"c":5,"e":6})");
  CHECK(merged.at("a").at("x").where().place() == "base.json:1:13");
  CHECK(merged.at("a").at("y").where().place() == "over.json:1:13");
  CHECK(merge(base, Json::object()) == base);
}

TEST_CASE("a thousand mistakes are reported briefly") {
  std::string many = least;
  for (int i = 0; i < 1000; ++i) many += ",\n\"zzz" + std::to_string(i) + "\": 1";
  const std::string found = mistakes(many);
  CHECK(found.ends_with("and 900 more"));
  CHECK(found.size() < 100'000);
}

TEST_CASE("any value in any field is read or refused with its place, never worse") {
  const char* values[] = {"null",    "true",      "0",       "-1",    "1e308", "9223372036854775807",
                          "\"\"",    "\"=k\"",    "[]",      "[[1]]", "[{}]",  "{}",
                          "[null]",  "[1, 2]",    "\"inf\"", "0.5",   "[1.5]", "[-1]",
                          "[\"x\"]", "{\"k\": 1}"};
  Sample sample;
  int refused = 0;
  for (const FieldInfo& row : field_rows(sample)) {
    for (const char* value : values) {
      if (row.name.find('.') != std::string::npos) continue;
      CAPTURE(row.name);
      CAPTURE(value);
      const std::string found = mistakes("\n\"" + row.name + "\": " + value);
      const std::string about = ": /" + row.name;
      if (found.find("f.json:2:") == std::string::npos) continue;  // only the missing fields were mentioned
      ++refused;
      CHECK(found.find(about) != std::string::npos);
    }
  }
  CHECK(refused > 200);
}

}  // namespace
}  // namespace tarn::test_config
