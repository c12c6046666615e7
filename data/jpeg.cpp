// JPEG pictures, read with libjpeg-turbo.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <type_traits>
#include <vector>

// After <cstdio> and <cstddef>, which it needs and does not include.
#include <jpeglib.h>

#include "data/image.h"

namespace tarn {

namespace {

/// A progressive picture is decoded once for each of its scans; no camera or editor writes nearly as many.
constexpr int most_scans = 100;
/// The most pixels that one byte can stand for: a block of 64 takes a bit at least, that its mean is the one before's.
constexpr size_t pixels_per_byte = 512;

/// What libjpeg's callbacks work with.
struct JpegState {
  jpeg_decompress_struct decoder = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump = {};
  char message[JMSG_LENGTH_MAX] = {};
};

JpegState& state_of(j_common_ptr decoder) {
  return *static_cast<JpegState*>(decoder->client_data);
}

[[noreturn]] void on_jpeg_error(j_common_ptr decoder) {
  JpegState& state = state_of(decoder);
  decoder->err->format_message(decoder, state.message);
  std::longjmp(state.jump, 1);
}

/// libjpeg goes on after damage with a warning and invented pixels; here damage is an error.
void on_message(j_common_ptr decoder, int level) {
  if (level < 0) on_jpeg_error(decoder);
}

void on_progress(j_common_ptr decoder) {
  JpegState& state = state_of(decoder);
  if (state.decoder.input_scan_number <= most_scans) return;
  std::snprintf(state.message, sizeof state.message, "more than %d scans", most_scans);
  std::longjmp(state.jump, 1);
}

/// A libjpeg decoder. Errors jump out of libjpeg with longjmp, which must not pass over anything that has a destructor;
/// so each call runs in a step of its own, whose frame holds plain data only.
class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {
    state_.decoder.err = jpeg_std_error(&state_.errors);
    state_.decoder.client_data = &state_;
    state_.errors.error_exit = on_jpeg_error;
    state_.errors.emit_message = on_message;
    state_.progress.progress_monitor = on_progress;
    if (setjmp(state_.jump) != 0) fail(name_, ": JPEG: ", state_.message);
    jpeg_create_decompress(&state_.decoder);
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&state_.decoder); }

  Tensor read() {
    read_header();
    const auto width = static_cast<int64_t>(state_.decoder.image_width);
    const auto height = static_cast<int64_t>(state_.decoder.image_height);
    const int64_t channels = state_.decoder.num_components == 1 ? 1 : 3;
    Tensor out({channels, height, width});
    std::vector<unsigned char> row(static_cast<size_t>(width * channels));
    step([decoder = &state_.decoder, planes = out.fill<float>(), line = row.data(), width, height, channels] {
      jpeg_start_decompress(decoder);
      for (int64_t y = 0; y < height; ++y) {
        JSAMPROW lines[] = {line};
        jpeg_read_scanlines(decoder, lines, 1);
        for (int64_t i = 0; i < width * channels; ++i)
          planes[((i % channels) * height + y) * width + i / channels] = static_cast<float>(line[i]) / 255.0f;
      }
      jpeg_finish_decompress(decoder);
    });
    return out;
  }

 private:
  template <class Step>
  void step(Step run) {
    static_assert(std::is_trivially_destructible_v<Step>);
    if (setjmp(state_.jump) != 0)
      fail(name_, ": JPEG: near byte ", position(), ": ", state_.message, "; is the file complete?");
    run();
  }

  /// How far libjpeg has come; it looks a few bytes ahead of what it works on.
  size_t position() const {
    const jpeg_source_mgr* source = state_.decoder.src;
    return source == nullptr ? 0 : bytes_.size() - std::min(bytes_.size(), source->bytes_in_buffer);
  }

  void read_header() {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes_.data());
    step([state = &state_, data, size = bytes_.size()] {
      jpeg_mem_src(&state->decoder, data, size);
      state->decoder.progress = &state->progress;
      jpeg_read_header(&state->decoder, TRUE);
    });
    jpeg_decompress_struct& decoder = state_.decoder;
    const size_t width = decoder.image_width, height = decoder.image_height;
    check(height <= static_cast<size_t>(most_pixels) / width, name_, ": JPEG: ", width, " x ", height,
          " pixels; expected at most ", most_pixels, " pixels in all");
    check(width * height / pixels_per_byte <= bytes_.size(), name_, ": JPEG: a file of ", bytes_.size(),
          " bytes cannot hold ", width, " x ", height, " pixels; is it complete?");
    check(decoder.num_components == 1 || decoder.num_components == 3, name_, ": JPEG: ", decoder.num_components,
          " channels (CMYK); save it as grey or colour (RGB)");
    decoder.out_color_space = decoder.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    decoder.dct_method = JDCT_ISLOW;  // the exact one, the same on every processor
  }

  JpegState state_;
  std::string_view bytes_;
  const std::string& name_;
};

}  // namespace

Tensor decode_jpeg(std::string_view bytes, const std::string& name) {
  return JpegReader(bytes, name).read();
}

}  // namespace tarn
