#include "ctl/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;
  ~Pipe() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
  bool Make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
};

std::vector<std::string> Environment(const ChildRequest& request) {
  std::vector<std::string> entries;
  const auto replaced = [&request](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    return std::find(request.unset.begin(), request.unset.end(), name) != request.unset.end() ||
           std::any_of(request.environment.begin(), request.environment.end(),
                       [name](const auto& variable) { return variable.first == name; });
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!replaced(*entry)) entries.emplace_back(*entry);
  }
  for (const auto& [name, value] : request.environment) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Stream {
  int descriptor;
  const std::function<void(std::string_view)>& sink;
  std::string partial = {};

  // False at its end.
  bool Read() {
    char chunk[4096];
    const ssize_t size = read(descriptor, chunk, sizeof chunk);
    if (size < 0) return errno == EINTR;
    partial.append(chunk, static_cast<std::size_t>(size));
    std::size_t end = 0;
    while ((end = partial.find('\n')) != partial.npos) {
      if (sink) sink(std::string_view(partial).substr(0, end));
      partial.erase(0, end + 1);
    }
    if (size == 0 && !partial.empty() && sink) sink(partial);
    return size > 0;
  }
};

void Listen(pid_t child, std::array<Stream, 2> streams) {
  bool told = false;
  std::array<pollfd, 2> waited = {pollfd{streams[0].descriptor, POLLIN, 0},
                                  pollfd{streams[1].descriptor, POLLIN, 0}};
  while (waited[0].fd >= 0 || waited[1].fd >= 0) {
    if (StopWanted() && !told) {
      kill(child, SIGTERM);
      told = true;
    }
    if (poll(waited.data(), waited.size(), 200) <= 0) continue;
    for (std::size_t i = 0; i < waited.size(); ++i) {
      if (waited[i].fd >= 0 && waited[i].revents != 0 && !streams[i].Read()) waited[i].fd = -1;
    }
  }
}

}  // namespace

ChildEnd RunChild(const ChildRequest& request) {
  ChildEnd end;
  Pipe out;
  Pipe err;
  if (!out.Make() || !err.Make()) {
    end.message = std::strerror(errno);
    return end;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  std::vector<std::string> arguments = request.command;
  std::vector<std::string> environment = Environment(request);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr,
                                  Pointers(arguments).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    end.message = std::strerror(failed);
    return end;
  }
  end.started = true;
  close(std::exchange(out.write, -1));
  close(std::exchange(err.write, -1));
  Listen(child, {Stream{out.read, request.out}, Stream{err.read, request.err}});
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

}  // namespace pg_hello::ctl
