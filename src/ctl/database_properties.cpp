#include "ctl/database_properties.h"

#include "ctl/failure.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {
namespace {

// Of a role that may be PUBLIC.
std::string Grantee(const DatabaseGrant& grant) {
  return grant.grantee.empty() ? "PUBLIC" : QuotedIdentifier(grant.grantee);
}

}  // namespace

DatabaseProperties ReadProperties(Session& server, const std::string& database) {
  // Version 17 has renamed daticulocale; before 15 there is no provider.
  const int version = server.server_version_num();
  const std::string provider =
      version < 150000 ? "'c', ''"
                       : std::string("datlocprovider, coalesce(") +
                             (version < 170000 ? "daticulocale" : "datlocale") + ", '')";
  const Rows rows = MustAsk(server, "databases",
                            "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding),"
                            " datcollate, datctype, datacl IS NULL, " +
                                provider + " FROM pg_database WHERE datname = $1",
                            {database});
  if (rows.empty()) {
    throw Failure({"connection", Severity::kCritical, database, "does not exist", ""});
  }
  const auto text = [&rows](std::size_t column) { return rows[0][column].value_or(""); };
  DatabaseProperties found{.owner = text(0), .encoding = text(1)};
  found.collate = text(2);
  found.ctype = text(3);
  found.default_grants = text(4) == "t";
  found.locale_provider = text(5);
  found.icu_locale = text(6);
  for (const auto& row : MustAsk(
           server, "databases",
           "SELECT coalesce(r.rolname, ''), split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)"
           " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
           " LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c"
           " WHERE d.datname = $1",
           {database})) {
    found.settings.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  }
  for (const auto& row : MustAsk(server, "databases",
                                 "SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable"
                                 " FROM pg_database d, aclexplode(d.datacl) a"
                                 " LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE d.datname = $1",
                                 {database})) {
    found.grants.push_back({row[0].value_or(""), row[1].value_or(""), row[2] == "t"});
  }
  return found;
}

void CreateDatabase(Session& server, const std::string& name,
                    const DatabaseProperties& properties) {
  std::string sql = "CREATE DATABASE " + QuotedIdentifier(name) + " TEMPLATE template0 ENCODING " +
                    QuotedLiteral(properties.encoding) + " LC_COLLATE " +
                    QuotedLiteral(properties.collate) + " LC_CTYPE " +
                    QuotedLiteral(properties.ctype);
  if (properties.locale_provider == "i") {
    sql += " LOCALE_PROVIDER icu ICU_LOCALE " + QuotedLiteral(properties.icu_locale);
  }
  MustAsk(server, "scratch", sql);
}

void ApplyProperties(Session& server, const std::string& name,
                     const DatabaseProperties& properties) {
  const std::string database = QuotedIdentifier(name);
  MustAsk(server, "restore",
          "ALTER DATABASE " + database + " OWNER TO " + QuotedIdentifier(properties.owner));
  for (const DatabaseSetting& setting : properties.settings) {
    // By way of the session, since lists are written differently in commands; of a transaction of
    // its own, since it may be one that others would suffer from.
    MustAsk(server, "restore", "BEGIN");
    MustAsk(server, "restore", "SELECT set_config($1, $2, true)", {setting.name, setting.value});
    const std::string whose = setting.role.empty() ? "DATABASE " + database
                                                   : "ROLE " + QuotedIdentifier(setting.role) +
                                                         " IN DATABASE " + database;
    MustAsk(server, "restore",
            "ALTER " + whose + " SET " + QuotedIdentifier(setting.name) + " FROM CURRENT");
    MustAsk(server, "restore", "COMMIT");
  }
  if (properties.default_grants) return;
  MustAsk(server, "restore", "REVOKE ALL ON DATABASE " + database + " FROM PUBLIC");
  for (const DatabaseGrant& grant : properties.grants) {
    MustAsk(server, "restore",
            "GRANT " + grant.privilege + " ON DATABASE " + database + " TO " + Grantee(grant) +
                (grant.grantable ? " WITH GRANT OPTION" : ""));
  }
}

}  // namespace pg_hello::ctl
