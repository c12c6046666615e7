// Finds what the items of a model read, by their names, and checks that everything is read.
#include <algorithm>

#include "layers/model_builder.h"

namespace tarn {

void fail_at(const Json& json, const std::string& message) {
  throw LayerError(json.where(), text(json.where(), message));
}

std::string known_name(const Json& name, const Variables& variables) {
  const std::optional<std::string> filled = filled_name(name, variables);
  if (!filled) fail_at(name, text(quote(name.as_string()), ": a value in this name is null"));
  return *filled;
}

std::vector<std::string> Model::Builder::known_names() const {
  std::vector<std::string> names = model.input_names_;
  for (const Step& step : model.steps_) {
    names.push_back(step.name);
    if (!step.first_name.empty()) names.push_back(step.name + "." + step.first_name);
    for (const std::string& output : step.output_names) names.push_back(step.name + "." + output);
  }
  return names;
}

std::string Model::Builder::name_of(const Json& item, const Variables& variables) const {
  const Json* given = member(item, "name");
  const std::string name = given ? known_name(*given, variables) : std::to_string(model.steps_.size());
  const Json& at = given ? *given : item;
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == std::string::npos;
  if (name.empty() || !plain || name.front() == '.' || name.front() == '-' || name.back() == '.')
    fail_at(at, text("'", name, "' cannot be a name; use letters, digits, '_', '-' and dots inside"));
  if (std::ranges::find(model.input_names_, name) != model.input_names_.end())
    fail_at(at, text("'", name, "' is the name of the ", build.blocks_around ? "block" : "model",
                     "'s input; choose another"));
  if (const auto taken = step_of.find(name); taken != step_of.end()) {
    const Where& first = model.steps_[taken->second].where;
    const bool loop = first.offset() == item.where().offset() && first.source() == item.where().source();
    if (loop)
      fail_at(at, text("every turn of the loop names an item '", name,
                       "'; names must differ: write its variable in braces, \"", name, "{i}\", say"));
    fail_at(at, text("there is already an item named '", name, "', at ", first.place(), "; names must differ"));
  }
  return name;
}

Model::Builder::Found Model::Builder::input(size_t i) {
  input_read[i] = true;
  return {i, model.input_names_[i]};
}

/// Output `i` of a step, 0 for the first.
Model::Builder::Found Model::Builder::output(Step& step, size_t i) {
  step.is_read = true;
  return {step.first_slot + i, i == 0 ? step.first_name : step.output_names[i - 1]};
}

/// What `name`, which holds no '*', stands for; nothing where there is no such thing.
std::vector<Model::Builder::Found> Model::Builder::find(const std::string& name, const Json& at) {
  const auto given = std::ranges::find(model.input_names_, name);
  if (given != model.input_names_.end()) return {input(static_cast<size_t>(given - model.input_names_.begin()))};
  const auto whole = [this](Step& step) { return Found{output(step, 0).slot, step.name}; };
  if (name == "-1") {
    if (!model.steps_.empty()) return {whole(model.steps_.back())};
    if (model.input_names_.size() > 1)
      fail_at(at, text("there are ", model.input_names_.size(), " inputs; say in \"from\" which of them this reads"));
    return {input(0)};
  }
  if (const auto step = step_of.find(name); step != step_of.end()) return {whole(model.steps_[step->second])};
  for (size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    const auto owner = step_of.find(std::string_view(name).substr(0, dot));
    if (owner == step_of.end()) continue;
    Step& step = model.steps_[owner->second];
    if (!slots[step.first_slot].defined()) return {whole(step)};  // what else it would give is not known
    const std::string wanted = name.substr(dot + 1);
    if (wanted == step.first_name) return {output(step, 0)};
    const auto other = std::ranges::find(step.output_names, wanted);
    if (other != step.output_names.end())
      return {output(step, 1 + static_cast<size_t>(other - step.output_names.begin()))};
  }
  return {};
}

/// All that match: inputs and items by their names or, where none does, outputs that have names of their own.
std::vector<Model::Builder::Found> Model::Builder::match(const std::string& pattern) {
  std::vector<Found> out;
  for (size_t i = 0; i < model.input_names_.size(); ++i)
    if (matches_pattern(pattern, model.input_names_[i])) out.push_back(input(i));
  for (Step& step : model.steps_)
    if (matches_pattern(pattern, step.name)) out.push_back({output(step, 0).slot, step.name});
  if (!out.empty()) return out;
  for (Step& step : model.steps_) {
    const bool known = slots[step.first_slot].defined();
    if (!known && matches_pattern(pattern.substr(0, pattern.rfind('.')), step.name)) out.push_back(output(step, 0));
    if (!step.first_name.empty() && matches_pattern(pattern, step.name + "." + step.first_name))
      out.push_back(output(step, 0));
    for (size_t i = 0; i < step.output_names.size(); ++i)
      if (matches_pattern(pattern, step.name + "." + step.output_names[i])) out.push_back(output(step, i + 1));
  }
  return out;
}

/// What a string in "from", "size_of" or "outputs" names; throws where that is nothing.
std::vector<Model::Builder::Found> Model::Builder::found(const Json& reference, const Variables& variables) {
  const std::string name = known_name(reference, variables);
  const bool pattern = name.find('*') != std::string::npos;
  std::vector<Found> out = pattern ? match(name) : find(name, reference);
  if (!out.empty()) return out;
  if (pattern) fail_at(reference, text("no earlier item matches '", name, "'"));
  fail_at(reference, not_found(name));
}

/// Why there is nothing of that name to read.
std::string Model::Builder::not_found(const std::string& name) const {
  if (name == current) return text("item '", name, "' cannot read itself; it reads earlier ones");
  const std::string none = text("no earlier item is named '", name, "'");
  if (left_out.contains(name)) return none + "; it was left out by its \"when\"";
  if (all_names.contains(name)) return none + "; it comes later, and an item reads only what is before it";
  const auto owner = step_of.find(std::string_view(name).substr(0, name.rfind('.')));
  if (owner == step_of.end() || name.find('.') == std::string::npos) return none + did_you_mean(name, known_names());
  const Step& step = model.steps_[owner->second];
  if (!step.output_names.empty() || !step.first_name.empty()) return none + did_you_mean(name, known_names());
  const LayerInfo* row = find_layer(step.type);
  const bool indices = name.ends_with(".indices") && row && row->config.defaults().find("return_indices");
  return text("item '", step.name, "' (", step.type, ") has no output '", name.substr(name.rfind('.') + 1), "'",
              indices ? "; it has where it is given \"return_indices\": true" : "");
}

/// Collects the names that the items of a list, and of the loops in it, will have.
void Model::Builder::foresee(const Json& list) {
  if (!list.is_array()) return;
  for (const Json& item : list.items()) {
    if (const Json* name = member(item, "name"); name && name->is_string()) all_names.insert(name->as_string());
    if (const Json* body = member(item, "body"); body && member(item, "for")) foresee(*body);
  }
}

std::vector<size_t> Model::Builder::slots_of(const Json& item, const Variables& variables) {
  std::vector<size_t> out;
  const auto read = [&](const Json& reference) {
    try {
      for (const Found& f : found(reference, variables)) out.push_back(f.slot);
    } catch (const Error& error) {
      note(reference.where(), error);
      reads_known = false;
      out.push_back(unknown_slot());
    }
  };
  const Json* from = member(item, "from");
  if (!from) {
    Json before("-1");
    before.set_where(item.where());
    read(before);
  } else if (from->is_string()) {
    read(*from);
  } else {
    for (const Json& reference : from->items()) read(reference);
    if (out.empty()) fail_at(*from, "an empty list; name at least one item");
  }
  if (const Json* size_of = member(item, "size_of")) read(*size_of);
  build.shared->items += static_cast<int64_t>(out.size()) / 4;  // they take memory, too
  if (build.shared->items > most_items) too_many(item);
  return out;
}

ItemInfo::Read Model::Builder::read_of(size_t slot) const {
  if (slot < model.input_names_.size()) return {ItemInfo::Read::input, slot};
  const auto after = std::ranges::upper_bound(model.steps_, slot, {}, &Step::first_slot);
  const auto step = after - model.steps_.begin() - 1;
  return {static_cast<size_t>(step), slot - model.steps_[static_cast<size_t>(step)].first_slot};
}

/// Finds the results: what `outputs` name, or all that the last item gives.
void Model::Builder::add_results(const Json& list, const Json& outputs, const Variables& variables) {
  if (model.steps_.empty()) fail_at(list, "no layer is left of this list; a model has at least one");
  std::vector<Found> results;
  if (outputs.size() == 0)
    for (size_t i = 0; i <= model.steps_.back().output_names.size(); ++i)
      results.push_back(output(model.steps_.back(), i));
  else
    for (const Json& reference : outputs.items())
      for (Found& f : found(reference, variables)) results.push_back(std::move(f));
  for (const Found& result : results) {
    const bool again =
        !result.name.empty() && std::ranges::find(model.result_names_, result.name) != model.result_names_.end();
    if (again) fail_at(outputs, text("two outputs are called ", quote(result.name)));
    model.result_slots_.push_back(result.slot);
    model.result_names_.push_back(result.name);
    model.result_reads_.push_back(read_of(result.slot));
  }
}

void Model::Builder::check_all_read(const Json& list) {
  if (!reads_known) return;  // whatever was meant by a wrong name is not unread
  for (const Step& step : model.steps_)
    if (!step.is_read)
      add_mistake(step.where,
                  text(step.where, "nothing reads '", step.name, "'", step.type.empty() ? "" : " (" + step.type + ")",
                       "; remove it, or name it in a later \"from\""));
  if (model.input_names_.size() == 1) return;
  for (size_t i = 0; i < input_read.size(); ++i)
    if (!input_read[i])
      add_mistake(list.where(), text(list.where(), "nothing reads the input '", model.input_names_[i], "'"));
}

/// Adds what `error` says, unless a mistake at that place was told: a loop or a block that is used twice finds it
/// again.
void Model::Builder::note(const Where& where, const Error& error) {
  if (dynamic_cast<const TooMany*>(&error)) throw;
  if (const auto* several = dynamic_cast<const ModelErrors*>(&error)) {
    for (const Mistake& mistake : several->mistakes()) add_mistake(mistake.where, mistake.line);
    return;
  }
  const auto* layer = dynamic_cast<const LayerError*>(&error);
  add_mistake(layer && layer->where().known() ? layer->where() : where, error.what());
}

void Model::Builder::add_mistake(const Where& where, std::string line) {
  constexpr size_t most = 100;  // more would not be read
  const bool again = where.known() && std::ranges::any_of(mistakes, [&](const Mistake& told) {
                       return told.where.source() == where.source() && told.where.offset() == where.offset();
                     });
  if (!again && mistakes.size() < most) mistakes.push_back({where, std::move(line)});
}

/// A place for a value that a mistake leaves unknown.
size_t Model::Builder::unknown_slot() {
  if (!unknown) {
    unknown = slots.size();
    slots.emplace_back();
  }
  return *unknown;
}

}  // namespace tarn
