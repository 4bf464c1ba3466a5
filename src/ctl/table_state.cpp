#include "ctl/table_state.h"

#include <algorithm>
#include <utility>

#include "ctl/questions.h"

namespace pg_hello::ctl {
namespace {

// The tables that pg_dump dumps: those of no extension, and those for which pg_hello asked.
// Sequences are compared for pg_hello only.
constexpr char kTables[] =
    "WITH own AS (SELECT unnest(extconfig) AS oid FROM pg_extension WHERE extname = 'pg_hello')"
    " SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'S', o.oid IS NOT NULL"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN own o ON o.oid = c.oid"
    " WHERE o.oid IS NOT NULL OR (c.relkind = 'r' AND c.relpersistence <> 't'"
    " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"
    " AND d.objid = c.oid AND d.deptype = 'e'))"
    " ORDER BY 1";

}  // namespace

const char kStateSettings[] =
    "SELECT set_config('row_security', 'off', false), set_config('TimeZone', 'UTC', false),"
    " set_config('DateStyle', 'ISO', false), set_config('IntervalStyle', 'postgres', false),"
    " set_config('extra_float_digits', '1', false), set_config('bytea_output', 'hex', false)";

std::string StateQuestion(const TableState& table) {
  if (table.sequence) return "SELECT last_value, '' FROM " + table.name;
  if (!table.of_extension) return "SELECT count(*), '' FROM ONLY " + table.name;
  // A sum does not depend on the rows' order, and needs no room for them. The text is the same in
  // databases of different encodings, except in SQL_ASCII, where it has none.
  return "SELECT count(*), coalesce(sum(('x' || substr(CASE getdatabaseencoding()"
         " WHEN 'SQL_ASCII' THEN md5(t::text) ELSE md5(convert_to(t::text, 'UTF8')) END,"
         " 1, 15))::bit(60)::bigint), 0) FROM ONLY " +
         table.name + " t";
}

TableStates ReadTableStates(Session& session, Tables which) {
  MustAsk(session, "tables", kStateSettings);
  TableStates states;
  for (const auto& row : MustAsk(session, "tables", kTables)) {
    TableState table{.name = row[0].value_or("")};
    table.sequence = row[1] == "t";
    table.of_extension = row[2] == "t";
    if (which == Tables::kOfExtension && !table.of_extension) continue;
    const Rows answer = MustAsk(session, "tables", StateQuestion(table));
    table.rows = std::stoll(answer.at(0)[0].value_or("0"));
    table.checksum = answer.at(0)[1].value_or("");
    states.push_back(std::move(table));
  }
  return states;
}

std::vector<std::string> Differences(const TableStates& expected, const TableStates& actual,
                                     bool checksums) {
  std::vector<std::string> differences;
  for (const TableState& table : expected) {
    const auto found = std::find_if(actual.begin(), actual.end(), [&table](const TableState& one) {
      return one.name == table.name;
    });
    if (found == actual.end()) {
      differences.push_back(table.name + " is missing");
    } else if (table.sequence ? found->rows < table.rows : found->rows != table.rows) {
      differences.push_back(table.name + (table.sequence ? " stands at " : " has ") +
                            std::to_string(found->rows) + " instead of " +
                            std::to_string(table.rows) + (table.sequence ? "" : " rows"));
    } else if (checksums && found->checksum != table.checksum) {
      differences.push_back(table.name + " has other rows");
    }
  }
  return differences;
}

}  // namespace pg_hello::ctl
