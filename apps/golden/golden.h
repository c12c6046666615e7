// `tarn golden DIR [GROUP…]`: runs reference cases and counts what passes.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace tarn {

struct GoldenOptions {
  std::string folder;
  std::vector<std::string> groups;  ///< empty: all in the folder
  bool json = false;
};

/// Prints every case that did not pass and the totals. Returns 0, or 1 when a case failed; throws an Error where the
/// folder or a group is missing or broken.
int golden_command(const GoldenOptions& options, std::ostream& out);

}  // namespace tarn
