// Text for people: numbers, columns of a terminal, and words broken into lines that fit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tarn {

/// Columns of the terminal that standard output is, between 40 and 200; 100 where it is none.
size_t terminal_width();

/// Columns that a text takes: characters of UTF-8, each one wide.
size_t columns(std::string_view text);

/// A number as printf writes it.
std::string formatted(double value, const char* format = "%.5g");

/// `text` and spaces up to `width` columns.
std::string padded(const std::string& text, size_t width);

/// `first`, then `text` in lines of at most `width` columns, broken between words; the lines after the first begin with
/// `indent` spaces. A word that is longer stands on a line of its own. Ends with a line break.
std::string wrapped(const std::string& first, std::string_view text, size_t indent, size_t width);

}  // namespace tarn
