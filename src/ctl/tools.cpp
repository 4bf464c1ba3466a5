#include "ctl/tools.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "ctl/failure.h"
#include "ctl/report.h"

namespace pg_hello::ctl {
namespace {

constexpr char kHint[] =
    "install PostgreSQL's programs of the server's version, or say with --bindir where they are";

std::string InPath(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(colon == rest.npos ? rest.size() : colon + 1);
  }
  return "";
}

std::string AskPgConfig() {
  const std::string pg_config = InPath("pg_config");
  if (pg_config.empty()) throw Failure("programs", "there is no pg_config in PATH", kHint);
  return OneLine(MustRun("programs", {pg_config, {"--bindir"}, {}}).output);
}

}  // namespace

int MajorVersionIn(const std::string& text) {
  constexpr std::string_view kMark = "(PostgreSQL) ";
  const std::size_t at = text.find(kMark);
  int major = 0;
  if (at != text.npos) {
    std::from_chars(text.data() + at + kMark.size(), text.data() + text.size(), major);
  }
  return major;
}

Tools Tools::Find(std::string bindir, int server_version_num) {
  if (bindir.empty()) bindir = AskPgConfig();
  Tools tools(std::move(bindir));
  const std::string said = MustRun("programs", tools.Plain("pg_dump", {"--version"})).output;
  const int major = server_version_num / 10000;
  if (MajorVersionIn(said) < major) {
    throw Failure("programs",
                  "the programs in " + tools.bindir_ + " are older than the server, of version " +
                      std::to_string(major) + ": " + OneLine(said),
                  kHint);
  }
  return tools;
}

Program Tools::Plain(const std::string& name, std::vector<std::string> arguments) const {
  return {bindir_ + "/" + name, std::move(arguments), {}};
}

Program Tools::Connected(const std::string& name, const ProgramConnection& connection,
                         std::vector<std::string> arguments) const {
  Program program = Plain(name, std::move(arguments));
  program.arguments.insert(program.arguments.begin(),
                           {"--no-password", "--dbname=" + connection.conninfo});
  program.environment.insert(program.environment.end(), connection.environment.begin(),
                             connection.environment.end());
  return program;
}

}  // namespace pg_hello::ctl
