// Tests of pictures and arrays from files: good ones give their values, broken ones an error that names the file.
#include "data/image.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "tests/support/deflate.h"
#include "tests/support/png_writer.h"

namespace tarn::test_image {
namespace {

using Decode = std::function<Tensor(const std::string&)>;

Tensor image_of(const std::string& bytes) {
  return decode_image(bytes, "file");
}
Tensor array_of(const std::string& bytes) {
  return decode_npy(bytes, "file").values;
}

/// The error's message; empty where there is none.
std::string message_of(const Decode& decode, const std::string& bytes) {
  try {
    decode(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void check_fails(const Decode& decode, const std::string& bytes, const std::string& why) {
  const std::string message = message_of(decode, bytes);
  CHECK_MESSAGE((message.starts_with("file: ") && message.find(why) != std::string::npos), message, " lacks ", why);
}

void check_values(const Tensor& x, const Shape& shape, const std::vector<double>& values, double tolerance = 1e-7) {
  REQUIRE(x.shape() == shape);
  for (int64_t i = 0; i < x.numel(); ++i)
    CHECK(x.at(i) == doctest::Approx(values[static_cast<size_t>(i)]).scale(1).epsilon(tolerance));
}

/// Every truncation is an error, and every flipped bit is one or gives some tensor; nothing crashes.
void check_damage(const Decode& decode, const std::string& good, bool every_prefix_fails = true) {
  REQUIRE(message_of(decode, good) == "");
  for (size_t n = 0; n < good.size(); ++n) {
    const std::string message = message_of(decode, good.substr(0, n));
    CAPTURE(n);
    if (every_prefix_fails || !message.empty()) CHECK(message.starts_with("file: "));
  }
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const std::string message = message_of(decode, bad);
    CAPTURE(bit);
    if (!message.empty()) CHECK(message.starts_with("file: "));
  }
}

std::string bytes_of(std::string_view hexadecimal) {
  std::string out;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16)));
  return out;
}

std::string npy(const std::string& header, std::string_view data, char version = 1) {
  const std::string line = header + "\n";
  std::string out = "\x93NUMPY" + std::string{version, '\0'};
  out.push_back(static_cast<char>(line.size() & 0xff));
  out.push_back(static_cast<char>(line.size() >> 8));
  if (version > 1) out += std::string(2, '\0');
  return out + line + std::string(data);
}
std::string npy_of(const std::string& descr, const std::string& shape, std::string_view data) {
  return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }", data);
}
template <class T>
std::string raw(const std::vector<T>& values) {
  std::string out(values.size() * sizeof(T), '\0');
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// Made with libjpeg: red rises from left to right, green from top to bottom, blue is 128; grey has red's values.
const char* const grey_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb00430002010101010102010101020202020204030202020205040403040605060606"
    "05060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affc0000b080008000801011100ffc40014000100000000"
    "000000000000000000000003ffc4001a10000007000000000000000000000000000003060a3171c1ffda0008010100003f0036b3ca76cac1"
    "ffd9";
const char* const colour_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
    "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
    "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc0001108000c001003"
    "012200021101031101ffc4001500010100000000000000000000000000000708ffc4001e1000020006030000000000000000000000000605"
    "0722232432a1a2b1ffc4001501010100000000000000000000000000000506ffc4001b110001040300000000000000000000000000040507"
    "31062123ffda000c03010002110311003f009fd4641e98dc0d8a320f4c6ea512a09b0ba2c0d8a29b0ba2c780ef59baadd93f1948ab39d9ff"
    "d9";
const char* const progressive_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c101714181817"
    "1416161a1d251f1a1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a28282828"
    "28282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc20011080007000903"
    "012200021101031101ffc400160001010100000000000000000000000000000205ffc4001501010100000000000000000000000000000205"
    "ffda000c03010002100310000001add261ffc4001810000203000000000000000000000000000001040515ffda000801010001050289548c"
    "a47fffc4001811000203000000000000000000000000000005031331ffda0008010301013f0150c27a34ffc4001811000203000000000000"
    "000000000000000004031231ffda0008010201013f0161d9ada7ffc4001510010100000000000000000000000000001041ffda0008010100"
    "063f0287ffc40017100003010000000000000000000000000000012161ffda0008010100013f21820c11ffda000c03010002000300000010"
    "f7ffc4001511010100000000000000000000000000000011ffda0008010301013f108cff00ffc40014110100000000000000000000000000"
    "000000ffda0008010201013f100fffc4001710000301000000000000000000000000000001d1f1ffda0008010100013f10a7235d1fffd9";

TEST_CASE("a PNG of every kind gives its values between 0 and 1") {
  const auto u = [](double v) { return v / 255; };
  check_values(image_of(write_png(2, 2, 8, 0, std::string("\x00\x33\x66\xff", 4))), {1, 2, 2},
               {0, u(0x33), u(0x66), 1});
  check_values(image_of(write_png(1, 2, 8, 2, "\x01\x02\x03\x04\x05\x06")), {3, 2, 1},
               {u(1), u(4), u(2), u(5), u(3), u(6)});
  check_values(image_of(write_png(3, 1, 1, 0, "\xa0")), {1, 1, 3}, {1, 0, 1});
  check_values(image_of(write_png(1, 1, 16, 0, "\x12\x34")), {1, 1, 1}, {0x1234 / 65535.0});
  check_values(image_of(write_png(1, 1, 8, 6, std::string("\x10\x20\x30\x00", 4))), {3, 1, 1},
               {u(0x10), u(0x20), u(0x30)});
  check_values(image_of(write_png(1, 1, 8, 4, "\x10\x80")), {1, 1, 1}, {u(0x10)});
  const std::string palette = png_chunk("PLTE", "\x01\x02\x03\xff\xfe\xfd");
  check_values(image_of(write_png(2, 1, 1, 3, "\x40", palette)), {3, 1, 2}, {u(1), 1, u(2), u(254), u(3), u(253)});
}

TEST_CASE("what a PNG holds besides its picture is passed over, whatever it claims") {
  const std::string more = png_chunk("eXIf", "no Exif") + png_chunk("zTXt", "k") + png_chunk("iCCP", "") +
                           png_chunk("gAMA", std::string(4, '\0')) + png_chunk("tEXt", std::string(9000, 'x'));
  check_values(image_of(write_png(1, 1, 8, 0, "\xff", more)), {1, 1, 1}, {1});
  // A chunk that is said to be larger than its file: libpng would take that much memory.
  const std::string good = write_png(1, 1, 8, 0, "\xff");
  check_fails(image_of, good.substr(0, 33) + big_endian(0x54585400) + "eXIf" + good.substr(33), "the file ends early");
}

TEST_CASE("a broken PNG is an error that names its file") {
  check_damage(image_of, write_png(3, 2, 8, 2, "0123456789abcdefgh"));
  const std::string good = write_png(2, 2, 8, 0, "abcd");
  check_fails(image_of, good.substr(0, good.size() - 1), "the file ends early");
  std::string flipped = good;
  flipped[flipped.size() - 20] = static_cast<char>(flipped[flipped.size() - 20] ^ 1);
  check_fails(image_of, flipped, "PNG: ");
  check_fails(image_of, write_png(1u << 20, 1u << 20, 8, 2, "", ""), "pixels");
  check_fails(image_of, write_png(8000, 8000, 8, 2, "", ""), "cannot hold 8000 x 8000 pixels");
  check_fails(image_of, write_png(0, 0, 8, 2, "", ""), "PNG: ");
}

TEST_CASE("a PNG of a few bytes does not become a gigabyte of numbers") {
  const auto blank = [](uint32_t size) {
    const std::string header = big_endian(size) + big_endian(size) + "\x01\x03" + std::string(3, '\0');
    return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("PLTE", std::string(6, '\0')) +
           png_chunk("IDAT", test::deflated(std::string(size * (1 + size / 8), '\0'), 15)) + png_chunk("IEND", "");
  };
  check_fails(image_of, blank(8192), "PNG: 8192 x 8192 pixels in a file of ");
  CHECK(image_of(blank(2048)).numel() == 3 * 2048 * 2048);
}

TEST_CASE("a JPEG gives its picture, up to its compression") {
  const Tensor grey = image_of(bytes_of(grey_jpeg));
  REQUIRE(grey.shape() == Shape{1, 8, 8});
  const Tensor colour = image_of(bytes_of(colour_jpeg));
  REQUIRE(colour.shape() == Shape{3, 12, 16});
  for (int64_t y = 0; y < 8; ++y)
    for (int64_t x = 0; x < 8; ++x) CHECK(std::abs(grey.at(y * 8 + x) - static_cast<double>(x) / 7) < 0.02);
  for (int64_t y = 0; y < 12; ++y)
    for (int64_t x = 0; x < 16; ++x) {
      CHECK(std::abs(colour.at(y * 16 + x) - static_cast<double>(x) / 15) < 0.15);
      CHECK(std::abs(colour.at(192 + y * 16 + x) - static_cast<double>(y) / 11) < 0.15);
    }
  CHECK(image_of(bytes_of(progressive_jpeg)).shape() == Shape{3, 7, 9});
}

TEST_CASE("a broken JPEG is an error that names its file") {
  for (const char* picture : {grey_jpeg, colour_jpeg, progressive_jpeg}) check_damage(image_of, bytes_of(picture));
  std::string huge = bytes_of(grey_jpeg);
  const size_t frame = huge.find("\xff\xc0");
  huge.replace(frame + 5, 4, "\x7f\xff\x7f\xff");
  check_fails(image_of, huge, "32767 x 32767 pixels");
  huge.replace(frame + 5, 4, "\x1f\xff\x1f\xff");
  check_fails(image_of, huge, "cannot hold 8191 x 8191 pixels");
}

TEST_CASE("PGM and PPM are read as text and as bytes") {
  check_values(image_of("P2 # grey\n2 2\n# the largest\n4\n0 1\n2 4\n"), {1, 2, 2}, {0, 0.25, 0.5, 1});
  check_values(image_of("P3 1 2 5\n0 1 2\n3 4 5"), {3, 2, 1}, {0, 0.6, 0.2, 0.8, 0.4, 1});
  check_values(image_of("P5 2 1 200\n\x64\xc8"), {1, 1, 2}, {0.5, 1});
  check_values(image_of(std::string("P5\n1 1\n1000\n\x01\xf4", 14)), {1, 1, 1}, {0.5});
  check_values(image_of("P6 1 1 255\nabc"), {3, 1, 1}, {97 / 255.0, 98 / 255.0, 99 / 255.0});
}

TEST_CASE("a broken PGM or PPM is an error that names its file") {
  check_damage(image_of, "P6 2 1 255\nabcdef");
  check_damage(image_of, "P2 2 2 7 0 1 2 3", false);  // without its last blank, or digit, it may be whole
  check_fails(image_of, "P4 1 1 a", "expected P2 or P5");
  check_fails(image_of, "P5 1000000 1000000 255\n", "pixels in all");
  check_fails(image_of, "P5 4000 4000 255\nabc", "3 bytes of pixels; 4000 x 4000 in 1 channel need 16000000");
  check_fails(image_of, "P2 4000 4000 255\n1 2 3", "need 32000000");
  check_fails(image_of, "P5 1 1 255\nab", "1 bytes after the picture");
  check_fails(image_of, "P5 1 1 3\n\x04", "value 4 is above 3");
  check_fails(image_of, "P2 1 1 70000 1", "expected 1 to 65535");
  check_fails(image_of, "P2 0 1 7 1", "0 x 1 pixels");
  check_fails(image_of, "P2 1 1 7 -1", "'-1' where a value should stand");
  check_fails(image_of, "P2 99999999999999999999 1 7 1", "where the width should stand");
}

TEST_CASE("a .npy array gives its shape and values") {
  const Tensor single = array_of(npy_of("<f4", "(2, 3)", raw<float>({1, 2, 3, 4, 5, 6.5f})));
  CHECK(single.dtype() == Dtype::f32);
  check_values(single, {2, 3}, {1, 2, 3, 4, 5, 6.5});
  CHECK(array_of(npy_of("<f8", "(1,)", raw<double>({0.1}))).at(0) == 0.1);
  CHECK(array_of(npy_of("<i8", "()", raw<int64_t>({-7}))).at(0) == -7);
  check_values(array_of(npy_of("<i4", "(2,)", raw<int32_t>({-1, 1}))), {2}, {-1, 1});
  const NpyArray bytes =
      decode_npy(npy("{'shape': (2, 1), 'fortran_order': False, 'descr': '|u1'}", "\x01\xff", 2), "file");
  CHECK(bytes.bytes);
  check_values(bytes.values, {2, 1}, {1, 255});
}

TEST_CASE("a broken .npy array is an error that names its file") {
  check_damage(array_of, npy_of("<f4", "(2, 1)", raw<float>({1, 2})));
  const std::string eight(8, '\0');
  check_fails(array_of, npy_of("<f4", "(3,)", eight), "8 bytes follow the header");
  check_fails(array_of, npy_of("<f4", "(1,)", eight), "8 bytes follow the header");
  check_fails(array_of, npy_of("<f4", "(4611686018427387904, 4)", eight), "takes more than any file");
  check_fails(array_of, npy_of("<f4", "(0, 4611686018427387904)", ""), "holds no elements");
  check_fails(array_of, npy_of(">f4", "(2,)", eight), "astype('float32')");
  check_fails(array_of, npy_of("|O", "(2,)", eight), "astype('float32')");
  check_fails(array_of, npy_of("<f4", "(1, 1, 1, 1, 1, 1, 2)", eight), "7 dimensions");
  check_fails(array_of, npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", eight), "ascontiguousarray");
  check_fails(array_of, npy("{'descr': '<f4', 'shape': (2,), }", eight), "no 'fortran_order'");
  check_fails(array_of, npy("{'descr': '<f4', 'descr': '<f4', }", eight), "'descr' twice");
  check_fails(array_of, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", eight), "a size");
  check_fails(array_of, npy(npy_of("<f4", "(2,)", ""), eight), "where '{' should stand");
}

TEST_CASE("what is no picture says so") {
  check_fails(image_of, "", "is empty");
  check_fails(image_of, "hello", "begins with 'hello'");
  CHECK_THROWS_WITH_AS(read_image("no/such/file.png"), doctest::Contains("no/such/file.png"), Error);
}

TEST_CASE("shrinking averages areas, growing interpolates between centres") {
  const Tensor x({1, 2, 4}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  check_values(resize_image(x, 1, 2), {1, 1, 2}, {2.5, 4.5});
  check_values(resize_image(x, 2, 3), {1, 2, 3}, {0.25, 1.5, 2.75, 4.25, 5.5, 6.75}, 1e-6);
  const Tensor row({1, 1, 2}, std::vector<float>{0, 1});
  check_values(resize_image(row, 1, 4), {1, 1, 4}, {0, 0.25, 0.75, 1});
  check_values(resize_image(row, 3, 2), {1, 3, 2}, {0, 1, 0, 1, 0, 1});
  const Tensor constant = resize_image(Tensor::full({3, 13, 7}, 0.25), 28, 28);
  for (int64_t i = 0; i < constant.numel(); ++i) CHECK(constant.at(i) == doctest::Approx(0.25));
  CHECK_THROWS_AS(resize_image(x, 0, 3), Error);
}

TEST_CASE("grey becomes three equal channels, colour its luma") {
  const Tensor colour({3, 1, 2}, std::vector<float>{1, 0, 0, 1, 0, 0});
  check_values(convert_channels(colour, 1), {1, 1, 2}, {0.299, 0.587}, 1e-6);
  check_values(convert_channels(Tensor({1, 1, 1}, std::vector<float>{0.5}), 3), {3, 1, 1}, {0.5, 0.5, 0.5});
  CHECK_THROWS_AS(convert_channels(colour, 4), Error);
}

}  // namespace
}  // namespace tarn::test_image
