// SIGINT and SIGTERM as a wish, for work that ends in good order.
#pragma once

namespace pg_hello::ctl {

// From now on; calls of the system that wait are interrupted.
void CatchStopSignals();

bool StopWanted();

}  // namespace pg_hello::ctl
