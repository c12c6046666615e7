// Tests of pictures in folders: their order and values, that threads change nothing, and that every kind of broken
// file, folder or link is an error that names it, or is left out and counted.
#include "tests/support/data_folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "core/parallel.h"
#include "data/image.h"
#include "data/picture_files.h"
#include "tests/support/png_writer.h"

namespace tarn::test_data_folder {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::DataFolder;

/// A grey PNG whose every pixel is `value`.
std::string grey_png(int value, uint32_t width = 2, uint32_t height = 2) {
  return write_png(width, height, 8, 0, std::string(size_t{width} * height, static_cast<char>(value)));
}

/// Two classes of three pictures; the pixels of a picture are its number, 1 … 6.
void write_six(const DataFolder& folder) {
  for (int i = 0; i < 6; ++i) folder.write(text("p/", i < 3 ? "ant" : "bee", "/", i % 3, ".png"), grey_png(i + 1));
}

/// All samples, none for the test.
const std::string six = R"("type": "ImageFolder", "path": "p", "split": {"test": 0}, "channels": 1)";
const std::string skipping = six + R"(, "on_error": "skip")";

void check_mistake(const DataFolder& folder, const std::string& config, const std::string& part) {
  const std::string message = folder.mistake(config);
  CHECK_MESSAGE((message.starts_with("test.json:1:") && contains(message, part)), message, " lacks ", part);
}

/// The first pixel of each sample as a byte.
std::vector<int> bytes_of(const Examples& examples) {
  std::vector<int> bytes;
  const int64_t each = examples.x.numel() / examples.size();
  for (int64_t i = 0; i < examples.size(); ++i) bytes.push_back(static_cast<int>(examples.x.at(i * each) * 255 + 0.5));
  return bytes;
}

TEST_CASE("folders give classes in the order of their names, and pictures in the order of theirs") {
  const DataFolder folder;
  write_six(folder);
  const Data data = folder.load(six);
  CHECK((data.class_names == std::vector<std::string>{"ant", "bee"}));
  CHECK(data.input == Shape{1, 2, 2});
  CHECK((bytes_of(data.train) == std::vector<int>{1, 2, 3, 4, 5, 6}));
  CHECK((data.train.y.to_vector<int64_t>() == std::vector<int64_t>{0, 0, 0, 1, 1, 1}));
  CHECK(data.train.x.at(23) == doctest::Approx(6.0 / 255));
  CHECK(contains(data.description, "6 pictures of [1,2,2] in 2 classes"));
}

TEST_CASE("nested folders are in torchvision's order: folder by folder, whatever stands in a folder's name") {
  const DataFolder folder;
  // os.walk's folders sorted as texts: "c", "c/a", "c/a-b", "c/a/z"; a '-' stands before a '/'.
  const std::vector<std::string> order = {"p/c/y.png", "p/c/a/x.png", "p/c/a-b/q.PNG", "p/c/a/z/r.png", "p/d/s.png"};
  for (size_t i = order.size(); i-- > 0;) folder.write(order[i], grey_png(static_cast<int>(i) + 1));
  folder.write("p/c/notes.txt", "no picture");
  folder.write("p/README.png", "not in a class");
  const Data data = folder.load(six);
  CHECK((bytes_of(data.train) == std::vector<int>{1, 2, 3, 4, 5}));
  CHECK(contains(data.description, "2 other files ignored: "));
  folder.write("elsewhere/1.png", grey_png(7));
  fs::create_directory_symlink(folder.path("elsewhere"), folder.path("p/c/link"));
  CHECK((bytes_of(folder.load(six).train) == std::vector<int>{1, 2, 3, 4, 7, 5}));
}

TEST_CASE("PNG, PGM and PPM lie side by side, are converted and resized as asked") {
  const DataFolder folder;
  folder.write("p/a/1.png", write_png(2, 2, 8, 2, std::string(12, '\x33')));
  folder.write("p/a/2.pgm", "P2 4 2 10\n1 1 2 2\n3 3 4 4\n");
  folder.write("p/b/3.ppm", "P3 1 1 255\n255 0 0\n");
  const Data grey = folder.load(six + R"(, "size": [1, 2])");
  CHECK(grey.input == Shape{1, 1, 2});
  CHECK(grey.train.x.at(0) == doctest::Approx(0.2));
  CHECK(grey.train.x.at(2) == doctest::Approx(0.2));  // the mean of 0.1, 0.1, 0.3 and 0.3
  CHECK(grey.train.x.at(3) == doctest::Approx(0.3));
  CHECK(grey.train.x.at(4) == doctest::Approx(0.299));
  const Data colour = folder.load(R"("type": "ImageFolder", "path": "p", "split": {"test": 0}, "size": 3)");
  CHECK(colour.input == Shape{3, 3, 3});
  CHECK(colour.train.x.at(2 * 27) == 1);
  CHECK(colour.train.x.at(2 * 27 + 9) == 0);
}

TEST_CASE("pictures are the same bits for one, two and four threads, and so is the first error") {
  const DataFolder folder;
  const auto write = [&](int i) {
    folder.write(text("p/", "abc"[i % 3], "/", i, ".png"), grey_png(i, 3 + static_cast<uint32_t>(i % 5), 4));
  };
  for (int i = 0; i < 60; ++i) write(i);
  const std::string resized = six + R"(, "size": 5)";
  std::vector<std::vector<float>> values;
  std::set<std::string> messages, descriptions;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    values.push_back(folder.load(resized).train.x.to_vector<float>());
    for (const char* broken : {"p/b/40.png", "p/b/43.png", "p/c/8.png"}) folder.write(broken, "broken");
    messages.insert(folder.mistake(resized));
    descriptions.insert(folder.load(resized + R"(, "on_error": "skip")").description);
    for (const int i : {40, 43, 8}) write(i);
  }
  set_threads(processors());
  CHECK(values[0].size() == 60 * 25);
  CHECK((values[0] == values[1]));
  CHECK((values[0] == values[2]));
  CHECK(messages.size() == 1);
  CHECK(contains(*messages.begin(), "p/b/40.png: begins with 'broken'"));
  CHECK(descriptions.size() == 1);
  CHECK(contains(*descriptions.begin(), "57 pictures"));
  CHECK(contains(*descriptions.begin(), "; 3 pictures skipped: "));
}

TEST_CASE("a test part may come from a folder of its own, whose classes have the numbers of the first") {
  const DataFolder folder;
  write_six(folder);
  folder.write("t/bee/9.png", grey_png(9));
  const std::string config = R"("type": "ImageFolder", "path": "p", "test_path": "t", "channels": 1)";
  const Data data = folder.load(config);
  CHECK(data.train.size() == 6);
  REQUIRE(data.test.size() == 1);
  CHECK(data.test.y.at(0) == 1);
  check_mistake(folder, six + R"(, "test_path": "p/../p")", "p: the test part would be the training part");
  folder.write("t/be/9.png", grey_png(9));
  check_mistake(folder, config, "t/be: 'be' is not a class of the training part; did you mean 'bee'?");
  fs::remove_all(folder.path("t/be"));
  folder.write("t/bee/9.png", grey_png(9, 3, 2));
  check_mistake(folder, config,
                "t/bee/9.png: a picture of 3 x 2 pixels, where " + folder.path("p/ant/0.png") + " has 2 x 2");
  folder.write("t/bee/9.png", "");
  check_mistake(folder, config + R"(, "on_error": "skip")",
                "no picture of the test part can be read; 1 picture skipped");
}

TEST_CASE("folders that are none, are empty, or hold one class or no pictures are refused by name") {
  const DataFolder folder;
  const std::string p = folder.path("p");
  check_mistake(folder, six, p + ": there is no such folder");
  folder.write("p", "a file");
  check_mistake(folder, six, p + ": is not a folder");
  fs::remove(p);
  fs::create_directory(p);
  check_mistake(folder, six, p + ": there are no folders in it, but nothing else either");
  folder.write("p/1.png", grey_png(1));
  check_mistake(folder, six, p + ": there are no folders in it, but 1 other file, as " + p + "/1.png");
  folder.write("p/ant/1.png", grey_png(1));
  check_mistake(folder, six, p + ": there is only one class, 'ant'");
  fs::create_directory(folder.path("p/bee"));
  check_mistake(folder, six, p + "/bee: this class has no pictures");
  check_mistake(folder, skipping, p + "/bee: this class has no pictures");
  folder.write("p/bee/1.bmp", "BM");
  check_mistake(folder, six, "expected files that end in .png");
  folder.write("p/bee/1.png", "");
  check_mistake(folder, six, p + "/bee/1.png: is empty");
  folder.write("p/ant/1.png", "");
  check_mistake(folder, skipping, p + "/ant/1.png: is empty; expected a picture; nor can any other picture be read");
  fs::remove(folder.path("p/ant/1.png"));
  fs::create_directory(folder.path("p/ant/1.png"));  // a folder that is called like a picture
  check_mistake(folder, skipping, p + "/ant: this class has no pictures");
}

TEST_CASE("mixed sizes are an error that says what to do, whether broken pictures are skipped or not") {
  const DataFolder folder;
  write_six(folder);
  folder.write("p/bee/1.png", grey_png(5, 4, 3));
  for (const std::string& config : {six, skipping})
    check_mistake(folder, config,
                  "p/bee/1.png: a picture of 4 x 3 pixels, where " + folder.path("p/ant/0.png") +
                      " has 2 x 2; give \"size\": [height, width]");
  CHECK(folder.load(six + R"(, "size": 2)").train.size() == 6);
}

TEST_CASE("every truncation and flipped bit of a picture is an error that names it, or skipped") {
  const DataFolder folder;
  write_six(folder);
  const std::string good = grey_png(5), file = folder.path("p/bee/1.png");
  for (size_t n = 0; n < good.size(); ++n) {
    CAPTURE(n);
    folder.write("p/bee/1.png", good.substr(0, n));
    check_mistake(folder, six, file + ": ");
    const Data data = folder.load(skipping);
    CHECK((bytes_of(data.train) == std::vector<int>{1, 2, 3, 4, 6}));
    CHECK(contains(data.description, "; 1 picture skipped: " + file + ": "));
  }
  for (size_t bit = 0; bit < 8 * good.size(); bit += 5) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    folder.write("p/bee/1.png", bad);
    const std::string message = folder.mistake(six);
    if (!message.empty()) CHECK(contains(message, file + ": "));
  }
}

TEST_CASE("pictures that declare more than they hold, or more than fits, are refused before memory is taken") {
  const DataFolder folder;
  write_six(folder);
  const auto refused = [&](const char* name, const std::string& bytes, const char* why) {
    folder.write(name, bytes);
    check_mistake(folder, six, why);
    CHECK(contains(folder.load(skipping).description, why));
    fs::remove(folder.path(name));
  };
  refused("p/ant/9.png", write_png(1u << 20, 1u << 20, 8, 2, ""), "PNG: ");
  refused("p/ant/9.png", write_png(8000, 8000, 8, 2, ""), "cannot hold 8000 x 8000 pixels");
  refused("p/ant/9.pgm", "P5 8000 8000 255\n", "64000000; is the file complete?");
  refused("p/ant/9.ppm", "P6 99999999 99999999 255\n", "expected 1 to 67108864 pixels");
  refused("p/ant/9.jpg", std::string("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03", 12), "JPEG: ");
  for (int i = 0; i < 40; ++i) folder.write(text("p/ant/", i, ".png"), grey_png(1));
  check_mistake(folder, six + R"(, "size": 8192)",
                "are too many numbers; expected at most 2147483648; give a smaller size");
}

TEST_CASE("links in circles or to nowhere, pipes, and folders without permission neither hang nor crash") {
  const DataFolder folder;
  write_six(folder);
  const auto refused = [&](const std::string& name, const std::string& why) {
    check_mistake(folder, six, folder.path(name) + why);
    CHECK(contains(folder.load(skipping).description, folder.path(name) + why));
    fs::remove(folder.path(name));
  };
  for (const char* target : {".", "..", "../../p", "../ant"}) {
    fs::create_directory_symlink(target, folder.path("p/ant/loop"));
    refused("p/ant/loop", ": this link leads to " + folder.path("p"));
  }
  fs::create_symlink("itself.png", folder.path("p/ant/itself.png"));
  refused("p/ant/itself.png", ": cannot be found");
  fs::create_symlink("nowhere", folder.path("p/ant/9.png"));
  refused("p/ant/9.png", ": cannot be found; does a link lead nowhere?");
  REQUIRE(::mkfifo(folder.path("p/ant/pipe.png").c_str(), 0600) == 0);
  refused("p/ant/pipe.png", ": this is not a file but a device, a pipe or a socket");
  fs::create_symlink("/dev/zero", folder.path("p/ant/zero.jpg"));
  refused("p/ant/zero.jpg", ": this is not a file but a device");
  std::string deep = "p/ant";
  for (int i = 0; i < 70; ++i) deep += "/d";
  folder.write(deep + "/1.png", grey_png(1));
  check_mistake(folder, six, ": more than 64 folders lie in each other");
  fs::remove_all(folder.path("p/ant/d"));
  if (::geteuid() != 0) {
    fs::create_directory(folder.path("p/ant/closed"));
    fs::permissions(folder.path("p/ant/closed"), fs::perms::none);
    refused("p/ant/closed", ": cannot be listed");
  }
}

TEST_CASE("no folder is read twice, so that links that cross each other make no endless many paths") {
  const DataFolder folder;
  // Each of 40 folders has two links to the next: 2^40 paths, no circle.
  for (int i = 0; i < 40; ++i) {
    folder.write(text("f", i, "/", i, ".png"), grey_png(100 + i));
    if (i == 0) continue;
    for (const char* name : {"a", "b"})
      fs::create_directory_symlink(folder.path(text("f", i)), folder.path(text("f", i - 1, "/", name)));
  }
  write_six(folder);
  fs::create_directory_symlink(folder.path("f0"), folder.path("p/ant/cross"));
  check_mistake(folder, six, "/b: this link leads to " + folder.path("p/ant/cross/a/a"));
  const Data data = folder.load(skipping);
  CHECK(data.train.size() == 46);
  CHECK(contains(data.description, "; 39 pictures skipped: "));
  fs::remove(folder.path("p/ant/cross"));
  fs::create_directory_symlink(folder.path("p/ant"), folder.path("p/cat"));
  check_mistake(folder, six, "p/cat: this link leads to " + folder.path("p/ant") + ", which is read anyway; remove it");
}

TEST_CASE("names of classes and files may be anything that a file system takes") {
  const DataFolder folder;
  for (const char* name : {"a b", "..c", "ä\xff", "x\ny", "${HOME}", "%s"})
    folder.write(text("p/", name, "/…\t.png"), grey_png(1));
  const Data data = folder.load(six);
  CHECK(data.classes == 6);
  CHECK(data.train.size() == 6);
  CHECK(contains(folder.mistake(R"("type": "ImageFolder", "path": "p/../../../../nowhere")"),
                 ": there is no such folder"));
  CHECK(contains(folder.mistake(six + R"(, "channels": 2)"), "channels"));
  CHECK(contains(folder.mistake(R"("type": "ImageFolder", "path": "p", "channels": 2)"), "expected 1 (grey) or 3"));
}

}  // namespace
}  // namespace tarn::test_data_folder
