// NumPy's .npy format (numpy.lib.format): a header that is a Python dictionary, then the elements.
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <vector>

#include "data/image.h"
#include "data/pixels.h"

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
  /// `begin` is the byte of the file where the header's text starts.
  HeaderParser(std::string_view text, size_t begin, const std::string& name)
      : text_(text), begin_(begin), name_(name) {}

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
    check(at_ == text_.size(), name_, ": npy: byte ", begin_ + at_, ": ", quote(text_.substr(at_)),
          " after the header's end");
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
    fail(name_, ": npy: byte ", begin_ + std::min(at_, text_.size()), ": the header has ",
         quote(text_.substr(std::min(at_, text_.size()), 20)), " where ", quote(wanted), " should stand");
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
  size_t begin_;
  const std::string& name_;
  size_t at_ = 0;
};

template <class From>
From element(std::string_view data, size_t i) {  // elements may stand at any address
  From value;
  std::memcpy(&value, data.data() + i * sizeof(From), sizeof(From));
  return value;
}

/// Elements of type From as type To, which holds them all.
template <class From, class To>
Tensor elements(std::string_view data, const Shape& shape) {
  Tensor out(shape, dtype_of<To>());
  To* to = out.fill<To>();
  const auto n = static_cast<size_t>(shape.numel());
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<To>(element<From>(data, i));
  return out;
}

/// Elements of type From as float32. `where` names the file and `at` is the byte where the elements begin.
template <class From>
Tensor floats(std::string_view data, const Shape& shape, const std::string& where, size_t at) {
  Tensor out(shape);
  float* to = out.fill<float>();
  if constexpr (std::same_as<From, uint8_t>) {
    scale_bytes(data, to);
    return out;
  }
  // Every whole number up to this one is a float32.
  constexpr auto most = std::floating_point<From> ? static_cast<double>(std::numeric_limits<float>::max()) : 0x1p24;
  const auto n = static_cast<size_t>(shape.numel());
  for (size_t i = 0; i < n; ++i) {
    const From value = element<From>(data, i);
    check(std::abs(static_cast<double>(value)) <= most, where, ": npy: byte ", at + i * sizeof(From), ": element ", i,
          " is ", value, std::floating_point<From> ? ", which is not a finite float32" : ", which float32 cannot hold");
    to[i] = static_cast<float>(value);
  }
  return out;
}

/// An element type: its size, and how elements are read.
struct NpyType {
  std::string_view descr;
  size_t size;
  Tensor (*read)(std::string_view data, const Shape& shape);
  Tensor (*read_floats)(std::string_view data, const Shape& shape, const std::string& where, size_t at);
};
constexpr NpyType types[] = {
    {"<f4", 4, elements<float, float>, floats<float>},         {"<f8", 8, elements<double, double>, floats<double>},
    {"|u1", 1, elements<uint8_t, int64_t>, floats<uint8_t>},   {"|i1", 1, elements<int8_t, int64_t>, floats<int8_t>},
    {"<u2", 2, elements<uint16_t, int64_t>, floats<uint16_t>}, {"<i2", 2, elements<int16_t, int64_t>, floats<int16_t>},
    {"<u4", 4, elements<uint32_t, int64_t>, floats<uint32_t>}, {"<i4", 4, elements<int32_t, int64_t>, floats<int32_t>},
    {"<i8", 8, elements<int64_t, int64_t>, floats<int64_t>},
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

/// A file whose header and size agree.
struct NpyFile {
  const NpyType& type;
  Shape shape;
  size_t at;  ///< where the elements begin
};

NpyFile open_npy(std::string_view bytes, const std::string& name) {
  size_t at = 0;
  const std::string_view written = header_text(bytes, name, at);
  const NpyHeader header = HeaderParser(written, at - written.size(), name).parse();
  const NpyType& type = type_named(header.descr, name);
  const std::span<const int64_t> sizes(header.shape);
  check(sizes.size() <= static_cast<size_t>(Shape::max_rank), name, ": npy: ", sizes.size(),
        " dimensions; expected at most ", Shape::max_rank);
  for (const int64_t size : sizes) check(size > 0, name, ": npy: the shape ", sizes, " holds no elements");
  check(!header.fortran_order || sizes.size() < 2, name,
        ": npy: in Fortran order; save it with np.save(path, np.ascontiguousarray(x))");
  size_t expected = type.size;
  bool fits = true;
  for (const int64_t size : sizes)
    fits = fits && !__builtin_mul_overflow(expected, static_cast<size_t>(size), &expected);
  check(fits && bytes.size() - at == expected, name, ": npy: byte ", at, ": ", bytes.size() - at,
        " bytes follow the header; ", header.descr, " of ", sizes, " takes ",
        fits ? text(expected) : "more than any file", "; is the file complete?");
  return {.type = type, .shape = Shape(sizes), .at = at};
}

}  // namespace

NpyArray decode_npy(std::string_view bytes, const std::string& name) {
  const NpyFile file = open_npy(bytes, name);
  return {.values = file.type.read(bytes.substr(file.at), file.shape), .bytes = file.type.descr == "|u1"};
}

Tensor decode_npy_floats(std::string_view bytes, const std::string& name) {
  const NpyFile file = open_npy(bytes, name);
  return file.type.read_floats(bytes.substr(file.at), file.shape, name, file.at);
}

}  // namespace tarn
