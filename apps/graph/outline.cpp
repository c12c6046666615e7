// The graph of a model as lines of text.
#include <algorithm>
#include <array>

#include "apps/columns.h"
#include "apps/graph/from_model.h"
#include "apps/model_table.h"
#include "core/error.h"

namespace tarn {

namespace {

/// A line of the outline, in columns.
struct OutlineRow {
  std::string name, type, shape, parameters, reads;
};

std::string read_name(const Model& model, const ItemInfo::Read& r) {
  const std::string number = r.output > 0 ? ":" + std::to_string(r.output) : "";
  return (r.item == SIZE_MAX ? "input" : model.items()[r.item].name) + number;
}

void add_outline_rows(const Model& model, const std::string& indent, int64_t depth, std::vector<OutlineRow>& rows) {
  for (size_t i = 0; i < model.items().size(); ++i) {
    const ItemInfo& item = model.items()[i];
    OutlineRow row{indent + item.name, item.type, "", item.parameters > 0 ? grouped(item.parameters) : "", ""};
    for (const Shape& shape : item.outputs) row.shape += (row.shape.empty() ? "" : ", ") + sample_shape(shape);
    const size_t before = i == 0 ? SIZE_MAX : i - 1;
    const bool plain = item.reads.size() == 1 && item.reads[0].item == before && item.reads[0].output == 0;
    for (const ItemInfo::Read& r : item.reads)
      if (!plain) row.reads += (row.reads.empty() ? "reads " : ", ") + read_name(model, r);
    if (item.inside && depth <= 1) row.type += text(" (", layer_count(*item.inside), " layers)");
    rows.push_back(std::move(row));
    if (item.inside && depth > 1) add_outline_rows(*item.inside, indent + "  ", depth - 1, rows);
  }
}

}  // namespace

std::string model_outline(const Model& model, const std::string& title, int64_t depth) {
  std::vector<OutlineRow> rows;
  add_outline_rows(model, "", depth, rows);
  constexpr std::array<std::string OutlineRow::*, 4> parts{&OutlineRow::name, &OutlineRow::type, &OutlineRow::shape,
                                                           &OutlineRow::parameters};
  std::array<size_t, parts.size()> widths{};
  for (const OutlineRow& row : rows)
    for (size_t i = 0; i < parts.size(); ++i) widths[i] = std::max(widths[i], columns(row.*parts[i]));
  std::string out = title + ": " + model_summary(model) + "\n";
  for (const OutlineRow& row : rows) {
    std::string line = padded(row.name, widths[0]) + "  " + padded(row.type, widths[1]) + "  " +
                       padded(row.shape, widths[2]) + "  " + std::string(widths[3] - columns(row.parameters), ' ') +
                       row.parameters + "  " + row.reads;
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace tarn
