// Reading JSON: nlohmann's parser finds the tokens, the class here builds values, counts, and knows where each token
// began.
#include "core/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace tarn {

namespace {

// The offset of the first byte that is not UTF-8 (or is NUL, which no JSON text contains), or npos.
size_t first_bad_byte(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  for (size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    if (first == 0) return i;
    if (first < 0x80) {
      ++i;
      continue;
    }
    const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                          : (first >> 4) == 0xE            ? 3
                          : first >= 0xF0 && first <= 0xF4 ? 4
                                                           : 0;
    if (length == 0) return i;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return i;
    }
    const unsigned second = byte(i + 1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate_or_beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    if (overlong || surrogate_or_beyond) return i;
    i += length;
  }
  return std::string_view::npos;
}

// Receives the parser's events (its SAX interface) and builds the value.
class Builder {
 public:
  Builder(std::shared_ptr<const Source> source, const JsonLimits& limits)
      : source_(std::move(source)), limits_(limits) {}

  Json take() { return std::move(root_); }

  bool null() { return add(Json(), advance()); }
  bool boolean(bool value) { return add(Json(value), advance()); }
  bool number_integer(int64_t value) { return add(Json(value), advance()); }
  bool number_unsigned(uint64_t value) {
    const Where where = advance();
    check(value <= uint64_t{std::numeric_limits<int64_t>::max()}, where, value, " does not fit 64 bits");
    return add(Json(value), where);
  }
  bool number_float(double value, const std::string& written) {
    const Where where = advance();
    // The parser turns an integer that it cannot hold into a number.
    check(written.find_first_of(".eE") != std::string::npos, where, written, " does not fit 64 bits");
    return add(Json(value), where);
  }
  bool string(std::string& value) { return add(Json(std::move(value)), advance()); }
  bool binary(std::vector<uint8_t>&) { return false; }  // never called for text

  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool key(std::string& name) {
    keys_.back().where = advance();
    keys_.back().key = std::move(name);
    return true;
  }
  bool end_object() {
    advance();
    refuse_duplicates(open_.back().members());
    return close();
  }
  bool end_array() {
    advance();
    return close();
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error);

 private:
  // Steps over the next token that is not a comma or a colon and says where it began.
  Where advance() {
    Token token = next_token(source_->text, end_);
    while (token.begin < token.end && (source_->text[token.begin] == ',' || source_->text[token.begin] == ':')) {
      token = next_token(source_->text, token.end);
    }
    end_ = token.end;
    return Where(source_, token.begin);
  }

  bool open(Json container) {
    container.set_where(advance());
    check(open_.size() < limits_.depth, container.where(), "nested deeper than ", limits_.depth, " levels");
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }

  bool close() {
    Json closed = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    const Where where = closed.where();
    return add(std::move(closed), where);
  }

  bool add(Json value, const Where& where) {
    check(++count_ <= limits_.values, where, "more than ", limits_.values, " values in one text");
    value.set_where(where);
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_array()) {
      open_.back().items().push_back(std::move(value));
    } else {
      open_.back().members().push_back({std::move(keys_.back().key), keys_.back().where, std::move(value)});
    }
    return true;
  }

  static void refuse_duplicates(const Json::Object& members) {
    std::vector<const Member*> sorted;
    for (const Member& member : members) sorted.push_back(&member);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    for (size_t i = 1; i < sorted.size(); ++i) {
      const Member& first = *sorted[i - 1];
      const Member& second = *sorted[i];
      if (first.key == second.key) {
        fail(second.where, "key ", quote(second.key), " is given twice, first at ", first.where.place());
      }
    }
  }

  std::shared_ptr<const Source> source_;
  JsonLimits limits_;
  Json root_;
  std::vector<Json> open_;
  std::vector<Member> keys_;  // the key being read in each open container
  size_t end_ = 0;            // of the last token that was reported
  size_t count_ = 0;
};

// The parser's message without its preamble and without the text it repeats.
std::string reason(std::string message) {
  const size_t dash = message.find(" - ");
  if (dash != std::string::npos) message.erase(0, dash + 3);
  const size_t repeated = message.find("; last read");
  if (repeated != std::string::npos) message.erase(repeated);
  return message;
}

// What is probably wrong, for the mistakes that people make.
std::string hint(std::string_view word, char before) {
  if ((word == "]" || word == "}") && before == ',') return "; the comma before it has nothing after it";
  if (word.starts_with('\'')) return "; strings take double quotes";
  if (word.starts_with('#')) return "; a comment begins with //";
  if (word == "True" || word == "False" || word == "None") return "; JSON writes true, false and null";
  std::string lower;
  for (const char c : word.substr(0, 9)) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (lower.starts_with('-') || lower.starts_with('+')) lower.erase(0, 1);
  if (lower == "nan" || lower.starts_with("inf")) return "; JSON has no NaN and no infinity";
  return {};
}

bool Builder::parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
  const std::string_view written = source_->text;
  const std::string why = reason(error.what());
  const auto is_about = [&](std::string_view words) { return why.find(words) != std::string::npos; };
  const size_t last_read = std::min(std::max<size_t>(position, 1) - 1, written.size());
  if (is_about("invalid string") && !is_about("closing quote")) fail(Where(source_, last_read), why);

  char before = ' ';
  Token token = next_token(written, end_);
  const size_t reached = is_about("invalid") ? std::min(last_read, written.size() - 1) : last_read;
  while (token.end <= reached && token.begin < token.end) {
    before = written[token.begin];
    token = next_token(written, token.end);
  }
  // Two numbers in a row, as in 01, are one token here but not to the parser.
  if (last_read < token.begin) token = {last_read, next_token(written, last_read).end};
  const std::string_view word = written.substr(token.begin, token.end - token.begin);
  const Where where(source_, token.begin);
  if (is_about("number overflow")) fail(where, word, " is beyond the range of numbers");
  if (word.size() == 1 && is_about("unexpected")) fail(where, why, hint(word, before));
  if (!word.empty()) fail(where, why, ", found ", quote(word), hint(word, before));
  if (open_.empty()) fail(where, written.empty() ? "the text is empty" : "there is no value", "; expected JSON");
  const bool object = open_.back().is_object();
  fail(where, "the text ends too early; the ", object ? "object" : "list", " opened at ", open_.back().where().place(),
       " is not closed");
}

}  // namespace

Json parse_json(std::shared_ptr<const Source> source, const JsonLimits& limits) {
  const std::string& written = source->text;
  check(written.size() <= limits.bytes, source->name, ": ", written.size(), " bytes of JSON; at most ", limits.bytes,
        " are read");
  check(!written.starts_with("\xEF\xBB\xBF"), Where(source, 0),
        "the text begins with a byte-order mark; save it as UTF-8 without one");
  const size_t bad = first_bad_byte(written);
  check(bad == std::string::npos, Where(source, bad), "this byte is not UTF-8 text");
  Builder builder(source, limits);
  const char* begin = written.data();
  using nlohmann::json;
  json::sax_parse(begin, begin + written.size(), &builder, json::input_format_t::json, true, limits.comments);
  return builder.take();
}

Json parse_json(std::string_view text, std::string name, const JsonLimits& limits) {
  // Before the copy, so that a text that is refused costs nothing.
  check(text.size() <= limits.bytes, name, ": ", text.size(), " bytes of JSON; at most ", limits.bytes, " are read");
  return parse_json(std::make_shared<Source>(Source{.name = std::move(name), .text = std::string(text)}), limits);
}

}  // namespace tarn
