// NumPy's .npy format (numpy.lib.format): a header that is a Python dictionary, then the elements.
#include <charconv>
#include <cstring>
#include <vector>

#include "data/image.h"

namespace tarn {

namespace {

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }: the three keys once each, in any order.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    std::string seen;
    expect('{');
    while (!accept('}')) {
      const std::string key(string());
      expect(':');
      if (key == "descr") {
        header.descr = string();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        fail(name_, ": npy: the header has the key ", quote(key), "; expected descr, fortran_order and shape");
      }
      check(seen.find("|" + key + "|") == std::string::npos, name_, ": npy: the header has ", quote(key), " twice");
      seen += "|" + key + "|";
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    check(at_ == text_.size(), name_, ": npy: ", quote(text_.substr(at_)), " after the header's end");
    for (const char* key : {"descr", "fortran_order", "shape"})
      check(seen.find("|" + std::string(key) + "|") != std::string::npos, name_, ": npy: the header has no '", key,
            "'");
    return header;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    const bool there = at_ < text_.size() && text_[at_] == c;
    if (there) ++at_;
    return there;
  }
  void expect(char c) {
    if (!accept(c)) broken(std::string(1, c));
  }
  [[noreturn]] void broken(std::string_view wanted) const {
    fail(name_, ": npy: the header has ", quote(text_.substr(std::min(at_, text_.size()), 20)), " where ",
         quote(wanted), " should stand");
  }
  std::string_view string() {
    skip_blanks();
    const char mark = at_ < text_.size() ? text_[at_] : ' ';
    if (mark != '\'' && mark != '"') broken("'");
    const size_t end = text_.find(mark, at_ + 1);
    if (end == std::string_view::npos) broken("a quoted word");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  bool boolean() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return word == "True";
    }
    broken("True or False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      int64_t size = 0;
      const char* begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) broken("a size");
      at_ += static_cast<size_t>(end - begin);
      sizes.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

/// Elements of type From, which may stand at any address, as type To.
template <class From, class To>
Tensor elements(std::string_view data, const Shape& shape) {
  Tensor out(shape, dtype_of<To>());
  To* to = out.fill<To>();
  const auto n = static_cast<size_t>(shape.numel());
  for (size_t i = 0; i < n; ++i) {
    From value;
    std::memcpy(&value, data.data() + i * sizeof(From), sizeof(From));
    to[i] = static_cast<To>(value);
  }
  return out;
}

/// An element type: its size, and how elements are read.
struct NpyType {
  std::string_view descr;
  size_t size;
  Tensor (*read)(std::string_view data, const Shape& shape);
};
constexpr NpyType types[] = {
    {"<f4", 4, elements<float, float>},      {"<f8", 8, elements<double, double>},
    {"|u1", 1, elements<uint8_t, int64_t>},  {"|i1", 1, elements<int8_t, int64_t>},
    {"<u2", 2, elements<uint16_t, int64_t>}, {"<i2", 2, elements<int16_t, int64_t>},
    {"<u4", 4, elements<uint32_t, int64_t>}, {"<i4", 4, elements<int32_t, int64_t>},
    {"<i8", 8, elements<int64_t, int64_t>},
};

const NpyType& type_named(std::string_view descr, const std::string& name) {
  for (const NpyType& type : types)
    if (descr == type.descr) return type;
  fail(name, ": npy: elements are ", quote(descr),
       "; expected '<f4', '<f8' or an integer; save it with np.save(path, x.astype('float32'))");
}

/// The header's text; `at` becomes where the elements begin.
std::string_view header_text(std::string_view bytes, const std::string& name, size_t& at) {
  const auto byte = [&bytes](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  check(bytes.size() >= 10 && bytes.starts_with("\x93NUMPY"), name,
        ": npy: does not begin as a .npy file does; is the file complete?");
  const size_t version = byte(6);
  check(version >= 1 && version <= 3, name, ": npy: format version ", version, "; expected 1, 2 or 3");
  const size_t begin = version == 1 ? 10 : 12;
  check(bytes.size() >= begin, name, ": npy: the file ends in its header; is it complete?");
  const size_t length = byte(8) + 256 * byte(9) + (version == 1 ? 0 : 65536 * byte(10) + 16777216 * byte(11));
  check(length <= bytes.size() - begin, name, ": npy: the file ends in its header; is it complete?");
  at = begin + length;
  return bytes.substr(begin, length);
}

}  // namespace

NpyArray decode_npy(std::string_view bytes, const std::string& name) {
  size_t at = 0;
  const NpyHeader header = HeaderParser(header_text(bytes, name, at), name).parse();
  const NpyType& type = type_named(header.descr, name);
  check(header.shape.size() <= static_cast<size_t>(Shape::max_rank), name, ": npy: ", header.shape.size(),
        " dimensions; expected at most ", Shape::max_rank);
  for (const int64_t size : header.shape)
    check(size > 0, name, ": npy: the shape ", std::span<const int64_t>(header.shape), " holds no elements");
  check(!header.fortran_order || header.shape.size() < 2, name,
        ": npy: in Fortran order; save it with np.save(path, np.ascontiguousarray(x))");
  size_t expected = type.size;
  bool fits = true;
  for (const int64_t size : header.shape)
    fits = fits && !__builtin_mul_overflow(expected, static_cast<size_t>(size), &expected);
  check(fits && bytes.size() - at == expected, name, ": npy: ", bytes.size() - at, " bytes follow the header; ",
        header.descr, " of ", std::span<const int64_t>(header.shape), " takes another number; is the file complete?");
  return {.values = type.read(bytes.substr(at), Shape(std::span<const int64_t>(header.shape))),
          .bytes = type.descr == "|u1"};
}

}  // namespace tarn
