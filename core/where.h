// Where a JSON value stood: its file, line, column and JSON pointer, found again from one number only when a message
// needs them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tarn {

/// A JSON text that was read, kept as long as values from it live.
struct Source {
  std::string name = {};     // the file, or what stands for it: "--set optimizer.lr"
  std::string text = {};     // what was read
  std::string pointer = {};  // where its outermost value belongs: "" for a file
  bool lines = true;         // false where a line and column would say nothing
};

/// A value's place in a source. Copying it is cheap; line, column and pointer are worked out on demand, by reading the
/// text again.
class Where {
 public:
  Where() = default;
  Where(std::shared_ptr<const Source> source, size_t offset) : source_(std::move(source)), offset_(offset) {}

  /// False for a value that was made in code.
  bool known() const { return source_ != nullptr; }
  /// "FILE:LINE:COLUMN"; the source's name where it has no lines; empty where unknown. Lines and columns (in
  /// characters) count from 1.
  std::string place() const;
  /// The JSON pointer (RFC 6901), as "/model/2/p", its keys as they are written; empty for the outermost value.
  std::string pointer() const;
  /// How a message about the value begins, "FILE:LINE:COLUMN: /pointer: ". With `member`, about that (missing) member
  /// of it.
  std::string prefix(std::string_view member = {}) const;

  const Source* source() const { return source_.get(); }
  size_t offset() const { return offset_; }

 private:
  std::shared_ptr<const Source> source_;
  size_t offset_ = 0;
};

/// As part of a message a place prints its prefix, and works it out only then.
void append_text(std::string& out, const Where& where);

/// A piece of JSON text: a bracket, a comma, a colon, a string with its quotes, a number or a word; empty at the end of
/// the text.
struct Token {
  size_t begin = 0;
  size_t end = 0;
};

/// The first token at or after `from`; blanks and comments are skipped. Works on any bytes; `from` must not be inside a
/// token.
Token next_token(std::string_view text, size_t from);

}  // namespace tarn
