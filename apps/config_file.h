// Config files: one may extend another and include blocks from more; a bare name is a config that is built in.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/json.h"

namespace tarn {

struct ConfigFile {
  Json root;           ///< an object, with what it extends merged in and the blocks that it includes among its own
  std::string folder;  ///< where relative paths start: that of the file which says where the data are
};

/// The text of a config file by its name, or nothing where there is none. Throws where it cannot be read.
using ConfigTexts = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads the config at `path`, or the built-in one of that name ("digits"). Its "extends" and "include" name files
/// relative to the one that they stand in, or "builtin:NAME". Throws located errors: no such file, a file that extends
/// or includes itself, a block that two included files define, more than 16 MiB of text in all.
ConfigFile load_config(const std::string& path);
/// The same of files that `texts` gives, which need not be on a disk.
ConfigFile load_config(const std::string& path, const ConfigTexts& texts);

}  // namespace tarn
