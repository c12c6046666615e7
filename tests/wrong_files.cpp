// Tests of files of data at the edges of what they may be: headers that are told, labels, scans, channels, archives.
#include <doctest/doctest.h>

#include <cstdlib>

#include "core/file.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/input.h"
#include "data/zip.h"
#include "tests/support/errors.h"
#include "tests/support/png_writer.h"
#include "tests/support/program.h"

namespace tarn::test_wrong_files {
namespace {

using test::contains;
using test::message_of;

Data load(const TemporaryFolder& folder, const std::string& json) {
  return make_dataset(parse_json(json, "data.json"), 0, folder.path());
}

std::string error(const TemporaryFolder& folder, const std::string& json) {
  return message_of([&] { load(folder, json); });
}

TEST_CASE("a table's first line is what the config says it is") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "t.csv", "1,2,0\n3,4,1\n5,6,0\n7,8,1\n");
  const auto words = [&](const std::string& header) {
    return load(folder, R"({"type": "Csv", "path": "t.csv", "validation": 0, "split": {"test": 1}, "header": ")" +
                            header + "\"}")
        .description;
  };
  CHECK(contains(words("none"), "4 rows of 2 numbers"));
  CHECK(contains(words("auto"), "4 rows of 2 numbers"));
  CHECK(contains(words("names"), "3 rows of 2 numbers"));
  CHECK(contains(error(folder, R"({"type": "Csv", "path": "t.csv", "header": "counts"})"),
                 "label '1' is not one of 0 … 0, the classes that the first line names"));
  write_file_atomically(folder / "c.csv", "2,1,yes,no\n3,0\n4,1\n");
  const CsvTable counted = parse_csv(read_file(folder / "c.csv"), "c.csv", CsvHeader::counts);
  CHECK(counted.class_names == std::vector<std::string>{"yes", "no"});
  CHECK(counted.values == std::vector<float>{3, 4});
}

TEST_CASE("columns are counted from both ends, and a class must be one of those that are announced") {
  const std::string rows = "1,2,7\n3,4,9\n";
  CHECK(parse_csv(rows, "t", CsvHeader::none, "2").class_names == std::vector<std::string>{"7", "9"});
  CHECK(parse_csv(rows, "t", CsvHeader::none, "-3").class_names == std::vector<std::string>{"1", "3"});
  for (const char* beyond : {"3", "-4"})
    CHECK(message_of([&] { parse_csv(rows, "t", CsvHeader::none, beyond); }) ==
          text("t: label: there is no column ", beyond, " among 3"));
  for (const char* label : {"2", "-1", "x"})
    CHECK(contains(message_of([&] { parse_csv(text("1,1,yes,no\n3,", label, "\n"), "t", CsvHeader::counts); }),
                   "is not one of 0 … 1, the classes that the first line names"));
  // A first line of numbers that announces nothing is a row; so is one of two columns.
  CHECK(parse_csv("2,2\n3,4\n", "t").rows == 2);
  CHECK(parse_csv("1,0,5\n3,4,6\n", "t").rows == 2);
  const std::string long_word(50, 'w');
  CHECK(message_of([&] { parse_csv("1,0\n" + long_word + ",0\n", "t", CsvHeader::none); }) ==
        "t:2: column 0: '" + long_word.substr(0, 40) + "…' is not a number");
  CHECK(contains(message_of([] { parse_csv("1,0\n,0\n", "t", CsvHeader::none); }),
                 "'' is not a number: nothing is there"));
  CHECK(parse_csv("\t1 ,\t0\r\n 12345678 ,1\t\r\n", "t", CsvHeader::none).values == std::vector<float>{1, 12345678});
}

std::string idx(const std::vector<unsigned>& sizes, const std::string& bytes) {
  std::string out{0, 0, 8, static_cast<char>(sizes.size())};
  for (const unsigned size : sizes) out += big_endian(size);
  return out + bytes;
}

TEST_CASE("IDX pictures may have channels, and each kind of wrong file is told apart") {
  const TemporaryFolder folder;
  const std::string config = R"({"type": "Idx", "images": "x", "labels": "y", "validation": 0, "split": {"test": 1})";
  write_file_atomically(folder / "y", idx({2}, {0, 1}));
  write_file_atomically(folder / "x", idx({2, 3, 1, 1}, "abcdef"));
  const Data data = load(folder, config + "}");
  CHECK(data.train.x.shape() == Shape{1, 3, 1, 1});
  CHECK(data.train.x.at(2) == doctest::Approx('c' / 255.0));
  CHECK(contains(error(folder, config + R"(, "test_labels": "y"})"), "Idx: images is missing"));
  CHECK(contains(error(folder, config + R"(, "test_images": "x"})"), "Idx: labels is missing"));
  write_file_atomically(folder / "x", idx({2, 1, 1, 1, 1}, "ab"));
  CHECK(contains(error(folder, config + "}"), "5 dimensions, expected 2 to 4; were images and labels exchanged?"));
  write_file_atomically(folder / "x", idx({2}, "ab"));
  CHECK(contains(error(folder, config + "}"), "1 dimensions, expected 2 to 4"));
  write_file_atomically(folder / "x", std::string("\0\1\x8\2", 4));
  CHECK(contains(error(folder, config + "}"), "it must begin with two zero bytes"));
}

TEST_CASE("a variable of the environment that is empty is one that is not set") {
  ::setenv("TARN_TEST_FOLDER", "", 1);
  CHECK(resolve_path("${TARN_TEST_FOLDER:-there}/x", "/base") == "/base/there/x");
  CHECK(contains(message_of([] { resolve_path("${TARN_TEST_FOLDER}/x", "/base"); }), "TARN_TEST_FOLDER is not set"));
  ::setenv("TARN_TEST_FOLDER", "here", 1);
  CHECK(resolve_path("${TARN_TEST_FOLDER:-there}/x", "/base") == "/base/here/x");
  ::unsetenv("TARN_TEST_FOLDER");
}

std::string bytes_of(std::string_view hexadecimal) {
  std::string out;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16)));
  return out;
}

std::string jpeg_error(const std::string& bytes) {
  return message_of([&] { decode_jpeg(bytes, "f.jpg"); });
}

TEST_CASE("a JPEG of four channels is refused, and so is one of endless scans") {
  // A header of 8 x 8 pixels whose only scan has cyan, magenta, yellow and black.
  CHECK(jpeg_error(bytes_of("ffd8ffc000140800080008040111000211000311000411"
                            "00ffda000e0401000200030004"
                            "00003f00")) == "f.jpg: JPEG: 4 channels (CMYK); save it as grey or colour (RGB)");
  // Progressive, grey, one block: a scan of its mean, then one of the rest again and again, which says it is nothing.
  std::string picture = bytes_of("ffd8ffdb004300") + std::string(64, '\1') + bytes_of("ffc2000b080008000801011100");
  const std::string one_code = bytes_of("01") + std::string(15, '\0') + bytes_of("00");
  picture += bytes_of("ffc4001400") + one_code + bytes_of("ffc4001410") + one_code;
  picture += bytes_of(
      "ffda000801010000000"
      "07f");
  const std::string rest = bytes_of(
                        "ffda00080101"
                        "00013f007f"),
                    end = bytes_of("ffd9");
  const auto scans = [&](int n) {
    std::string out = picture;
    for (int i = 0; i < n; ++i) out += rest;
    return out + end;
  };
  CHECK(decode_jpeg(scans(1), "f.jpg").shape() == Shape{1, 8, 8});
  CHECK(decode_jpeg(scans(50), "f.jpg").at(0) == doctest::Approx(128 / 255.0));
  CHECK(contains(jpeg_error(scans(200)), "more than 100 scans"));
}

TEST_CASE("a PNM of one byte, or that ends in blanks, is told what it is") {
  CHECK(contains(message_of([] { decode_pnm("P", "f"); }), "f: begins with 'P'"));
  CHECK(decode_pnm("P2 1 1 9 3 \n\t", "f").at(0) == doctest::Approx(3 / 9.0));
  CHECK(contains(message_of([] { decode_pnm("P2 1 1 9 3 \n x", "f"); }), "'x' after the picture"));
  CHECK(decode_pnm("P2#\n1 1#\n9 3", "f").shape() == Shape{1, 1, 1});
}

std::string little_endian(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
  return out;
}

/// An archive of files that hold their own names, not compressed.
std::string archive_of(const std::vector<std::string>& names) {
  std::string files, directory;
  for (const std::string& name : names) {
    const auto size = static_cast<uint32_t>(name.size());
    const std::string about = little_endian(20, 2) + std::string(8, '\0') + little_endian(crc32_of(name), 4) +
                              little_endian(size, 4) + little_endian(size, 4) + little_endian(size, 2) +
                              little_endian(0, 2);
    directory += "PK\1\2" + little_endian(20, 2) + about + std::string(10, '\0') +
                 little_endian(static_cast<uint32_t>(files.size()), 4) + name;
    files += "PK\3\4" + about + name + name;
  }
  const auto count = little_endian(static_cast<uint32_t>(names.size()), 2);
  return files + directory + "PK\5\6" + std::string(4, '\0') + count + count +
         little_endian(static_cast<uint32_t>(directory.size()), 4) +
         little_endian(static_cast<uint32_t>(files.size()), 4) + std::string(2, '\0');
}

TEST_CASE("an archive without the entry names some of those that it has") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.zip", archive_of({"a", "b", "c", "d", "e", "f", "g", "h", "i"}));
  const ZipFile archive(folder / "a.zip");
  CHECK(archive.names().size() == 9);
  CHECK(archive.read("i", 10) == "i");
  CHECK(contains(message_of([&] { archive.read("weights", 10); }),
                 "there is no entry 'weights' in it; it has 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', …"));
  CHECK(contains(message_of([&] { archive.read("i", 0); }), "declares 1 bytes; expected at most 0"));
}

std::string npy(std::string header) {
  header += '\n';
  return "\x93NUMPY" + std::string{1, 0, static_cast<char>(header.size()), 0} + header + std::string(4, '\0');
}

TEST_CASE("a header of NumPy that ends anywhere says what should stand there") {
  const auto broken = [](const std::string& header) { return message_of([&] { decode_npy(npy(header), "f"); }); };
  CHECK(contains(broken("{"), "where ''' should stand"));
  CHECK(contains(broken("{'descr': '<f4', 'fortran_order': False, 'shape': (1,) "), "where '}' should stand"));
  CHECK(contains(broken("{'descr': '<f4', 'fortran_order': True, 'shape': (1,1), }"), "in Fortran order"));
  CHECK(broken("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }") == "");
  CHECK(contains(broken("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,9), }"),
                 "takes more than any file"));
}

TEST_CASE("names of classes may end as on another system") {
  const TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 10; ++i) names += text("class", i, "\r\n");
  write_file_atomically(folder / "batches.meta.txt", names);
  const std::string picture = std::string(1, '\3') + std::string(3072, 'p');
  for (const char* file :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"})
    write_file_atomically(folder / file + ".bin", picture);
  const Data data = load(folder, R"({"type": "Cifar10", "path": ".", "validation": 0})");
  CHECK(data.class_names.at(3) == "class3");
}

}  // namespace
}  // namespace tarn::test_wrong_files
