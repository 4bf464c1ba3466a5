#include "ctl/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "ctl/failure.h"
#include "ctl/report.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKept = 64 * 1024;
constexpr int kPollMilliseconds = 200;
constexpr std::chrono::seconds kGrace{30};

[[noreturn]] void FailStarting(const std::string& path, int error) {
  throw Failure("programs", "could not start " + path + ": " + std::strerror(error));
}

class Pipe {
 public:
  explicit Pipe(const std::string& path) {
    if (pipe2(ends_, O_CLOEXEC) != 0) FailStarting(path, errno);
  }
  ~Pipe() {
    CloseWriteEnd();
    CloseReadEnd();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseReadEnd() { Close(ends_[0]); }
  void CloseWriteEnd() { Close(ends_[1]); }

  // Closes its end, and gives nothing, when nothing more will come.
  std::string_view Read() {
    ssize_t got = 0;
    do {
      got = read(ends_[0], buffer_, sizeof buffer_);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
      CloseReadEnd();
      return {};
    }
    return {buffer_, static_cast<std::size_t>(got)};
  }

 private:
  static void Close(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }

  int ends_[2];
  char buffer_[8192];
};

// What comes through a pipe: its end is kept, and its lines are told.
class Stream {
 public:
  Stream(Pipe& pipe, const std::function<void(std::string_view)>& told)
      : pipe_(pipe), told_(told) {}

  void Read() {
    const std::string_view bytes = pipe_.Read();
    kept_.append(bytes);
    if (kept_.size() > 2 * kKept) kept_.erase(0, kept_.size() - kKept);
    if (told_) Tell(bytes);
  }

  std::string Kept() && { return std::move(kept_); }

 private:
  void Tell(std::string_view bytes) {
    partial_.append(bytes);
    std::size_t end = 0;
    while ((end = partial_.find('\n')) != partial_.npos) {
      told_(std::string_view(partial_).substr(0, end));
      partial_.erase(0, end + 1);
    }
    if (bytes.empty() && !partial_.empty()) told_(std::exchange(partial_, {}));
  }

  Pipe& pipe_;
  const std::function<void(std::string_view)>& told_;
  std::string kept_ = {};
  std::string partial_ = {};
};

// In the child: only what is safe between fork() and exec().
[[noreturn]] void Become(char* const* arguments, char* const* environment, int output, int errors,
                         int failure, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C reaches us alone, and we tell it
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() == parent) {
    const int empty = open("/dev/null", O_RDONLY);
    if (empty >= 0 && dup2(empty, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0) {
      execvpe(arguments[0], arguments, environment);
    }
    const int error = errno;
    [[maybe_unused]] const ssize_t written = write(failure, &error, sizeof error);
  }
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const Program& program) {
  std::vector<std::string> all;
  for (const auto& [name, value] : program.environment) all.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    bool replaced =
        std::find(program.unset.begin(), program.unset.end(), name) != program.unset.end();
    for (const auto& added : program.environment) replaced = replaced || added.first == name;
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

class Child {
 public:
  explicit Child(const Program& program)
      : output_(program.path), errors_(program.path), failure_(program.path) {
    std::vector<std::string> words = {program.path};
    words.insert(words.end(), program.arguments.begin(), program.arguments.end());
    std::vector<std::string> settings = Environment(program);
    const std::vector<char*> arguments = Pointers(words);
    const std::vector<char*> environment = Pointers(settings);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) FailStarting(program.path, errno);
    if (pid_ == 0) {
      Become(arguments.data(), environment.data(), output_.write_end(), errors_.write_end(),
             failure_.write_end(), parent);
    }
    setpgid(pid_, pid_);
    output_.CloseWriteEnd();
    errors_.CloseWriteEnd();
    failure_.CloseWriteEnd();
    int error = 0;
    ssize_t got = 0;
    do {
      got = read(failure_.read_end(), &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    if (got == sizeof error) {
      AwaitEnd();
      FailStarting(program.path, error);
    }
  }

  Outcome Wait(const Watcher& watcher) {
    Stream output(output_, watcher.output_line);
    Stream errors(errors_, watcher.error_line);
    Clock::time_point next_tick = Clock::now() + std::chrono::seconds(1);
    Clock::time_point kill_at = Clock::time_point::max();
    while (output_.read_end() >= 0 || errors_.read_end() >= 0) {
      pollfd ends[] = {{output_.read_end(), POLLIN, 0}, {errors_.read_end(), POLLIN, 0}};
      poll(ends, 2, kPollMilliseconds);
      if (ends[0].revents != 0) output.Read();
      if (ends[1].revents != 0) errors.Read();
      const Clock::time_point now = Clock::now();
      if (StopWanted() && kill_at == Clock::time_point::max()) {
        kill(-pid_, SIGTERM);
        kill_at = now + kGrace;
      } else if (now > kill_at) {
        kill(-pid_, SIGKILL);
      }
      if (watcher.tick && now >= next_tick) {
        watcher.tick();
        next_tick = now + std::chrono::seconds(1);
      }
    }
    const int status = AwaitEnd();
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return {.exit_code = signal != 0 ? 128 + signal : WEXITSTATUS(status),
            .signal = signal,
            .output = std::move(output).Kept(),
            .errors = std::move(errors).Kept()};
  }

 private:
  // Its wait status.
  int AwaitEnd() const {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  Pipe output_;
  Pipe errors_;
  Pipe failure_;  // errno, if it could not become the program
  pid_t pid_;
};

}  // namespace

Outcome RunProgram(const Program& program, const Watcher& watcher) {
  return Child(program).Wait(watcher);
}

Outcome MustRun(const std::string& check, const Program& program,
                const std::function<void()>& tick) {
  Outcome outcome = RunProgram(program, {.tick = tick});
  ThrowIfStopped();
  if (outcome.exit_code != 0) {
    std::string said = OneLine(outcome.errors);
    if (said.empty())
      said = program.path + " ended with status " + std::to_string(outcome.exit_code);
    throw Failure(check, std::move(said));
  }
  return outcome;
}

}  // namespace pg_hello::ctl
