// What was compiled into this program: the embedded files, and the commit of the sources it was made from.
#pragma once

#include <span>
#include <string_view>

namespace tarn {

// A file compiled into the program; `name` is its path in the repository, such as "data/uci/digits.csv.gz".
struct EmbeddedFile {
  std::string_view name;
  std::string_view bytes;
};

// All embedded files, sorted by name: the example configs (apps/configs) and the UCI data sets (data/uci).
std::span<const EmbeddedFile> embedded_files();

// The bytes of the embedded file `name`; empty if there is none of that name.
std::string_view embedded_file(std::string_view name);

// The short hash of the git commit that was built, or "unknown" where it was built without git.
std::string_view commit();

}  // namespace tarn
