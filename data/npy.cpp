// Npy: samples and their targets from NumPy's files, two .npy files or one .npz archive.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "data/dataset.h"
#include "data/image.h"
#include "data/input.h"
#include "data/zip.h"

namespace tarn {
namespace {

/// Bytes of an array of samples, and of one of targets.
constexpr size_t most_sample_bytes = size_t{1} << 31;
constexpr size_t most_target_bytes = size_t{1} << 29;
/// Class numbers go from 0 without large gaps, so a larger one is a mistake.
constexpr int64_t most_target_classes = 65536;

struct Npy {
  struct Config {
    std::string path;
    std::string x, y;
    std::string test_x, test_y;
    Sizes shape;
    void fields(auto& f) {
      f("path", path,
        "an .npz archive that x and y are in; without it x and y are .npy files, plain or gzip; ${NAME} and "
        "${NAME:-text} are taken from the environment");
      f("x", x, "samples: the array's name in the archive, or its file; bytes are scaled to [0, 1]",
        {.required = true});
      f("y", y,
        "their targets: integers from 0, [N] for classes or [N, H, W] for masks, or floats of any shape, for numbers",
        {.required = true});
      f("test_x", test_x, "samples of the test part; without it the test part is cut from x");
      f("test_y", test_y, "their targets");
      f("shape", shape, "of one sample, where it is another than the array's: [1, 28, 28]", {.lo = 1});
    }
  };

  /// Where arrays come from: an archive, or a folder.
  class Source {
   public:
    Source(const Config& c, const DataContext& context) : folder_(context.folder) {
      if (!c.path.empty()) archive_.emplace(path_ = resolve_path(c.path, context.folder));
    }
    /// The array's bytes; `name` becomes what messages call it.
    std::string read(const std::string& array, size_t limit, std::string& name) const {
      if (!archive_) {
        name = resolve_path(array, folder_);
        return Input::file(name).read_all(limit);
      }
      const std::string entry = array.ends_with(".npy") ? array : array + ".npy";
      name = path_ + ": " + entry;
      return archive_->read(entry, limit);
    }

   private:
    std::string folder_, path_;
    std::optional<ZipFile> archive_;
  };

  /// Classes [N], masks [N, H, W], or numbers of any shape, as float32; a number for each sample becomes [N, 1], as the
  /// outputs of a layer are.
  static Tensor read_targets(const Source& source, const std::string& array) {
    std::string name;
    const std::string bytes = source.read(array, most_target_bytes, name);
    Tensor y = decode_npy(bytes, name).values;
    if (y.floating()) {
      check(y.rank() >= 1, name, ": one number; expected [N, …], the numbers of each sample");
      y = y.to(Dtype::f32);
      return y.rank() == 1 ? y.viewed({y.size(0), 1}) : y;
    }
    check(y.rank() == 1 || y.rank() == 3, name, ": ", y.dtype(), ' ', y.shape(),
          "; expected integers [N], the class of each sample, or [N,H,W], that of each pixel, or floats; save classes "
          "with np.save(path, y.astype('int64').ravel())");
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t value = y.data<int64_t>()[i];
      check(value >= 0 && value < most_target_classes, name, ": element ", i, " is ", value,
            "; expected a class from 0 to ", most_target_classes - 1);
    }
    return y;
  }

  static Examples read_pair(const Source& source, const std::string& x, const std::string& y, const Sizes& shape) {
    check(!x.empty() && !y.empty(), "Npy: ", x.empty() ? "x" : "y",
          " is missing: samples and their targets come as two arrays");
    Examples examples;
    examples.y = read_targets(source, y);  // the smaller one first
    std::string name;
    const std::string bytes = source.read(x, most_sample_bytes, name);
    examples.x = decode_npy_floats(bytes, name);
    check(examples.x.rank() >= 2, name, ": ", examples.x.shape(),
          "; expected [N, …], a sample in each row; save it with np.save(path, x[:, None])");
    check(examples.size() == examples.y.size(0), name, ": ", examples.size(), " samples, but ", y, " has ",
          examples.y.size(0), " targets");
    if (!shape.empty()) {
      Sizes sizes{examples.size()};
      sizes.insert(sizes.end(), shape.begin(), shape.end());
      const Shape own(examples.x.shape().span().subspan(1));
      check(sizes.size() <= static_cast<size_t>(Shape::max_rank), name, ": shape has ", shape.size(),
            " sizes; expected ", "at most ", Shape::max_rank - 1);
      check(Shape(std::span<const int64_t>(shape)).numel() == own.numel(), name, ": shape ",
            std::span<const int64_t>(shape), " does not hold the ", own.numel(), " numbers of a sample ", own);
      examples.x = examples.x.viewed(Shape(std::span<const int64_t>(sizes)));
    }
    return examples;
  }

  static int64_t classes(const Examples& examples) {
    int64_t most = -1;
    if (examples.size() == 0 || examples.y.floating()) return 0;
    for (int64_t i = 0; i < examples.y.numel(); ++i) most = std::max(most, examples.y.data<int64_t>()[i]);
    return most + 1;
  }

  static Samples load(const Config& c, const DataContext& context) {
    const Source source(c, context);
    Samples samples;
    samples.all = read_pair(source, c.x, c.y, c.shape);
    if (!c.test_x.empty() || !c.test_y.empty()) samples.test = read_pair(source, c.test_x, c.test_y, c.shape);
    const auto task = [](const Tensor& y) {
      return y.floating() ? Task::regression : y.rank() == 1 ? Task::classification : Task::segmentation;
    };
    samples.task = task(samples.all.y);
    check(samples.test.size() == 0 || task(samples.test.y) == samples.task,
          "Npy: the targets of the test part are for ", name_of(task(samples.test.y)), ", the others for ",
          name_of(samples.task));
    const int64_t n = std::max(classes(samples.all), classes(samples.test));
    for (int64_t i = 0; i < n; ++i) samples.class_names.push_back(text(i));
    const std::string& file = c.path.empty() ? c.x : c.path;
    samples.description = text(std::filesystem::path(file).filename().string(), ": ", samples.all.size(),
                               " samples of ", Shape(samples.all.x.shape().span().subspan(1)));
    return samples;
  }
};

const auto& npy_row = add_dataset<Npy>(
    "Npy", "Arrays of samples and targets from NumPy: two .npy files or an .npz archive.", TestBy::seed);

}  // namespace
}  // namespace tarn
