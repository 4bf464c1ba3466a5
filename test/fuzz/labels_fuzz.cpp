// Any bytes as the names of databases, schemas and functions, on their way through repair, shared
// memory, the snapshot and the text: what a reader gets out is what was repaired, and no two
// functions are one.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exposition_reader.h"
#include "fuzz.h"
#include "pg_hello/exposition/renderer.h"
#include "pg_hello/measure/utf8.h"
#include "support/shared_memory.h"
#include "utf8_reference.h"

namespace pg_hello {
namespace {

using fuzz::Input;

constexpr std::uint32_t kMostFunctions = 8;

// Repaired and cut as names are before they get into shared memory.
std::string Name(std::string_view bytes, std::size_t most) {
  bool repaired = false;
  const std::string text = measure::ToValidUtf8(bytes, &repaired);
  FUZZ_PROMISE(text == fuzz::Repaired(bytes));
  FUZZ_PROMISE(repaired == (text != bytes) && text.size() <= 3 * bytes.size());
  bool again = false;
  FUZZ_PROMISE(measure::ToValidUtf8(text, &again) == text);

  const std::size_t length = measure::Utf8CutLength(text, most);
  FUZZ_PROMISE(length <= most && (length + 3 >= most || length == text.size()));
  FUZZ_PROMISE(fuzz::IsUtf8(std::string_view(text).substr(0, length)));
  return text.substr(0, length);
}

template <std::size_t kSize>
void Fill(char (&to)[kSize], std::string_view bytes) {
  const std::string name = Name(bytes, kSize - 1);
  FUZZ_PROMISE(name.size() < kSize);
  name.copy(to, name.size());
}

// Whether `shown` is `name`, or `name` with what tells it from an equal one: "~" and the oid, and
// perhaps a number after it.
bool IsNameOrMarked(std::string_view shown, std::string_view name, std::uint32_t oid) {
  if (shown == name) {
    return true;
  }
  const std::string marked = std::string(name) + "~" + std::to_string(oid);
  return shown.starts_with(marked) &&
         shown.substr(marked.size()).find_first_not_of("~0123456789") == std::string_view::npos;
}

// The same for a database's name, which is cut where the mark would not fit into its place.
bool IsDatnameOrMarked(std::string_view shown, std::string_view name, std::uint32_t dbid) {
  constexpr std::size_t kRoom = sizeof(shared::DatabaseName::datname) - sizeof("~4294967295");
  return IsNameOrMarked(shown, name, dbid) ||
         IsNameOrMarked(shown, name.substr(0, measure::Utf8CutLength(name, kRoom)), dbid);
}

struct Function {
  std::string schema;
  std::string function;
  std::uint32_t dbid;
};

void Check(Input in) {
  testing::SharedMemory stats({kMostFunctions, 1});
  std::map<std::uint32_t, std::string> databases;
  const std::size_t database_count = 1 + in.Below(4);
  for (std::uint32_t dbid = 1; dbid <= database_count; ++dbid) {
    shared::DatabaseName name{};
    Fill(name.datname, in.Text());
    databases[dbid] = name.datname;
    stats->FindOrInsertDatabase(dbid, name)->overflow_calls = dbid;
  }
  std::map<std::uint32_t, Function> functions;  // by funcid, which is its number of errors too
  while (!in.AtEnd() && functions.size() < kMostFunctions) {
    const auto dbid = static_cast<std::uint32_t>(1 + in.Below(database_count));
    shared::FunctionIdentity identity{};
    Fill(identity.schema, in.Text());
    Fill(identity.function, in.Text());
    Fill(identity.language, in.Bytes(2));
    Fill(identity.extension, in.Bytes(2));
    identity.kind = static_cast<char>(in.Byte());
    const auto funcid = static_cast<std::uint32_t>(functions.size() + 1);
    shared::FunctionRow* row = stats->FindOrInsert({dbid, funcid, 0}, identity, 1);
    FUZZ_PROMISE(row != nullptr);
    row->counters.errors = funcid;
    functions[funcid] = {identity.schema, identity.function, dbid};
  }

  const auto snapshot = std::make_shared<const snapshot::Snapshot>(testing::TakeSnapshot(*stats));
  // One histogram is enough, they are long.
  exposition::Options options;
  options.functions.assign(functions.size(), exposition::Exposure::kWithoutHistogram);
  if (!functions.empty()) {
    options.functions.back() = exposition::Exposure::kFull;
  }
  exposition::Renderer renderer(snapshot, exposition::Format::kText, options);
  while (!renderer.Step(7)) {
  }
  const auto samples = fuzz::ExpositionReader::Read(renderer.TakeBody());
  FUZZ_PROMISE(samples.size() == renderer.samples());

  std::map<std::uint32_t, std::string> shown_databases;
  for (const auto& [series, value] : samples) {
    if (series.name == "pg_hello_overflow_calls_total") {
      const auto dbid = static_cast<std::uint32_t>(std::stoul(value));
      shown_databases[dbid] = series.labels.at("datname");
      FUZZ_PROMISE(IsDatnameOrMarked(shown_databases[dbid], databases.at(dbid), dbid));
    }
  }
  FUZZ_PROMISE(shown_databases.size() == databases.size());

  std::size_t shown = 0;
  for (const auto& [series, value] : samples) {
    if (series.name == "pg_hello_function_errors_total") {
      const auto funcid = static_cast<std::uint32_t>(std::stoul(value));
      const Function& function = functions.at(funcid);
      FUZZ_PROMISE(series.labels.size() == 3);
      FUZZ_PROMISE(series.labels.at("datname") == shown_databases.at(function.dbid));
      FUZZ_PROMISE(series.labels.at("schema") == function.schema);
      FUZZ_PROMISE(IsNameOrMarked(series.labels.at("function"), function.function, funcid));
      ++shown;
    }
  }
  FUZZ_PROMISE(shown == functions.size());
}

}  // namespace
}  // namespace pg_hello

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pg_hello::Check(pg_hello::fuzz::Input(pg_hello::fuzz::TextOf(data, size)));
  return 0;
}
