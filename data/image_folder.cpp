// ImageFolder: pictures in one folder for each class, read on all processors.
#include <algorithm>
#include <atomic>
#include <filesystem>

#include "core/parallel.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/input.h"
#include "data/picture_files.h"

namespace tarn {
namespace {

/// Numbers of all pictures together; four bytes each.
constexpr int64_t most_numbers = int64_t{1} << 31;

/// How every picture comes out.
struct Frame {
  int64_t channels = 3;
  int64_t height = 0, width = 0;
  bool resize = false;
  std::string first;  ///< the file whose size it is, unless pictures are resized
};

/// What became of a file.
enum class Outcome : char { read, broken, differs };

/// A folder's pictures, being read.
class Reader {
 public:
  Reader(const PictureFiles& found, const Frame& frame)
      : files_(found.files), frame_(frame), outcomes_(files_.size()), messages_(files_.size()) {}

  /// Reads all; those that are broken are counted, or an error where they must not be: that of the first in order,
  /// whichever thread comes to it when.
  Examples read(Skipped* skipped) {
    const auto n = static_cast<int64_t>(files_.size());
    const int64_t each = frame_.channels * frame_.height * frame_.width;
    check(n <= most_numbers / each, files_[0].path, " and ", n - 1, " others: ", n, " pictures of ",
          Shape{frame_.channels, frame_.height, frame_.width}, " are too many numbers; expected at most ", most_numbers,
          "; give a smaller size");
    Examples all{Tensor({n, frame_.channels, frame_.height, frame_.width}), Tensor({n}, Dtype::i64)};
    float* x = all.x.fill<float>();
    std::atomic<int64_t> failed{n};  // the first file whose mistake ends the reading: later ones need no look
    parallel_for(n, [&](int64_t i) {
      if (i > failed.load()) return;
      read_one(i, x + i * each);
      const Outcome outcome = outcomes_[static_cast<size_t>(i)];
      if (outcome == Outcome::read || (outcome == Outcome::broken && skipped != nullptr)) return;
      int64_t other = failed.load();
      while (i < other && !failed.compare_exchange_weak(other, i)) {
      }
    });
    if (failed.load() < n) fail(messages_[static_cast<size_t>(failed.load())]);
    return keep_good(all, skipped);
  }

 private:
  void read_one(int64_t i, float* out) {
    const auto at = static_cast<size_t>(i);
    try {
      Tensor image = read_image(files_[at].path);
      const int64_t height = image.size(1), width = image.size(2);
      if (frame_.resize) image = resize_image(image, frame_.height, frame_.width);
      image = convert_channels(image, frame_.channels);
      if (image.size(1) == frame_.height && image.size(2) == frame_.width) {
        std::copy_n(image.data<float>(), image.numel(), out);
        return;
      }
      outcomes_[at] = Outcome::differs;
      messages_[at] =
          text(files_[at].path, ": a picture of ", width, " x ", height, " pixels, where ", frame_.first, " has ",
               frame_.width, " x ", frame_.height, "; give \"size\": [height, width] to resize all");
    } catch (const Error& error) {
      outcomes_[at] = Outcome::broken;
      messages_[at] = error.what();
    }
  }

  Examples keep_good(const Examples& all, Skipped* skipped) {
    std::vector<int64_t> good;
    for (size_t i = 0; i < files_.size(); ++i) {
      if (outcomes_[i] == Outcome::read) {
        good.push_back(static_cast<int64_t>(i));
      } else {
        skipped->add(messages_[i]);
      }
    }
    Examples kept = all;
    int64_t* y = kept.y.fill<int64_t>();
    for (size_t i = 0; i < files_.size(); ++i) y[i] = files_[i].label;
    return good.size() == files_.size() ? kept : kept.take(good);
  }

  const std::vector<PictureFile>& files_;
  const Frame& frame_;
  std::vector<Outcome> outcomes_;
  std::vector<std::string> messages_;
};

struct ImageFolder {
  struct Config {
    std::string path, test_path;
    Sizes size;
    int64_t channels = 3;
    OnError on_error;
    void fields(auto& f) {
      f("path", path,
        "the folder; each of its sub-folders is a class; ${NAME} and ${NAME:-text} are taken from the environment",
        {.required = true});
      f("test_path", test_path, "such a folder for the test part; without it the test part is drawn from the pictures");
      f("size", size, "height and width that pictures are resized to; without it all must agree",
        {.lo = 1, .hi = 8192, .rank = 2});
      f("channels", channels, "1: grey; 3: red, green and blue; pictures are converted", {.lo = 1, .hi = 3});
      on_error.fields(f, "a broken picture is an error (fail), or left out and counted (skip)");
    }
    void validate() const { check(channels != 2, "channels is 2; expected 1 (grey) or 3 (colour)"); }
  };

  static Frame frame(const Config& c, const PictureFiles& found, Skipped* skipped) {
    Frame frame{.channels = c.channels, .first = {}};
    if (!c.size.empty()) {
      const Sizes size = expand(c.size, 2);
      frame.height = size[0];
      frame.width = size[1];
      frame.resize = true;
      return frame;
    }
    std::string why;
    for (const PictureFile& file : found.files) {
      try {
        const Tensor image = read_image(file.path);
        frame.height = image.size(1);
        frame.width = image.size(2);
        frame.first = file.path;
        return frame;
      } catch (const Error& error) {
        if (skipped == nullptr) throw;  // where it may be skipped it is counted later, like all others
        if (why.empty()) why = error.what();
      }
    }
    fail(why, "; nor can any other picture be read");
  }

  static std::string others(const PictureFiles& found) {
    if (found.others == 0) return "";
    return text("; ", found.others, found.others == 1 ? " other file" : " other files", " ignored: ", found.first_other,
                found.others == 1 ? "" : ", …");
  }

  static Samples load(const Config& c, const DataContext& context) {
    Skipped skipped;
    Skipped* skips = c.on_error.skips(skipped);
    const std::string path = resolve_path(c.path, context.folder);
    const PictureFiles found = list_pictures(path, {}, skips);
    check(!found.files.empty(), path, ": no picture can be read", skipped.words("picture"));
    const Frame form = frame(c, found, skips);
    Samples samples;
    samples.all = Reader(found, form).read(skips);
    samples.description =
        text(path, ": ", samples.all.size(), " pictures of ", Shape{form.channels, form.height, form.width}, " in ",
             found.class_names.size(), " classes", others(found));
    if (!c.test_path.empty()) {
      const std::string test_path = resolve_path(c.test_path, context.folder);
      std::error_code error;
      check(!std::filesystem::equivalent(path, test_path, error), test_path,
            ": the test part would be the training part; leave test_path out to have it drawn");
      const PictureFiles test = list_pictures(test_path, found.class_names, skips);
      if (!test.files.empty()) samples.test = Reader(test, form).read(skips);
      check(samples.test.size() > 0, test_path, ": no picture of the test part can be read", skipped.words("picture"));
      samples.description += text("; ", test_path, ": ", samples.test.size(), " for the test", others(test));
    }
    samples.description += skipped.words("picture");
    samples.class_names = found.class_names;
    return samples;
  }
};

const auto& image_folder_row = add_dataset<ImageFolder>(
    "ImageFolder", "Pictures (PNG, JPEG, PGM, PPM) in a folder for each class, scaled to [0, 1].", TestBy::seed);

}  // namespace
}  // namespace tarn
