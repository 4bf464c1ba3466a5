// Questions to a server of which an error ends the work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/session.h"

namespace pg_hello::ctl {

// All of these throw a Failure where there is no answer: kUnknown if it is for lack of permission.

Rows MustAsk(Session& session, const std::string& check, const std::string& sql,
             const std::vector<std::string>& values = {});

// For a session in which a statement may take as long as it needs.
Session MustOpen(const Target& target, const std::optional<std::string>& database);
Session MustOpenServer(const Target& target);

// For names and texts that go into SQL where no parameter may stand.
std::string QuotedIdentifier(std::string_view name);
std::string QuotedLiteral(std::string_view text);

}  // namespace pg_hello::ctl
