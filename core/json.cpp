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

struct Complaint;

// Receives the parser's events (its SAX interface) and builds the value.
class Builder {
 public:
  /// Where `repeated` is null a key given twice is an error.
  Builder(std::shared_ptr<const Source> source, const JsonLimits& limits, std::vector<Repeated>* repeated)
      : source_(std::move(source)), limits_(limits), repeated_(repeated) {}

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
    refuse_repeated(open_.back().members());
    return close();
  }
  bool end_array() {
    advance();
    return close();
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error);
  std::string expectation(const Complaint& complaint, std::string_view word) const;

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

  void refuse_repeated(Json::Object& members) {
    std::vector<const Member*> sorted;
    for (const Member& member : members) sorted.push_back(&member);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    std::vector<bool> again(members.size());
    const Member* first = nullptr;
    for (const Member* member : sorted) {
      if (first == nullptr || first->key != member->key) {
        first = member;
        continue;
      }
      again[static_cast<size_t>(member - members.data())] = true;
      const std::string message = text("key ", quote(member->key), " is given twice, first at ", first->where.place());
      if (repeated_ == nullptr) fail(member->where, message);
      repeated_->push_back({member->where, message + "; remove one of them"});
    }
    size_t i = 0;
    std::erase_if(members, [&](const Member&) { return again[i++]; });
  }

  std::shared_ptr<const Source> source_;
  JsonLimits limits_;
  std::vector<Repeated>* repeated_;
  Json root_;
  std::vector<Json> open_;
  std::vector<Member> keys_;  // the key being read in each open container
  size_t end_ = 0;            // of the last token that was reported
  size_t count_ = 0;
};

// What the parser was about to read, and what it says is wrong there, from its message "… parsing WHAT - WHY; …".
struct Complaint {
  std::string what, why;

  explicit Complaint(std::string_view message) {
    const size_t begin = message.find("parsing ");
    const size_t dash = message.find(" - ");
    if (begin == std::string_view::npos || dash == std::string_view::npos) return;
    what = message.substr(begin + 8, dash - begin - 8);
    why = message.substr(dash + 3, message.find("; last read") - dash - 3);
  }
  bool is_about(std::string_view words) const { return why.find(words) != std::string::npos; }
};

bool separates(char c) {
  return std::string_view(" \t\r\n{}[]:,;\"").find(c) != std::string_view::npos;
}

// The whole word around a place: of 0xff, 10_000 and 017 the parser takes the first part for a number.
Token word_around(std::string_view text, size_t at) {
  Token word{at, at};
  if (text.substr(at, 1) == ";") return word;
  while (word.begin > 0 && !separates(text[word.begin - 1])) --word.begin;
  while (word.end < text.size() && !separates(text[word.end])) ++word.end;
  return word;
}

bool begins_number(std::string_view word) {
  const size_t digit = word.find_first_of("0123456789");
  return !word.empty() && digit != std::string_view::npos && word.find_first_not_of("+-.") == digit;
}

// What is probably wrong with a number that is none.
std::string number_hint(std::string_view word) {
  const size_t sign = word.starts_with('-') || word.starts_with('+') ? 1 : 0;
  const std::string_view digits = word.substr(sign);
  if (word.starts_with('+')) return "; a number has no plus sign";
  if (digits.starts_with('.')) return text("; write ", word.substr(0, sign), "0", digits);
  if (digits.ends_with('.')) return text("; write ", word, "0");
  if (digits.find('_') != std::string_view::npos) return "; a number has no '_' in it";
  if (digits.starts_with("0x") || digits.starts_with("0X")) return "; write it with digits from 0 to 9";
  if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
    return "; a number does not begin with 0";
  return {};
}

// What is probably wrong, for the mistakes that people make.
std::string hint(std::string_view word, char before, const Complaint& complaint, bool outermost) {
  if (complaint.is_about("end of input")) return {};
  if ((word == "]" || word == "}") && before == ',') return "; the comma before it has nothing after it";
  if (word.starts_with('\'')) return "; strings take double quotes";
  if (word.starts_with('#')) return "; a comment begins with //";
  if (word == "True" || word == "False" || word == "None") return "; JSON writes true, false and null";
  std::string lower;
  for (const char c : word.substr(0, 9)) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (lower.starts_with('-') || lower.starts_with('+')) lower.erase(0, 1);
  if (lower == "nan" || lower.starts_with("inf")) return "; JSON has no NaN and no infinity";
  const char first = word.empty() ? ' ' : word[0];
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
  const bool literal = word == "true" || word == "false" || word == "null";
  if (letter && !literal && complaint.what != "value" && complaint.what != "object key")
    return "; is a quote missing before it?";
  const bool closes = word == "]" || word == "}" || word == ":";
  if ((complaint.what == "object" || complaint.what == "array") && !closes && word != ";")
    return "; a comma is missing before it";
  if (outermost && complaint.what == "value") return "; an object begins with {";
  const bool digits = word.find_first_not_of("0123456789") == std::string_view::npos;
  if (complaint.what == "object key" && before == ',' && digits) return "; a number has a point, not a comma";
  return letter && complaint.what == "value" ? "; strings take double quotes" : "";
}

// What stands for the parser's words about a broken string.
std::string string_fault(const Complaint& complaint) {
  if (complaint.is_about("U+000A") || complaint.is_about("U+000D"))
    return "a string ends with its line; a closing quote is missing, or \\n for a new line";
  if (complaint.is_about("U+0009")) return "a string has a tab in it; write \\t";
  if (complaint.is_about("after backslash"))
    return "a string has a backslash that begins no escape; write \\\\ for the character itself";
  return complaint.why;
}

bool Builder::parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
  const std::string_view written = source_->text;
  const Complaint complaint(error.what());
  const size_t last_read = std::min(std::max<size_t>(position, 1) - 1, written.size());
  const bool closing = complaint.is_about("closing quote");
  if (complaint.is_about("invalid string") && !closing) fail(Where(source_, last_read), string_fault(complaint));
  if (complaint.is_about("comment")) {
    const size_t begin = written.find("/*", end_);
    if (begin != std::string_view::npos) fail(Where(source_, begin), "a comment has no closing */");
    const Token slash = word_around(written, last_read);
    fail(Where(source_, slash.begin), "a comment begins with // or /*, found ",
         quote(written.substr(slash.begin, slash.end - slash.begin)));
  }
  char before = ' ';
  Token token = next_token(written, end_);
  const size_t reached = complaint.is_about("invalid") ? std::min(last_read, written.size() - 1) : last_read;
  while (token.end <= reached && token.begin < token.end) {
    before = written[token.begin];
    token = next_token(written, token.end);
  }
  // Two words in a row, as in 3;4, are one token here but not to the parser.
  if (last_read < token.begin) token = {last_read, next_token(written, last_read).end};
  const Token around = word_around(written, std::min(reached, written.size()));
  // A number that is whole ends before what the parser did not expect: that of [1} is not the mistake.
  const bool in_number = around.end > reached || complaint.is_about("invalid");
  if (in_number && begins_number(written.substr(around.begin, around.end - around.begin))) token = around;
  const std::string_view word = written.substr(token.begin, token.end - token.begin);
  const Where where(source_, token.begin);
  if (std::string_view(error.what()).find("number overflow") != std::string_view::npos)
    fail(where, word, " is beyond the range of numbers");
  if (closing) fail(where, "a string has no closing quote, found ", quote(word));
  const std::string inner = number_hint(word);
  if (begins_number(word) && (!inner.empty() || complaint.is_about("invalid")))
    fail(where, quote(word), " is no number", inner);
  if (!word.empty())
    fail(where, expectation(complaint, word), ", found ", quote(word), hint(word, before, complaint, open_.empty()));
  if (open_.empty()) fail(where, written.empty() ? "the text is empty" : "there is no value", "; expected JSON");
  const bool object = open_.back().is_object();
  fail(where, "the text ends too early; the ", object ? "object" : "list", " opened at ", open_.back().where().place(),
       " is not closed");
}

// "expected a value", or what else may stand where the parser stopped.
std::string Builder::expectation(const Complaint& complaint, std::string_view word) const {
  if (open_.empty() && complaint.is_about("end of input")) return "expected the end of the text";
  if (complaint.what == "object key") return "expected a key in double quotes";
  if (complaint.what == "object separator") return "expected ':'";
  if (complaint.what != "object" && complaint.what != "array") return "expected a value";
  const bool object = complaint.what == "object";
  const bool mixed = (object && word == "]") || (!object && word == "}");
  return text("expected ", object ? "',' or '}'" : "',' or ']'",
              mixed ? text(" for the ", object ? "object" : "list", " opened at ", open_.back().where().place()) : "");
}

Json parsed(const std::shared_ptr<const Source>& source, const JsonLimits& limits, std::vector<Repeated>* repeated) {
  const std::string& written = source->text;
  check(written.size() <= limits.bytes, source->name, ": ", written.size(), " bytes of JSON; at most ", limits.bytes,
        " are read");
  check(!written.starts_with("\xEF\xBB\xBF"), Where(source, 0),
        "the text begins with a byte-order mark; save it as UTF-8 without one");
  const bool has_mark = written.starts_with("\xFF\xFE") || written.starts_with("\xFE\xFF");
  const bool wide = has_mark || (written.size() > 1 && (written[0] == '\0') != (written[1] == '\0'));
  check(!wide, Where(source, 0), "the text is UTF-16; save it as UTF-8");
  const size_t bad = first_bad_byte(written);
  check(bad == std::string::npos, Where(source, bad),
        written[bad == std::string::npos ? 0 : bad] == '\0' ? "this byte is NUL, which no text contains"
                                                            : "this byte is not UTF-8 text; save the file as UTF-8");
  Builder builder(source, limits, repeated);
  const char* begin = written.data();
  using nlohmann::json;
  json::sax_parse(begin, begin + written.size(), &builder, json::input_format_t::json, true, limits.comments);
  return builder.take();
}

}  // namespace

Json parse_json(std::shared_ptr<const Source> source, const JsonLimits& limits) {
  return parsed(source, limits, nullptr);
}

Json parse_json(std::shared_ptr<const Source> source, std::vector<Repeated>& repeated, const JsonLimits& limits) {
  return parsed(source, limits, &repeated);
}

Json parse_json(std::string_view text, std::string name, const JsonLimits& limits) {
  // Before the copy, so that a text that is refused costs nothing.
  check(text.size() <= limits.bytes, name, ": ", text.size(), " bytes of JSON; at most ", limits.bytes, " are read");
  return parse_json(std::make_shared<Source>(Source{.name = std::move(name), .text = std::string(text)}), limits);
}

}  // namespace tarn
