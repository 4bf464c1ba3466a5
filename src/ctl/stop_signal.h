// Ctrl-C, SIGTERM and SIGHUP as a question that long work asks, so that it can clean up after
// itself.
#pragma once

namespace pg_hello::ctl {

// From now on; calls of the system that wait are interrupted. A file that outgrows its limit is an
// error of the write from then on, here and in the programs that are started, and no signal.
void CatchStopSignals();

// Whether one of them has come; never before CatchStopSignals().
bool StopWanted();

// Throws a Failure if one has come.
void ThrowIfStopped();

}  // namespace pg_hello::ctl
