// What all HTML pages share: their head and their style.
#pragma once

#include <string>

namespace tarn {

/// The start of a self-contained page, up to its title as a heading.
std::string page_head(const std::string& title);

}  // namespace tarn
