// PNG pictures, read with libpng.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "data/image.h"
#include "data/input.h"

namespace tarn {

namespace {

/// So many numbers are made of any file: 64 MB.
constexpr size_t few_numbers = size_t{1} << 24;

/// What libpng's callbacks work with.
struct PngInput {
  const char* at = nullptr;
  size_t left = 0;
  char message[200] = {};
};

void read_bytes(png_structp png, png_bytep out, size_t n) {
  auto* input = static_cast<PngInput*>(png_get_io_ptr(png));
  if (n > input->left) png_error(png, "the file ends early");
  std::memcpy(out, input->at, n);
  input->at += n;
  input->left -= n;
}

[[noreturn]] void on_png_error(png_structp png, png_const_charp message) {
  auto* input = static_cast<PngInput*>(png_get_error_ptr(png));
  std::snprintf(input->message, sizeof input->message, "%s", message);
  png_longjmp(png, 1);
}

void on_png_warning(png_structp, png_const_charp) {}

/// A libpng reader. Errors jump out of libpng with longjmp, which must not pass over anything that has a destructor;
/// so each call runs in a step of its own, whose frame holds plain data only.
class PngReader {
 public:
  PngReader(std::string_view bytes, const std::string& name) : name_(name), size_(bytes.size()) {
    input_.at = bytes.data();
    input_.left = bytes.size();
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input_, on_png_error, on_png_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail(name_, ": PNG: out of memory");
    }
    png_set_read_fn(png_, &input_, read_bytes);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  Tensor read() {
    read_header();
    const size_t row_bytes = png_get_rowbytes(png_, info_);
    std::vector<unsigned char> pixels(row_bytes * height_);
    std::vector<png_bytep> rows;
    for (size_t y = 0; y < height_; ++y) rows.push_back(pixels.data() + y * row_bytes);
    step([png = png_, lines = rows.data()] {
      png_read_image(png, lines);
      png_read_end(png, nullptr);
    });
    return picture(rows);
  }

 private:
  template <class Step>
  void step(Step run) {
    static_assert(std::is_trivially_destructible_v<Step>);
    if (setjmp(png_jmpbuf(png_)) != 0)
      fail(name_, ": PNG: byte ", size_ - input_.left, ": ", input_.message, "; is the file complete?");
    run();
  }

  void read_header() {
    step([png = png_, info = info_] {
      png_set_user_limits(png, 1u << 26, 1u << 26);
      png_set_chunk_malloc_max(png, 1u << 23);
      // Only what makes the picture: of eXIf, libpng 1.6 takes as many bytes of memory as the chunk says that it has.
      png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_read_info(png, info);
    });
    width_ = png_get_image_width(png_, info_);
    height_ = png_get_image_height(png_, info_);
    check(height_ <= static_cast<size_t>(most_pixels) / width_, name_, ": PNG: ", width_, " x ", height_,
          " pixels; expected at most ", most_pixels, " pixels in all");
    const size_t raw = png_get_rowbytes(png_, info_) * height_;
    check(raw / best_deflate_ratio <= size_, name_, ": PNG: a file of ", size_, " bytes cannot hold ", width_, " x ",
          height_, " pixels; is it complete?");
    step([png = png_, info = info_] {
      png_set_expand(png);  // palettes to colours, fewer than 8 bits to 8
      png_set_strip_alpha(png);
      png_set_interlace_handling(png);
      png_read_update_info(png, info);
    });
    channels_ = png_get_channels(png_, info_);
    depth_ = png_get_bit_depth(png_, info_);
    // Of fewer than 8 bits, or of a palette, a few bytes could become very many numbers.
    const size_t numbers = width_ * height_ * static_cast<size_t>(channels_);
    check(numbers <= few_numbers || numbers / best_deflate_ratio <= size_, name_, ": PNG: ", width_, " x ", height_,
          " pixels in a file of ", size_, " bytes are more than is believed; is it damaged?");
    check((channels_ == 1 || channels_ == 3) && (depth_ == 8 || depth_ == 16), name_, ": PNG: ", channels_,
          " channels of ", depth_, " bits; expected grey or colour");
  }

  /// Rows of interleaved samples, the more significant byte first, as planes.
  Tensor picture(const std::vector<png_bytep>& rows) const {
    const auto height = static_cast<int64_t>(height_);
    const auto width = static_cast<int64_t>(width_);
    Tensor out({channels_, height, width});
    float* planes = out.fill<float>();
    const int64_t n = height * width;
    for (int64_t y = 0; y < height; ++y) {
      const unsigned char* row = rows[static_cast<size_t>(y)];
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < channels_; ++c) {
          const int64_t i = x * channels_ + c;
          const float value = depth_ == 8 ? static_cast<float>(row[i]) / 255.0f
                                          : static_cast<float>(256 * row[2 * i] + row[2 * i + 1]) / 65535.0f;
          planes[c * n + y * width + x] = value;
        }
    }
    return out;
  }

  const std::string& name_;
  size_t size_;
  PngInput input_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  size_t width_ = 0;
  size_t height_ = 0;
  int64_t channels_ = 0;
  int depth_ = 0;
};

}  // namespace

Tensor decode_png(std::string_view bytes, const std::string& name) {
  return PngReader(bytes, name).read();
}

}  // namespace tarn
