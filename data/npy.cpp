// Npy: samples and their classes from NumPy's files, two .npy files or one .npz archive.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "data/dataset.h"
#include "data/image.h"
#include "data/input.h"
#include "data/zip.h"

namespace tarn {
namespace {

/// Bytes of an array of samples, and of one of classes.
constexpr size_t most_bytes = size_t{1} << 31;
constexpr size_t most_class_bytes = size_t{1} << 27;
/// Class numbers go from 0 without large gaps, so a larger one is a mistake.
constexpr int64_t most_classes = 65536;

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
      f("y", y, "their classes: an array of integers from 0", {.required = true});
      f("test_x", test_x, "samples of the test part; without it the test part is cut from x");
      f("test_y", test_y, "their classes");
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

  static Tensor read_classes(const Source& source, const std::string& array) {
    std::string name;
    const std::string bytes = source.read(array, most_class_bytes, name);
    const Tensor y = decode_npy(bytes, name).values;
    check(y.dtype() == Dtype::i64 && y.rank() == 1, name, ": ", y.dtype(), ' ', y.shape(),
          "; expected integers [N], the class of each sample; save it with np.save(path, y.astype('int64').ravel())");
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t value = y.data<int64_t>()[i];
      check(value >= 0 && value < most_classes, name, ": element ", i, " is ", value, "; expected a class from 0 to ",
            most_classes - 1);
    }
    return y;
  }

  static Examples read_pair(const Source& source, const std::string& x, const std::string& y, const Sizes& shape) {
    check(!x.empty() && !y.empty(), "Npy: ", x.empty() ? "x" : "y",
          " is missing: samples and classes come as two arrays");
    Examples examples;
    examples.y = read_classes(source, y);  // the smaller one first
    std::string name;
    const std::string bytes = source.read(x, most_bytes, name);
    examples.x = decode_npy_floats(bytes, name);
    check(examples.x.rank() >= 2, name, ": ", examples.x.shape(),
          "; expected [N, …], a sample in each row; save it with np.save(path, x[:, None])");
    check(examples.size() == examples.y.numel(), name, ": ", examples.size(), " samples, but ", y, " has ",
          examples.y.numel(), " classes");
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
    for (int64_t i = 0; i < examples.size(); ++i) most = std::max(most, examples.y.data<int64_t>()[i]);
    return most + 1;
  }

  static Samples load(const Config& c, const DataContext& context) {
    const Source source(c, context);
    Samples samples;
    samples.all = read_pair(source, c.x, c.y, c.shape);
    if (!c.test_x.empty() || !c.test_y.empty()) samples.test = read_pair(source, c.test_x, c.test_y, c.shape);
    const int64_t n = std::max(classes(samples.all), classes(samples.test));
    for (int64_t i = 0; i < n; ++i) samples.class_names.push_back(text(i));
    const std::string& file = c.path.empty() ? c.x : c.path;
    samples.description = text(std::filesystem::path(file).filename().string(), ": ", samples.all.size(),
                               " samples of ", Shape(samples.all.x.shape().span().subspan(1)));
    return samples;
  }
};

const auto& npy = add_dataset<Npy>(
    "Npy", "Arrays of samples and classes from NumPy: two .npy files or an .npz archive.", TestBy::seed);

}  // namespace
}  // namespace tarn
