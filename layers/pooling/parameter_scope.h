// Who shares the numbers that a pooling learns: all windows, those of a channel, those of a position, or none.
#pragma once

#include <string>
#include <vector>

#include "layers/module.h"
#include "layers/pooling/taps.h"

namespace tarn {

/// The setting "scope", and what it makes of parameters.
struct ParameterScope {
  std::string name = "layer";

  void fields(Fields& f) {
    f("scope", name,
      "who has numbers of its own: the \"layer\", each \"channel\", each \"region\" (position of the output), or each "
      "\"region_channel\"",
      {.choices = {"layer", "channel", "region", "region_channel"}});
  }
  bool by_channel() const { return name == "channel" || name == "region_channel"; }
  bool by_region() const { return name == "region" || name == "region_channel"; }

  /// Sizes of a parameter: first those of `front`, then channels and output positions where they have their own, then
  /// those of `back`.
  Shape sizes(const Build& build, const Windows& w, std::vector<int64_t> front, std::vector<int64_t> back) const {
    const Shape& x = build.shape();
    if (by_channel()) front.push_back(x[x.rank() - w.rank - 1]);
    for (int i = 3 - w.rank; by_region() && i < 3; ++i) front.push_back(w.axes[static_cast<size_t>(i)].output);
    front.insert(front.end(), back.begin(), back.end());
    return Shape(front);
  }
  /// Such a parameter (with `front` first dimensions, and `taps` numbers for each window) as [front…, C or 1, cells or
  /// 1, taps], which broadcasts against windows' taps. Throws with the layer's name where the channels or the plane of
  /// the input x are not those of the parameter.
  Tensor over_taps(const char* layer, const Tensor& p, const Tensor& x, const Windows& w, int front,
                   int64_t taps) const {
    std::vector<int64_t> sizes(p.shape().begin(), p.shape().begin() + front);
    sizes.push_back(by_channel() ? p.shape()[front] : 1);
    sizes.push_back(by_region() ? w.output_cells() : 1);
    sizes.push_back(taps);
    const int64_t channels = x.size(channel_axis(x, w));
    check(!by_channel() || p.shape()[front] == channels, layer, ": scope \"", name, "\" made a parameter ", p.shape(),
          " for other channels: the input ", x.shape(), " has ", channels);
    check(Shape(sizes).numel() == p.numel(), layer, ": scope \"", name, "\" made a parameter ", p.shape(),
          " for planes of another size: this input has ", w.output_cells(), " windows");
    return reshape(p, Shape(sizes));
  }
};

}  // namespace tarn
