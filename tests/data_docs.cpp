// A test of the page about data: every section that it shows is read, from small files of the names that it uses.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "core/file.h"
#include "data/csv.h"
#include "data/input.h"
#include "tests/folders.h"
#include "tests/support/data_folder.h"
#include "tests/support/png_writer.h"

namespace tarn::test_data_docs {
namespace {

using test::DataFolder;

std::vector<std::string> sections() {
  std::istringstream page(read_file(TARN_SOURCE_DIR "/docs/data.md", 1 << 20));
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "```jsonc") {
      inside = true;
      found.emplace_back();
    } else if (line.starts_with("```")) {
      inside = false;
    } else if (inside) {
      found.back() += line + "\n";
    }
  }
  return found;
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return "\x93NUMPY" + std::string{1, 0, static_cast<char>(header.size()), 0} + header + data;
}

/// An archive of stored entries.
std::string zip(const std::vector<std::pair<std::string, std::string>>& entries) {
  const auto little = [](size_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(static_cast<char>(value & 0xff));
    return out;
  };
  std::string out, directory;
  for (const auto& [name, data] : entries) {
    const std::string common = little(20, 2) + little(0, 8) + little(crc32_of(data), 4) + little(data.size(), 4) +
                               little(data.size(), 4) + little(name.size(), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + common + little(0, 10) + little(out.size(), 4) + name;
    out += "PK\x03\x04" + common + name + data;
  }
  const size_t n = entries.size();
  return out + directory + "PK\x05\x06" + little(0, 4) + little(n, 2) + little(n, 2) + little(directory.size(), 4) +
         little(out.size(), 4) + little(0, 2);
}

/// The digits as a folder of pictures, as the page's lines of shell make it.
void write_digits(const DataFolder& folder) {
  const std::string file = "builtin:digits.csv.gz";
  const CsvTable table = parse_csv(Input::file(file).read_all(1 << 20), file, CsvHeader::none);
  for (size_t i = 0; i < 200; ++i) {
    std::string picture = "P2 8 8 16\n";
    for (size_t k = 0; k < 64; ++k) picture += text(table.values[64 * i + k], "\n");
    folder.write(text("digits/", table.labels[i], "/", i, ".pgm"), picture);
  }
}

void write_files(const DataFolder& folder) {
  write_digits(folder);
  for (const char* name : {"train/cat/1.png", "train/cat/2.png", "train/dog/3.png", "test/cat/4.png"})
    folder.write(text("pictures/", name), write_png(2, 2, 8, 2, "0123456789ab"));
  folder.write("pictures/train/dog/5.png", "broken");
  folder.write("measurements.csv", "width,height,kind\n1.5,2.0,oak\n1.4,2.1,oak\nx,2.2,oak\n0.3,2.4,elm\n0.3,,elm\n");
  const std::string pixels(10 * 64, '\x33'), classes("\0\1\2\3\4\5\6\7\x08\x09", 10), images(4 * 784, '\x33');
  const std::string x = npy("|u1", "(10, 8, 8)", pixels), y = npy("|u1", "(10,)", classes);
  folder.write("x.npy", x);
  folder.write("y.npy", y);
  folder.write("digits.npz", zip({{"x.npy", x}, {"y.npy", y}}));
  const std::string mnist_x = npy("|u1", "(4, 28, 28)", images), mnist_y = npy("|u1", "(4,)", classes.substr(0, 4));
  folder.write(
      "mnist.npz",
      zip({{"x_train.npy", mnist_x}, {"y_train.npy", mnist_y}, {"x_test.npy", mnist_x}, {"y_test.npy", mnist_y}}));
  const std::string ten = big_endian(10);
  folder.write("images.idx", std::string("\0\0\x08\3", 4) + ten + big_endian(8) + big_endian(8) + pixels);
  folder.write("labels.idx", std::string("\0\0\x08\1", 4) + ten + classes);
  const std::string picture(3072, '\x33');
  for (const char* batch :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    folder.write(text("cifar-10-batches-bin/", batch, ".bin"), "\1" + picture);
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  for (const char* part : {"train", "test"}) folder.write(text("cifar-100-binary/", part, ".bin"), "\1\2" + picture);
  std::string names;
  for (int i = 0; i < 20; ++i) names += text("group", i, "\n");
  folder.write("cifar-100-binary/coarse_label_names.txt", names);
}

TEST_CASE("every source of data is on the page about data, with a section that is read") {
  const DataFolder folder;
  write_files(folder);
  const std::vector<std::string> found = sections();
  std::vector<std::string> shown;
  for (const std::string& section : found) {
    CAPTURE(section);
    const Json json = parse_json(section, "data.md");
    shown.push_back(json.at("type").as_string());
    const Data data = make_dataset(json, 1, folder.path(""));
    CHECK(data.train.size() > 0);
    CHECK(data.classes >= 2);
  }
  const std::string page = read_file(TARN_SOURCE_DIR "/docs/data.md", 1 << 20);
  for (const auto& [name, row] : Registry<DatasetInfo>::all()) {
    CHECK_MESSAGE(test::contains(page, "`" + name + "`"), name);
    const bool from_disk = row.config.defaults().find("path") != nullptr || name == "Idx";
    if (from_disk) CHECK_MESSAGE(std::count(shown.begin(), shown.end(), name) > 0, name);
  }
}

}  // namespace
}  // namespace tarn::test_data_docs
