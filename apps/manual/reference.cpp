// reference.md: everything that a config can name, from the registries.
#include "apps/catalog.h"
#include "apps/manual/manual.h"

namespace tarn {
namespace {

constexpr const char* reference_introduction = R"(# Reference
Everything that a config can name, printed by `tarn manual docs` from the lists that also read the config; `tarn layers NAME` prints one
entry. [config.md](config.md) explains how they are put together. Layers of one family that differ in their number of dimensions share
an entry; a default of *inferred* follows from the input.

)";

std::string escaped_cell(const std::string& text) {
  std::string out;
  for (const char c : plain_markdown(text)) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

/// The table of parameters; empty where there are none.
std::string parameters_text(const CatalogEntry& entry) {
  std::string out;
  for (const FieldInfo& field : entry.config.fields()) {
    const bool word = field.default_text == "required" || field.default_text == "inferred";
    const std::string value = word ? "*" + field.default_text + "*" : "`" + field.default_text + "`";
    const std::string takes = field.type + (field.bounds.empty() ? "" : ", " + field.bounds);
    out += "| `" + field.name + "` | " + value + " | " + escaped_cell(takes) + " | " + escaped_cell(field.doc) + " |\n";
  }
  if (out.empty()) return "";
  return "\n| parameter | default | takes | |\n| --- | --- | --- | --- |\n" + out;
}

std::string entry_text(const CatalogSection& section, const CatalogEntry& entry, const std::string& heading) {
  std::string out = "### " + heading + "\n" + plain_markdown(entry.doc) + "\n";
  if (!entry.formula.empty()) out += "- formula: " + plain_markdown(entry.formula) + "\n";
  if (!entry.source.empty()) out += "- source: " + plain_markdown(entry.source) + "\n";
  out += "- example: `" + example_line(section, entry) + "`\n" + parameters_text(entry);
  return out + "\n";
}

/// "Conv" of "Conv2d"; the name itself where it does not end so.
std::string stem(const std::string& name) {
  const size_t n = name.size();
  const bool ranked = n > 2 && name[n - 1] == 'd' && name[n - 2] >= '1' && name[n - 2] <= '3';
  return ranked ? name.substr(0, n - 2) : name;
}

}  // namespace

std::string reference_page() {
  std::string out = reference_introduction;
  const std::vector<CatalogSection> sections = catalog();
  for (const CatalogSection& section : sections) {
    if (section.entries.empty()) continue;
    out += text("## ", section.title, " (", section.entries.size(), ")\n");
    for (size_t i = 0; i < section.entries.size();) {
      const CatalogEntry& first = section.entries[i];
      const std::string family = stem(first.name);
      const CatalogEntry* shown = &first;
      std::string heading;
      for (; i < section.entries.size() && stem(section.entries[i].name) == family; ++i) {
        heading += (heading.empty() ? "" : ", ") + section.entries[i].name;
        if (section.entries[i].name == family + "2d") shown = &section.entries[i];
        if (family == section.entries[i].name) {
          ++i;
          break;
        }
      }
      out += entry_text(section, *shown, heading);
    }
  }
  return out;
}

}  // namespace tarn
