// Files and log lines around persistence/stats_file.h. A server that cannot save or load starts and
// stops like any other: everything here is plain system calls, and their failures are log lines.
//
// The end is clean if the control file says so, not if the exit code does: after an immediate
// shutdown the postmaster exits with 0 as well. The control file is read from disk, because at both
// times the server's own copy of it need not be there.
#include "pg/saved_stats.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <string>

#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg_hello/persistence/stats_file.h"

extern "C" {
#include "access/xlog_internal.h"
#include "catalog/pg_control.h"
#include "common/file_perm.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"
}

namespace pg_hello::pg {

namespace {

constexpr const char* kFile = PGSTAT_STAT_PERMANENT_DIRECTORY "/pg_hello.stat";
constexpr const char* kTemporaryFile = PGSTAT_STAT_PERMANENT_DIRECTORY "/pg_hello.stat.tmp";

// A descriptor that is closed in any case. The server's own kind may raise errors.
class File {
 public:
  File(const char* path, int flags, int mode = 0)
      : descriptor_(open(path, flags | O_CLOEXEC | O_NONBLOCK, mode)) {}
  ~File() { Close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  // Not interrupted by signals. Both set errno on failure.
  bool ReadAll(char* bytes, std::size_t size) {
    while (size > 0) {
      const ssize_t done = read(descriptor_, bytes, size);
      if (done == 0) {
        errno = EIO;  // it became shorter
      }
      if (done <= 0 && (done == 0 || errno != EINTR)) {
        return false;
      }
      if (done > 0) {
        bytes += done;
        size -= static_cast<std::size_t>(done);
      }
    }
    return true;
  }
  bool WriteAll(const char* bytes, std::size_t size) {
    while (size > 0) {
      const ssize_t done = write(descriptor_, bytes, size);
      if (done == 0) {
        errno = ENOSPC;
      }
      if (done <= 0 && (done == 0 || errno != EINTR)) {
        return false;
      }
      if (done > 0) {
        bytes += done;
        size -= static_cast<std::size_t>(done);
      }
    }
    return true;
  }
  bool Close() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor < 0 || close(descriptor) == 0;
  }

 private:
  int descriptor_;
};

// Where this data directory stands. False if it cannot be said, or if it was not left by a clean
// shutdown.
bool ReadOrigin(persistence::Origin* origin) {
  ControlFileData control;
  File file(XLOG_CONTROL_FILE, O_RDONLY);
  if (!file.is_open() || !file.ReadAll(reinterpret_cast<char*>(&control), sizeof(control)) ||
      control.pg_control_version != PG_CONTROL_VERSION) {
    return false;
  }
  origin->postgres_major = PG_MAJORVERSION_NUM;
  origin->system_identifier = control.system_identifier;
  origin->timeline = control.checkPointCopy.ThisTimeLineID;
  origin->checkpoint = control.checkPoint;
  origin->min_recovery_point = control.minRecoveryPoint;
  return control.state == DB_SHUTDOWNED || control.state == DB_SHUTDOWNED_IN_RECOVERY;
}

// --- loading -------------------------------------------------------------------------------------

void WarnOfIgnored(const char* why) {
  ereport(WARNING, (errmsg("pg_hello: saved statistics are ignored"), errdetail("%s", why)));
}

// The whole file. False if there is none, or if it cannot be read; then `why` is not empty.
bool ReadSaved(std::string* bytes, std::string* why) {
  File file(kFile, O_RDONLY);
  struct stat status;
  if (!file.is_open()) {
    if (errno != ENOENT) {
      *why =
          std::string("The file \"") + kFile + "\" cannot be opened: " + pg_strerror(errno) + ".";
    }
    return false;
  }
  if (fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode)) {
    *why = std::string("\"") + kFile + "\" is not a regular file.";
    return false;
  }
  if (static_cast<std::uint64_t>(status.st_size) > persistence::kMaxFileBytes) {
    *why = std::string("The file \"") + kFile + "\" is too large.";
    return false;
  }
  bytes->resize(static_cast<std::size_t>(status.st_size));
  if (!file.ReadAll(bytes->data(), bytes->size())) {
    *why = std::string("The file \"") + kFile + "\" cannot be read: " + pg_strerror(errno) + ".";
    return false;
  }
  return true;
}

// Durable, so that the file does not come back after a crash of the machine.
void RemoveSaved() {
  unlink(kTemporaryFile);
  if (access(kFile, F_OK) == 0) {
    durable_unlink(kFile, LOG);
  }
}

void LoadSaved() {
  std::string bytes;
  std::string why;
  const bool found = ReadSaved(&bytes, &why);
  RemoveSaved();
  if (!found) {
    if (!why.empty()) {
      WarnOfIgnored(why.c_str());
    }
    return;
  }
  persistence::Origin origin;
  if (!ReadOrigin(&origin)) {
    WarnOfIgnored("The server was not shut down cleanly after the file was written.");
    return;
  }
  const persistence::LoadResult result = persistence::Load(bytes, origin, *shared_stats);
  if (!result.loaded) {
    WarnOfIgnored(result.why_not.c_str());
  } else if (result.rows_left_out > 0) {
    ereport(WARNING, (errmsg("pg_hello: saved statistics of some functions are ignored"),
                      errdetail("There is room for %u of %u functions.", result.rows,
                                result.rows + result.rows_left_out),
                      errhint("Increase \"pg_hello.max_functions\" (now %d) before the server is "
                              "started.",
                              settings.max_functions)));
  }
}

// --- saving --------------------------------------------------------------------------------------

void WriteSaved(const std::string& bytes) {
  const char* failed = nullptr;
  File file(kTemporaryFile, O_WRONLY | O_CREAT | O_TRUNC, pg_file_create_mode);
  if (!file.is_open()) {
    failed = "create";
  } else if (!file.WriteAll(bytes.data(), bytes.size())) {
    failed = "write";
  } else if (pg_fsync(file.descriptor()) != 0) {
    failed = "fsync";
  } else if (!file.Close()) {
    failed = "close";
  }
  if (failed == nullptr) {
    if (durable_rename(kTemporaryFile, kFile, LOG) == 0) {
      return;
    }
  } else {
    const int error = errno;
    ereport(LOG, (errmsg("pg_hello: could not %s file \"%s\": %s", failed, kTemporaryFile,
                         pg_strerror(error)),
                  errdetail("Statistics are not saved; they will start at zero.")));
  }
  unlink(kTemporaryFile);
}

extern "C" {

static void SaveAtExit(int code, Datum) {
  if (code != 0 || IsUnderPostmaster || shared_stats == nullptr || !settings.save) {
    return;
  }
  persistence::Origin origin;
  if (!ReadOrigin(&origin)) {
    return;
  }
  const char* failure = nullptr;
  try {
    const std::string bytes = persistence::Save(*shared_stats, origin, UnixTimeUs());
    if (bytes.size() <= persistence::kMaxFileBytes) {
      WriteSaved(bytes);
    } else {
      failure = "They would take too much space.";
    }
  } catch (const std::exception&) {
    failure = "There is not enough memory.";
  }
  if (failure != nullptr) {
    ereport(LOG, (errmsg("pg_hello: statistics are not saved"), errdetail("%s", failure)));
  }
}

}  // extern "C"

}  // namespace

void KeepStatsOverRestarts() {
  // pg_upgrade's servers are not for users, and nothing of theirs is to be found afterwards.
  if (IsBinaryUpgrade) {
    return;
  }
  on_shmem_exit(SaveAtExit, Datum{0});
  bool failed = false;
  try {
    if (settings.save) {
      LoadSaved();
    } else {
      RemoveSaved();
    }
  } catch (const std::exception&) {
    failed = true;
  }
  if (failed) {
    RemoveSaved();
    WarnOfIgnored("There is not enough memory.");
  }
}

}  // namespace pg_hello::pg
