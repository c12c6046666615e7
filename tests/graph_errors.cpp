// More than a hundred generated configs whose graphs are wrong: each is refused with a place, and without eating
// memory.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/program.h"

namespace tarn::test_graph_errors {
namespace {

struct Malformed {
  std::string kind;
  std::string text;  // of the config; "\x01" stands for its own file name
  std::string says;  // a part of the message
};

std::string config(const std::string& model, const std::string& blocks = "", const std::string& more = "") {
  return R"({"data": {"type": "SyntheticImages", "n": 4, "height": 8, "width": 8, "validation": 0, "split": {"test": 0}},
"model": )" +
         model + (blocks.empty() ? "" : ",\n\"blocks\": {" + blocks + "}") + more + "}";
}

/// Draws small numbers, the same each time.
class Pick {
 public:
  int operator()(int low, int high) { return low + static_cast<int>(stream_.below(next_++, high - low + 1)); }

 private:
  Stream stream_{7, purpose_of("graph_errors"), 0};
  uint64_t next_ = 0;
};

/// Items that are right, to put a wrong one among them; they keep the shape [3, 8, 8].
std::string filler(int n) {
  const char* const items[] = {R"("ReLU")", R"({"type": "Conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1})",
                               R"("BatchNorm2d")", R"({"type": "MaxPool2d", "kernel_size": 1})"};
  std::string out;
  for (int i = 0; i < n; ++i) out += std::string(items[i % 4]) + ", ";
  return out;
}

std::string around(Pick& pick, const std::string& item) {
  return "[" + filler(pick(0, 6)) + item + R"(, "GAP", "Flatten", {"type": "Linear", "out_features": 10}])";
}

/// A chain of blocks, each of which uses the next `uses` times.
std::string chain(int length, int uses) {
  std::string out;
  for (int i = 0; i < length; ++i) {
    out += text(i ? ", " : "", "\"B", i, R"(": {"body": [)");
    for (int k = 0; k < uses; ++k) out += text(k ? ", " : "", "\"B", i + 1, "\"");
    out += "]}";
  }
  return out + text(", \"B", length, R"(": {"body": ["ReLU"]})");
}

void add_names(std::vector<Malformed>& all, Pick& pick) {
  for (int i = 0; i < 10; ++i) {
    const std::string name = text("later", i);
    all.push_back({"reads a later item",
                   config(around(pick, R"({"type": "Add", "from": ["input", ")" + name + R"("]}, {"name": ")" + name +
                                           R"(", "type": "ReLU"})")),
                   "no earlier item is named '" + name + "'"});
    all.push_back({"reads nothing that is there",
                   config(around(pick, R"({"type": "ReLU", "from": "none)" + text(i) + "\"}")), "no earlier item"});
    all.push_back({"pattern without a match",
                   config(around(pick, R"({"type": "Concat", "from": "none)" + text(i) + "*\"}")),
                   "no earlier item matches"});
    all.push_back({"unread item",
                   config(around(pick, R"({"name": "left", "type": "ReLU"}, {"type": "Tanh", "from": "input"})")),
                   "nothing reads"});
    all.push_back(
        {"no second output",
         config(around(
             pick, R"({"name": "p", "type": "MaxPool2d", "kernel_size": 2}, {"type": "ReLU", "from": "p.indices"})")),
         "item 'p' (MaxPool2d) has no output 'indices'"});
  }
}

/// Null stands for what is not known yet where a list is checked; where it is built, a name cannot be made of it.
void add_null_names(std::vector<Malformed>& all, Pick& pick) {
  for (const char* body : {R"({"name": "a{i}", "type": "ReLU"})", R"({"name": "=i", "type": "ReLU"})",
                           R"({"from": "a{i}", "type": "ReLU"})", R"({"size_of": "=i", "type": "ReLU"})",
                           R"({"name": "a", "type": "ReLU"}, {"shared": "{i}", "type": "ReLU"})"}) {
    const std::string says = ": a value in this name is null";
    all.push_back({"a loop over null",
                   config(around(pick, R"({"for": "i", "in": [null], "body": [)" + std::string(body) + "]}")), says});
    all.push_back({"a parameter that is null",
                   config(around(pick, R"({"type": "B", "i": null})"),
                          R"("B": {"params": {"i": 1}, "body": [)" + std::string(body) + "]}"),
                   says});
  }
  all.push_back({"an output's name with null",
                 config(around(pick, R"({"type": "B", "i": null})"),
                        R"("B": {"params": {"i": 1}, "outputs": ["a{i}"], "body": [{"name": "a1", "type": "ReLU"}]})"),
                 ": a value in this name is null"});
}

void add_shapes(std::vector<Malformed>& all, Pick& pick) {
  const char* const wrong[] = {R"({"type": "Conv1d", "out_channels": 4, "kernel_size": 3})",
                               R"({"type": "MaxPool3d", "kernel_size": 2})",
                               R"({"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "in_channels": 5})",
                               R"({"type": "Conv2d", "out_channels": 4, "kernel_size": 30})",
                               R"({"type": "Reshape", "sizes": [7, -1]})",
                               R"({"type": "Add", "from": ["-1"]})",
                               R"({"type": "Unflatten", "dim": 1, "sizes": [2, 2]})",
                               R"("BatchNorm1d")",
                               R"({"type": "Conv2d", "out_channels": "=3 / 2", "kernel_size": 3})",
                               R"({"type": "Conv2d", "out_channels": "=length", "kernel_size": 3})",
                               R"({"type": "Conv2d", "out_channels": "=channels // 0", "kernel_size": 3})",
                               R"({"type": "ReLU", "when": "=channels"})"};
  for (const char* item : wrong)
    for (int i = 0; i < 2; ++i) all.push_back({"wrong shape or value", config(around(pick, item)), "/model/"});
}

void add_blocks(std::vector<Malformed>& all, Pick& pick) {
  for (int n = 1; n <= 8; ++n) {
    std::string cycle;
    for (int i = 0; i < n; ++i)
      cycle += text(i ? ", " : "", "\"B", i, R"(": {"body": ["ReLU", "B)", (i + 1) % n, "\"]}");
    all.push_back({"cycle of blocks", config(around(pick, "\"B0\""), cycle), "uses itself"});
  }
  all.push_back({"missing parameter",
                 config(around(pick, "\"B\""), R"("B": {"params": {"k": null}, "body": ["ReLU"]})"), "must be given"});
  all.push_back(
      {"unknown parameter",
       config(around(pick, R"({"type": "B", "kernal": 3})"), R"("B": {"params": {"kernel": 3}, "body": ["ReLU"]})"),
       "did you mean 'kernel'"});
  all.push_back({"wrong number of inputs",
                 config(around(pick, R"({"type": "B", "from": ["input", "input", "input"]})"),
                        R"("B": {"inputs": ["a", "b"], "body": [{"type": "Add", "from": ["a", "b"]}]})"),
                 "takes 2 inputs"});
  all.push_back({"unread input",
                 config(around(pick, R"({"type": "B", "from": ["input", "input"]})"),
                        R"("B": {"inputs": ["a", "b"], "body": [{"type": "ReLU", "from": "a"}]})"),
                 "nothing reads the input 'b'"});
  all.push_back({"output that is not there",
                 config(around(pick, "\"B\""), R"("B": {"outputs": ["y"], "body": ["ReLU"]})"),
                 "no earlier item is named 'y'"});
  all.push_back(
      {"an error deep inside",
       config(around(pick, "\"B0\""),
              chain(20, 1) + R"(, "C": {"body": [{"type": "Conv2d", "out_channels": "=chanels", "kernel_size": 1}]})"),
       "there is no variable 'chanels'"});
}

void add_bombs(std::vector<Malformed>& all) {
  all.push_back(
      {"nested loops",
       config(
           R"([{"for": "a", "in": "=range(1000) ", "body": [{"for": "b", "in": "=range(1000) ", "body": ["ReLU"]}]}])"),
       "100000 items"});
  all.push_back({"large layers in loops",
                 config(R"([{"for": "a", "in": "=range(1000) ", "body": [{"for": "b", "in": "=range(1000) ", "body": [
      {"type": "Conv2d", "out_channels": 512, "kernel_size": 3, "padding": 1}]}]}])"),
                 "100000 items"});
  for (const int n : {20, 40, 60})
    all.push_back({"blocks that double", config("[\"B0\"]", chain(n, 2)), "100000 items"});
  all.push_back({"blocks too deep", config("[\"B0\"]", chain(70, 1)), "64 levels"});
  all.push_back({"a range too long", config(R"([{"for": "a", "in": "=range(1000000) ", "body": ["ReLU"]}])"),
                 "range of more than"});
  all.push_back(
      {"a loop over sizes",
       config(
           R"([{"for": "a", "in": "=range(10000) ", "body": [{"for": "b", "in": "=range(height * 1000) ", "body": ["ReLU"]}]}])"),
       "100000 items"});
  all.push_back({"reading everything again and again",
                 config(R"([{"name": "x", "type": "Identity"}, {"for": "a", "in": "=range(5000) ", "body": [
      {"name": "x{a}", "type": "Add", "from": ["x*", "input"]}]}])"),
                 "100000 items"});
  all.push_back({"parameters too large",
                 config(R"([{"type": "Conv2d", "out_channels": 2000000000, "kernel_size": 99, "padding": 60}])"),
                 "memory"});
  for (const char* type : {"MedianPool2d", "RankStochasticPool2d", "MaxPoolDropout2d"})
    all.push_back({"windows with too many cells in all",
                   config(R"([{"type": "Upsample", "size": 1000}, {"type": ")" + std::string(type) +
                          R"(", "kernel_size": 255, "stride": 2, "padding": "same"}])"),
                   "are too many to be written out"});
  all.push_back({"channels that double",
                 config(R"([{"for": "a", "in": "=range(60) ", "body": [{"type": "Concat", "from": ["-1", "-1"]}]}])"),
                 "/model/0"});
  std::string deep = "\"ReLU\"";
  for (int i = 0; i < 40; ++i) deep = R"({"type": "Sequential", "body": [)" + deep + "]}";
  all.push_back({"lists too deep", config("[" + deep + "]"), "nested deeper than 64"});
  all.push_back(
      {"expression too deep",
       config(R"([{"type": "Conv2d", "kernel_size": 1, "out_channels": "=)" + std::string(5000, '(') + "\"}]"),
       "nested deeper"});
  all.push_back({"a file that extends itself", config("[\"ReLU\"]", "", ", \"extends\": \"\x01\""), "reads itself"});
  all.push_back({"a file that includes itself", config("[\"ReLU\"]", "", ", \"include\": [\"\x01\"]"), "reads itself"});
  all.push_back({"a file that is not there", config("[\"ReLU\"]", "", ", \"include\": \"none.json\""), "no such file"});
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool counts_memory = false;  // freed memory is kept back, and what is in use is shadowed
#else
constexpr bool counts_memory = true;
#endif

TEST_CASE("a hundred malformed graphs are refused with a place") {
  std::vector<Malformed> all;
  Pick pick;
  add_names(all, pick);
  add_null_names(all, pick);
  add_shapes(all, pick);
  add_blocks(all, pick);
  add_bombs(all);
  CHECK(all.size() >= 100);
  const TemporaryFolder folder;
  long peak = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string file = folder / text("c", i, ".json");
    std::string written = all[i].text;
    for (size_t at = written.find('\x01'); at != std::string::npos; at = written.find('\x01'))
      written.replace(at, 1, text("c", i, ".json"));
    write_file_atomically(file, written);
    const Ended ended = run_tarn({"check", file});
    CAPTURE(all[i].kind);
    CAPTURE(ended.err.substr(0, 400));
    CHECK(ended.status == 2);
    CHECK(ended.err.rfind("tarn: error: " + file + ":", 0) == 0);
    CHECK(ended.err.find(all[i].says) != std::string::npos);
    CHECK(ended.err.size() < 5000);
    if (counts_memory) CHECK(ended.peak_kb < 200'000);
    peak = std::max(peak, ended.peak_kb);
  }
  MESSAGE(all.size() << " configs, at most " << peak / 1024 << " MiB"
                     << (counts_memory ? "" : "; not compared under the address sanitizer, which takes more"));
}

}  // namespace
}  // namespace tarn::test_graph_errors
