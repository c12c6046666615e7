// The table of operations, filled by the files of the families before main.
#include "apps/golden/table.h"

#include <map>

namespace tarn::golden {
namespace {

std::map<std::string, Row, std::less<>>& table() {
  static std::map<std::string, Row, std::less<>> rows;
  return rows;
}

}  // namespace

Rows::Rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) table().insert_or_assign(row.op, row);
}

const Row* find_row(std::string_view op) {
  const auto found = table().find(op);
  return found == table().end() ? nullptr : &found->second;
}

}  // namespace tarn::golden
