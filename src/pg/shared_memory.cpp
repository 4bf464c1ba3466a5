// The moments at which an extension may ask for shared memory, get it, and get it again after a
// crash.
#include "pg/shared_memory.h"

#include "pg/compat.h"
#include "pg/saved_stats.h"
#include "pg/settings.h"

extern "C" {
#include "datatype/timestamp.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
}

namespace pg_hello::pg {

shared::SharedStats* shared_stats = nullptr;

namespace {

constexpr const char* kName = "pg_hello";

shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;
LWLock* table_lock = nullptr;
measure::TickClock calibrated_clock;
bool asked = false;

shared::Dimensions Wanted() {
  return {static_cast<std::uint32_t>(settings.max_functions),
          static_cast<std::uint32_t>(MaxBackendNumbers())};
}

extern "C" {

static void RequestSharedMemory() {
  if (previous_request_hook != nullptr) {
    previous_request_hook();
  }
  asked = true;
  RequestAddinShmemSpace(shared::SharedStats::SizeFor(Wanted()) + alignof(shared::SharedStats));
  RequestNamedLWLockTranche(kName, 1);
}

// Runs in the postmaster at start, and again when it starts over after a crash: then memory is new
// and everything begins at zero, but for what a clean shutdown has left.
static void StartUpSharedMemory() {
  if (previous_startup_hook != nullptr) {
    previous_startup_hook();
  }
  shared_stats = nullptr;
  table_lock = nullptr;
  if (!IsUnderPostmaster && !asked) {
    ereport(FATAL, (errmsg("pg_hello was not asked for its need of shared memory"),
                    errdetail("A library that stands after it in \"shared_preload_libraries\" "
                              "leaves out those before it. plprofiler 4.2.1 does."),
                    errhint("Put pg_hello last.")));
  }

  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found = false;
  const Size size = shared::SharedStats::SizeFor(Wanted()) + alignof(shared::SharedStats);
  void* block = ShmemInitStruct(kName, size, &found);
  void* aligned = reinterpret_cast<void*>(
      TYPEALIGN(alignof(shared::SharedStats), reinterpret_cast<std::uintptr_t>(block)));
  if (found) {
    shared_stats = static_cast<shared::SharedStats*>(aligned);
  } else {
    shared_stats = shared::SharedStats::Create(aligned, Wanted(), calibrated_clock, UnixTimeUs());
  }
  table_lock = &GetNamedLWLockTranche(kName)->lock;
  LWLockRelease(AddinShmemInitLock);
  if (!found && !IsUnderPostmaster) {
    KeepStatsOverRestarts();
  }
}

}  // extern "C"

}  // namespace

void RequireSharedMemory() {
  if (shared_stats == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("pg_hello must be loaded via \"shared_preload_libraries\""),
                    errhint("Add pg_hello to \"shared_preload_libraries\" in postgresql.conf and "
                            "restart the server.")));
  }
}

void InstallSharedMemoryHooks() {
  calibrated_clock = measure::Calibrate(
      measure::TscIsTrustworthy() ? measure::ClockSource::kTsc : measure::ClockSource::kMonotonic);
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = RequestSharedMemory;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = StartUpSharedMemory;
}

TableLock::TableLock(LWLockMode mode) { LWLockAcquire(table_lock, mode); }
TableLock::~TableLock() { LWLockRelease(table_lock); }

namespace {

constexpr std::int64_t kEpochDistanceUs =
    std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;

}  // namespace

std::int64_t UnixTimeUs() { return GetCurrentTimestamp() + kEpochDistanceUs; }
std::int64_t ToTimestampTz(std::int64_t unix_us) { return unix_us - kEpochDistanceUs; }

}  // namespace pg_hello::pg
