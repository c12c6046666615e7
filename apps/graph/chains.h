// Chains: items that stand in one straight line, and how they keep apart. For the layout only.
#pragma once

#include <cstddef>
#include <vector>

#include "apps/graph/level.h"

namespace tarn {

/// Another chain at a distance to the side: the right one stands at `distance` from the left one or more.
struct Neighbour {
  size_t chain;
  double distance;
};

/// An edge to another chain: it is straight where `chain`'s place is `offset` from this one's.
struct Pull {
  size_t chain;
  double offset;
  double weight;
};

/// Items, one in each row at most, that move across together.
struct Chain {
  double place = 0;
  double least = 0, most = 0;  ///< sides of the items, counted from `place`
  std::vector<Neighbour> left = {}, right = {};
  std::vector<Pull> pulls = {};
};

struct Chains {
  std::vector<Chain> all = {};
  std::vector<size_t> order = {};     ///< numbers of chains, left neighbours first
  std::vector<size_t> chain_of = {};  ///< by item
  std::vector<double> shift = {};     ///< by item: its place minus its chain's
};

/// Chooses which edges are to be straight: in each pair of rows those of the largest weight together of which no two
/// cross or touch one item.
Chains make_chains(const Level& level);

}  // namespace tarn
