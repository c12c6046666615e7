// Reading config files, those they extend and those they include.
#include "apps/config_file.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/build.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/folder.h"

namespace tarn {

namespace {

namespace fs = std::filesystem;

constexpr size_t most_config_bytes = size_t{16} << 20;
constexpr std::string_view builtin_folder = "apps/configs/";
constexpr std::string_view builtin_prefix = "builtin:";

/// The names of built-in configs, without ".json".
std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files()) {
    const std::string_view name = file.name;
    if (name.starts_with(builtin_folder) && name.ends_with(".json"))
      names.emplace_back(name.substr(builtin_folder.size(), name.size() - builtin_folder.size() - 5));
  }
  return names;
}

/// What is read for one config: the files that are open above each other, and how much text there was.
class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}
  /// A file, or "builtin:NAME", from JSON at `from`.
  Json read(const std::string& name, const Where& from);
  /// The outermost file, which may be a built-in one by its bare name.
  Json read_outermost(const std::string& path);
  /// Whether every file to include could be read.
  bool blocks_known() const { return blocks_known_; }

 private:
  Json load(const std::string& name, std::string text);
  Json extended(Json root, const std::string& name);
  void include(Json& root, const std::string& name);
  void add_blocks(Json& into, const Json& included, const Where& from);

  Problems& problems_;
  bool blocks_known_ = true;
  std::vector<std::string> open_;
  size_t bytes_ = 0;
};

bool is_builtin(std::string_view name) {
  return name.starts_with(builtin_prefix);
}

/// `given`, as it stands in the file `name`.
std::string resolved_name(const std::string& given, const std::string& name) {
  if (is_builtin(given) || fs::path(given).is_absolute()) return given;
  if (!is_builtin(name)) return (fs::path(name).parent_path() / given).lexically_normal().string();
  const fs::path inside = fs::path(name.substr(builtin_prefix.size())).parent_path() / given;
  return std::string(builtin_prefix) + inside.lexically_normal().string();
}

Json Reader::read(const std::string& name, const Where& from) {
  if (std::ranges::find(open_, name) != open_.end()) {
    std::string chain;
    for (auto at = std::ranges::find(open_, name); at != open_.end(); ++at) chain += *at + " → ";
    fail(from, "this file reads itself (", chain, name, ")");
  }
  constexpr size_t deepest = 64;
  if (open_.size() >= deepest) fail(from, "files extend and include each other deeper than ", deepest, " levels");
  if (is_builtin(name)) {
    std::string inside = name.substr(builtin_prefix.size());
    if (!inside.ends_with(".json")) inside += ".json";
    const std::string_view text = embedded_file(std::string(builtin_folder) + inside);
    if (text.empty())
      fail(from, "there is no built-in config ", quote(name.substr(builtin_prefix.size())),
           did_you_mean(name.substr(builtin_prefix.size()), builtin_names()));
    return load(name, std::string(text));
  }
  if (!path_exists(name)) fail(from, name, ": no such file");
  std::string text;
  try {
    text = read_file(name, most_config_bytes);
  } catch (const Error& error) {
    fail(from, error.what());
  }
  return load(name, std::move(text));
}

Json Reader::read_outermost(const std::string& path) {
  if (is_file(path)) return load(path, read_file(path, most_config_bytes));
  std::string name = path.ends_with(".json") ? path.substr(0, path.size() - 5) : path;
  if (is_builtin(name)) name.erase(0, builtin_prefix.size());
  const std::string_view text = embedded_file(std::string(builtin_folder) + name + ".json");
  if (!text.empty() && !path.ends_with(".json")) return load(std::string(builtin_prefix) + name, std::string(text));
  check(path_exists(path), path, ": no such file, and no built-in config of that name",
        did_you_mean(path, builtin_names()));
  return load(path, read_file(path, most_config_bytes));  // says why it cannot be read
}

Json Reader::load(const std::string& name, std::string text) {
  bytes_ += text.size();
  check(bytes_ <= most_config_bytes, name, ": more than ", most_config_bytes >> 20,
        " MiB of text with the files before it");
  std::vector<Repeated> repeated;
  Json root = parse_json(std::make_shared<Source>(Source{.name = name, .text = std::move(text)}), repeated);
  for (const Repeated& key : repeated) problems_.add(key.where, key.message);
  check(root.is_object(), root.where(), "a config is an object, found ", root.describe());
  open_.push_back(name);
  include(root, name);
  root = extended(std::move(root), name);
  open_.pop_back();
  return root;
}

/// The file that `root` extends, with what `root` says merged into it.
Json Reader::extended(Json root, const std::string& name) {
  const Json* base = root.find("extends");
  if (!base) return root;
  check(base->is_string(), base->where(), "expected the name of a file, found ", base->describe());
  const Json below = read(resolved_name(base->as_string(), name), base->where());
  root.erase("extends");
  const Json own = root.find("blocks") ? *root.find("blocks") : Json();
  root.erase("blocks");
  Json merged = merge(below, root);
  if (own.is_null()) return merged;
  // A block replaces another as a whole: in its parameters null means something else.
  Json* blocks = merged.find("blocks");
  if (!blocks) return merged.set("blocks", own);
  for (const Member& block : own.members())
    if (block.value.is_null())
      blocks->erase(block.key);
    else
      blocks->set(block.key, block.value);
  return merged;
}

void Reader::include(Json& root, const std::string& name) {
  const Json* list = root.find("include");
  if (!list) return;
  const bool one = list->is_string();
  if (!one && !list->is_array())
    problems_.add(list->where(), "expected the name of a file, or a list of them, found " + list->describe());
  const Json::Array files = one ? Json::Array{*list} : list->is_array() ? list->items() : Json::Array{};
  blocks_known_ = blocks_known_ && (one || list->is_array());
  Json included = Json::object();
  for (const Json& file : files) {
    const std::vector<std::string> open = open_;
    try {
      const Json read_root = read(resolved_name(file.as_string(), name), file.where());
      if (const Json* blocks = read_root.find("blocks")) add_blocks(included, *blocks, file.where());
    } catch (const Error& error) {
      problems_.add_line(file.where(), error.what());
      blocks_known_ = false;
      open_ = open;
    }
  }
  root.erase("include");
  const Json* own = root.find("blocks");
  if (own && !own->is_object()) return;  // the reader of blocks says so
  if (own) add_blocks(included, *own, own->where());
  root.set("blocks", std::move(included));
}

void Reader::add_blocks(Json& into, const Json& included, const Where& from) {
  for (const Member& block : included.members()) {
    const Json* before = into.find(block.key);
    if (before && before->where().place() != block.value.where().place())
      problems_.add(from, text("block ", quote(block.key), " is defined twice, at ", before->where().place(), " and ",
                               block.where.place()));
    if (before) continue;  // the same file, included twice
    into.set(block.key, block.value);
    into.members().back().where = block.where;
  }
}

}  // namespace

ConfigFile load_config(const std::string& path) {
  Problems problems;
  ConfigFile file = load_config(path, problems);
  problems.throw_any();
  return file;
}

ConfigFile load_config(const std::string& path, Problems& problems) {
  ConfigFile file;
  Reader reader(problems);
  file.root = reader.read_outermost(path);
  file.blocks_known = reader.blocks_known();
  const Json* data = file.root.find("data");
  const Json* where_from = data && data->is_object() ? data->find("path") : nullptr;
  if (!where_from) where_from = data;
  const Source* source = where_from ? where_from->where().source() : nullptr;
  const std::string name = source ? source->name : path;
  if (!is_builtin(name)) file.folder = fs::path(name).parent_path().string();
  return file;
}

}  // namespace tarn
