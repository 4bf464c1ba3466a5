# Calls in parallel workers are counted like any other.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all', 'max_parallel_workers' => 4, 'max_worker_processes' => 12);
create_test_functions($node);
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE TABLE t AS SELECT i FROM generate_series(1, 30000) i;
	ANALYZE t;
	CREATE FUNCTION pl(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN noop(i); END';
	CREATE FUNCTION pl_fails(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
	'BEGIN IF i = 29999 THEN RAISE EXCEPTION ''no''; END IF; RETURN i; END';
});
my $parallel = q{
	SET max_parallel_workers_per_gather = 4; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
};

foreach my $round (1 .. 3)
{
	my $plan = $node->safe_psql('postgres', $parallel
		. 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT sum(pl(i)) FROM t WHERE noop_volatile(i) > 0');
	like($plan, qr/Workers Launched: [1-9]/, "round $round: workers are launched");
	my $scrape = scrape($port);
	is(join(' ', map { calls_of($scrape, $_) } 'pl(integer)', 'noop(integer)', 'noop_volatile(integer)'),
		join(' ', (30000 * $round) x 3), '... and their calls are counted to the last one');
	is(metric($scrape, 'pg_hello_function_duration_seconds_count', function => 'pl(integer)'), 30000 * $round, '... with durations');
}

my ($status, undef, $stderr) = $node->psql('postgres', "$parallel SELECT sum(pl_fails(i)) FROM t");
like($stderr, qr/ERROR:  no\b.*parallel worker/s, 'an error in a parallel worker');
{
	# The other workers fail by themselves or are terminated in the middle of a call.
	my $scrape = scrape($port);
	my %origins = map { $_ => metric($scrape, 'pg_hello_function_error_origins_total', function => 'pl_fails(integer)', sqlstate_class => $_) // 0 } 'P0', '57';
	cmp_ok($origins{P0}, '>=', 1, '... is counted');
	is(metric($scrape, 'pg_hello_function_errors_total', function => 'pl_fails(integer)'), $origins{P0} + $origins{57}, '... and those that it ends');
	is(metric($scrape, 'pg_hello_function_canceled_total', function => 'pl_fails(integer)'), $origins{57}, '... which are cancels');
}
# A statement that is canceled is no failure of the calls in its workers.
quiet_sql($node, 'SELECT pg_hello_reset()');
$node->safe_psql('postgres', q{CREATE FUNCTION naps(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
	'BEGIN PERFORM pg_sleep(600); RETURN i; END'});
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/now/, "\\echo now\n$parallel SELECT sum(naps(i)) FROM t;\n");
my $naps = sub { metric(scrape($port), "pg_hello_function_$_[0]", function => 'naps(integer)') // 0 };
wait_until('workers sleep', sub { $naps->('active') > 1 });
my $active = $naps->('active');
quiet_sql($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%naps%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()});
wait_until('they are gone', sub { $naps->('active') == 0 });
is(join(' ', map { $naps->($_) } 'calls_total', 'errors_total', 'canceled_total'), "$active $active $active", 'a parallel query that is canceled: so are the calls in its workers');
$session->quit;

is(metric(scrape($port), 'pg_hello_function_active', function => 'pl_fails(integer)'), 0, '... and nothing is active');
is(metric(scrape($port), 'pg_hello_stack_resyncs_total'), 0, 'call stacks were never out of step');

finish();
