#include "ctl/file_checks.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pg_hello::ctl {
namespace {

std::string Octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

std::string UserName(uid_t user) {
  const passwd* const entry = getpwuid(user);
  return entry == nullptr ? std::to_string(user) : entry->pw_name;
}

// For a shell.
std::string Quoted(const std::string& path) {
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string ReasonIf(int failed) { return failed == 0 ? "" : std::strerror(errno); }

}  // namespace

void CheckFile(const std::string& path, FileUse use, Findings& findings,
               std::vector<Change>& plan) {
  const auto add = [&](Severity severity, std::string message, std::string hint = "") {
    findings.push_back({"files", severity, "", std::move(message), std::move(hint)});
  };
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) {
    add(Severity::kUnknown, "could not look at \"" + path + "\": " + std::strerror(errno));
    return;
  }
  const mode_t mode = status.st_mode & 07777;
  const bool secret = use == FileUse::kSecret;
  // PostgreSQL's own rule for keys: 0600, or 0640 if root owns it.
  const mode_t forbidden = !secret ? 022U : status.st_uid == 0 ? 037U : 077U;
  const bool wrong_mode = (mode & forbidden) != 0;
  const bool wrong_owner = !secret && status.st_uid != 0;
  if (!wrong_mode && !wrong_owner) {
    add(Severity::kOk, path + " is " + UserName(status.st_uid) + "'s, of mode " + Octal(mode));
    return;
  }
  if (wrong_mode) {
    const mode_t better = mode & static_cast<mode_t>(~forbidden);
    add(Severity::kCritical, path + " is of mode " + Octal(mode) + ": others than its owner can " +
                                 (secret ? "read it" : "change what the server runs"));
    plan.push_back({.check = "files",
                    .what = "chmod " + Octal(better) + " " + Quoted(path),
                    .undo = "chmod " + Octal(mode) + " " + Quoted(path),
                    .run = [path, better] { return ReasonIf(chmod(path.c_str(), better)); }});
  }
  if (wrong_owner) {
    add(Severity::kWarning,
        path + " is " + UserName(status.st_uid) +
            "'s, not root's: whoever is that user can change what the server runs",
        geteuid() == 0 ? "" : "to change owners, run it as root");
    if (geteuid() == 0) {
      plan.push_back(
          {.check = "files",
           .what = "chown root " + Quoted(path),
           .undo = "chown " + UserName(status.st_uid) + " " + Quoted(path),
           .run = [path] { return ReasonIf(chown(path.c_str(), 0, static_cast<gid_t>(-1))); }});
    }
  }
}

}  // namespace pg_hello::ctl
