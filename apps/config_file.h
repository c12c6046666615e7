// Config files: one may extend another and include blocks from more; a bare name is a config that is built in.
#pragma once

#include <string>

#include "core/config.h"

namespace tarn {

struct ConfigFile {
  Json root;           ///< an object, with what it extends merged in and the blocks that it includes among its own
  std::string folder;  ///< where relative paths start: that of the file which says where the data are
  bool blocks_known = true;  ///< false where a file that was to be included could not be read
};

/// Reads the config at `path`, or the built-in one of that name ("digits"). Its "extends" and "include" name files
/// relative to the one that they stand in, or "builtin:NAME". Throws located errors: no such file, a file that extends
/// or includes itself, a block that two included files define, more than 16 MiB of text in all.
ConfigFile load_config(const std::string& path);
/// The same, but mistakes that leave something to look at are added to `problems`: keys given twice, of which the first
/// counts, files to include that cannot be read, blocks that two files define.
ConfigFile load_config(const std::string& path, Problems& problems);

}  // namespace tarn
