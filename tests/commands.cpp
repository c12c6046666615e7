// Tests of the built program from outside: what it prints, where, and with which exit status.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "apps/catalog.h"
#include "apps/cli.h"
#include "apps/schema.h"
#include "core/file.h"
#include "core/json.h"
#include "tests/folders.h"
#include "tests/support/errors.h"
#include "tests/support/png_writer.h"
#include "tests/support/program.h"

namespace tarn::test_commands {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_folder = TARN_SOURCE_DIR;

/// Configs of a folder of the repository, sorted.
std::vector<std::string> configs_of(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(source_folder + ("/" + folder)))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> all;
  for (const std::string& line : test::lines_of(text)) all.push_back(parse_json(line, "output"));
  return all;
}

void check_refused(const std::vector<std::string>& arguments, const std::string& why) {
  const Ended ended = run_tarn(arguments);
  CAPTURE(why);
  CHECK(ended.status == 2);
  CHECK(ended.out == "");
  CHECK_MESSAGE(ended.err.starts_with("tarn: error: "), ended.err);
  CHECK_MESSAGE(ended.err.find(why) != std::string::npos, ended.err);
}

/// A small config with everything that draws random numbers.
void write_small_config(const std::string& path) {
  write_file_atomically(path, R"({
  "name": "small",
  "data": { "type": "Digits", "limit": 300, "batch_size": 32, "augment": ["RandomAffine"] },
  "model": [
    { "name": "conv", "type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1 },
    { "name": "bn", "type": "BatchNorm2d" }, "ReLU", { "type": "MaxPool2d", "kernel_size": 2 }, "Flatten",
    { "type": "Dropout", "p": 0.2 }, { "name": "fc", "type": "Linear", "out_features": "=classes" }
  ],
  "optimizer": { "type": "AdamW", "lr": 0.01 },
  "schedule": { "type": "StepLR", "step_size": 1 },
  "train": { "epochs": 1 }
})");
}

/// A run of the small config, trained once for all tests.
const std::string& small_run() {
  static const TemporaryFolder folder;
  static const std::string run = [] {
    write_small_config(folder / "small.json");
    const Ended ended = run_tarn({"train", folder / "small.json", "--out", folder / "run", "--quiet"});
    CHECK_MESSAGE(ended.status == 0, ended.err);
    return folder / "run";
  }();
  return run;
}

TEST_CASE("every command has its help, with an example or flags") {
  const Ended program = run_tarn({"--help"});
  CHECK(program.status == 0);
  CHECK(program.err == "");
  CHECK(all_commands().size() >= 10);
  for (const Command* command : all_commands()) {
    CAPTURE(command->name);
    CHECK(program.out.find("  " + command->name + " ") != std::string::npos);
    const Ended help = run_tarn({command->name, "--help"});
    CHECK(help.status == 0);
    CHECK(help.err == "");
    CHECK_MESSAGE(help.out.starts_with("usage: tarn " + command->name), help.out);
    CHECK(help.out.find("--help") != std::string::npos);
  }
}

TEST_CASE("unknown commands and flags name the nearest") {
  check_refused({"trian"}, "unknown command 'trian'; did you mean 'train'?");
  for (const Command* command : all_commands())
    check_refused({command->name, "--hepl"}, "unknown flag '--hepl'; did you mean '--help'?");
  check_refused({"train", "--epoch", "3"}, "did you mean '--epochs'?");
  check_refused({"train", "--epochs", "three"}, "'three' is not a whole number");
  check_refused({"eval"}, "RUN is missing");
  const Ended nothing = run_tarn({});
  CHECK(nothing.status == 2);
  CHECK(nothing.err.find("usage: tarn COMMAND") != std::string::npos);
}

TEST_CASE("layers lists every registered name, and shows one of them") {
  const Ended all = run_tarn({"layers"});
  CHECK(all.status == 0);
  for (const CatalogSection& section : catalog()) {
    CHECK(all.out.find(section.title) != std::string::npos);
    for (const CatalogEntry& entry : section.entries) CHECK(all.out.find("  " + entry.name + " ") != std::string::npos);
  }
  for (const std::string& line : test::lines_of(all.out))
    CHECK_MESSAGE(line.size() <= 120, line);  // 100 columns, UTF-8
  const Ended one = run_tarn({"layers", "Conv2d"});
  CHECK(one.status == 0);
  for (const char* part : {"out_channels (required)", "stride = 1", "torch.nn.Conv2d", "\"type\": \"Conv2d\""})
    CHECK_MESSAGE(one.out.find(part) != std::string::npos, part);
  const std::vector<Json> rows = json_lines(run_tarn({"layers", "AdamW", "--json"}).out);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].at("kind").as_string() == "optimizer");
  CHECK(rows[0].at("parameters").items().front().at("name").as_string() == "lr");
  check_refused({"layers", "Conv2dd"}, "did you mean 'Conv2d'?");
  check_refused({"layers", "adamw"}, "did you mean 'AdamW'?");
}

TEST_CASE("schema prints the schema that the registries make") {
  const Ended ended = run_tarn({"schema"});
  CHECK(ended.status == 0);
  CHECK(parse_json(ended.out, "schema") == experiment_schema());
}

TEST_CASE("check accepts every built-in config") {
  for (const std::string& config : configs_of("apps/configs")) {
    const Ended ended = run_tarn({"check", config});
    if (config.find("mnist") != std::string::npos && ended.err.find("there is no such file") != std::string::npos) {
      MESSAGE("skipped ", config, ": its data are not here; set TARN_SHARED to the folder above data/mnist");
      continue;
    }
    CHECK_MESSAGE(ended.status == 0, ended.err);
    CHECK(ended.out.find(": ok: ") != std::string::npos);
  }
}

TEST_CASE("train refuses what check refuses, and leaves no folder behind") {
  const TemporaryFolder folder;
  for (const char* name :
       {"layers/misspelt", "shapes/kernel_larger_than_the_input", "loss/too_few_outputs", "data/empty_table"}) {
    const std::string config = source_folder + ("/tests/bad_configs/" + std::string(name) + ".json");
    const Ended trained = run_tarn({"train", config, "--out", folder / "run"});
    CHECK(trained.status == 2);
    CHECK(trained.err == run_tarn({"check", config}).err);
    CHECK(!fs::exists(folder / "run"));
  }
  check_refused({"train", "no/such.json"}, "no/such.json: no such file");
  check_refused({"train", "digitz"}, "did you mean 'digits'?");
  check_refused({"train", "--resume", folder / "nothing"}, "there is no such folder");
}

TEST_CASE("training writes a run's folder and ends with a line of JSON") {
  const TemporaryFolder folder;
  write_small_config(folder / "small.json");
  const Ended ended = run_tarn({"train", folder / "small.json", "--out", folder / "run", "--json", "--quiet"});
  REQUIRE_MESSAGE(ended.status == 0, ended.err);
  const std::vector<Json> lines = json_lines(ended.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("event").as_string() == "epoch");
  CHECK(lines[1].at("event").as_string() == "done");
  CHECK(lines[1].at("epochs").as_integer() == 1);
  CHECK(lines[1].at("parameters").as_integer() == 8 * 9 + 8 + 16 + 8 * 16 * 10 + 10);
  for (const char* key : {"train_loss", "test_loss", "test_accuracy", "seconds"})
    CHECK(std::isfinite(lines[1].at(key).as_number()));
  for (const char* file :
       {"config.json", "metrics.jsonl", "last.safetensors", "best.safetensors", "state.safetensors", "report.html"})
    CHECK_MESSAGE(fs::file_size(folder / ("run/" + std::string(file))) > 0, file);
  check_refused({"train", folder / "small.json", "--out", folder / "run"}, "already holds a run");
}

TEST_CASE("weights are the same bits for any number of threads, after resuming, and from the run's own config") {
  const TemporaryFolder folder;
  write_small_config(folder / "small.json");
  const auto train = [&folder](const std::string& name, std::vector<std::string> more) {
    more.insert(more.begin(), {"train"});
    more.push_back("--quiet");
    if (more[1] != "--resume") more.insert(more.end(), {"--out", folder / name});
    const Ended ended = run_tarn(more);
    CHECK_MESSAGE(ended.status == 0, ended.err);
    return read_file(folder / (name + "/last.safetensors"));
  };
  const std::string config = folder / "small.json";
  const std::string one = train("one", {config, "--epochs", "2", "--threads", "1"});
  CHECK(train("two", {config, "--epochs", "2", "--threads", "2"}) == one);
  CHECK(train("four", {config, "--epochs", "2", "--threads", "4"}) == one);
  const std::string half = train("half", {config, "--epochs", "1"});
  CHECK(half != one);
  CHECK(train("half", {"--resume", folder / "half", "--epochs", "2"}) == one);
  CHECK(train("again", {folder / "one/config.json"}) == one);
  CHECK(train("seed", {config, "--epochs", "2", "--seed", "1"}) != one);
}

TEST_CASE("eval gives loss and accuracy of the test part") {
  const std::vector<Json> lines = json_lines(run_tarn({"eval", small_run(), "--json"}).out);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("examples").as_integer() == 60);
  CHECK(lines[0].at("test_accuracy").as_number() > 0.2);
  CHECK(run_tarn({"eval", small_run()}).out.starts_with("test accuracy "));
  check_refused({"eval", source_folder}, "is not the folder of a run");
}

/// Float32 elements as a .npy file.
std::string npy(const std::string& shape, const std::vector<float>& values) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string out = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  const size_t begin = out.size();
  out.resize(begin + values.size() * sizeof(float));
  std::memcpy(out.data() + begin, values.data(), values.size() * sizeof(float));
  return out;
}

TEST_CASE("predict reads pictures, arrays and tables alike") {
  const TemporaryFolder folder;
  std::string pixels, row;
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) {
    const int value = (i * 37) % 256;
    pixels.push_back(static_cast<char>(value));
    values.push_back(static_cast<float>(value) / 255.0f);
    row += (i ? "," : "") + text(values.back());
  }
  std::vector<float> twice = values;
  twice.insert(twice.end(), values.begin(), values.end());
  write_file_atomically(folder / "a.png", write_png(8, 8, 8, 0, pixels));
  write_file_atomically(folder / "a.pgm", "P5 8 8 255\n" + pixels);
  write_file_atomically(folder / "plane.npy", npy("(8, 8)", values));
  write_file_atomically(folder / "batch.npy", npy("(2, 1, 8, 8)", twice));
  write_file_atomically(folder / "rows.csv", row + "\n\n" + row + "\n");
  const Ended ended = run_tarn({"predict", small_run(), folder / "a.png", folder / "a.pgm", folder / "plane.npy",
                                folder / "batch.npy", folder / "rows.csv", "--json"});
  CHECK_MESSAGE(ended.status == 0, ended.err);
  const std::vector<Json> lines = json_lines(ended.out);
  REQUIRE(lines.size() == 7);
  for (const Json& line : lines) {
    CHECK(line.at("class") == lines[0].at("class"));
    CHECK(line.at("probabilities").size() == 10);
    double sum = 0;
    for (const Member& member : line.at("probabilities").members()) {
      CHECK(member.value.as_number() <= line.at("probability").as_number());
      CHECK(member.value.as_number() ==
            doctest::Approx(lines[0].at("probabilities").at(member.key).as_number()).epsilon(1e-4));
      sum += member.value.as_number();
    }
    CHECK(sum == doctest::Approx(1));
  }
  CHECK(lines[4].at("input").as_string() == folder / "batch.npy[1]");
  CHECK(lines[6].at("input").as_string() == folder / "rows.csv:3");
  const std::string top = run_tarn({"predict", small_run(), folder / "a.png", "--top", "3"}).out;
  CHECK(top.starts_with((folder / "a.png") + ": " + lines[0].at("class").as_string() + " 0."));
  CHECK(std::ranges::count(top, ',') == 2);
}

TEST_CASE("predict fits pictures of other sizes and colours to the model") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "grey.pgm", "P5 16 16 255\n" + std::string(256, '\x80'));
  write_file_atomically(folder / "colour.png", write_png(3, 5, 8, 2, std::string(45, '\x80')));
  const std::vector<Json> lines =
      json_lines(run_tarn({"predict", small_run(), folder / "grey.pgm", folder / "colour.png", "--json"}).out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("probability").as_number() ==
        doctest::Approx(lines[1].at("probability").as_number()).epsilon(1e-4));
}

TEST_CASE("predict says what is wrong with an input, and still reads the others") {
  const TemporaryFolder folder;
  const auto file = [&folder](const std::string& name, const std::string& bytes) {
    write_file_atomically(folder / name, bytes);
    return folder / name;
  };
  const std::string good = file("good.pgm", "P5 8 8 255\n" + std::string(64, 'x'));
  check_refused({"predict", small_run(), folder / "missing.png"}, "missing.png: there is no such file");
  check_refused({"predict", folder / "norun", good}, "there is no such folder");
  check_refused({"predict", small_run(), file("cut.png", "\x89PNG\r\n\x1a\n")},
                "cut.png: PNG: byte 8: the file ends early");
  check_refused({"predict", small_run(), file("empty.csv", "")}, "is empty");
  check_refused({"predict", small_run(), file("short.csv", "1,2,3\n")}, "short.csv:1: 3 columns; the model wants 64");
  check_refused({"predict", small_run(), file("nan.npy", npy("(8, 8)", std::vector<float>(64, NAN)))}, "is nan");
  const std::string wrong = file("wrong.npy", npy("(3, 5)", std::vector<float>(15)));
  check_refused({"predict", small_run(), wrong}, "has shape [3,5]; the model wants [1,8,8]");
  const Ended both = run_tarn({"predict", small_run(), wrong, good});
  CHECK(both.status == 2);
  CHECK(both.out.starts_with(good + ": "));
}

TEST_CASE("predict leaves the labels of a table out") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t.csv", "a,kind,b\n1,x,2\n3,y,4\n5,x,6\n7,y,8\n1,x,3\n2,y,9\n1,x,1\n2,y,7\n");
  write_file_atomically(folder / "t.json", R"({"data": {"type": "Csv", "path": "t.csv", "label": "kind"},
    "model": [{"type": "Linear", "out_features": "=classes"}], "train": {"epochs": 1}})");
  const Ended trained = run_tarn({"train", folder / "t.json", "--out", folder / "run", "--quiet"});
  REQUIRE_MESSAGE(trained.status == 0, trained.err);
  write_file_atomically(folder / "plain.csv", "a,b\n1,2\n3,4\n");
  const std::string labelled = run_tarn({"predict", folder / "run", folder / "t.csv", "--json"}).out;
  const std::string plain = run_tarn({"predict", folder / "run", folder / "plain.csv", "--json"}).out;
  REQUIRE(json_lines(labelled).size() == 8);
  REQUIRE(json_lines(plain).size() == 2);
  for (size_t i = 0; i < 2; ++i)
    CHECK(json_lines(plain)[i].at("probabilities") == json_lines(labelled)[i].at("probabilities"));
}

}  // namespace
}  // namespace tarn::test_commands
