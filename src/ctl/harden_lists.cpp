// Lists in settings.
#include <algorithm>

#include "ctl/harden.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {

// As SplitIdentifierString() and SplitDirectoriesString() of PostgreSQL read them.
std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> names;
  std::string name;
  bool quoted = false;
  bool was_quoted = false;
  const auto end = [&] {
    if (!was_quoted) {
      while (name.ends_with(' ')) name.pop_back();
    }
    if (!name.empty()) names.push_back(name);
    name.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const char c = list[i];
    if (c == '"') {
      if (quoted && i + 1 < list.size() && list[i + 1] == '"') {
        name += '"';
        ++i;
      } else {
        quoted = !quoted;
        was_quoted = true;
      }
    } else if (c == ',' && !quoted) {
      end();
    } else if (c != ' ' || quoted || (!name.empty() && !was_quoted)) {
      name += c;
    }
  }
  end();
  return names;
}

std::string SetList(const std::string& setting, const std::vector<std::string>& names) {
  std::string sql = "ALTER SYSTEM SET " + setting + " = ";
  for (std::size_t i = 0; i < names.size(); ++i)
    sql += (i > 0 ? ", " : "") + QuotedLiteral(names[i]);
  return names.empty() ? sql + "''" : sql;
}

bool OnlyLoopback(const std::string& listen_addresses) {
  const auto names = SplitList(listen_addresses);
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "localhost" || name == "::1" || name.starts_with("127.");
  });
}

}  // namespace pg_hello::ctl
