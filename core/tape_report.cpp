// What a tape keeps alive: found by looking for blocks of memory in what the pullbacks captured.
#include <cstdio>
#include <cstring>
#include <map>
#include <unordered_set>

#include "core/roll.h"

namespace tarn {

namespace {

/// Counts blocks, each once.
class Finder {
 public:
  /// Bytes of the block that were not counted before.
  int64_t count(const Block* block) {
    return block && seen_.insert(block).second ? static_cast<int64_t>(block->bytes) : 0;
  }

  /// The same for everything that a pullback's captures hold. A lambda's captures cannot be asked what they are; but a
  /// tensor is a pointer to its block, so every word of them that is the address of a living block counts as one.
  int64_t count(const PullbackType& type, const void* captures) {
    int64_t bytes = 0;
    const auto* memory = static_cast<const char*>(captures);
    for (size_t at = 0; at + sizeof(void*) <= type.size; at += sizeof(void*)) {
      const void* word;
      std::memcpy(&word, memory + at, sizeof word);
      if (is_living_block(word)) bytes += count(static_cast<const Block*>(word));
    }
    if (!type.visit) return bytes;
    struct Visitor {
      Finder* finder;
      int64_t bytes;
    } visitor{this, 0};
    type.visit(
        captures,
        [](const Tensor& held, void* to) {
          auto* v = static_cast<Visitor*>(to);
          if (held.defined()) v->bytes += v->finder->count(held.storage().block());
        },
        &visitor);
    return bytes + visitor.bytes;
  }

 private:
  std::unordered_set<const Block*> seen_;
};

std::vector<TapeReport::Share> sorted(const std::map<std::string, TapeReport::Share>& shares) {
  std::vector<TapeReport::Share> list;
  for (const auto& [name, share] : shares) list.push_back(share);
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return list;
}

void add_share(std::map<std::string, TapeReport::Share>& shares, const std::string& name, int64_t bytes) {
  TapeReport::Share& share = shares[name];
  share.name = name;
  share.bytes += bytes;
  ++share.entries;
}

std::string in_units(int64_t bytes) {
  const double b = static_cast<double>(bytes);
  char number[32];
  if (bytes < 10240)
    std::snprintf(number, sizeof number, "%lld B", static_cast<long long>(bytes));
  else if (bytes < (10 << 20))
    std::snprintf(number, sizeof number, "%.1f KiB", b / 1024);
  else
    std::snprintf(number, sizeof number, "%.1f MiB", b / (1 << 20));
  return number;
}

}  // namespace

TapeReport Tape::report() const {
  const Roll& roll = *roll_;
  TapeReport report;
  Finder finder;
  for (const Tensor& leaf : roll.leaves_held) report.leaves += finder.count(leaf.storage().block());
  std::map<std::string, TapeReport::Share> ops;
  std::map<std::string, TapeReport::Share> layers;
  std::multimap<size_t, const Block*> retained;
  for (const auto& [name, value] : roll.retained)
    if (!value.is_leaf()) retained.emplace(value.place().entry, value.storage().block());
  for (size_t number = 0; number < roll.entries.size(); ++number) {
    const Entry& e = roll.entries[number];
    int64_t bytes = e.output ? finder.count(e.output->storage().block()) : 0;
    for (uint32_t i = 0; i < e.edge_count; ++i) {
      const EdgeSlot& edge = roll.edges[e.first_edge + i];
      if (!edge.type) continue;
      bytes += finder.count(*edge.type, edge.captures);
      report.tape += static_cast<int64_t>(edge.type->size);
    }
    for (auto kept = retained.lower_bound(number); kept != retained.end() && kept->first == number; ++kept)
      bytes += finder.count(kept->second);
    report.captured += bytes;
    if (bytes) report.holdings.push_back({static_cast<uint32_t>(number), bytes});
    add_share(ops, e.op, bytes);
    add_share(layers, roll.scopes[e.scope].empty() ? "(no layer)" : roll.scopes[e.scope], bytes);
  }
  report.entries = roll.entries.size();
  report.edges = roll.edges.size();
  report.tape += static_cast<int64_t>(roll.entries.size() * sizeof(Entry) + roll.edges.size() * sizeof(EdgeSlot));
  report.by_op = sorted(ops);
  report.by_layer = sorted(layers);
  return report;
}

std::string TapeReport::text(size_t lines) const {
  std::string out = tarn::text(entries, " entries and ", edges, " edges hold ", in_units(captured), ", leaves ",
                               in_units(leaves), ", the tape itself ", in_units(tape), "\n");
  const auto list = [&](const char* title, const std::vector<Share>& shares) {
    for (size_t i = 0; i < std::min(lines, shares.size()) && shares[i].bytes > 0; ++i) {
      char line[128];
      std::snprintf(line, sizeof line, "  %-6s %-32s %10s in %zu entr%s\n", i ? "" : title, shares[i].name.c_str(),
                    in_units(shares[i].bytes).c_str(), shares[i].entries, shares[i].entries == 1 ? "y" : "ies");
      out += line;
    }
  };
  list("op", by_op);
  list("layer", by_layer);
  return out;
}

}  // namespace tarn
