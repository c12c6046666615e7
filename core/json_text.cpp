// Writing JSON text.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/json.h"

namespace tarn {

namespace {

constexpr int deepest_json = 256;  // far beyond what is ever read, and safe for the stack

// The length of the UTF-8 sequence that begins at `at`, or 0 where there is none.
size_t sequence_length(std::string_view bytes, size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  const size_t length = first < 0x80                     ? 1
                        : first >= 0xC2 && first <= 0xDF ? 2
                        : (first >> 4) == 0xE            ? 3
                        : (first >> 3) == 0x1E           ? 4
                                                         : 0;
  if (length == 0 || at + length > bytes.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(bytes[at + i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  void write(const Json& value, int depth);
  std::string take() { return std::move(out_); }

 private:
  void write_string(std::string_view value);
  void write_number(double value);
  void write_array(const Json& value, int depth);
  void write_object(const Json& value, int depth);
  void new_line(int depth) {
    if (indent_ < 0) return;
    out_.push_back('\n');
    out_.append(static_cast<size_t>(indent_) * static_cast<size_t>(depth), ' ');
  }

  int indent_;
  std::string out_;
};

void JsonWriter::write(const Json& value, int depth) {
  check(depth < deepest_json, "this JSON value is nested deeper than ", deepest_json, " levels and cannot be written");
  switch (value.kind()) {
    case Json::Kind::null:
      out_ += "null";
      break;
    case Json::Kind::boolean:
      append_text(out_, value.as_boolean());
      break;
    case Json::Kind::integer:
      append_text(out_, value.as_integer());
      break;
    case Json::Kind::number:
      write_number(value.as_number());
      break;
    case Json::Kind::string:
      write_string(value.as_string());
      break;
    case Json::Kind::array:
      write_array(value, depth);
      break;
    case Json::Kind::object:
      write_object(value, depth);
      break;
  }
}

void JsonWriter::write_number(double value) {
  if (!std::isfinite(value)) {
    out_ += "null";
    return;
  }
  const size_t begin = out_.size();
  append_text(out_, value);
  // 1 would read back as an integer.
  if (out_.find_first_of(".e", begin) == std::string::npos) out_ += ".0";
}

void JsonWriter::write_string(std::string_view value) {
  out_.push_back('"');
  for (size_t at = 0; at < value.size();) {
    const size_t length = sequence_length(value, at);
    const char c = value[at];
    if (length == 0) {
      out_ += "\xEF\xBF\xBD";  // U+FFFD, the replacement character
    } else if (c == '"' || c == '\\') {
      out_ += {'\\', c};
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c == '\t') {
      out_ += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      out_ += {'\\', 'u', '0', '0', digits[static_cast<size_t>(c) >> 4], digits[c & 15]};
    } else {
      out_ += value.substr(at, length);
    }
    at += std::max<size_t>(length, 1);
  }
  out_.push_back('"');
}

void JsonWriter::write_array(const Json& value, int depth) {
  const auto is_plain = [](const Json& item) { return !item.is_array() && !item.is_object(); };
  const bool one_line = indent_ < 0 || std::all_of(value.items().begin(), value.items().end(), is_plain);
  out_.push_back('[');
  bool first = true;
  for (const Json& item : value.items()) {
    if (!first) out_ += one_line && indent_ >= 0 ? ", " : ",";
    first = false;
    if (!one_line) new_line(depth + 1);
    write(item, depth + 1);
  }
  if (!one_line) new_line(depth);
  out_.push_back(']');
}

void JsonWriter::write_object(const Json& value, int depth) {
  out_.push_back('{');
  bool first = true;
  for (const Member& member : value.members()) {
    if (!first) out_.push_back(',');
    first = false;
    new_line(depth + 1);
    write_string(member.key);
    out_ += indent_ >= 0 ? ": " : ":";
    write(member.value, depth + 1);
  }
  if (!first) new_line(depth);
  out_.push_back('}');
}

}  // namespace

std::string to_text(const Json& value, int indent) {
  JsonWriter writer(indent);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace tarn
