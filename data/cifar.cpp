// Cifar10 and Cifar100: pictures of 32×32 pixels in the binary form of their authors.
#include "data/cifar.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "data/dataset.h"
#include "data/pixels.h"

namespace tarn {
namespace {

constexpr size_t pixel_bytes = 3 * 32 * 32;
constexpr size_t most_cifar_bytes = size_t{1} << 28;
constexpr size_t most_names = size_t{1} << 16;

/// A file of the folder, plain or, where it ends in .gz, compressed.
Input open(const std::string& folder, const std::string& file) {
  const std::string path = (std::filesystem::path(folder) / file).string();
  std::error_code error;
  const bool plain = std::filesystem::exists(path, error) || !std::filesystem::exists(path + ".gz", error);
  return Input::file(plain ? path : path + ".gz");
}

std::vector<std::string> read_names(const std::string& folder, const std::string& file, int64_t expected) {
  Input in = open(folder, file);
  return read_cifar_names(in, expected);
}

Examples read_records(const std::string& folder, std::span<const char* const> files, const CifarForm& form) {
  CifarRecords records;
  for (const char* file : files) {
    Input in = open(folder, file);
    read_cifar(in, form, records);
  }
  const auto n = static_cast<int64_t>(records.labels.size());
  Examples examples{Tensor({n, 3, 32, 32}), Tensor({n}, records.labels)};
  scale_bytes(records.pixels, examples.x.fill<float>());
  return examples;
}

std::string describe(const char* name, const Samples& samples) {
  return text(name, ": ", samples.all.size(), " pictures of 32x32 pixels and ", samples.test.size(),
              " for the test (Krizhevsky 2009)");
}

constexpr const char* path_doc =
    "the folder of the binary version's files, plain or gzip; ${NAME} and ${NAME:-text} are taken from the environment";

struct Cifar10 {
  struct Config {
    std::string path;
    void fields(auto& f) { f("path", path, path_doc, {.required = true}); }
  };

  static Samples load(const Config& c, const DataContext& context) {
    constexpr const char* train[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                     "data_batch_5.bin"};
    constexpr const char* test[] = {"test_batch.bin"};
    const std::string folder = resolve_path(c.path, context.folder);
    Samples samples;
    samples.class_names = read_names(folder, "batches.meta.txt", 10);
    samples.all = read_records(folder, train, {});
    samples.test = read_records(folder, test, {});
    samples.description = describe("CIFAR-10", samples);
    return samples;
  }
};

struct Cifar100 {
  struct Config {
    std::string path;
    std::string labels = "fine";
    void fields(auto& f) {
      f("path", path, path_doc, {.required = true});
      f("labels", labels, "the 100 classes, or the 20 groups that they form", {.choices = {"fine", "coarse"}});
    }
  };

  static Samples load(const Config& c, const DataContext& context) {
    constexpr const char* train[] = {"train.bin"};
    constexpr const char* test[] = {"test.bin"};
    const bool fine = c.labels == "fine";
    const CifarForm form{.label_bytes = 2, .label = fine ? size_t{1} : size_t{0}, .classes = fine ? 100 : 20};
    const std::string folder = resolve_path(c.path, context.folder);
    Samples samples;
    samples.class_names = read_names(folder, c.labels + "_label_names.txt", form.classes);
    samples.all = read_records(folder, train, form);
    samples.test = read_records(folder, test, form);
    samples.description = describe("CIFAR-100", samples);
    return samples;
  }
};

const auto& cifar10_row = add_dataset<Cifar10>(
    "Cifar10", "CIFAR-10's binary files: pictures of 3×32×32 in 10 classes, with a test part of their own.",
    TestBy::tail);
const auto& cifar100_row = add_dataset<Cifar100>(
    "Cifar100",
    "CIFAR-100's binary files: pictures of 3×32×32 in 100 classes or 20 groups, with a test part of their own.",
    TestBy::tail);

}  // namespace

std::vector<std::string> read_cifar_names(Input& in, int64_t expected) {
  const std::string lines = in.read_all(most_names);
  std::vector<std::string> names;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    std::string name = lines.substr(at, end - at);
    if (name.ends_with('\r')) name.pop_back();
    if (!name.empty()) names.push_back(std::move(name));
    at = end + 1;
  }
  check(static_cast<int64_t>(names.size()) == expected, in.name(), ": names ", names.size(), " classes; expected ",
        expected, ", one a line");
  return names;
}

void read_cifar(Input& in, const CifarForm& form, CifarRecords& records) {
  const size_t record = form.label_bytes + pixel_bytes;
  const std::string bytes = in.read_all(most_cifar_bytes);
  const size_t n = bytes.size() / record;
  check(n > 0 && bytes.size() % record == 0, in.name(), ": byte ", n * record, ": ", bytes.size() % record,
        " bytes follow ", n, " pictures of ", record, " bytes; expected whole pictures; is the file complete?");
  for (size_t i = 0; i < n; ++i) {
    const size_t at = i * record + form.label;
    const int64_t label = static_cast<unsigned char>(bytes[at]);
    check(label < form.classes, in.name(), ": byte ", at, ": picture ", i, " has label ", label, "; expected 0 to ",
          form.classes - 1);
    records.labels.push_back(label);
    records.pixels.append(bytes, i * record + form.label_bytes, pixel_bytes);
  }
}

}  // namespace tarn
