// Tests of CIFAR's binary files: planes, labels and names as their authors describe them, and broken files by name.
#include <doctest/doctest.h>
#include <zlib.h>

#include "tests/support/data_folder.h"
#include "tests/support/deflate.h"

namespace tarn::test_data_cifar {
namespace {

using test::gzip;

using test::contains;
using test::DataFolder;

constexpr size_t plane = 32 * 32;
const std::string cifar10 = R"("type": "Cifar10", "path": "c")";
const std::string cifar100 = R"("type": "Cifar100", "path": "c")";

/// A record: its labels, then planes of one value each.
std::string record(const std::string& labels, int red, int green, int blue) {
  std::string out = labels;
  for (const int value : {red, green, blue}) out += std::string(plane, static_cast<char>(value));
  return out;
}
std::string byte(int value) {
  return {static_cast<char>(value)};
}

std::string names(const std::string& prefix, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += prefix + std::to_string(i) + "\n";
  return out + "\n";  // the authors' file ends in an empty line
}

void write_cifar10(const DataFolder& folder) {
  folder.write("c/batches.meta.txt", names("kind", 10));
  for (int i = 1; i <= 5; ++i)
    folder.write(text("c/data_batch_", i, ".bin"), record(byte(i), i, 0, 255) + record(byte(9), 0, i, 0));
  folder.write("c/test_batch.bin", record(byte(3), 51, 102, 153));
}

void write_cifar100(const DataFolder& folder) {
  folder.write("c/fine_label_names.txt", names("fine", 100));
  folder.write("c/coarse_label_names.txt", names("coarse", 20));
  folder.write("c/train.bin", record("\x13\x63", 1, 2, 3) + record(std::string("\x00\x07", 2), 4, 5, 6));
  folder.write("c/test.bin", record("\x01\x02", 7, 8, 9));
}

void check_mistake(const DataFolder& folder, const std::string& config, const std::string& part) {
  const std::string message = folder.mistake(config);
  CHECK_MESSAGE((message.starts_with("test.json:1:") && contains(message, part)), message, " lacks ", part);
}

TEST_CASE("CIFAR-10 is read in the order of its batches, with a test part of its own") {
  const DataFolder folder;
  write_cifar10(folder);
  folder.write("c/data_batch_2.bin.gz", gzip(record("\x02", 2, 0, 255) + record("\x09", 0, 2, 0)));
  std::filesystem::remove(folder.path("c/data_batch_2.bin"));
  const Data data = folder.load(cifar10);
  CHECK(data.input == Shape{3, 32, 32});
  CHECK(data.class_names.size() == 10);
  CHECK(data.class_names[9] == "kind9");
  CHECK((data.train.y.to_vector<int64_t>() == std::vector<int64_t>{1, 9, 2, 9, 3, 9, 4, 9, 5, 9}));
  const int64_t n = plane;
  for (int64_t i = 0; i < 5; ++i) {
    CHECK(data.train.x.at(6 * n * i + n - 1) == doctest::Approx(static_cast<double>(i + 1) / 255));
    CHECK(data.train.x.at(6 * n * i + n) == 0);
    CHECK(data.train.x.at(6 * n * i + 3 * n - 1) == 1);
    CHECK(data.train.x.at(6 * n * i + 4 * n) == doctest::Approx(static_cast<double>(i + 1) / 255));
  }
  REQUIRE(data.test.size() == 1);
  CHECK(data.test.y.at(0) == 3);
  CHECK(data.test.x.at(n) == doctest::Approx(0.4));
  CHECK(contains(data.description, "CIFAR-10: 10 pictures of 32x32 pixels and 1 for the test"));
}

TEST_CASE("CIFAR-100 has fine labels, or coarse ones, which come first in a record") {
  const DataFolder folder;
  write_cifar100(folder);
  const Data fine = folder.load(cifar100);
  CHECK(fine.classes == 100);
  CHECK((fine.train.y.to_vector<int64_t>() == std::vector<int64_t>{99, 7}));
  CHECK(fine.test.y.at(0) == 2);
  CHECK(fine.train.x.at(3 * static_cast<int64_t>(plane)) == doctest::Approx(4.0 / 255));
  const Data coarse = folder.load(cifar100 + R"(, "labels": "coarse")");
  CHECK(coarse.classes == 20);
  CHECK(coarse.class_names[19] == "coarse19");
  CHECK((coarse.train.y.to_vector<int64_t>() == std::vector<int64_t>{19, 0}));
  CHECK(contains(folder.mistake(cifar100 + R"(, "labels": "both")"), "'both' is not one of 'fine', 'coarse'"));
}

TEST_CASE("missing and broken files of CIFAR name themselves and the byte") {
  const DataFolder folder;
  const auto broken = [&](const char* name, const std::string& bytes, const std::string& why) {
    write_cifar10(folder);
    CHECK(folder.mistake(cifar10) == "");
    folder.write(name, bytes);
    check_mistake(folder, cifar10, folder.path(name) + ": " + why);
  };
  check_mistake(folder, cifar10, folder.path("c/batches.meta.txt") + ": there is no such file");
  for (const char* name : {"batches.meta.txt", "data_batch_1.bin", "data_batch_5.bin", "test_batch.bin"}) {
    write_cifar10(folder);
    const std::string path = folder.path(text("c/", name));
    std::filesystem::remove(path);
    check_mistake(folder, cifar10, path + ": there is no such file");
    std::filesystem::create_directory(path);
    check_mistake(folder, cifar10, path + ": this is not a file but a folder");
    std::filesystem::remove(path);
  }
  const std::string good = record("\x01", 1, 2, 3);
  broken("c/data_batch_3.bin", "", "byte 0: 0 bytes follow 0 pictures of 3073 bytes");
  for (const size_t cut : {size_t{1}, size_t{2}, plane, good.size() - 1})
    broken("c/data_batch_3.bin", good.substr(0, cut), text("byte 0: ", cut, " bytes follow 0 pictures"));
  broken("c/data_batch_3.bin", good + good + "x", "byte 6146: 1 bytes follow 2 pictures of 3073 bytes");
  broken("c/data_batch_3.bin", good + record("\x0a", 1, 2, 3), "byte 3073: picture 1 has label 10; expected 0 to 9");
  broken("c/test_batch.bin", record("\xff", 1, 2, 3), "byte 0: picture 0 has label 255; expected 0 to 9");
  broken("c/data_batch_3.bin", gzip(good).substr(0, 30), "byte 30: the compressed data end early");
  std::string bomb;
  for (const std::string part = gzip(std::string(size_t{16} << 20, '\0')); bomb.size() < 17 * part.size();)
    bomb += part;
  broken("c/data_batch_3.bin", bomb, "more than 268435456 bytes after decompression");
  broken("c/batches.meta.txt", names("kind", 9), "names 9 classes; expected 10, one a line");
  broken("c/batches.meta.txt", "", "names 0 classes");
  broken("c/batches.meta.txt", std::string(70000, 'x'), "more than 65536 bytes");
}

TEST_CASE("broken labels of CIFAR-100 are found in the column that is asked for") {
  const DataFolder folder;
  write_cifar100(folder);
  folder.write("c/train.bin", record("\x14\x63", 1, 2, 3));
  CHECK(folder.load(cifar100).train.size() == 1);
  check_mistake(folder, cifar100 + R"(, "labels": "coarse")",
                "train.bin: byte 0: picture 0 has label 20; expected 0 to 19");
  folder.write("c/train.bin", record("\x13\x64", 1, 2, 3));
  check_mistake(folder, cifar100, "train.bin: byte 1: picture 0 has label 100; expected 0 to 99");
}

}  // namespace
}  // namespace tarn::test_data_cifar
