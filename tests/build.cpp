// Tests of what is compiled into the program.
#include "core/build.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/folders.h"

namespace tarn::test_build {
namespace {

TEST_CASE("an embedded file has the bytes of the file in the repository") {
  REQUIRE_FALSE(embedded_files().empty());
  for (const EmbeddedFile& file : embedded_files()) {
    CAPTURE(file.name);
    std::ifstream in(std::string(TARN_SOURCE_DIR) + "/" + std::string(file.name), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    CHECK_FALSE(bytes.empty());
    CHECK((file.bytes == bytes));
    CHECK(embedded_file(file.name).data() == file.bytes.data());
  }
}

TEST_CASE("the digits are embedded, and a name that does not exist has no bytes") {
  CHECK(embedded_file("data/uci/digits.csv.gz").size() > 50'000);
  CHECK(embedded_file("data/uci/digits.csv").empty());
  CHECK(embedded_file("").empty());
}

TEST_CASE("embedded files are sorted by name") {
  const auto by_name = [](const EmbeddedFile& a, const EmbeddedFile& b) { return a.name < b.name; };
  CHECK(std::is_sorted(embedded_files().begin(), embedded_files().end(), by_name));
}

TEST_CASE("the commit is a short hash or unknown") {
  const bool hash = commit().size() == 12 && commit().find_first_not_of("0123456789abcdef") == std::string_view::npos;
  CHECK((hash || commit() == "unknown"));
}

}  // namespace
}  // namespace tarn::test_build
