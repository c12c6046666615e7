// The order of items in their rows: sweeps of barycentres, then swaps of neighbours, after Sugiyama, Tagawa and Toda
// 1981.
#include <algorithm>
#include <numeric>

#include "apps/graph/level.h"

namespace tarn {

namespace {

constexpr int most_order_sweeps = 16;
constexpr int most_idle = 5;                   // sweeps without an improvement before giving up
constexpr size_t most_order_work = 2'000'000;  // comparisons in swaps

/// Places of items in their rows; the end of an edge adds the share of the item's breadth at which it touches.
struct Places {
  const Level& level;
  std::vector<double> place;  // by item

  explicit Places(const Level& l) : level(l), place(l.items.size()) {
    for (const auto& row : level.rows) renumber(row);
  }
  void renumber(const std::vector<size_t>& row) {
    for (size_t i = 0; i < row.size(); ++i) place[row[i]] = static_cast<double>(i);
  }
  double at(size_t item, double offset) const {
    const double breadth = level.items[item].breadth;
    return place[item] + (breadth > 0 ? 0.9 * std::clamp(offset / breadth, 0.0, 1.0) : 0.45);
  }
  double upper(const LevelEdge& e) const { return at(e.from, e.from_at); }
  double lower(const LevelEdge& e) const { return at(e.to, e.to_at); }
};

/// Inversions of a sequence of ranks below `n`, by a Fenwick tree.
size_t inversions(const std::vector<size_t>& ranks, size_t n) {
  std::vector<size_t> tree(n + 1);
  size_t count = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    size_t not_above = 0;
    for (size_t k = ranks[i] + 1; k > 0; k &= k - 1) not_above += tree[k];
    count += i - not_above;
    for (size_t k = ranks[i] + 1; k <= n; k += k & (~k + 1)) ++tree[k];
  }
  return count;
}

size_t crossings_below(const Level& level, size_t row, const Places& places) {
  std::vector<std::pair<double, double>> ends;
  for (const size_t item : level.rows[row])
    for (const size_t e : level.below[item])
      ends.emplace_back(places.upper(level.edges[e]), places.lower(level.edges[e]));
  std::sort(ends.begin(), ends.end());
  std::vector<double> lower;
  for (const auto& end : ends) lower.push_back(end.second);
  std::vector<double> distinct = lower;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<size_t> ranks;
  for (const double x : lower)
    ranks.push_back(static_cast<size_t>(std::lower_bound(distinct.begin(), distinct.end(), x) - distinct.begin()));
  return inversions(ranks, distinct.size());
}

/// Sorts a row by the mean place of what each item is joined to in the row before or after; others keep their places.
void sort_by_barycentre(Level& level, size_t row, bool from_above, Places& places) {
  std::vector<size_t>& items = level.rows[row];
  std::vector<std::pair<double, size_t>> joined;
  std::vector<size_t> slots;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& edges = from_above ? level.above[items[i]] : level.below[items[i]];
    if (edges.empty()) continue;
    double sum = 0;
    for (const size_t e : edges) sum += from_above ? places.upper(level.edges[e]) : places.lower(level.edges[e]);
    joined.emplace_back(sum / static_cast<double>(edges.size()), items[i]);
    slots.push_back(i);
  }
  std::stable_sort(joined.begin(), joined.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < slots.size(); ++i) items[slots[i]] = joined[i].second;
  places.renumber(items);
}

/// Crossings between the edges of neighbours a and b, on one side, minus those if they changed places.
ptrdiff_t gain(const std::vector<double>& a, const std::vector<double>& b) {
  ptrdiff_t sum = 0;
  for (const double x : a) {
    const auto less = std::lower_bound(b.begin(), b.end(), x) - b.begin();
    const auto more = b.end() - std::upper_bound(b.begin(), b.end(), x);
    sum += less - more;
  }
  return sum;
}

std::vector<double> far_ends(const Level& level, size_t item, bool above, const Places& places) {
  std::vector<double> ends;
  for (const size_t e : above ? level.above[item] : level.below[item])
    ends.push_back(above ? places.upper(level.edges[e]) : places.lower(level.edges[e]));
  std::sort(ends.begin(), ends.end());
  return ends;
}

/// Swaps neighbours as long as this removes crossings and the work allows it.
void swap_neighbours(Level& level, Places& places, size_t& work) {
  bool improved = true;
  while (improved && work < most_order_work) {
    improved = false;
    for (auto& row : level.rows)
      for (size_t i = 0; i + 1 < row.size() && work < most_order_work; ++i) {
        ptrdiff_t better = 0;
        for (const bool above : {true, false}) {
          const std::vector<double> a = far_ends(level, row[i], above, places);
          const std::vector<double> b = far_ends(level, row[i + 1], above, places);
          better += gain(a, b);
          work += a.size() + b.size();
        }
        if (better <= 0) continue;
        std::swap(row[i], row[i + 1]);
        std::swap(places.place[row[i]], places.place[row[i + 1]]);
        improved = true;
      }
  }
}

size_t crossings(const Level& level, const Places& places) {
  size_t sum = 0;
  for (size_t r = 0; r + 1 < level.rows.size(); ++r) sum += crossings_below(level, r, places);
  return sum;
}

}  // namespace

size_t count_crossings(const Level& level) {
  return crossings(level, Places(level));
}

void order_rows(Level& level) {
  Places places(level);
  size_t work = 0;
  size_t fewest = crossings(level, places);
  auto best = level.rows;
  for (int sweep = 0, idle = 0; fewest > 0 && sweep < most_order_sweeps && idle < most_idle; ++sweep, ++idle) {
    const bool down = sweep % 2 == 0;
    for (size_t r = 1; r < level.rows.size(); ++r)
      sort_by_barycentre(level, down ? r : level.rows.size() - 1 - r, down, places);
    swap_neighbours(level, places, work);
    const size_t now = crossings(level, places);
    if (now >= fewest) continue;
    fewest = now;
    best = level.rows;
    idle = -1;
  }
  level.rows = std::move(best);
}

namespace {

/// Where the ends of `n` edges touch a side. One stands in the middle, so that a chain through it is straight: of an
/// even number number n / 2, or the one before it.
double end_place(const LevelItem& item, size_t n, size_t i, bool earlier) {
  constexpr double widest_step = 18;
  if (n < 2) return item.breadth / 2;
  const double middle = n % 2 == 1 ? static_cast<double>(n / 2) : static_cast<double>(n / 2) - (earlier ? 1 : 0);
  const double step =
      std::min(widest_step, (item.breadth / 2 - 7) / std::max(middle, static_cast<double>(n - 1) - middle));
  return item.breadth / 2 + step * (static_cast<double>(i) - middle);
}

}  // namespace

void spread_ends(Level& level) {
  const Places places(level);
  for (size_t v = 0; v < level.items.size(); ++v) {
    if (level.items[v].role != LevelItem::Role::node) continue;
    std::vector<size_t>& in = level.above[v];
    const size_t n = in.size();
    std::stable_sort(in.begin(), in.end(),
                     [&](size_t a, size_t b) { return places.upper(level.edges[a]) < places.upper(level.edges[b]); });
    // A long edge beside a short one is a shortcut; the chain is the other.
    const auto from_box = [&](size_t i) { return level.items[level.edges[in[i]].from].is_box(); };
    const bool earlier = n >= 2 && n % 2 == 0 && from_box(n / 2 - 1) >= from_box(n / 2);
    for (size_t i = 0; i < n; ++i) level.edges[in[i]].to_at = end_place(level.items[v], n, i, earlier);
    std::vector<size_t> values;  // which leave it, by number
    for (const size_t e : level.below[v]) values.push_back(level.edges[e].value);
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    for (const size_t e : level.below[v]) {
      const auto i = std::lower_bound(values.begin(), values.end(), level.edges[e].value) - values.begin();
      level.edges[e].from_at = end_place(level.items[v], values.size(), static_cast<size_t>(i), true);
    }
  }
}

}  // namespace tarn
