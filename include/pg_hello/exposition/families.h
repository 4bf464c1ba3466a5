// From a snapshot to metric families: which number goes under which name. Separate from the formats
// so that each of them exposes the same things.
#ifndef PG_HELLO_EXPOSITION_FAMILIES_H
#define PG_HELLO_EXPOSITION_FAMILIES_H

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/health/health_report.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// How much of a function is shown.
enum class Exposure : std::uint8_t {
  kHidden,            // no series at all
  kWithoutHistogram,  // all but the classic histogram, which is most of a function's text
  kFull,
};

// What of a snapshot is shown.
struct Options {
  // One for each function of the snapshot, in its order. Empty: every function, in full.
  std::vector<Exposure> functions;
  // By FamilyId; those that are not there at all.
  std::bitset<kFamilyCount> hidden_families;
  // What the server's series say of it; a request that hides functions changes nothing about this.
  struct Exported {
    std::size_t functions = 0;
    std::size_t suppressed = 0;
    std::size_t histograms = 0;
  } exported;
};

class FunctionLabels;

// The walk over a snapshot that hands the families of kFamilies to a writer, in that order and also
// if one has no sample. It can be taken in steps, so that the thousands of functions of a large
// server keep nobody waiting.
//
// No two series are equal, whatever the names are: of functions with the same names, hidden ones
// included, the one with the lowest oid keeps its own, and the others have "~<funcid>" at the end
// of their `function` label. No function that comes later and no restart changes that.
class FamilyWalk {
 public:
  // What is referred to must outlive the walk. REQUIRES: options.functions is empty or as long as
  // snapshot.functions. Throws std::bad_alloc, and std::out_of_range if a function's database is
  // not in the snapshot.
  //
  // `labels`: what this writer has of the functions' labels from earlier walks over snapshots with
  // the same series; null: nothing.
  FamilyWalk(const snapshot::Snapshot& snapshot, const Options& options, FamilyWriter& writer,
             std::shared_ptr<FunctionLabels> labels = nullptr);
  FamilyWalk(const FamilyWalk&) = delete;
  FamilyWalk& operator=(const FamilyWalk&) = delete;

  // Goes on for about as much work as `units` samples are; a histogram is many. Returns whether
  // everything is written. REQUIRES: units > 0. Throws what the writer throws, and std::bad_alloc;
  // the walk cannot go on then.
  bool Step(std::size_t units);

  // The number of samples written so far.
  std::size_t samples() const { return samples_; }

 private:
  struct ShownFunction {
    const snapshot::FunctionStats* stats;
    FamilyWriter::LabelSet labels;
    Exposure exposure;
  };

  std::size_t Advance();
  std::size_t EndFamily();
  void AddFunction(std::size_t index);
  void WriteFunction(FamilyId id, const ShownFunction& function);
  void WriteServer(FamilyId id);
  void WriteSlo(FamilyId id, const shared::SloRecord& slo);
  void WriteProbes(FamilyId id);
  void Sample(FamilyWriter::LabelSet labels, std::initializer_list<std::string_view> more,
              Decimal value);
  void Single(Decimal value);
  const health::HealthReport& Health();
  void StateSet(std::initializer_list<std::string_view> labels, health::Status status);

  const snapshot::Snapshot& snapshot_;
  const Options& options_;
  FamilyWriter& writer_;
  std::vector<ShownFunction> shown_;
  const std::shared_ptr<FunctionLabels> labels_;
  std::optional<health::HealthReport> health_;  // made when the first family asks for it
  // What comes next: the labels of a function of the snapshot; when all are there, a family, and
  // in a family of functions one of shown_.
  std::size_t next_labels_ = 0;
  std::size_t next_family_ = 0;
  std::size_t next_function_ = 0;
  std::size_t samples_ = 0;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FAMILIES_H
