// Tests of NumPy's arrays as data: pairs of .npy files and .npz archives, and every way in which they are broken.
#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "data/zip.h"
#include "tests/support/data_folder.h"
#include "tests/support/deflate.h"

namespace tarn::test_data_npz {
namespace {

using test::deflated;

using test::contains;
using test::DataFolder;
using test::message_of;

const std::string archive = R"("type": "Npy", "path": "a.npz", "split": {"test": 0}, )";
const std::string npz = archive + R"("x": "x", "y": "y")";
const std::string pair = R"("type": "Npy", "x": "x.npy", "y": "y.npy", "split": {"test": 0})";

std::string little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(static_cast<char>(value & 0xff));
  return out;
}

template <class T>
std::string npy(const std::string& descr, const std::string& shape, const std::vector<T>& values) {
  const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string data(values.size() * sizeof(T), '\0');
  std::memcpy(data.data(), values.data(), data.size());
  return "\x93NUMPY" + std::string{1, 0} + little(header.size(), 2) + header + data;
}

/// An entry of an archive; what it declares can be made to differ from what it has.
struct Entry {
  std::string name, bytes;  // as stored
  uint64_t size = 0;        // before compression
  uint64_t crc = 0;
  unsigned method = 0, flags = 0;
};
Entry entry(const std::string& name, const std::string& contents, bool packed = false) {
  const auto* data = reinterpret_cast<const Bytef*>(contents.data());
  return {name, packed ? deflated(contents) : contents, contents.size(),
          crc32(0, data, static_cast<uInt>(contents.size())), packed ? 8u : 0u};
}

/// The end of an archive, as it should be unless said otherwise.
struct End {
  unsigned disk = 0, entries = 0;  // added to the right ones
  uint64_t directory_size = 0, directory_at = 0;
};
std::string zip(const std::vector<Entry>& entries, const End& end = {}) {
  std::string out, directory;
  for (const Entry& e : entries) {
    const std::string common = little(20, 2) + little(e.flags, 2) + little(e.method, 2) + little(0x21 << 16, 4) +
                               little(e.crc, 4) + little(e.bytes.size(), 4) + little(e.size, 4) +
                               little(e.name.size(), 2) + little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + common + little(0, 10) + little(out.size(), 4) + e.name;
    out += "PK\x03\x04" + common + e.name + e.bytes;
  }
  const auto n = entries.size() + end.entries;
  return out + directory + "PK\x05\x06" + little(end.disk, 2) + little(end.disk, 2) + little(n, 2) + little(n, 2) +
         little(directory.size() + end.directory_size, 4) + little(out.size() + end.directory_at, 4) + little(0, 2);
}

const std::string good_x = npy<float>("<f4", "(3, 2)", {0, 0.5f, 1, 1.5f, 2, 2.5f});
const std::string good_y = npy<int64_t>("<i8", "(3,)", {0, 1, 1});

void check_good(const Data& data) {
  CHECK((data.train.x.to_vector<float>() == std::vector<float>{0, 0.5f, 1, 1.5f, 2, 2.5f}));
  CHECK((data.train.y.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 1}));
}

void check_mistake(const DataFolder& folder, const std::string& config, const std::string& part) {
  const std::string message = folder.mistake(config);
  CHECK_MESSAGE((message.starts_with("test.json:1:") && contains(message, part)), message, " lacks ", part);
}

std::string bytes_of(std::string_view hexadecimal) {
  std::string out;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16)));
  return out;
}

// np.savez(path, x=np.arange(6, dtype=np.float32).reshape(3, 2) / 2, y=np.array([0, 1, 1])) of NumPy 1.24.
const char* const numpy_stored =
    "504b03041400000000000000210088e32ce1980000009800000005001400782e6e7079010010009800000000000000980000000000000093"
    "4e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065"
    "273a2028332c2032292c207d2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020200a000000000000003f0000803f0000c03f0000004000002040504b03041400000000000000210014479d"
    "64980000009800000005001400792e6e70790100100098000000000000009800000000000000934e554d5059010076007b27646573637227"
    "3a20273c6938272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028332c292c207d20202020202020"
    "20202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200a0000"
    "00000000000001000000000000000100000000000000504b010214031400000000000000210088e32ce19800000098000000050000000000"
    "000000000000800100000000782e6e7079504b010214031400000000000000210014479d6498000000980000000500000000000000000000"
    "008001cf000000792e6e7079504b05060000000002000200660000009e0100000000";
// np.savez_compressed(path, x=np.tile(np.array([0, 51, 255], np.uint8), (4, 3, 1)), y=np.array([0, 1, 2, 1], np.int32))
const char* const numpy_deflated =
    "504b03041400000008000000210049051bc94d000000a400000005001400782e6e707901001000a4000000000000004d000000000000009b"
    "ec17ea1b10c9c850c650ad9e925a9c5ca46ea5a05e536aa8aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a"
    "263a0ac640a4a9a350ab401ee06230fe4f100100504b03041400000008000000210075bc177e4c0000009000000005001400792e6e707901"
    "00100090000000000000004c000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a2aea3a09e965f54529498179f"
    "5f94920a12774bcc294e058a17672416a402f91a263a9a3a0ab50a14002e062060046226280d00504b010214031400000008000000210049"
    "051bc94d000000a4000000050000000000000000000000800100000000782e6e7079504b010214031400000008000000210075bc177e4c00"
    "000090000000050000000000000000000000800184000000792e6e7079504b0506000000000200020066000000070100000000";

TEST_CASE("archives that NumPy has written are read") {
  const DataFolder folder;
  folder.write("a.npz", bytes_of(numpy_stored));
  check_good(folder.load(npz));
  CHECK(folder.load(npz).description == "a.npz: 3 samples of [2]");
  folder.write("a.npz", bytes_of(numpy_deflated));
  const Data data = folder.load(npz);
  CHECK(data.input == Shape{3, 3});
  CHECK(data.classes == 3);
  CHECK(data.class_names[2] == "2");
  for (int64_t i = 0; i < 36; i += 3) {
    CHECK(data.train.x.at(i) == 0);
    CHECK(data.train.x.at(i + 1) == doctest::Approx(0.2));
    CHECK(data.train.x.at(i + 2) == 1);
  }
  CHECK((data.train.y.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 1}));
}

TEST_CASE("two files, plain or gzip, and archives, stored or deflated, give the same") {
  const DataFolder folder;
  folder.write("x.npy", good_x);
  folder.write("y.npy", deflated(good_y, 31));
  check_good(folder.load(pair));
  for (const bool packed : {false, true}) {
    folder.write("a.npz",
                 zip({entry("more.npy", "?"), entry("x.npy", good_x, packed), entry("y.npy", good_y, packed)}));
    check_good(folder.load(npz));
    check_good(folder.load(archive + R"("x": "x.npy", "y": "y.npy")"));
  }
  folder.write("a.npz", zip({entry("x_train.npy", good_x), entry("y_train.npy", good_y, true),
                             entry("x_test.npy", npy<double>("<f8", "(1, 2)", {0.1, -3})),
                             entry("y_test.npy", npy<uint8_t>("|u1", "(1,)", {2}))}));
  const Data data = folder.load(
      R"("type": "Npy", "path": "a.npz", "x": "x_train", "y": "y_train", "test_x": "x_test", "test_y": "y_test")");
  check_good(data);
  CHECK(data.classes == 3);
  CHECK(data.test.x.at(0) == doctest::Approx(0.1));
  CHECK(data.test.y.at(0) == 2);
}

TEST_CASE("samples have any shape and element type, and may be given another shape") {
  const DataFolder folder;
  folder.write("y.npy", npy<int8_t>("|i1", "(2,)", {0, 1}));
  folder.write("x.npy", npy<uint8_t>("|u1", "(2, 2, 2)", {0, 51, 102, 255, 1, 2, 3, 4}));
  CHECK(folder.load(pair).input == Shape{2, 2});
  const Data image = folder.load(pair + R"(, "shape": [1, 2, 2])");
  CHECK(image.input == Shape{1, 2, 2});
  CHECK(image.train.x.at(2) == doctest::Approx(0.4));
  check_mistake(folder, pair + R"(, "shape": [1, 2, 3])",
                "shape [1,2,3] does not hold the 4 numbers of a sample [2,2]");
  check_mistake(folder, pair + R"(, "shape": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4])", "expected at most");
  folder.write("x.npy", npy<int64_t>("<i8", "(2, 1)", {-7, 1 << 24}));
  CHECK((folder.load(pair).train.x.to_vector<float>() == std::vector<float>{-7, 1 << 24}));
}

TEST_CASE("targets are classes, masks or numbers, by their type and shape") {
  const DataFolder folder;
  folder.write("x.npy", npy<float>("<f4", "(2, 1, 1, 2)", {0, 1, 2, 3}));
  const std::string all = pair;
  folder.write("y.npy", npy<int64_t>("<i8", "(2, 1, 2)", {0, 1, 2, 1}));
  const Data masks = folder.load(all);
  CHECK(masks.task == Task::segmentation);
  CHECK(masks.classes == 3);
  CHECK(masks.train.y.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 1});
  folder.write("y.npy", npy<double>("<f8", "(2,)", {0.5, -1.5}));
  const Data numbers = folder.load(all);
  CHECK(numbers.task == Task::regression);
  CHECK(numbers.train.y.shape() == Shape{2, 1});
  CHECK(numbers.train.y.at(1) == -1.5);
  folder.write("y.npy", npy<float>("<f4", "(2, 3)", {1, 2, 3, 4, 5, 6}));
  CHECK(folder.load(all).train.y.shape() == Shape{2, 3});
}

TEST_CASE("arrays that are no samples and classes are refused with the element or the shape") {
  const DataFolder folder;
  const std::string x = folder.path("x.npy"), y = folder.path("y.npy");
  const auto broken = [&](const std::string& xs, const std::string& ys, const std::string& why) {
    folder.write("x.npy", xs);
    folder.write("y.npy", ys);
    check_mistake(folder, pair, why);
  };
  broken(good_x, npy<float>("<f4", "()", {1}), y + ": one number; expected [N, …]");
  broken(good_x, npy<int64_t>("<i8", "(3, 1)", {0, 1, 1}), y + ": int64 [3,1]; expected integers [N]");
  broken(good_x, npy<int64_t>("<i8", "()", {1}), y + ": int64 []; expected integers [N]");
  broken(good_x, npy<int64_t>("<i8", "(3,)", {0, 1, -1}), y + ": element 2 is -1; expected a class from 0");
  broken(good_x, npy<int64_t>("<i8", "(3,)", {0, int64_t{1} << 60, 1}), y + ": element 1 is 1152921504606846976");
  broken(good_x, npy<int64_t>("<i8", "(2,)", {0, 1}), x + ": 3 samples, but y.npy has 2 targets");
  broken(npy<float>("<f4", "(3,)", {0, 1, 2}), good_y, x + ": [3]; expected [N, …]");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  broken(npy<float>("<f4", "(3, 1)", {0, nan, 2}), good_y, ": npy: byte 74: element 1 is nan, which is not a finite");
  broken(npy<double>("<f8", "(3, 1)", {0, 1, 1e300}), good_y, "element 2 is 1e+300, which is not a finite float32");
  broken(npy<int64_t>("<i8", "(3, 1)", {0, 1, -(1 << 24) - 1}), good_y,
         "element 2 is -16777217, which float32 cannot hold");
  broken(npy<float>(">f4", "(3, 2)", {0, 1, 2, 3, 4, 5}), good_y, x + ": npy: elements are '>f4'");
  broken(npy<float>("<f4", "(3, 2)", {0, 1, 2, 3, 4}), good_y, "20 bytes follow the header; <f4 of [3,2] takes 24");
  broken(npy<float>("<f4", "(3000000000, 3000000000)", {0}), good_y, "takes more than any file");
  broken("", good_y, x + ": npy: does not begin as a .npy file does");
  check_mistake(folder, R"("type": "Npy", "x": "x.npy", "y": "no.npy")",
                folder.path("no.npy") + ": there is no such file");
  folder.write("x.npy", good_x);
  check_mistake(folder, pair + R"(, "test_x": "x.npy")", "Npy: y is missing");
}

TEST_CASE("every truncation of an archive is an error that names it; a flipped bit is one or changes nothing") {
  const DataFolder folder;
  for (const char* written : {numpy_stored, numpy_deflated}) {
    const std::string good = bytes_of(written);
    const std::string place = ": " + folder.write("a.npz", good) + ": ";
    const Data expected = folder.load(npz);
    for (size_t n = 0; n < good.size(); ++n) {
      CAPTURE(n);
      folder.write("a.npz", good.substr(0, n));
      CHECK(contains(folder.mistake(npz), place));
    }
    int refused = 0;
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
      CAPTURE(bit);
      folder.write("a.npz", bad);
      const std::string message = folder.mistake(npz);
      if (!message.empty()) {
        CHECK_MESSAGE(contains(message, place), message);
        ++refused;
        continue;
      }
      const Data read = folder.load(npz);  // a flag, a date, a version
      CHECK((read.train.x.to_vector<float>() == expected.train.x.to_vector<float>()));
      CHECK((read.train.y.to_vector<int64_t>() == expected.train.y.to_vector<int64_t>()));
    }
    CHECK(refused > static_cast<int>(4 * good.size()));
  }
}

TEST_CASE("archives that lie about themselves, or are of another kind, are refused by name") {
  const DataFolder folder;
  const std::string file = folder.path("a.npz"), x = file + ": x.npy: ";
  const auto broken = [&](const std::string& bytes, const std::string& why) {
    folder.write("a.npz", bytes);
    check_mistake(folder, npz, why);
  };
  const auto with_x = [&](Entry changed) { return zip({changed, entry("y.npy", good_y)}); };
  broken("", file + ": zip: ");
  broken("PK", file + ": zip: ");
  broken(good_x, file + ": zip: not a zip archive, or one without its end");
  broken(zip({}), file + ": there is no entry 'y.npy' in it; it has none");
  broken(zip({entry("x.npy", good_x), entry("Y.npy", good_y)}), "it has 'x.npy', 'Y.npy'; did you mean 'Y.npy'?");
  broken(zip({entry("x.npy", good_x), entry("x.npy", good_x), entry("y.npy", good_y)}),
         file + ": zip: two entries have the same name");
  Entry e = entry("x.npy", good_x, true);
  e.flags = 1;
  broken(with_x(e), x + "is encrypted");
  e = entry("x.npy", good_x);
  for (const auto& [method, word] : {std::pair{12u, "bzip2"}, {14u, "LZMA"}, {9u, "Deflate64"}, {93u, "method 93"}}) {
    e.method = method;
    broken(with_x(e), x + "is compressed with " + word);
  }
  e = entry("x.npy", good_x);
  e.crc ^= 1;
  broken(with_x(e), x + "after 94 of 94 bytes: CRC error");
  e = entry("x.npy", good_x, true);
  e.crc ^= 1;
  broken(with_x(e), "CRC error");
  e = entry("x.npy", good_x, true);
  e.bytes[20] = static_cast<char>(e.bytes[20] ^ 8);
  broken(with_x(e), x + "after ");
  for (const int more : {-100, -1, 1, 100}) {
    e = entry("x.npy", good_x, true);
    e.size += static_cast<uint64_t>(static_cast<int64_t>(more));
    CAPTURE(more);
    broken(with_x(e), x);
    e.method = 0;
    e.bytes = good_x;
    broken(with_x(e), x + "declares ");
  }
  broken(zip({entry("x.npy", good_x), entry("y.npy", good_y)}, {.disk = 1}), file + ": zip: ");
  broken(zip({entry("x.npy", good_x)}, {.entries = 1}), file + ": zip: ");
  broken(zip({entry("x.npy", good_x)}, {.entries = 60000}), file + ": zip: ");
  broken(zip({entry("x.npy", good_x)}, {.directory_size = 1u << 31}), file + ": zip: ");
  broken(zip({entry("x.npy", good_x)}, {.directory_at = 10}), file + ": zip: ");
  broken(zip({entry("x.npy", good_x), entry("y.npy", good_y)}) + "more", file + ": zip: ");
  std::filesystem::remove(file);
  check_mistake(folder, npz, file + ": there is no such file");
  std::filesystem::create_directory(file);
  check_mistake(folder, npz, file + ": this is not a file but a folder");
}

TEST_CASE("a zip64 end that counts entries without end costs no memory") {
  const DataFolder folder;
  for (const uint64_t n : {uint64_t{70000}, uint64_t{1} << 32, uint64_t{1} << 60}) {
    const std::string one = zip({entry("y.npy", good_y)});
    const std::string body = one.substr(0, one.size() - 22);
    const size_t at = body.find("PK\x01\x02");
    const std::string end64 = "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
                              little(n, 8) + little(n, 8) + little(body.size() - at, 8) + little(at, 8);
    const std::string locator = "PK\x06\x07" + little(0, 4) + little(body.size(), 8) + little(1, 4);
    const std::string end =
        "PK\x05\x06" + little(0, 4) + little(0xffffffff, 4) + little(0xffffffffffff, 8) + little(0, 2);
    folder.write("a.npz", body + end64 + locator + end);
    CAPTURE(n);
    check_mistake(folder, npz, folder.path("a.npz") + ": zip: ");
  }
}

TEST_CASE("bombs and names that lead elsewhere do nothing") {
  const DataFolder folder;
  const std::string zeros = deflated(std::string(size_t{160} << 20, '\0'));
  Entry bomb{"y.npy", zeros, size_t{600} << 20, 0, 8};
  folder.write("a.npz", zip({bomb}));
  check_mistake(folder, npz, "y.npy: declares 629145600 bytes; expected at most 536870912");
  bomb.bytes = bomb.bytes.substr(0, 1000);
  folder.write("a.npz", zip({bomb}));
  check_mistake(folder, npz, "y.npy: declares 629145600 bytes; expected at most");
  bomb.size = size_t{100} << 20;
  folder.write("a.npz", zip({bomb}));
  check_mistake(folder, npz, "y.npy: declares 104857600 bytes, which 1000 deflated bytes cannot hold");
  bomb.bytes = zeros;
  bomb.size = 152;  // more comes than was declared
  folder.write("a.npz", zip({bomb}));
  check_mistake(folder, npz, folder.path("a.npz") + ": y.npy: ");
  folder.write("secret.npy", good_y);
  folder.write("a.npz", zip({entry("../secret.npy", good_y), entry("/etc/passwd.npy", good_x)}));
  check_mistake(folder, archive + R"("x": "x", "y": "secret")", "there is no entry 'secret.npy' in it");
  check_mistake(folder, archive + R"("x": "x", "y": "../../etc/passwd")",
                "there is no entry '../../etc/passwd.npy' in it");
  CHECK(message_of([&] { ZipFile(folder.path("a.npz")).read("../secret.npy", 10); }).ends_with("expected at most 10"));
  CHECK(ZipFile(folder.path("a.npz")).read("../secret.npy", 1000) == good_y);  // read, and written nowhere
  CHECK(!std::filesystem::exists(folder.path("../secret.npy")));
}

}  // namespace
}  // namespace tarn::test_data_npz
