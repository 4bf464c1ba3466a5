#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/bundle.h"
#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/diagnose.h"
#include "ctl/whole_file.h"

namespace pg_hello::ctl {
namespace {

Finding WriteBundle(const std::string& path, const Target& target, const Findings& findings) {
  const std::string packed = Pack(CollectBundle(target, findings), "pg_hello-bundle");
  const std::string reason =
      packed.empty() ? "it could not be packed" : WriteWholeFile(path, packed, 0600);
  if (!reason.empty()) {
    return {"bundle", Severity::kUnknown, "", "could not write \"" + path + "\": " + reason, ""};
  }
  return {"bundle", Severity::kOk, "",
          "\"" + path + "\" has what was found; look through it before you send it", ""};
}

}  // namespace

void AddDiagnose(CommandLine& line) {
  CLI::App* const command = line.app.add_subcommand(
      "diagnose", "Find out what is wrong, and say how to mend it; changes nothing");
  const auto bundle = std::make_shared<std::string>();
  command->add_option("--bundle", *bundle, "Also collect it, without secrets, in this tar.gz")
      ->type_name("FILE");
  line.commands.emplace_back(command, [bundle, &common = line.common] {
    Findings findings = Diagnose(common.target);
    if (!bundle->empty()) findings.push_back(WriteBundle(*bundle, common.target, findings));
    return Print(findings, common.json);
  });
}

}  // namespace pg_hello::ctl
