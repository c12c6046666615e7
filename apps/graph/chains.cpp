// Choosing the edges that are straight, and the chains they make.
#include "apps/graph/chains.h"

#include <algorithm>
#include <cmath>

namespace tarn {

namespace {

constexpr double box_gap = 22;   // between two boxes
constexpr double bend_gap = 12;  // between two lines, and a line and a box

bool is_bend(const Level& level, size_t i) {
  return level.items[i].role == LevelItem::Role::bend;
}

/// How many values go in and come out, where these are equally many and more than one: each then has a column of its
/// own.
size_t value_columns(const Level& level) {
  const size_t n = level.rows.front().size();
  return n > 1 && n == level.rows.back().size() ? n : 0;
}

/// How much an edge should be straight. An end's edge that is in the middle of its kind counts for more.
double straightness(const Level& level, size_t e) {
  const LevelEdge& edge = level.edges[e];
  const auto& out = level.below[edge.from];
  const auto& in = level.above[edge.to];
  const int bends = is_bend(level, edge.from) + is_bend(level, edge.to);
  if (bends == 2) return 30;
  double weight = bends == 1 ? 4 : out.size() == 1 && in.size() == 1 ? 24 : 12;
  const auto off_middle = [e](const std::vector<size_t>& edges) {
    const auto place = static_cast<double>(std::find(edges.begin(), edges.end(), e) - edges.begin());
    const double middle = static_cast<double>(edges.size() - 1) / 2;
    return middle == 0 ? 0 : std::abs(place - middle) / middle;
  };
  if (out.size() <= 64 && in.size() <= 64) weight *= 1 - 0.2 * off_middle(out) - 0.2 * off_middle(in);
  return weight;
}

/// An edge between two rows, by the places of its ends.
struct Candidate {
  size_t edge, from, to;
  double weight;
  double sum = 0;            // of the best set that ends in this edge
  size_t before = SIZE_MAX;  // the candidate before it in that set
};

/// The heaviest set of edges whose ends both increase: a longest increasing subsequence with weights.
std::vector<size_t> heaviest(std::vector<Candidate>& all, size_t places) {
  std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.from != b.from ? a.from < b.from : a.to > b.to;  // one item's edges never follow each other
  });
  std::vector<size_t> best_up_to(places + 1, SIZE_MAX);  // a Fenwick tree of maxima
  const auto sum = [&](size_t c) { return c == SIZE_MAX ? 0 : all[c].sum; };
  size_t best = SIZE_MAX;
  for (size_t c = 0; c < all.size(); ++c) {
    for (size_t k = all[c].to; k > 0; k &= k - 1)
      if (sum(best_up_to[k]) > sum(all[c].before)) all[c].before = best_up_to[k];
    all[c].sum = all[c].weight + sum(all[c].before);
    for (size_t k = all[c].to + 1; k <= places; k += k & (~k + 1))
      if (all[c].sum > sum(best_up_to[k])) best_up_to[k] = c;
    if (all[c].sum > sum(best)) best = c;
  }
  std::vector<size_t> edges;
  for (; best != SIZE_MAX; best = all[best].before) edges.push_back(all[best].edge);
  return edges;
}

std::vector<size_t> straight_edges(const Level& level, const std::vector<size_t>& place) {
  const size_t n = value_columns(level);
  std::vector<size_t> straight;
  for (size_t r = 0; r + 1 < level.rows.size(); ++r) {
    std::vector<Candidate> candidates;
    for (const size_t item : level.rows[r])
      for (const size_t e : level.below[item])
        if (n == 0 || level.above[level.edges[e].to].size() < n)  // what joins all columns belongs to none of those
          candidates.push_back({e, place[item], place[level.edges[e].to], straightness(level, e)});
    const std::vector<size_t> chosen = heaviest(candidates, level.rows[r + 1].size());
    straight.insert(straight.end(), chosen.begin(), chosen.end());
  }
  return straight;
}

double gap(const Level& level, size_t a, size_t b) {
  return level.items[a].is_box() && level.items[b].is_box() ? box_gap : bend_gap;
}

/// Who stands beside whom; the rows' orders never contradict each other, because straight edges do not cross.
void add_neighbours(Chains& chains, const Level& level) {
  for (const auto& row : level.rows)
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      const size_t a = row[i];
      const size_t b = row[i + 1];
      const double apart = chains.shift[a] + level.items[a].breadth + gap(level, a, b) - chains.shift[b];
      chains.all[chains.chain_of[a]].right.push_back({chains.chain_of[b], apart});
      chains.all[chains.chain_of[b]].left.push_back({chains.chain_of[a], apart});
    }
  std::vector<size_t> waits_for;
  for (size_t b = 0; b < chains.all.size(); ++b) {
    waits_for.push_back(chains.all[b].left.size());
    if (waits_for[b] == 0) chains.order.push_back(b);
  }
  for (size_t done = 0; done < chains.order.size(); ++done)
    for (const Neighbour& n : chains.all[chains.order[done]].right)
      if (--waits_for[n.chain] == 0) chains.order.push_back(n.chain);
}

void add_pulls(Chains& chains, const Level& level) {
  for (const LevelEdge& e : level.edges) {
    const size_t a = chains.chain_of[e.from];
    const size_t b = chains.chain_of[e.to];
    if (a == b) continue;
    const int bends = is_bend(level, e.from) + is_bend(level, e.to);
    const double weight = bends == 2 ? 4 : bends == 1 ? 1 : 2;
    const double offset = chains.shift[e.from] + e.from_at - chains.shift[e.to] - e.to_at;
    chains.all[a].pulls.push_back({b, -offset, weight});
    chains.all[b].pulls.push_back({a, offset, weight});
  }
}

/// Draws what leaves a group below its counterpart among what enters it, so that what goes on through several such
/// groups stays in its column.
void add_column_pulls(Chains& chains, const Level& level) {
  const size_t n = value_columns(level);
  const double weight = 2 * static_cast<double>(n) + 1;  // more than what exchanges with all columns add up to
  const auto& entries = level.rows.front();
  const auto& exits = level.rows.back();
  for (size_t i = 0; i < n; ++i) {
    const size_t a = chains.chain_of[entries[i]];
    const size_t b = chains.chain_of[exits[i]];
    if (a == b) continue;
    const double offset = chains.shift[entries[i]] - chains.shift[exits[i]];
    chains.all[a].pulls.push_back({b, -offset, weight});
    chains.all[b].pulls.push_back({a, offset, weight});
  }
}

}  // namespace

Chains make_chains(const Level& level) {
  Chains chains;
  const size_t n = level.items.size();
  std::vector<size_t> place(n);
  for (const auto& row : level.rows)
    for (size_t i = 0; i < row.size(); ++i) place[row[i]] = i;
  std::vector<size_t> straight_above(n, SIZE_MAX);
  for (const size_t e : straight_edges(level, place)) straight_above[level.edges[e].to] = e;
  chains.chain_of.assign(n, 0);
  chains.shift.assign(n, 0);
  for (const auto& row : level.rows)
    for (const size_t v : row) {
      if (straight_above[v] == SIZE_MAX) {
        chains.chain_of[v] = chains.all.size();
        chains.all.emplace_back();
      } else {
        const LevelEdge& e = level.edges[straight_above[v]];
        chains.chain_of[v] = chains.chain_of[e.from];
        chains.shift[v] = chains.shift[e.from] + e.from_at - e.to_at;
      }
      Chain& chain = chains.all[chains.chain_of[v]];
      chain.least = std::min(chain.least, chains.shift[v]);
      chain.most = std::max(chain.most, chains.shift[v] + level.items[v].breadth);
    }
  add_neighbours(chains, level);
  add_pulls(chains, level);
  add_column_pulls(chains, level);
  return chains;
}

}  // namespace tarn
