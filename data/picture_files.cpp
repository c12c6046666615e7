// Walking through folders of pictures, in a fixed order and without following links in circles.
#include "data/picture_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// Folders and files that are looked at, and how deep they lie, at most: links that are no circle, but cross each
/// other, can make endless many paths of a few folders.
constexpr int64_t most_folder_entries = int64_t{1} << 22;
constexpr int most_depth = 64;
constexpr size_t most_class_folders = 65536;
constexpr std::string_view endings[] = {".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pnm"};

bool is_picture(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(std::begin(endings), std::end(endings), ending) != std::end(endings);
}

/// What a folder is, whatever path leads there: its device and number.
using Identity = std::pair<dev_t, ino_t>;

Identity identity(const fs::path& folder) {
  struct stat status = {};
  check(::stat(folder.c_str(), &status) == 0, folder.string(), ": cannot be looked at");
  return {status.st_dev, status.st_ino};
}

/// Names in a folder, sorted by their bytes. Throws where it cannot be read.
std::vector<fs::path> sorted_entries(const fs::path& folder, int64_t& seen) {
  std::error_code error;
  fs::directory_iterator at(folder, error);
  check(!error, folder.string(), ": cannot be listed: ", error.message());
  std::vector<fs::path> entries;
  for (; at != fs::directory_iterator(); at.increment(error)) {
    check(++seen <= most_folder_entries, folder.string(), ": more than ", most_folder_entries,
          " files and folders were found up to here; does a link lead out of the pictures?");
    entries.push_back(at->path());
  }
  check(!error, folder.string(), ": cannot be listed: ", error.message());
  std::sort(entries.begin(), entries.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return entries;
}

class Walk {
 public:
  Walk(PictureFiles& out, Skipped* skipped) : out_(out), skipped_(skipped) {}

  /// The folder of all classes; returns their folders.
  std::vector<fs::path> classes(const std::string& root) {
    std::error_code error;
    const auto status = fs::status(root, error);
    check(fs::exists(status), root, ": there is no such folder");
    check(fs::is_directory(status), root, ": is not a folder; expected one with a sub-folder for each class");
    enter(root);
    std::vector<fs::path> folders;
    for (const fs::path& entry : sorted_entries(root, seen_)) {
      if (fs::is_directory(fs::status(entry, error))) {
        folders.push_back(entry);
      } else {
        other(entry);
      }
    }
    return folders;
  }

  /// All pictures of one class, in order.
  void pictures(const fs::path& folder, int64_t label) {
    std::vector<std::pair<std::string, std::string>> found;  // folder and name
    attempt([&] { walk(folder, found); });
    std::sort(found.begin(), found.end());
    for (const auto& [within, name] : found) out_.files.push_back({(fs::path(within) / name).string(), label});
  }

 private:
  using Found = std::vector<std::pair<std::string, std::string>>;

  template <class F>
  void attempt(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      if (skipped_ == nullptr) throw;
      skipped_->add(error.what());
    }
  }

  void other(const fs::path& file) {
    if (out_.others++ == 0) out_.first_other = file.string();
  }

  /// Notes that a folder's files are taken; no folder is twice, or the same pictures could be in the training part and
  /// in the test part, and links could lead in circles.
  void enter(const fs::path& folder) {
    const auto [known, added] = entered_.emplace(identity(folder), folder.string());
    check(added, folder.string(), ": this link leads to ", known->second, ", which is read anyway; remove it");
  }

  void walk(const fs::path& folder, Found& found) {
    check(depth_ < most_depth, folder.string(), ": more than ", most_depth, " folders lie in each other");
    enter(folder);
    ++depth_;
    for (const fs::path& entry : sorted_entries(folder, seen_)) attempt([&] { visit(folder, entry, found); });
    --depth_;
  }

  void visit(const fs::path& folder, const fs::path& entry, Found& found) {
    std::error_code error;
    const auto status = fs::status(entry, error);
    if (fs::is_directory(status)) return walk(entry, found);
    if (!is_picture(entry)) return other(entry);
    check(fs::exists(status), entry.string(), ": cannot be found; does a link lead nowhere?");
    check(fs::is_regular_file(status), entry.string(), ": this is not a file but a device, a pipe or a socket");
    found.emplace_back(folder.string(), entry.filename().string());
  }

  PictureFiles& out_;
  Skipped* skipped_;
  std::map<Identity, std::string> entered_;
  int depth_ = 0;
  int64_t seen_ = 0;
};

/// What to say of folders without what was expected.
std::string others_words(const PictureFiles& found) {
  if (found.others == 0) return "nothing else either";
  return text(found.others, found.others == 1 ? " other file" : " other files", ", as ", found.first_other);
}

}  // namespace

PictureFiles list_pictures(const std::string& root, const std::vector<std::string>& classes, Skipped* skipped) {
  PictureFiles out;
  Walk walk(out, skipped);
  const std::vector<fs::path> folders = walk.classes(root);
  check(!folders.empty(), root, ": there are no folders in it, but ", others_words(out),
        "; expected a sub-folder of pictures for each class");
  check(folders.size() <= most_class_folders, root, ": ", folders.size(), " folders; expected at most ",
        most_class_folders);
  check(!classes.empty() || folders.size() > 1, root, ": there is only one class, ",
        quote(folders[0].filename().string()),
        "; expected a sub-folder for each of at least two; is this the folder above, or below, the one that is meant?");
  out.class_names = classes;
  if (classes.empty())
    for (const fs::path& folder : folders) out.class_names.push_back(folder.filename().string());
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    const auto at = std::lower_bound(out.class_names.begin(), out.class_names.end(), name);
    check(at != out.class_names.end() && *at == name, folder.string(), ": ", quote(name),
          " is not a class of the training part", did_you_mean(name, out.class_names));
    const size_t before = out.files.size();
    const int64_t skipped_before = skipped == nullptr ? 0 : skipped->count;
    walk.pictures(folder, at - out.class_names.begin());
    const bool some = out.files.size() > before || (skipped != nullptr && skipped->count > skipped_before);
    check(some, folder.string(), ": this class has no pictures, but ", others_words(out),
          "; expected files that end in .png, .jpg, .jpeg, .pgm, .ppm or .pnm");
  }
  return out;
}

}  // namespace tarn
