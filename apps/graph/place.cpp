// Places across the rows: chains first as far left and right as they go, then drawn to where their edges are straight.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "apps/graph/chains.h"

namespace tarn {

namespace {

constexpr int most_place_sweeps = 40;
constexpr size_t most_place_work = 3'000'000;  // looks at edges and neighbours while chains push each other
constexpr double far = std::numeric_limits<double>::infinity();

/// Moves chains so that the weighted lengths across of their edges get small.
class Mover {
 public:
  explicit Mover(Chains& chains) : chains_(chains) {
    rank_.resize(chains.all.size());
    for (size_t i = 0; i < chains.order.size(); ++i) rank_[chains.order[i]] = i;
  }

  /// Between as far left as can be and as far right as can be: feasible, as both are.
  void pack() {
    double width = 0;
    for (const size_t b : chains_.order) {
      Chain& chain = chains_.all[b];
      chain.place = -chain.least;
      for (const Neighbour& n : chain.left) chain.place = std::max(chain.place, place(n.chain) + n.distance);
      width = std::max(width, chain.place + chain.most);
    }
    std::vector<double> right(chains_.all.size());
    for (auto b = chains_.order.rbegin(); b != chains_.order.rend(); ++b) {
      right[*b] = width - chains_.all[*b].most;
      for (const Neighbour& n : chains_.all[*b].right) right[*b] = std::min(right[*b], right[n.chain] - n.distance);
    }
    for (const size_t b : chains_.order) chains_.all[b].place = (chains_.all[b].place + right[b]) / 2;
  }

  void relax() {
    for (int sweep = 0; sweep < most_place_sweeps; ++sweep) {
      double moved = 0;
      for (const size_t b : chains_.order) moved += move(b);
      std::reverse(chains_.order.begin(), chains_.order.end());
      if (sweep % 2 == 1 && moved < 0.01) break;
    }
  }

 private:
  double place(size_t b) const { return chains_.all[b].place; }

  /// The middle of the places at which half the weight pulls to either side.
  double wanted(const Chain& chain) const {
    std::vector<std::pair<double, double>> at;
    double total = 0;
    for (const Pull& p : chain.pulls) {
      at.emplace_back(place(p.chain) + p.offset, p.weight);
      total += p.weight;
    }
    std::sort(at.begin(), at.end());
    double sum = 0;
    size_t i = 0;
    while (sum + at[i].second < total / 2 - 1e-9) sum += at[i++].second;
    const bool even = std::abs(sum + at[i].second - total / 2) < 1e-9 && i + 1 < at.size();
    return even ? (at[i].first + at[i + 1].first) / 2 : at[i].first;
  }

  /// Moves a chain to where it is drawn, pushing others if all gain together, else as far as there is room.
  double move(size_t b) {
    Chain& chain = chains_.all[b];
    if (chain.pulls.empty()) return 0;
    const double before = chain.place;
    const double target = wanted(chain);
    if (std::abs(target - before) < 1e-6) return 0;
    if (work_ < most_place_work && push(b, target)) return std::abs(target - before);
    double least = -far;
    double most = far;
    for (const Neighbour& n : chain.left) least = std::max(least, place(n.chain) + n.distance);
    for (const Neighbour& n : chain.right) most = std::min(most, place(n.chain) - n.distance);
    chain.place =
        target > before ? std::min(target, std::max(before, most)) : std::max(target, std::min(before, least));
    return std::abs(chain.place - before);
  }

  bool push(size_t b, double target) {
    const bool right = target > place(b);
    const auto earlier = [this, right](size_t x, size_t y) {
      return right ? rank_[x] < rank_[y] : rank_[x] > rank_[y];
    };
    std::map<size_t, double, decltype(earlier)> moved(earlier);  // neighbours come after those that push them
    moved[b] = target;
    for (auto at = moved.begin(); at != moved.end(); ++at) {
      const Chain& chain = chains_.all[at->first];
      for (const Neighbour& n : right ? chain.right : chain.left) {
        const double need = at->second + (right ? n.distance : -n.distance);
        if (right ? need <= place(n.chain) : need >= place(n.chain)) continue;
        const auto found = moved.emplace(n.chain, need).first;
        found->second = right ? std::max(found->second, need) : std::min(found->second, need);
      }
      work_ += chain.right.size() + chain.pulls.size() + 1;
      if (work_ >= most_place_work) return false;
    }
    double change = 0;
    for (const auto& [at, to] : moved)
      for (const Pull& p : chains_.all[at].pulls) {
        const auto other = moved.find(p.chain);
        const double share = other == moved.end() ? 1 : 0.5;
        const double now = place(p.chain) + p.offset - place(at);
        const double then = (other == moved.end() ? place(p.chain) : other->second) + p.offset - to;
        change += share * p.weight * (cost(then) - cost(now));
      }
    if (change > -1e-6) return false;
    for (const auto& [at, to] : moved) chains_.all[at].place = to;
    return true;
  }

  /// Nearly the distance; the little square balances what would otherwise be equally good.
  static double cost(double distance) { return std::abs(distance) + 1e-4 * distance * distance; }

  Chains& chains_;
  std::vector<size_t> rank_;
  size_t work_ = 0;
};

}  // namespace

void place_across(Level& level) {
  Chains chains = make_chains(level);
  Mover mover(chains);
  mover.pack();
  mover.relax();
  double least = far;
  for (size_t i = 0; i < level.items.size(); ++i) {
    level.items[i].across = chains.all[chains.chain_of[i]].place + chains.shift[i];
    least = std::min(least, level.items[i].across);
  }
  level.breadth = 0;
  for (LevelItem& item : level.items) {
    item.across -= least;
    level.breadth = std::max(level.breadth, item.across + item.breadth);
  }
}

}  // namespace tarn
