// `tarn schema`: the JSON Schema of a config.
#include "apps/schema.h"

#include <cstdio>

#include "apps/cli.h"

namespace tarn {

namespace {

int schema(std::span<const std::string> arguments) {
  Cli cli(
      "schema", "",
      "Prints the JSON Schema (draft 2020-12) of a config. Editors that are told of it complete and check configs:\n"
      "write \"$schema\": \"tarn.schema.json\" into the config.\n\nexample:\n  tarn schema > tarn.schema.json");
  if (!cli.parse(arguments)) return 0;
  std::fputs((to_text(experiment_schema(), 2) + "\n").c_str(), stdout);
  return 0;
}

const Command& schema_row = add_command(110, "schema", "the JSON Schema of a config", schema);

}  // namespace

}  // namespace tarn
