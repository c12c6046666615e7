// Collecting mistakes, and sizes that stand for several dimensions.
#include "core/config.h"

#include <algorithm>

namespace tarn {

namespace {

template <class List>
List expanded(const List& list, const char* what, int rank) {
  check(rank >= 0, "cannot expand ", what, " to ", rank, " dimensions");
  const auto wanted = static_cast<size_t>(rank);
  if (list.size() == 1) return List(wanted, list[0]);
  check(list.size() == wanted, list.size(), ' ', what, " where 1 or ", rank, " are wanted");
  return list;
}

}  // namespace

Sizes expand(const Sizes& sizes, int rank) {
  return expanded(sizes, "sizes", rank);
}

MaybeSizes expand(const MaybeSizes& sizes, int rank) {
  check(sizes.size() != 1 || sizes[0] || rank == 1, "null alone says nothing; give a list of ", rank,
        " sizes, null for each dimension that is to stay as it is");
  return expanded(sizes, "sizes", rank);
}

std::vector<double> expand(const Numbers& numbers, int rank) {
  return expanded(numbers.each, "numbers", rank);
}

const Where& place_in(const Json& object, std::string_view message) {
  const Json* at = &object;
  std::string_view path = message.substr(0, message.find_first_of(" :,"));
  while (at->is_object() && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    const Json* member = at->find(path.substr(0, dot));
    if (member == nullptr) break;
    at = member;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at->where();
}

const Json* type_in(const Json& item, std::string_view kind, Problems& problems) {
  if (item.is_string()) return &item;
  if (!item.is_object()) {
    problems.add(item.where(),
                 text("expected the name of the ", kind, ", or an object with \"type\", found ", item.describe()));
    return nullptr;
  }
  const Json* type = item.find("type");
  if (type != nullptr && type->is_string()) return type;
  if (type != nullptr) {
    problems.add(type->where(), text("expected the name of the ", kind, ", found ", type->describe()));
    return nullptr;
  }
  const std::vector<std::string> type_only{"type"};
  for (const Member& member : item.members()) {
    if (nearest(member.key, type_only).empty()) continue;
    problems.add_line(member.where, text(member.where, unknown_key(member.key, type_only)));
    return nullptr;
  }
  problems.add_line(item.where(), text(item.where().prefix("type"), "must be given: the name of the ", kind));
  return nullptr;
}

void Problems::add_line(const Where& where, std::string line) {
  constexpr size_t most = 100;  // more would not be read
  if (entries_.size() < most) {
    entries_.push_back({where, std::move(line)});
  } else {
    ++left_out_;
  }
}

std::string Problems::lines() const {
  // Sources come in the order in which they first had a mistake; within one, the text's order counts.
  std::vector<const Source*> sources;
  for (const Entry& entry : entries_) {
    if (std::ranges::find(sources, entry.where.source()) == sources.end()) sources.push_back(entry.where.source());
  }
  const auto rank = [&](const Entry* entry) {
    return std::pair(std::ranges::find(sources, entry->where.source()) - sources.begin(), entry->where.offset());
  };
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries_) sorted.push_back(&entry);
  std::ranges::stable_sort(sorted, {}, rank);
  std::string out;
  std::vector<std::string_view> told;
  for (const Entry* entry : sorted) {
    if (std::ranges::find(told, entry->line) != told.end()) continue;
    told.push_back(entry->line);
    if (!out.empty()) out.push_back('\n');
    out += entry->line;
  }
  if (left_out_ > 0) out += text("\nand ", left_out_, " more");
  return out;
}

void Problems::throw_any() const {
  if (!empty()) throw Error(lines());
}

}  // namespace tarn
