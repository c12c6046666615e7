// Tests of reading data files: what is right is read exactly, and every kind of broken file says where it is broken.
#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/input.h"
#include "tests/support/deflate.h"
#include "tests/support/program.h"

namespace tarn::test_data_files {
namespace {

using test::gzip;

namespace fs = std::filesystem;

/// A folder whose files are written one by one.
struct Folder {
  TemporaryFolder temporary;
  fs::path path = temporary.path();
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
};

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

/// An IDX file of bytes 0, 1, 2, … with these sizes.
std::string idx(const std::vector<uint32_t>& sizes, int64_t bytes = -1, char type = 8) {
  std::string out{0, 0, type, static_cast<char>(sizes.size())};
  int64_t total = 1;
  for (const uint32_t size : sizes) {
    out += big_endian(size);
    if (bytes < 0) total *= size;
  }
  for (int64_t i = 0; i < (bytes < 0 ? total : bytes); ++i) out += static_cast<char>(i % 256);
  return out;
}

std::string labels(uint32_t n) {
  std::string out = idx({n});
  for (uint32_t i = 0; i < n; ++i) out[8 + i] = static_cast<char>(i % 3);
  return out;
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void check_error(const std::function<void()>& f, const std::string& begins, const std::string& contains) {
  const std::string found = error_of(f);
  CAPTURE(found);
  CHECK(found.starts_with(begins));
  CAPTURE(contains);
  CHECK(found.find(contains) != std::string::npos);
}

Data load_idx(const Folder& folder, const std::string& more = "") {
  return make_dataset(
      parse_json(R"({"type": "Idx", "images": "x", "labels": "y", "validation": 0)" + more + "}", "test.json"), 0,
      folder.path.string());
}

TEST_CASE("an IDX pair, plain or gzip, is read and scaled to [0, 1]") {
  const Folder folder;
  for (const bool packed : {false, true}) {
    folder.write("x", packed ? gzip(idx({10, 4, 3})) : idx({10, 4, 3}));
    folder.write("y", packed ? gzip(labels(10)) : labels(10));
    const Data data = load_idx(folder);
    CHECK(data.input == Shape{1, 4, 3});
    CHECK(data.classes == 3);
    CHECK(data.train.size() == 8);
    CHECK(data.test.size() == 2);
    CHECK(data.train.x.at(13) == doctest::Approx(13.0 / 255));
    CHECK(data.test.x.at(0) == doctest::Approx(96.0 / 255));
    CHECK(data.test.y.at(1) == 0);
  }
}

TEST_CASE("a test part may come from IDX files of its own") {
  const Folder folder;
  folder.write("x", idx({10, 2, 2}));
  folder.write("y", labels(10));
  folder.write("tx", gzip(idx({5, 2, 2})));
  folder.write("ty", labels(5));
  const Data data = load_idx(folder, R"(, "test_images": "tx", "test_labels": "ty")");
  CHECK(data.train.size() == 10);
  CHECK(data.test.size() == 5);
}

TEST_CASE("broken IDX files name themselves, the byte and what was expected") {
  const Folder folder;
  const std::string x = (folder.path / "x").string(), y = (folder.path / "y").string();
  const auto load = [&] { load_idx(folder); };
  const std::string place = "test.json:1:";
  folder.write("y", labels(10));
  const auto broken = [&](const std::string& bytes, const std::string& what) {
    folder.write("x", bytes);
    check_error(load, place, what);
  };
  broken("", x + ": byte 0: the file ends here");
  broken("PNG something else", "byte 0: this is not an IDX file");
  broken(idx({10, 2, 2}, -1, 13), "byte 2: element type 13, expected 8");
  broken(idx({10}), "byte 3: 1 dimensions");
  broken(idx({10, 2, 2}).substr(0, 9), "byte 9: the file ends here");
  broken(idx({10, 2, 2}, 39), "the header declares 40 bytes of contents");
  broken(idx({10, 2, 2}, 41), "byte 56: more bytes than the header declares");
  broken(idx({10, 0, 2}, 0), "dimension 1 has size 0");
  broken(idx({0xffffffff, 0xffffffff, 0xffffffff}, 4), "the sizes are beyond any file");
  broken(idx({0xffffffff, 28, 28}, 4), "more than the file can hold");
  broken(idx({9, 2, 2}), "9 images, but " + y + " has 10 labels");
  broken(gzip(idx({10, 2, 2}, 39)), "expected 1 more bytes");
  broken(gzip(idx({10, 2, 2}, 41)), "more bytes than the header declares");
  broken(gzip(idx({0xffffff, 280, 280}, 4)), "more than the file can hold");
  broken(gzip(std::string(1 << 20, '\0')), "byte 2: element type 0");
  const std::string packed = gzip(idx({10, 2, 2}));
  for (size_t cut = 2; cut < packed.size(); ++cut) {
    folder.write("x", packed.substr(0, cut));
    CAPTURE(cut);
    check_error(load, place, "end early");
  }
  std::string damaged = packed;
  damaged[packed.size() - 6] = static_cast<char>(damaged[packed.size() - 6] ^ 1);  // the checksum
  broken(damaged, "damaged gzip data");
  broken(packed + "garbage", "after the end of the compressed data");
  folder.write("x", idx({10, 2, 2}));
  fs::remove(folder.path / "y");
  check_error(load, place, y + ": there is no such file");
  fs::create_directory(folder.path / "y");
  check_error(load, place, "this is not a file but a folder");
}

TEST_CASE("bytes of a gzip file with any one bit turned are refused or read right") {
  const std::string text = "1,2,0\n3,4,1\n5,6,0\n";
  const std::string packed = gzip(text);
  for (size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    std::string read;
    const std::string error = error_of([&] { read = Input::memory(damaged, "f").read_all(1000); });
    if (error == "nothing was thrown") {
      CHECK((read == text || read == damaged));  // a flag of the header, or no gzip file any more
    } else {
      CHECK(error.starts_with("f: "));
    }
  }
}

TEST_CASE("decompression stops at its limit") {
  const std::string bomb = gzip(std::string(size_t{64} << 20, 'a'));
  CHECK(bomb.size() < 100'000);
  check_error([&] { Input::memory(bomb, "bomb").read_all(1 << 20); }, "bomb: ", "more than 1048576 bytes");
  CHECK(Input::memory(gzip("abc") + gzip("def"), "two members").read_all(6) == "abcdef");
}

TEST_CASE("tables are read with and without header, with labels anywhere") {
  const CsvTable plain = parse_csv("1,2.5,0\n-3,4e1,1\n\n5,6,0\n", "t");
  CHECK(plain.rows == 3);
  CHECK(plain.features == 2);
  CHECK((plain.values == std::vector<float>{1, 2.5f, -3, 40, 5, 6}));
  CHECK((plain.labels == std::vector<int64_t>{0, 1, 0}));
  const CsvTable named = parse_csv("\xef\xbb\xbfkind; width ;\"height\"\r\n b ;1;2\r\n\"a c\";3;4\r\n", "t",
                                   CsvHeader::automatic, "kind", ';');
  CHECK((named.values == std::vector<float>{1, 2, 3, 4}));
  CHECK((named.columns == std::vector<std::string>{"width", "height"}));
  CHECK((named.class_names == std::vector<std::string>{"a c", "b"}));
  CHECK((named.labels == std::vector<int64_t>{1, 0}));
  const CsvTable text_labels = parse_csv("5.1,3.5,setosa\n4.9,3.0,virginica", "t");
  CHECK(text_labels.rows == 2);
  const CsvTable counted = parse_csv("2,3,good,bad\n1,2,3,1\n4,5,6,1\n", "t");
  CHECK((counted.class_names == std::vector<std::string>{"good", "bad"}));
  CHECK((counted.labels == std::vector<int64_t>{1, 1}));
  const CsvTable numbers = parse_csv("10,1\n9,1\n-1,1\n", "t", CsvHeader::none, "0");
  CHECK((numbers.class_names == std::vector<std::string>{"-1", "9", "10"}));
}

TEST_CASE("broken tables name themselves, the line and what was expected") {
  const auto broken = [](const std::string& text, const std::string& begins, const std::string& what,
                         const std::string& label = "-1") {
    CAPTURE(text);
    check_error([&] { parse_csv(text, "t.csv", CsvHeader::automatic, label); }, begins, what);
  };
  broken("", "t.csv: ", "the table is empty");
  broken("\n \n", "t.csv: ", "the table is empty");
  broken("a,b,c\n", "t.csv:1: ", "'a' is not a number");
  broken("1,2,0\n1,x,0\n", "t.csv:2: column 1: ", "'x' is not a number");
  broken("1,2,0\n1,,0\n", "t.csv:2: column 1: ", "nothing is there");
  broken("1,2,0\n\n1,0\n", "t.csv:3: ", "2 columns, expected 3");
  broken("1,2,0\n1,2,3,0\n", "t.csv:2: ", "4 columns, expected 3");
  broken("1,2,0\n1,nan,0\n", "t.csv:2: ", "not a finite number");
  broken("1,2,0\n1,1e300,0\n", "t.csv:2: ", "not a finite number");
  broken("1,2,0\n1,2,\n", "t.csv:2: ", "the label is missing");
  broken("1,2,0\n1,\"2,0\n", "t.csv:2: ", "not closed");
  broken("1,2,0\n1,\"2\"x,0\n", "t.csv:2: ", "after the closing quote");
  broken("5\n6\n", "t.csv: ", "at least one of numbers");
  broken("kind,size\na,1\n", "t.csv: ", "did you mean 'kind'", "kimd");
  broken("1,2\n3,4\n", "t.csv: ", "has no column names", "kind");
  broken("1,2\n3,4\n", "t.csv: ", "no column 2", "2");
  broken("3,2,x,y\n1,2,0\n1,2,1\n", "t.csv:1: ", "'3' rows are announced, 2 follow");
  broken("2,2,x,y\n1,2,0\n1,2,2\n", "t.csv:3: column 2: ", "label '2' is not one of 0 … 1");
  for (const char* first : {"5\n1,2,0\n", "5,2\n1,2,0\n", "x,2,a\n1,2,0\n", "1,x,a\n1,2,0\n"})
    check_error([&] { parse_csv(first, "t.csv", CsvHeader::counts); }, "t.csv:1: ", "expected the number of rows");
  check_error([] { parse_csv("1,3,a\n1,2,0\n", "t.csv", CsvHeader::counts); }, "t.csv:1: ", "'3' features");
}

TEST_CASE("broken rows may be left out: they are counted, the first few are told, and the others are as without them") {
  const std::string rows[] = {"1,2,0", "1,x,0", "3,4,1", "1,2", "1,2,3,4", "5,6,", "\"5,6,1", "nan,6,1", "5,6,1"};
  std::string bad, good;
  for (const std::string& row : rows) {
    bad += row + "\n";
    if (row == "1,2,0" || row == "3,4,1" || row == "5,6,1") good += row + "\n";
  }
  Skipped skipped;
  const CsvTable table = parse_csv(bad, "t", CsvHeader::none, "-1", ',', &skipped);
  const CsvTable expected = parse_csv(good, "t", CsvHeader::none);
  CHECK((table.values == expected.values));
  CHECK((table.labels == expected.labels));
  CHECK((table.class_names == expected.class_names));
  CHECK(table.rows == 3);
  CHECK(skipped.count == 6);
  CHECK(skipped.words("row") ==
        "; 6 rows skipped: t:2: column 1: 'x' is not a number; t:4: 2 columns, expected 3; "
        "t:5: 4 columns, expected 3; …");
  Skipped counted;
  CHECK(parse_csv("3,2,a,b\n1,2,0\n1,2,2\n3,4,1\n", "t", CsvHeader::automatic, "-1", ',', &counted).rows == 2);
  CHECK(counted.count == 1);
  Skipped all;
  check_error([&] { parse_csv("a,b\nx,1\ny,2\n", "t", CsvHeader::names, "-1", ',', &all); },
              "t: ", "no rows; 2 rows skipped: t:2: column 0: 'x' is not a number; t:3: ");
}

TEST_CASE("a table of another kind is not skipped row by row without end") {
  std::string rows = "1,2\n";
  for (int i = 0; i <= Skipped::most; ++i) rows += "x\n";
  Skipped skipped;
  check_error([&] { parse_csv(rows, "t", CsvHeader::none, "-1", ',', &skipped); },
              "t:1000002: ", "the wrong kind of file");
}

TEST_CASE("a config says whether broken rows are errors, and the description says what was left out") {
  const Folder folder;
  folder.write("t.csv", "1,2,0\n3,4,1\n1,x,0\n3,5,1\n");
  const auto load = [&](const std::string& more) {
    return make_dataset(parse_json(R"({"type": "Csv", "path": "t.csv", "validation": 0)" + more + "}", "test.json"), 0,
                        folder.path.string());
  };
  const std::string file = (folder.path / "t.csv").string();
  for (const char* more : {"", R"(, "on_error": "fail")"})
    check_error([&] { load(more); }, "test.json:1:", "/path: " + file + ":3: column 1: 'x' is not a number");
  CHECK(load(R"(, "on_error": "skip")").description ==
        file + ": 3 rows of 2 numbers; 1 row skipped: " + file + ":3: column 1: 'x' is not a number");
  check_error([&] { load(R"(, "on_error": "ignore")"); }, "test.json:1:", "'fail', 'skip'");
}

TEST_CASE("a file beyond any limit is refused before memory is taken for it") {
  const Folder folder;
  const std::string path = folder.write("sparse", "");
  fs::resize_file(path, uintmax_t{1} << 42);  // holes take no room on the disk
  check_error([&] { Input::file(path); }, path + ": ", "expected at most 4294967296");
}

TEST_CASE("paths take environment variables and start at the config's folder") {
  setenv("TARN_TEST_FOLDER", "/some/where", 1);
  unsetenv("TARN_TEST_NOTHING");
  CHECK(resolve_path("a/b.csv", "/some") == "/some/a/b.csv");
  CHECK(resolve_path("/a/b.csv", "/some") == "/a/b.csv");
  CHECK(resolve_path("${TARN_TEST_FOLDER}/b", "/some") == "/some/where/b");
  CHECK(resolve_path("${TARN_TEST_NOTHING:-../c}/b", "/some/x") == "/some/c/b");
  check_error([] { resolve_path("${TARN_TEST_NOTHING}/b", ""); }, "path ", "TARN_TEST_NOTHING is not set");
  check_error([] { resolve_path("${TARN", ""); }, "path ", "without '}'");
  check_error([] { resolve_path("", "/some"); }, "path ", "is empty");
}

TEST_CASE("a table in a config is standardised by its training part alone") {
  const Folder folder;
  std::string rows = "kind,a,b\n";
  for (int i = 0; i < 40; ++i) rows += text(i % 2 ? "odd" : "even", ",", i < 30 ? i : 1000 * i, ",", 7, "\n");
  folder.write("t.csv", rows);
  const Data data = make_dataset(parse_json(R"({"type": "Csv", "path": "t.csv", "label": "kind", "validation": 0,
      "normalize": "standard", "split": {"test": 10, "by": "tail"}})",
                                            "test.json"),
                                 0, folder.path.string());
  CHECK((data.class_names == std::vector<std::string>{"even", "odd"}));
  CHECK(data.normalisation.mean.at(0) == doctest::Approx(14.5));
  CHECK(data.train.x.at(2) == doctest::Approx((1 - 14.5) / std::sqrt((900 - 1) / 12.0)));
  CHECK(data.train.x.at(1) == 0);  // a column that never changes
  CHECK(data.test.x.at(0) > 1000);
}

}  // namespace
}  // namespace tarn::test_data_files
