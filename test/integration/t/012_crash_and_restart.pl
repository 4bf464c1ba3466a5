# What ends badly starts again: the worker, the cluster, the postmaster.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'restart_after_crash' => 'on');
allow_in_log($node, qr/terminated by signal 9/, qr/was not properly shut down/);
$node->safe_psql('postgres', q{CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'});

sub worker_pid
{
	return wait_until('there is a worker', sub {
		my ($status, $pid) = $node->psql('postgres', 'SET pg_hello.track = none; SELECT worker_pid FROM pg_hello_info() WHERE port IS NOT NULL');
		return $status == 0 && $pid });
}
sub gone { my ($pid) = @_; wait_until("$pid is gone", sub { !kill 0, $pid }); return }

# --- the worker is told to end ---------------------------------------------------------------------

$node->safe_psql('postgres', 'SELECT f(), f(), f()');
my $pid = worker_pid();
my $reset = metric(scrape($node), 'pg_hello_stats_reset_timestamp_seconds');
# pg_terminate_backend() knows only processes with a database connection or a transaction.
is(quiet_sql($node, "SELECT pg_terminate_backend($pid)"), 'f', 'SQL does not reach the worker');
is(kill('TERM', $pid), 1, 'it is told to end');
gone($pid);
$node->safe_psql('postgres', 'SELECT f()');
is(quiet_sql($node, q{SELECT worker_pid IS NULL, listening, port IS NULL FROM pg_hello_info()}), 't|f|t', 'meanwhile there is none');
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'f()'}), '4', '... and functions are counted');
isnt(worker_pid(), $pid, 'another comes');
{
	my $scrape = scrape($node);
	is(metric($scrape, 'pg_hello_worker_restarts_total'), 1, '... and says so');
	is(calls_of($scrape, 'f()'), 4, '... with the same counters');
	is(metric($scrape, 'pg_hello_stats_reset_timestamp_seconds'), $reset, '... since the same time');
}
is(quiet_sql($node, 'SELECT worker_restarts FROM pg_hello_info()'), '1', '... also in SQL');
is(count_in_log($node, qr/terminated by signal/), 0, '... and nothing has crashed');

# --- kill -9 ---------------------------------------------------------------------------------------

sub crash
{
	my ($what, $victim, $session) = @_;
	$node->safe_psql('postgres', 'SELECT f()');
	my $before = scrape($node);
	ok(calls_of($before, 'f()') > 0, "before the crash of $what there are calls");
	my $worker = worker_pid();
	my $crashes = count_in_log($node, qr/all server processes terminated; reinitializing/);
	kill 'KILL', $victim;
	gone($worker);
	wait_until('the server starts over', sub {
		count_in_log($node, qr/all server processes terminated; reinitializing/) > $crashes });
	wait_until('it takes connections', sub { ($node->psql('postgres', 'SELECT 1'))[0] == 0 });
	my $after = scrape($node);
	is(calls_of($after, 'f()'), 0, "after the crash of $what counters start at zero");
	cmp_ok(metric($after, 'pg_hello_stats_reset_timestamp_seconds'), '>',
		metric($before, 'pg_hello_stats_reset_timestamp_seconds'), '... and say since when');
	isnt(worker_pid(), $worker, '... served by another worker');
	$node->safe_psql('postgres', 'SELECT f(), f()');
	is(calls_of(scrape($node), 'f()'), 2, '... and calls are counted again');
	return;
}
crash('the worker', worker_pid());

my $session = $node->background_psql('postgres', on_error_stop => 0);
my ($backend) = $session->query('SELECT f(), pg_backend_pid()') =~ /\|(\d+)/;
crash('a backend', $backend);
eval { $session->quit };

# In the middle of a call.
$session = $node->background_psql('postgres', on_error_stop => 0);
($backend) = $session->query('SELECT f(), pg_backend_pid()') =~ /\|(\d+)/;
$node->safe_psql('postgres', q{CREATE FUNCTION sleeper() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN 1; END'});
$session->query_until(qr/now/, "\\echo now\nSELECT sleeper();\n");
wait_until('it sleeps', sub { metric(scrape($node), 'pg_hello_function_active', function => 'sleeper()') });
crash('a backend in a call', $backend);
is(metric(scrape($node), 'pg_hello_function_active', function => 'sleeper()') // 0, 0, '... which is no longer active');
eval { $session->quit };

# The fixed port is served again after a crash, though the old worker's sockets died with it.
my $fixed = free_port();
$node->append_conf('postgresql.conf', "pg_hello.port = $fixed");
$node->reload;
wait_until('it serves on a fixed port', sub { http_connect($fixed) });
my $open = http_connect($fixed);
syswrite($open, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
is(http_read($open)->{status}, 200, 'a client that stays connected');
crash('the worker again', worker_pid());
is(http_get($fixed, '/livez')->{status}, 200, '... and the port is the same');

# --- the postmaster dies ---------------------------------------------------------------------------

$pid = worker_pid();
my $held = http_connect($fixed);
syswrite($held, 'GET /me');
$node->kill9;
gone($pid);
pass('the worker does not outlive the postmaster');
wait_until('the port is closed', sub { !http_connect($fixed) });
start_again($node);
is(metrics_port($node), $fixed, 'the next start works, on the same port');
is(http_get($fixed, '/livez')->{status}, 200, '... which answers');
is(calls_of(scrape($fixed), 'f()'), 0, '... from zero');
isnt(worker_pid(), $pid, '... with a worker of its own');

finish();
