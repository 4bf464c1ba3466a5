// Hashes are compared instead of names. Two names with the same one are taken for equal, which is
// harmless: both are unique with a mark, too.
#include "exposition/unique_names.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "exposition/fixed_text.h"

namespace pg_hello::exposition {
namespace {

using snapshot::FunctionStats;

struct Name {
  std::size_t hash;
  std::uint32_t funcid;
  std::uint32_t dbid;  // databases that found no place share a name, and clones their oids
  std::uint32_t index;

  friend bool operator<(const Name& a, const Name& b) {
    return std::tie(a.hash, a.funcid, a.dbid, a.index) <
           std::tie(b.hash, b.funcid, b.dbid, b.index);
  }
};

// Whether a hash is there twice. Almost never is one, and to know that takes no order.
bool AnyRepeats(const std::vector<Name>& names) {
  std::vector<std::size_t> places(std::bit_ceil(2 * names.size() + 1));  // 0: free
  const std::size_t mask = places.size() - 1;
  for (const Name& name : names) {
    std::size_t place = name.hash & mask;
    while (places[place] != 0 && places[place] != name.hash) {
      place = (place + 1) & mask;
    }
    if (places[place] == name.hash) {  // also if it is 0
      return true;
    }
    places[place] = name.hash;
  }
  return false;
}

// Hashes datname, schema and a function's name.
class Hasher {
 public:
  explicit Hasher(const snapshot::Snapshot& snapshot) : snapshot_(snapshot) {}

  std::size_t operator()(const FunctionStats& stats, std::string_view function) {
    text_.assign(snapshot_.databases.at(stats.database).datname).push_back('\0');
    text_.append(TextOf(stats.identity.schema)).push_back('\0');
    text_.append(function);
    return std::hash<std::string>()(text_);
  }

 private:
  const snapshot::Snapshot& snapshot_;
  std::string text_;
};

bool Contains(const std::vector<Name>& sorted, std::size_t hash) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), Name{hash, 0, 0, 0});
  return found != sorted.end() && found->hash == hash;
}

}  // namespace

UniqueNames::UniqueNames(const snapshot::Snapshot& snapshot) {
  Hasher hash(snapshot);
  std::vector<Name> names;
  names.reserve(snapshot.functions.size());
  for (std::uint32_t i = 0; i < snapshot.functions.size(); ++i) {
    const FunctionStats& stats = snapshot.functions[i];
    names.push_back(
        {hash(stats, TextOf(stats.identity.function)), stats.key.funcid, stats.key.dbid, i});
  }
  if (!AnyRepeats(names)) {
    return;
  }
  std::sort(names.begin(), names.end());

  std::unordered_set<std::size_t> taken;  // by marked names
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].hash != names[i - 1].hash) {
      continue;
    }
    const FunctionStats& stats = snapshot.functions[names[i].index];
    const std::string marked =
        std::string(TextOf(stats.identity.function)) + "~" + std::to_string(stats.key.funcid);
    std::string candidate = marked;
    std::size_t candidate_hash = hash(stats, candidate);
    for (int n = 2; Contains(names, candidate_hash) || taken.contains(candidate_hash); ++n) {
      candidate = marked + "~" + std::to_string(n);
      candidate_hash = hash(stats, candidate);
    }
    taken.insert(candidate_hash);
    marked_.emplace(names[i].index, std::move(candidate));
  }
}

std::string_view UniqueNames::Function(const FunctionStats& stats, std::size_t index) const {
  const auto marked = marked_.find(index);
  return marked != marked_.end() ? std::string_view(marked->second)
                                 : TextOf(stats.identity.function);
}

}  // namespace pg_hello::exposition
