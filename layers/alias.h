// Other names of layers: what papers and other libraries call them.
#pragma once

#include <string>

namespace tarn {

/// A config may say `alias` for the layer `name`; what is written out has the layer's own name. Call it at namespace
/// scope, in the layer's own file.
bool add_layer_alias(std::string alias, std::string name);
/// The same for the names with 1d, 2d and 3d behind them.
bool add_layer_aliases(const std::string& alias, const std::string& family);

}  // namespace tarn
