// `tarn layers`: what a config can name, and what each of these takes.
#include <algorithm>
#include <cstdio>

#include "apps/catalog.h"
#include "apps/cli.h"
#include "apps/columns.h"
#include "apps/config_file.h"
#include "layers/blocks.h"
#include "layers/module.h"

namespace tarn {

namespace {

/// All registries: a section each, a line or two for each row.
void print_all(const std::vector<CatalogSection>& sections) {
  const size_t width = terminal_width();
  std::string out;
  for (const CatalogSection& section : sections) {
    if (section.entries.empty()) continue;
    size_t name_width = 0;
    for (const CatalogEntry& entry : section.entries) name_width = std::max(name_width, columns(entry.name));
    out += (out.empty() ? "" : "\n") + section.title + " (" + std::to_string(section.entries.size()) + ")\n";
    for (const CatalogEntry& entry : section.entries)
      out += wrapped("  " + padded(entry.name, name_width) + "  ", entry.doc, name_width + 4, width);
  }
  std::fputs(out.c_str(), stdout);
  std::fputs("\n'tarn layers NAME' shows what one of them takes, with an example.\n", stdout);
}

/// What a field accepts: "an integer, >= 1"; choices say all there is to say.
std::string accepts(const FieldInfo& field) {
  return field.type + (field.bounds.empty() ? "" : ", " + field.bounds);
}

std::string heading(const FieldInfo& field) {
  if (field.default_text == "required" || field.default_text == "inferred")
    return field.name + " (" + field.default_text + ")";
  return field.name + " = " + field.default_text;
}

std::string fields_text(const CatalogEntry& entry, size_t width) {
  const std::vector<FieldInfo> fields = entry.config.fields();
  if (fields.empty()) return "";
  size_t name_width = 0;
  for (const FieldInfo& field : fields)
    name_width = std::max(name_width, std::min<size_t>(columns(heading(field)), 28));
  const size_t indent = name_width + 4;
  std::string out = "\nparameters\n";
  for (const FieldInfo& field : fields) {
    const std::string head = heading(field);
    if (columns(head) > name_width) {
      out += "  " + head + "\n" + wrapped(std::string(indent, ' '), field.doc, indent, width);
    } else {
      out += wrapped("  " + padded(head, name_width) + "  ", field.doc, indent, width);
    }
    out += wrapped(std::string(indent, ' '), accepts(field), indent, width);
  }
  return out;
}

void print_one(const CatalogSection& section, const CatalogEntry& entry) {
  const size_t width = terminal_width();
  std::string out = wrapped(entry.name + " (" + entry.kind + "): ", entry.doc, 2, width);
  if (!entry.formula.empty() || !entry.source.empty()) out += "\n";
  if (!entry.formula.empty()) out += wrapped("formula  ", entry.formula, 9, width);
  if (!entry.source.empty()) out += wrapped("source   ", entry.source, 9, width);
  if (!entry.use.empty()) out += wrapped("use      ", entry.use, 9, width);
  out += fields_text(entry, width);
  out += "\nexample\n  " + example_line(section, entry) + "\n";
  std::fputs(out.c_str(), stdout);
}

Json entry_json(const CatalogEntry& entry) {
  Json row = Json::object();
  row.set("kind", entry.kind).set("name", entry.name).set("doc", entry.doc);
  if (!entry.formula.empty()) row.set("formula", entry.formula);
  if (!entry.source.empty()) row.set("source", entry.source);
  if (!entry.use.empty()) row.set("use", entry.use);
  Json fields = Json::array();
  for (const FieldInfo& field : entry.config.fields()) {
    Json one = Json::object();
    one.set("name", field.name).set("type", field.type).set("default", field.default_text);
    if (!field.bounds.empty()) one.set("bounds", field.bounds);
    fields.push(one.set("doc", field.doc));
  }
  return row.set("parameters", fields).set("example", entry.example);
}

void print_matches(const std::vector<CatalogSection>& sections, const std::string& name, bool json) {
  std::vector<std::string> names;
  bool found = false;
  for (const CatalogSection& section : sections)
    for (const CatalogEntry& entry : section.entries) {
      names.push_back(entry.name);
      if (entry.name != name) continue;
      if (json) {
        std::printf("%s\n", to_text(entry_json(entry)).c_str());
      } else {
        if (found) std::printf("\n");
        print_one(section, entry);
      }
      found = true;
    }
  check(found, "layers: nothing is called ", quote(name), did_you_mean(name, names), " ('tarn layers' lists all)");
}

/// The blocks of a file, with what each may be given.
void print_blocks(const std::string& path) {
  const Json root = load_config(path).root;
  const Json* section = root.find("blocks");
  Problems problems;
  const Blocks blocks(section ? *section : Json(), problems);
  problems.throw_any();
  check(blocks.begin() != blocks.end(), path, ": defines no blocks");
  for (const auto& [name, block] : blocks) {
    std::string inputs;
    for (const std::string& input : block.inputs) inputs += (inputs.empty() ? "" : ", ") + input;
    std::printf("%s%s\n", name.c_str(), inputs.empty() ? "" : (" (reads " + inputs + ")").c_str());
    for (const Member& param : block.params.members())
      std::printf("  %s%s\n", param.key.c_str(),
                  param.value.is_null() ? " (required)" : (" = " + spaced(param.value)).c_str());
  }
}

int layers(std::span<const std::string> arguments) {
  std::vector<std::string> names;
  bool json = false;
  Cli cli(
      "layers", "[NAME] [flags]",
      "Lists what a config can name: layers, losses, optimizers, schedules, data sets, augmentations and initial\n"
      "values. With NAME: what it takes, its formula, its source, and a line that a config can hold. With a file, or\n"
      "builtin:FILE: the blocks that it defines, and their parameters.\n\n"
      "examples:\n  tarn layers\n  tarn layers Conv2d\n  tarn layers AdamW --json\n  tarn layers "
      "builtin:blocks/attention");
  cli.words(names, 0, 1, "NAME").flag("--json", &json, "one JSON object a line");
  if (!cli.parse(arguments)) return 0;
  const std::vector<CatalogSection> sections = catalog();
  if (!names.empty() && (names[0].starts_with("builtin:") || names[0].ends_with(".json"))) {
    print_blocks(names[0]);
  } else if (!names.empty()) {
    print_matches(sections, std::string(own_layer_name(names[0])), json);
  } else if (json) {
    for (const CatalogSection& section : sections)
      for (const CatalogEntry& entry : section.entries) std::printf("%s\n", to_text(entry_json(entry)).c_str());
  } else {
    print_all(sections);
  }
  return 0;
}

const Command& layers_row = add_command(105, "layers", "what a config can name; with a name, what it takes", layers);

}  // namespace

}  // namespace tarn
