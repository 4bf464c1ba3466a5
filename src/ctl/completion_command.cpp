// Prints what bash completes: the list of the program's own subcommands and options, so that the
// two cannot differ.
#include <CLI/CLI.hpp>

#include "ctl/command_line.h"
#include "ctl/console.h"

namespace pg_hello::ctl {
namespace {

// Completed after COMP_LINE's subcommand: words_SUBCOMMAND, and for options that take one a file, a
// directory or a choice.
constexpr char kScript[] = R"(
_pg_helloctl()
{
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} word command=
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word == [a-z]* && $word != common && -n ${_pg_helloctl_words[$word]+set} ]]; then
      command=$word
      break
    fi
  done
  local takes=${_pg_helloctl_takes[$command $previous]-${_pg_helloctl_takes[ $previous]-}}
  case $takes in
    FILE) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    DIR) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    '') ;;
    \{*\}) takes=${takes#\{}; takes=${takes%\}}
      mapfile -t COMPREPLY < <(compgen -W "${takes//,/ }" -- "$current"); return ;;
    *) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "${_pg_helloctl_words[${command:--}]} ${command:+${_pg_helloctl_words[common]}}" -- "$current")
}
complete -F _pg_helloctl pg_helloctl
)";

// "{a,b}" for a choice; else FILE, DIR or another word; empty if the option takes nothing.
std::string Takes(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  const std::string type = option.get_type_name();
  const std::size_t brace = type.find('{');
  if (brace != type.npos) return type.substr(brace, type.find('}', brace) - brace + 1);
  for (const char* const word : {"FILE", "DIR"}) {
    if (type.find(word) != type.npos) return word;
  }
  return "VALUE";
}

// Adds the options of `app` to `words`, and to `takes` what they take.
void Describe(const CLI::App& app, const std::string& command, std::string& words,
              std::string& takes) {
  for (const CLI::Option* const option : app.get_options()) {
    std::vector<std::string> names;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : names) {
      words += (words.empty() ? "" : " ") + name;
      if (const std::string taken = Takes(*option); !taken.empty()) {
        takes += "  ['" + command + " " + name + "']='" + taken + "'\n";
      }
    }
    if (names.empty()) {
      // A choice at a place, such as `maintain daily`.
      std::string choice = Takes(*option);
      if (!choice.starts_with('{')) continue;
      for (char& c : choice) c = c == '{' || c == '}' || c == ',' ? ' ' : c;
      words += choice;
    }
  }
}

std::string Script(const CLI::App& app) {
  std::string words;
  std::string takes;
  std::string common;
  Describe(app, "", common, takes);
  std::string names = common;
  for (const CLI::App* const command : app.get_subcommands({})) {
    if (command->get_group().empty()) continue;
    std::string own;
    Describe(*command, command->get_name(), own, takes);
    words += "  [" + command->get_name() + "]='" + own + "'\n";
    names += " " + command->get_name();
  }
  return "# bash completion for pg_helloctl, as `pg_helloctl completion` prints it.\n"
         "declare -gA _pg_helloctl_words=(\n  [-]='" +
         names + "'\n  [common]='" + common + "'\n" + words +
         ")\ndeclare -gA _pg_helloctl_takes=(\n" + takes + ")\n" + kScript;
}

}  // namespace

void AddCompletion(CommandLine& line) {
  CLI::App* const command =
      line.app.add_subcommand("completion", "Print the script of bash's completion");
  command->group("");  // for those who install it
  line.commands.emplace_back(
      command, [&app = line.app] { return Print(Script(app)) ? 0 : ExitCode(Severity::kUnknown); });
}

}  // namespace pg_hello::ctl
