// Records of a data file (rows of a table, pictures of a folder) that are broken and left out instead of being an
// error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"

namespace tarn {

/// What was left out, and why. Data sets that can go on without a broken record have an option "on_error".
struct Skipped {
  static constexpr int64_t most = 1'000'000;
  static constexpr size_t shown = 3;

  int64_t count = 0;
  std::vector<std::string> first;  ///< what was wrong with the first few, as the error would have said it

  /// Counts a record. Throws beyond a million of them: the file is then none of that form.
  void add(const std::string& why) {
    ++count;
    check(count <= most, why, "; more than ", most, " records are broken, so this is the wrong kind of file");
    if (first.size() < shown) first.push_back(why);
  }
  /// For a description: "; 5 rows skipped: t.csv:3: …; t.csv:9: …; …"; empty where there are none.
  std::string words(const char* record) const {
    if (count == 0) return "";
    std::string out = text("; ", count, ' ', record, count == 1 ? "" : "s", " skipped: ");
    for (size_t i = 0; i < first.size(); ++i) out += (i == 0 ? "" : "; ") + first[i];
    return out + (static_cast<size_t>(count) > first.size() ? "; …" : "");
  }
};

/// The choice that such a data set offers.
struct OnError {
  std::string word = "fail";
  void fields(auto& f, const char* doc) { f("on_error", word, doc, {.choices = {"fail", "skip"}}); }
  /// Where broken records are counted; none where they are errors.
  Skipped* skips(Skipped& skipped) const { return word == "skip" ? &skipped : nullptr; }
};

}  // namespace tarn
