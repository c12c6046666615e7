// Tests of reading files within limits and of replacing them so that nothing is ever half written.
#include "core/file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "core/checksum.h"
#include "core/error.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_file {
namespace {

namespace fs = std::filesystem;

using test::message_of;

TEST_CASE("a file is written, read back and replaced, and no other file is left") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.json";
  write_file_atomically(path, "first");
  CHECK(read_file(path) == "first");
  const std::string large(300'000, 'x');
  const std::array<std::string_view, 4> pieces = {"head ", large, "", " tail"};
  write_file_atomically(path, pieces);
  CHECK((read_file(path) == "head " + large + " tail"));
  write_file_atomically(path, "");
  CHECK(read_file(path).empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("replacing keeps the file's permissions, and a link keeps pointing at its file") {
  const TemporaryFolder folder;
  const std::string path = folder / "private";
  write_file_atomically(path, "old");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  fs::create_symlink(path, folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(path) == "new");
  CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms(0600));
}

TEST_CASE("a name without a folder is a file in the current one") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  write_file_atomically("plain", "here");
  fs::current_path(before);
  CHECK(read_file(folder / "plain") == "here");
}

TEST_CASE("a device is written to and stays a device") {
  write_file_atomically("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(message_of([] { write_file_atomically("/dev/full", "x"); }) ==
        "/dev/full: cannot write: No space left on device; it takes 1 bytes: free some space");
}

TEST_CASE("a write that fails half way leaves the old file and nothing else") {
  const TemporaryFolder folder;
  const std::string path = folder / "kept";
  write_file_atomically(path, "old");
  const std::string large(1 << 20, 'x');
  // A file may not grow beyond the limit, as if the disk were full.
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlimit small = {.rlim_cur = 65536, .rlim_max = limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = message_of([&] { write_file_atomically(path, large); });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, before);
  CHECK(message == fs::canonical(path).string() + ": cannot write: File too large");
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("errors name the path and the reason") {
  const TemporaryFolder folder;
  const std::string missing = folder / "none/x";
  CHECK(message_of([&] { read_file(missing); }) == missing + ": cannot open: No such file or directory");
  CHECK(message_of([&] { write_file_atomically(missing, "x"); }) ==
        missing + ": cannot write in its folder: No such file or directory");
  CHECK(message_of([&] { read_file(folder / ""); }).ends_with("is a folder, not a file"));
  CHECK(message_of([&] { write_file_atomically(folder / "sub/", "x"); }).ends_with("is not the name of a file"));
  fs::create_directory(folder / "sub");
  CHECK(message_of([&] { write_file_atomically(folder / "sub", "x"); }).ends_with("is a folder, not a file"));
  CHECK(message_of([] { read_file(""); }) == "'' is not the name of a file");
  CHECK(message_of([] { read_file(std::string("a\0b", 3)); }).ends_with("is not the name of a file"));
}

TEST_CASE("a file longer than the limit is refused, and so is one without an end") {
  const TemporaryFolder folder;
  const std::string path = folder / "long";
  write_file_atomically(path, std::string(1000, 'x'));
  CHECK(read_file(path, 1000).size() == 1000);
  CHECK(message_of([&] { read_file(path, 999); }) == path + ": 1000 bytes; at most 999 are read");
  CHECK(message_of([&] { read_file("/dev/zero", 100'000); }) == "/dev/zero: more than 100000 bytes");
}

TEST_CASE("reading an exact number of bytes beyond the end is an error that counts them") {
  const TemporaryFolder folder;
  const std::string path = folder / "short";
  write_file_atomically(path, "12345");
  InputFile file(path);
  CHECK(file.size() == 5);
  std::array<char, 8> bytes = {};
  file.read(bytes.data(), 2);
  CHECK(std::string(bytes.data()) == "12");
  CHECK(message_of([&] { file.read(bytes.data(), 8); }) ==
        path + ": ends too early; 8 more bytes were expected, 3 are there");
}

TEST_CASE("a replaced file is kept under another name, which then has its old bytes") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  const auto write = [&](std::string_view bytes) { write_file_atomically(path, std::span(&bytes, 1), "before"); };
  write("one");
  CHECK(folder.entries() == 1);
  write("two");
  CHECK(read_file(folder / "before") == "one");
  write("three");
  CHECK(read_file(path) == "three");
  CHECK(read_file(folder / "before") == "two");
  CHECK(folder.entries() == 2);
  // As a program leaves it that dies between the two renames: two names of one file.
  fs::remove(folder / "before");
  fs::create_hard_link(path, folder / "before");
  write("four");
  CHECK(read_file(path) == "four");
  CHECK(read_file(folder / "before") == "three");
  CHECK(folder.entries() == 2);
}

TEST_CASE("the checksum has the values of its specification") {
  CHECK(checksum("") == "2d06800538d394c2");
  CHECK(checksum("a") == "e6c632b61e964e1f");
  CHECK(checksum("abc") == "78af5f94892f3950");
  CHECK(checksum(std::string(1000, 'x')) != checksum(std::string(1001, 'x')));
}

}  // namespace
}  // namespace tarn::test_file
