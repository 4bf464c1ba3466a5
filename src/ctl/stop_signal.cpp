#include "ctl/stop_signal.h"

#include <signal.h>

#include <initializer_list>

#include "ctl/failure.h"

namespace pg_hello::ctl {
namespace {

volatile sig_atomic_t stop_wanted = 0;

extern "C" void WantStop(int) { stop_wanted = 1; }

}  // namespace

void CatchStopSignals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    action.sa_handler = WantStop;
    sigaction(number, &action, nullptr);
  }
  signal(SIGXFSZ, SIG_IGN);
}

bool StopWanted() { return stop_wanted != 0; }

void ThrowIfStopped() {
  if (StopWanted()) throw Failure("interrupted", "stopped by a signal");
}

}  // namespace pg_hello::ctl
