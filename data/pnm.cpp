// PGM and PPM pictures (Netpbm), as text or as bytes.
#include "data/image.h"

namespace tarn {

namespace {

class PnmReader {
 public:
  PnmReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Tensor read() {
    const char kind = bytes_.size() < 2 ? '?' : bytes_[1];
    check(kind == '2' || kind == '3' || kind == '5' || kind == '6', name_, ": begins with ", quote(bytes_.substr(0, 2)),
          "; expected P2 or P5 (PGM, grey), P3 or P6 (PPM, colour)");
    at_ = 2;
    const int64_t channels = kind == '3' || kind == '6' ? 3 : 1;
    const int64_t width = number("the width");
    const int64_t height = number("the height");
    const int64_t most = number("the largest value");
    check(width > 0 && height > 0 && height <= most_pixels / width, name_, ": PNM: ", width, " x ", height,
          " pixels; expected 1 to ", most_pixels, " pixels in all");
    check(most >= 1 && most <= 65535, name_, ": PNM: the largest value is ", most, "; expected 1 to 65535");
    const bool raw = kind >= '5';
    return raw ? read_raw(channels, height, width, most) : read_text(channels, height, width, most);
  }

 private:
  /// The next number; blanks, and comments from '#' to the line's end, stand before it.
  int64_t number(const char* what) {
    bool apart = false;
    for (; at_ < bytes_.size() && (is_blank(bytes_[at_]) || bytes_[at_] == '#'); ++at_) {
      apart = true;
      if (bytes_[at_] == '#')
        while (at_ + 1 < bytes_.size() && bytes_[at_] != '\n') ++at_;
    }
    check(at_ < bytes_.size(), name_, ": PNM: byte ", at_, ": the file ends where ", what, " should stand");
    const size_t begin = at_;
    int64_t value = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9' && at_ - begin < 9; ++at_)
      value = 10 * value + (bytes_[at_] - '0');
    const bool ends = at_ == bytes_.size() || is_blank(bytes_[at_]) || bytes_[at_] == '#';
    check(apart && at_ > begin && ends, name_, ": PNM: byte ", begin, ": ", quote(bytes_.substr(begin, 10)), " where ",
          what, " should stand");
    return value;
  }
  static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  /// A picture to fill, after a look at whether the file can hold it.
  Tensor make(int64_t channels, int64_t height, int64_t width, int64_t needed) const {
    const auto left = static_cast<int64_t>(bytes_.size() - std::min(at_, bytes_.size()));
    check(left >= needed, name_, ": PNM: byte ", at_, ": ", left, " bytes of pixels; ", width, " x ", height, " in ",
          channels, channels == 1 ? " channel" : " channels", " need ", needed, "; is the file complete?");
    return Tensor({channels, height, width});
  }

  Tensor read_raw(int64_t channels, int64_t height, int64_t width, int64_t most) {
    ++at_;  // one blank ends the header
    const int64_t size = most < 256 ? 1 : 2;
    const int64_t n = height * width;
    Tensor out = make(channels, height, width, n * channels * size);
    check(bytes_.size() - at_ == static_cast<size_t>(n * channels * size), name_,
          ": PNM: ", bytes_.size() - at_ - static_cast<size_t>(n * channels * size),
          " bytes after the picture; expected one picture and nothing else");
    const auto* in = reinterpret_cast<const unsigned char*>(bytes_.data() + at_);
    for (int64_t i = 0; i < n * channels; ++i) {
      const int64_t value = size == 1 ? in[i] : 256 * in[2 * i] + in[2 * i + 1];
      check(value <= most, name_, ": PNM: byte ", at_ + static_cast<size_t>(i * size), ": value ", value, " is above ",
            most, ", which the header says is the largest");
      out.fill<float>()[(i % channels) * n + i / channels] = static_cast<float>(value) / static_cast<float>(most);
    }
    return out;
  }

  Tensor read_text(int64_t channels, int64_t height, int64_t width, int64_t most) {
    const int64_t n = height * width;
    Tensor out = make(channels, height, width, 2 * n * channels);  // a blank and a digit each
    for (int64_t i = 0; i < n * channels; ++i) {
      const int64_t value = number("a value");
      check(value <= most, name_, ": PNM: byte ", at_, ": value ", value, " is above ", most,
            ", which the header says is the largest");
      out.fill<float>()[(i % channels) * n + i / channels] = static_cast<float>(value) / static_cast<float>(most);
    }
    while (at_ < bytes_.size() && is_blank(bytes_[at_])) ++at_;
    check(at_ == bytes_.size(), name_, ": PNM: byte ", at_, ": ", quote(bytes_.substr(at_, 10)),
          " after the picture; expected one picture and nothing else");
    return out;
  }

  std::string_view bytes_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace

Tensor decode_pnm(std::string_view bytes, const std::string& name) {
  return PnmReader(bytes, name).read();
}

}  // namespace tarn
