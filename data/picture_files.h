// The pictures of a folder that has one sub-folder for each class.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/skipped.h"

namespace tarn {

/// A picture's file, and the number of the class that it lies in.
struct PictureFile {
  std::string path;
  int64_t label = 0;
};

/// What is in such a folder.
struct PictureFiles {
  std::vector<PictureFile> files;
  std::vector<std::string> class_names;
  int64_t others = 0;       ///< files that are no pictures by their names, or lie beside the classes' folders
  std::string first_other;  ///< the path of one of them
};

/// Lists the pictures below `root`, as torchvision's ImageFolder does: each sub-folder is a class, numbered in the
/// order of their names; pictures may lie any number of folders deeper, links are followed, and the order is that of
/// the folders' paths, then of the names. A picture is what ends in .png, .jpg, .jpeg, .pgm, .ppm or .pnm, in small or
/// capital letters.
///
/// `classes` are the names that another folder has given numbers; without any, all sub-folders are numbered, and there
/// must be two. Throws "PATH: …" where there is no such folder, it has no classes, a class has no pictures or is not
/// among `classes`. Links that lead nowhere or to a folder that is read anyway (as all circles do), folders that cannot
/// be read, and devices or pipes that are called like pictures are errors, too, or counted where `skipped` is given.
PictureFiles list_pictures(const std::string& root, const std::vector<std::string>& classes, Skipped* skipped);

}  // namespace tarn
