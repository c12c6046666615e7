// A pooling over sliding windows, for 1, 2 and 3 dimensions at once: a variant gives its settings and what a window
// becomes, and is registered for every rank.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "layers/pooling.h"
#include "layers/pooling/taps.h"

namespace tarn {

/// The layer of a variant R:
///   struct R {
///     void fields(Fields&);                      its settings besides the window's
///     Tensor pool(const Tensor& x, const Windows& w, Context&) const;
///   };
/// and, where it learns, `void build(Build&, const Shape& x, int rank)` or, where the parameters depend on the windows,
/// `void build(Build&, const Windows& w)`, which makes its parameters, and `void parts(Parts&)`, which lists them. One
/// with `static constexpr bool whole_windows = true` refuses padding and ceil_mode.
template <int rank, class R>
class WindowPool : public Module {
 public:
  struct Config {
    SlidingSettings<rank> window;
    R variant;
    void fields(Fields& f) {
      window.fields(f);
      variant.fields(f);
    }
  };

  WindowPool(Config c, Build& build) : window_(std::move(c.window)), variant_(std::move(c.variant)) {
    if constexpr (requires { variant_.build(build, build.shape(), rank); }) variant_.build(build, build.shape(), rank);
    if constexpr (requires { R::whole_windows; }) {
      const bool whole = std::all_of(window_.padding.begin(), window_.padding.end(), [](int64_t p) { return p == 0; });
      check(whole && !window_.ceil_mode,
            "padding and ceil_mode make windows that reach over the edge, which have no "
            "meaning here; leave both out, and pad the input before where it must be");
    }
    if constexpr (requires(const Windows& w) { variant_.build(build, w); })
      variant_.build(build, window_.windows(with_rank("pool", rank), build.shape()));
  }
  Tensor forward(const Tensor& x, Context& context) override {
    const Windows& w =
        windows_.get(x.shape(), rank, [this](const Shape& s) { return window_.windows(with_rank("pool", rank), s); });
    return variant_.pool(x, w, context);
  }
  void parts(Parts& p) override {
    if constexpr (requires { variant_.parts(p); }) variant_.parts(p);
  }

 private:
  SlidingSettings<rank> window_;
  R variant_;
  KeptWindows windows_;
};

/// What the manual says of a variant.
struct PoolText {
  PoolGroup group = PoolGroup::other;
  const char* doc;      ///< one sentence
  const char* formula;  ///< in the notation of the manual: x_i the values inside a window, y the result
  const char* source;   ///< paper
  const char* use;      ///< when to use it
  const char* sample = R"({"kernel_size": 3, "stride": 2, "padding": 1})";
  Domain domain = Domain::away_from_ties;
  bool random = false;
};

/// Registers a variant as FAMILY1d, FAMILY2d and FAMILY3d: `const bool added = add_window_pools<R>("SoftPool", {…});`
template <class R>
bool add_window_pools(const char* family, const PoolText& t) {
  const auto add = [&]<int rank>(std::integral_constant<int, rank>) {
    LayerInfo& row = add_layer<WindowPool<rank, R>>(with_rank(family, rank), t.doc, t.sample, {spatial_sample(rank)})
                         .formula(t.formula)
                         .source(t.source)
                         .pools(t.group, t.use)
                         .samples_from(t.domain);
    if (t.random) row.draws_random_numbers();
  };
  add(std::integral_constant<int, 1>());
  add(std::integral_constant<int, 2>());
  add(std::integral_constant<int, 3>());
  return true;
}

}  // namespace tarn
