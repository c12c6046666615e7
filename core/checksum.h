// A 64-bit checksum that notices damage to files: XXH3 of their bytes.
#pragma once

#include <string>
#include <string_view>

namespace tarn {

/// XXH3_64bits of the bytes (Yann Collet's xxHash, by libxxhash), as 16 hexadecimal digits. Not against intent, only
/// against accident.
std::string checksum(std::string_view bytes);

}  // namespace tarn
