// Compressing bytes with zlib, for files that tests write.
#pragma once

#include <string>

namespace tarn::test {

/// `bytes` compressed; window 31: gzip's form, 15: zlib's, -15: deflate alone, as zip archives have it.
std::string deflated(const std::string& bytes, int window = -15);
inline std::string gzip(const std::string& bytes) {
  return deflated(bytes, 31);
}

}  // namespace tarn::test
