// Places across the rows: chains first as far left and right as they go, then drawn to where their edges are straight.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "apps/graph/blocks.h"

namespace tarn {

namespace {

constexpr int most_sweeps = 40;
constexpr size_t most_work = 3'000'000;  // looks at edges and neighbours while chains push each other
constexpr double far = std::numeric_limits<double>::infinity();

/// Moves blocks so that the weighted lengths across of their edges get small.
class Mover {
 public:
  explicit Mover(Blocks& blocks) : blocks_(blocks) {
    rank_.resize(blocks.all.size());
    for (size_t i = 0; i < blocks.order.size(); ++i) rank_[blocks.order[i]] = i;
  }

  /// Between as far left as can be and as far right as can be: feasible, as both are.
  void pack() {
    double width = 0;
    for (const size_t b : blocks_.order) {
      Block& block = blocks_.all[b];
      block.place = -block.least;
      for (const Neighbour& n : block.left) block.place = std::max(block.place, place(n.block) + n.distance);
      width = std::max(width, block.place + block.most);
    }
    std::vector<double> right(blocks_.all.size());
    for (auto b = blocks_.order.rbegin(); b != blocks_.order.rend(); ++b) {
      right[*b] = width - blocks_.all[*b].most;
      for (const Neighbour& n : blocks_.all[*b].right) right[*b] = std::min(right[*b], right[n.block] - n.distance);
    }
    for (const size_t b : blocks_.order) blocks_.all[b].place = (blocks_.all[b].place + right[b]) / 2;
  }

  void relax() {
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      double moved = 0;
      for (const size_t b : blocks_.order) moved += move(b);
      std::reverse(blocks_.order.begin(), blocks_.order.end());
      if (sweep % 2 == 1 && moved < 0.01) break;
    }
  }

 private:
  double place(size_t b) const { return blocks_.all[b].place; }

  /// The middle of the places at which half the weight pulls to either side.
  double wanted(const Block& block) const {
    std::vector<std::pair<double, double>> at;
    double total = 0;
    for (const Pull& p : block.pulls) {
      at.emplace_back(place(p.block) + p.offset, p.weight);
      total += p.weight;
    }
    std::sort(at.begin(), at.end());
    double sum = 0;
    size_t i = 0;
    while (sum + at[i].second < total / 2 - 1e-9) sum += at[i++].second;
    const bool even = std::abs(sum + at[i].second - total / 2) < 1e-9 && i + 1 < at.size();
    return even ? (at[i].first + at[i + 1].first) / 2 : at[i].first;
  }

  /// Moves a block to where it is drawn, pushing others if all gain together, else as far as there is room.
  double move(size_t b) {
    Block& block = blocks_.all[b];
    if (block.pulls.empty()) return 0;
    const double before = block.place;
    const double target = wanted(block);
    if (std::abs(target - before) < 1e-6) return 0;
    if (work_ < most_work && push(b, target)) return std::abs(target - before);
    double least = -far;
    double most = far;
    for (const Neighbour& n : block.left) least = std::max(least, place(n.block) + n.distance);
    for (const Neighbour& n : block.right) most = std::min(most, place(n.block) - n.distance);
    block.place =
        target > before ? std::min(target, std::max(before, most)) : std::max(target, std::min(before, least));
    return std::abs(block.place - before);
  }

  bool push(size_t b, double target) {
    const bool right = target > place(b);
    const auto earlier = [this, right](size_t x, size_t y) {
      return right ? rank_[x] < rank_[y] : rank_[x] > rank_[y];
    };
    std::map<size_t, double, decltype(earlier)> moved(earlier);  // neighbours come after those that push them
    moved[b] = target;
    for (auto at = moved.begin(); at != moved.end(); ++at) {
      const Block& block = blocks_.all[at->first];
      for (const Neighbour& n : right ? block.right : block.left) {
        const double need = at->second + (right ? n.distance : -n.distance);
        if (right ? need <= place(n.block) : need >= place(n.block)) continue;
        const auto found = moved.emplace(n.block, need).first;
        found->second = right ? std::max(found->second, need) : std::min(found->second, need);
      }
      work_ += block.right.size() + block.pulls.size() + 1;
      if (work_ >= most_work) return false;
    }
    double change = 0;
    for (const auto& [at, to] : moved)
      for (const Pull& p : blocks_.all[at].pulls) {
        const auto other = moved.find(p.block);
        const double share = other == moved.end() ? 1 : 0.5;
        const double now = place(p.block) + p.offset - place(at);
        const double then = (other == moved.end() ? place(p.block) : other->second) + p.offset - to;
        change += share * p.weight * (cost(then) - cost(now));
      }
    if (change > -1e-6) return false;
    for (const auto& [at, to] : moved) blocks_.all[at].place = to;
    return true;
  }

  /// Nearly the distance; the little square balances what would otherwise be equally good.
  static double cost(double distance) { return std::abs(distance) + 1e-4 * distance * distance; }

  Blocks& blocks_;
  std::vector<size_t> rank_;
  size_t work_ = 0;
};

}  // namespace

void place_across(Level& level) {
  Blocks blocks = make_blocks(level);
  Mover mover(blocks);
  mover.pack();
  mover.relax();
  double least = far;
  for (size_t i = 0; i < level.items.size(); ++i) {
    level.items[i].across = blocks.all[blocks.block_of[i]].place + blocks.shift[i];
    least = std::min(least, level.items[i].across);
  }
  level.breadth = 0;
  for (LevelItem& item : level.items) {
    item.across -= least;
    level.breadth = std::max(level.breadth, item.across + item.breadth);
  }
}

}  // namespace tarn
