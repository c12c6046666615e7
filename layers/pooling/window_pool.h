// A pooling over sliding windows, for 1, 2 and 3 dimensions at once: a variant gives its settings and what a window
// becomes, and is registered for every rank.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layers/pooling.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

/// "SoftPool2d" as "soft_pool2d", which is how errors begin.
inline std::string snake_case(std::string_view name) {
  const auto upper = [name](size_t i) { return i < name.size() && name[i] >= 'A' && name[i] <= 'Z'; };
  const auto lower = [name](size_t i) { return i < name.size() && name[i] >= 'a' && name[i] <= 'z'; };
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool begins_a_word = upper(i) && i > 0 && (!upper(i - 1) || lower(i + 1));
    if (begins_a_word) out.push_back('_');
    out.push_back(upper(i) ? static_cast<char>(name[i] - 'A' + 'a') : name[i]);
  }
  return out;
}

/// Registers layer L, whose Config has a `name` that is not a field: the layer's own, for its errors.
template <class L>
LayerInfo& add_named_layer(const std::string& name, const char* doc, const char* sample_config,
                           std::vector<Shape> sample_inputs) {
  LayerInfo& row = add_layer<L>(name, doc, sample_config, std::move(sample_inputs));
  row.make = [own = snake_case(name)](const Json& json, Build& build) -> std::unique_ptr<Module> {
    auto config = read_registered<typename L::Config>(json);
    config.name = own;
    return located(json, build, [&] { return std::make_unique<L>(std::move(config), build); });
  };
  return row;
}

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
    std::string name;
    SlidingSettings<rank> window;
    R variant;
    void fields(Fields& f) {
      window.fields(f);
      variant.fields(f);
    }
  };

  WindowPool(Config c, Build& build)
      : name_(std::move(c.name)), window_(std::move(c.window)), variant_(std::move(c.variant)) {
    if constexpr (requires { variant_.build(build, build.shape(), rank); }) variant_.build(build, build.shape(), rank);
    if constexpr (requires { R::whole_windows; })
      check(window_.whole(),
            "padding and ceil_mode make windows that reach over the edge, which have no "
            "meaning here; leave both out, and pad the input before where it must be");
    if constexpr (requires(const Windows& w) { variant_.build(build, w); })
      variant_.build(build, window_.windows(name_, build.shape()));
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(name_, x, rank);
    const Windows& w = windows_.get(x.shape(), rank, [this](const Shape& s) { return window_.windows(name_, s); });
    return variant_.pool(x, w, context);
  }
  void parts(Parts& p) override {
    if constexpr (requires { variant_.parts(p); }) variant_.parts(p);
  }

 private:
  std::string name_;
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
    LayerInfo& row =
        add_named_layer<WindowPool<rank, R>>(with_rank(family, rank), t.doc, t.sample, {spatial_sample(rank)})
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
