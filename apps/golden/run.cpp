// Running a reference case: outputs, buffers, first and second derivatives, or the error that it must end with.
#include "apps/golden/run.h"

#include "apps/golden/compare.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/tape.h"

namespace tarn::golden {
namespace {

Tolerance gradient_tolerance(const Case& c) {
  Tolerance t = c.tolerance();
  const Json* allowed = c.json().find("nan_grad_as_zero_ok");
  t.nan_as_zero = allowed && allowed->as_boolean();
  return t;
}

/// The tensors that derivatives are asked for, and what to call them.
struct CaseLeaves {
  Tensors values;
  std::vector<std::string> names;
  std::vector<std::pair<std::string, size_t>> places;  // member of the case and position in it
};

CaseLeaves leaves_of(const Case& c) {
  CaseLeaves leaves;
  const auto add = [&leaves](const Tensor& value, std::string name, const char* member, size_t position) {
    if (!value.is_leaf()) return;
    leaves.values.push_back(value);
    leaves.names.push_back(std::move(name));
    leaves.places.emplace_back(member, position);
  };
  for (size_t i = 0; i < c.inputs().size(); ++i) add(c.inputs()[i], text("input ", i), "inputs", i);
  for (size_t i = 0; i < c.params().size(); ++i) add(c.params()[i].tensor, c.params()[i].name, "params", i);
  return leaves;
}

void compare_list(const char* what, const Tensors& got, const Tensors& want, const Tolerance& t) {
  if (got.size() != want.size()) throw Mismatch{text(got.size(), " ", what, "s, expected ", want.size())};
  for (size_t i = 0; i < want.size(); ++i)
    if (want[i].defined()) compare(text(what, " ", i), got[i], want[i], t);
}

void compare_buffers(const Case& c, const Tolerance& t) {
  const Tensors after = c.tensors("buffers_after");
  for (size_t i = 0; i < after.size() && i < c.buffers().size(); ++i)
    compare(c.buffers()[i].name + " after the call", c.buffers()[i].tensor, after[i], t);
}

/// sum of a·b over all pairs where both are there: what the format differentiates. Undefined where there is none.
Tensor inner(const Tensors& a, const Tensors& b) {
  Tensor total;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!a[i].defined() || !b[i].defined()) continue;
    const Tensor term = sum(a[i] * b[i]);
    total = total.defined() ? total + term : term;
  }
  return total;
}

/// The given member of double_backward for each leaf.
Tensors for_leaves(const Case& c, const CaseLeaves& leaves, const Json& second, const std::string& prefix) {
  Tensors list;
  for (const auto& [member, position] : leaves.places) {
    const Json::Array& names = second.at(prefix + member).items();
    if (position >= names.size()) throw BadFile(second.where().prefix(prefix + member) + "is too short");
    list.push_back(c.group().tensor(names[position]));
  }
  return list;
}

void compare_second(const Case& c, Tape& tape, const CaseLeaves& leaves, const Tensors& gradients,
                    const Tensors& cotangents) {
  const Json* second = c.json().find("double_backward");
  if (!second || second->at("status").as_string() != "ok") return;
  const Tolerance t = gradient_tolerance(c);
  const Tensor s = inner(for_leaves(c, leaves, *second, "v_"), gradients);
  Tensors wrt = leaves.values;
  std::vector<std::string> names = leaves.names;
  Tensors want = for_leaves(c, leaves, *second, "");
  const Json::Array& upstream = second->at("grad_outputs").items();
  for (size_t i = 0; i < cotangents.size() && i < upstream.size(); ++i) {
    if (!cotangents[i].defined()) continue;
    wrt.push_back(cotangents[i]);
    names.push_back(text("grad_output ", i));
    want.push_back(c.group().tensor(upstream[i]));
  }
  Tensors got(wrt.size());
  const bool depends = s.defined() && s.place().tape == tape.id();
  if (depends) got = tape.gradient(s, wrt, {.allow_unused = true});
  for (size_t i = 0; i < want.size(); ++i)
    if (want[i].defined()) compare("second derivative by " + names[i], got[i], want[i], t);
}

void compare_gradients(const Case& c, Tape& tape, const Tensors& outputs, const Tensors& cotangents) {
  const CaseLeaves leaves = leaves_of(c);
  if (leaves.values.empty()) return;
  const Tensor loss = inner(outputs, cotangents);
  const bool depends = loss.defined() && loss.place().tape == tape.id();
  const bool again = c.json().find("double_backward") != nullptr;
  Tensors gradients(leaves.values.size());
  if (depends) gradients = tape.gradient(loss, leaves.values, {.create_graph = again, .allow_unused = true});
  const Tolerance t = gradient_tolerance(c);
  for (size_t i = 0; i < gradients.size(); ++i) {
    const auto& [member, position] = leaves.places[i];
    compare("gradient of " + leaves.names[i], gradients[i],
            c.group().tensor(c.json().at("grad_" + member).items()[position]), t);
  }
  if (again) compare_second(c, tape, leaves, gradients, cotangents);
}

void run_and_compare(Case& c, const Row& row) {
  Tape tape;
  const Tensors outputs = row.call(c);
  const Tolerance t = c.tolerance();
  compare_list("output", outputs, c.tensors("outputs"), t);
  compare_buffers(c, t);
  Tensors cotangents = c.tensors("grad_outputs");
  if (cotangents.empty()) return;
  for (Tensor& g : cotangents)
    if (g.defined()) g = g.requires_grad();
  compare_gradients(c, tape, outputs, cotangents);
}

/// The error may also arise where the inputs are made: a tensor of seven dimensions cannot be.
Outcome must_throw(const Group& group, const Json& json, const Row& row) {
  try {
    Case c(group, json);
    row.call(c);
  } catch (const Error&) {
    return {};
  }
  return {Status::failed, text("was accepted; expected an error: ", json.at("reason").as_string())};
}

}  // namespace

const char* status_name(Status status) {
  constexpr const char* names[] = {"passed", "failed", "skipped"};
  return names[static_cast<int>(status)];
}

namespace {

/// What does not follow the format is the file's fault, not the case's.
Case read_case(const Group& group, const Json& json) {
  try {
    return Case(group, json);
  } catch (const Error& error) {
    throw BadFile(error.what());
  }
}

}  // namespace

Outcome run_case(const Group& group, const Json& json) {
  const Row* row = find_row(json.at("op").as_string());
  if (!row) return {Status::skipped, text("no ", json.at("op").as_string())};
  try {
    const Json* must_fail = json.find("expect_error");
    if (must_fail && must_fail->as_boolean()) return must_throw(group, json, *row);
    Case c = read_case(group, json);
    if (row->check)
      row->check(c);
    else
      run_and_compare(c, *row);
    return {};
  } catch (const BadFile&) {
    throw;
  } catch (const Skip& skip) {
    return {Status::skipped, skip.why};
  } catch (const Mismatch& mismatch) {
    return {Status::failed, mismatch.why};
  } catch (const std::exception& error) {
    return {Status::failed, text("threw: ", error.what())};
  }
}

}  // namespace tarn::golden
