// Gathering poolings into families, and the page that lists them all.
#include "apps/manual/manual.h"

#include <algorithm>

#include "apps/manual/pictures.h"
#include "core/error.h"

namespace tarn {
namespace {

struct GroupText {
  PoolGroup group;
  const char* title;
  const char* about;
};

constexpr GroupText group_texts[] = {
    {PoolGroup::sliding, "Sliding windows", "A window of one size moves over the plane in equal steps."},
    {PoolGroup::adaptive, "Adaptive and global",
     "The size of the output is given, and the windows follow from it; with size 1 there is one over the whole plane."},
    {PoolGroup::norm, "Norms and power means", "One exponent leads from the sum or the mean to the maximum."},
    {PoolGroup::soft, "Weighed by the values themselves",
     "A mean whose weights are a function of what is in the window, most often a softmax."},
    {PoolGroup::random, "By chance",
     "What a window gives, or where it lies, is drawn while training; otherwise it is an expectation or a fixed "
     "choice."},
    {PoolGroup::rank, "By rank", "The values of a window are sorted, and their rank says what they count."},
    {PoolGroup::learned, "Learned mixtures and weights",
     "Parameters say how much of which reduction, or of which place."},
    {PoolGroup::channels, "Over channels", "The window lies across the channels of one position."},
    {PoolGroup::filter, "Frequencies, wavelets, anti-aliasing",
     "Downsampling as signal processing sees it: what the smaller grid cannot carry is filtered out, or kept apart."},
    {PoolGroup::region, "Pyramids, strips and regions",
     "Bins of several sizes, rows and columns, pieces of a sequence, boxes that another input gives."},
    {PoolGroup::second_order, "Second order", "Products of channels, summed over all positions."},
    {PoolGroup::attention, "Attention and statistics",
     "Positions are asked and weighed by learned queries, or summed up by more than their mean."},
    {PoolGroup::unpooling, "Unpooling", "The way back to the larger plane."},
    {PoolGroup::other, "Others", "Those that name no group."},
};

constexpr const char* pooling_introduction = R"(# Pooling
Pooling makes large planes small, and sets of any size one size. This page and those that it links to are printed by `tarn manual docs`
from the registry of layers, and everything in their pictures and examples was computed by the layers themselves when it was printed.
`tarn layers NAME` tells the same in a terminal, without pictures.

## Geometry × reduction
Every pooling is an answer to two questions:

- **Which cells of the input does a cell of the output see?** That is the geometry: windows that slide in equal steps
  (`kernel_size`, `stride`, `padding`), windows that follow from a given output size, the whole plane, strips, rings, boxes, channels.
- **What becomes of the values that it sees?** That is the reduction: their maximum, their mean, a norm, a mean with weights that depend
  on values, ranks, chance or parameters.

The two are independent, which is why most layers here exist for one, two and three dimensions at once: the name's last two letters say
which. [design.md](design.md#pooling-coreopswindowh-coreopspoolcpp) tells how that is built.

## How to read the pictures
Each page has two. **One window** shows the input x, what one cell of the output sees of it (outlined), and by which weight (the small
number, and the shade): the weight is the derivative ∂y/∂x, which says how much the cell moves when that value moves a little. A value
can be seen with weight 0: below the maximum, say, where it counts only once it has become the largest. **Where the gradient goes** shows
∂L/∂x where ∂L/∂y is 1 for every cell of the output: what training sends back to each place. Values under several windows get several
shares; values that get nothing learn nothing. Layers that draw random numbers have both pictures twice, for training and without.

What an example is run on: a small plane in float64 with different values in a random order, positive where the layer wants that; several
channels where a layer mixes them. Parameters are as a new layer has them.

)";

const std::string pool_folder = "pooling/";

std::string small_image(const PoolFamily& f) {
  return "![" + f.heading() + "](" + pool_folder + "images/" + f.name + "-small.svg)";
}

std::string link(const PoolFamily& f) {
  return "[" + f.heading() + "](" + pool_folder + f.name + ".md)";
}

/// "1d, 2d, 3d, any" from the names' ends.
std::string dimensions(const PoolFamily& family) {
  std::string out;
  for (const LayerInfo* row : family.rows) {
    const std::string suffix = row->name.substr(family.name.size());
    out += (out.empty() ? "" : ", ") + (suffix.empty() ? "any" : suffix);
  }
  return family.rows.size() == 1 ? "" : out;
}

std::string index(const std::vector<PoolFamily>& families) {
  std::string out = text("## All ", families.size(), " of them\n");
  for (const GroupText& group : group_texts) {
    std::string rows;
    for (const PoolFamily& f : families)
      if (f.shown().group == group.group)
        rows += "| " + small_image(f) + " | " + link(f) + " | " + dimensions(f) + " | " +
                plain_markdown(f.shown().doc) + " | " + plain_markdown(f.shown().use_text) + " |\n";
    if (rows.empty()) continue;
    out += std::string("### ") + group.title + "\n" + group.about +
           "\n\n| | layer | dimensions | what it does | when to use it |\n" + "| --- | --- | --- | --- | --- |\n" +
           rows + "\n";
  }
  return out;
}

std::string results_text(const std::vector<PoolFamily>& families, const std::vector<PoolResults>& results) {
  std::string out = "## Results\n";
  if (results.empty())
    return out +
           "No results of `tarn compare` are in `pooling/results/` yet; each NAME.jsonl there becomes a table and a "
           "picture here.\n";
  out +=
      "By `tarn compare`: configs that are the same but for their pooling, trained from several seeds. Accuracy is the "
      "test "
      "part's, by the weights "
      "that were best on the validation part; times are one machine's and compare only with each other.\n\n";
  for (const PoolResults& r : results) {
    std::vector<Contestant> linked = r.ranked;
    for (Contestant& c : linked)
      for (const PoolFamily& f : families)
        if (family_of(c.config) == f.name) c.config = "[" + c.config + "](" + pool_folder + f.name + ".md)";
    out += "### On " + r.data + "\n![Results on " + r.data + "](" + pool_folder + "images/results-" + r.data +
           ".svg)\n\n" + comparison_markdown(linked) + "\n";
  }
  return out;
}

}  // namespace

const LayerInfo& PoolFamily::shown_row(const std::vector<const LayerInfo*>& rows) {
  const auto two = std::find_if(rows.begin(), rows.end(), [](const LayerInfo* r) { return r->name.ends_with("2d"); });
  return two == rows.end() ? *rows.front() : **two;
}

std::vector<PoolFamily> pool_families() {
  std::map<std::string, std::vector<const LayerInfo*>> rows;
  for (const LayerInfo* row : all_layers())
    if (row->is_pooling) rows[family_of(row->name)].push_back(row);
  std::vector<PoolFamily> families;
  for (auto& [name, members] : rows) families.push_back({name, members, pool_example(PoolFamily::shown_row(members))});
  return families;
}

std::string pooling_page(const std::vector<PoolFamily>& families, const std::vector<PoolResults>& results) {
  return pooling_introduction + index(families) + results_text(families, results);
}

std::map<std::string, std::string> pooling_manual(const std::vector<PoolResults>& results) {
  const std::vector<PoolFamily> families = pool_families();
  std::map<std::string, std::string> files;
  files["pooling.md"] = pooling_page(families, results);
  for (const PoolFamily& f : families) {
    const std::string image = pool_folder + "images/" + f.name;
    files[pool_folder + f.name + ".md"] = family_page(f, results);
    files[image + "-small.svg"] = small_picture(f.shown(), f.example);
    for (const PoolView& view : f.example.views) {
      const std::string ending = view.training ? "-training.svg" : ".svg";
      files[image + "-window" + ending] = window_picture(f.shown(), f.example, view);
      files[image + "-gradient" + ending] = gradient_picture(f.shown(), f.example, view);
    }
  }
  for (const PoolResults& r : results) files[pool_folder + "images/results-" + r.data + ".svg"] = results_picture(r);
  return files;
}

}  // namespace tarn
