// What an error says.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"

namespace tarn::test {

/// The message of the Error that f throws; empty where it throws none.
inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace tarn::test
