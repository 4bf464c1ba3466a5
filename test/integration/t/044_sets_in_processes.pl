# Exactly one call for each set, also where sets end in other ways than in an ordinary session.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all', 'max_parallel_workers' => 4, 'max_worker_processes' => 12,
	'jit' => 'off');
my $port = metrics_port($node);
quiet_sql($node, q{
	CREATE FUNCTION by_value(n int) RETURNS SETOF int AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C STRICT PARALLEL SAFE;
	CREATE FUNCTION by_query(n int) RETURNS SETOF int LANGUAGE sql STRICT PARALLEL SAFE AS 'SELECT generate_series(1, n)';
	CREATE TABLE t AS SELECT i FROM generate_series(1, 5000) i; ANALYZE t;
});

# Calls, iterations, errors, durations and open calls of both since the last question.
my %last;
sub news
{
	my $scrape = scrape($port);
	my @news;
	foreach my $function ('by_value(integer)', 'by_query(integer)')
	{
		my @numbers;
		foreach my $metric ('calls_total', 'iterations_total', 'errors_total', 'duration_seconds_count')
		{
			my $value = metric($scrape, "pg_hello_function_$metric", function => $function) // 0;
			push @numbers, $value - ($last{"$function$metric"} // 0);
			$last{"$function$metric"} = $value;
		}
		push @news, join ' ', @numbers, metric($scrape, 'pg_hello_function_active', function => $function) // 0;
	}
	return join ', ', @news;
}

my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;};
my $plan = quiet_sql($node, "$parallel EXPLAIN (COSTS OFF) SELECT by_value(3), by_query(2) FROM t");
like($plan, qr/Gather\b.*ProjectSet\b.*Parallel Seq Scan/s, 'workers make the sets');
$node->safe_psql('postgres', "$parallel SELECT count(v), count(q) FROM (SELECT by_value(3) AS v, by_query(2) AS q FROM t) s");
is(news(), '5000 20000 0 5000 0, 5000 15000 0 5000 0', 'sets in parallel workers: each is a call');

$node->safe_psql('postgres', "$parallel SELECT by_value(3), by_query(2) FROM t LIMIT 10");
like(news(), qr/\A(\d+) (\d+) 0 \1 0, \1 \d+ 0 \1 0\z/, '... that LIMIT ends: whatever they began is a call, none is an error');

my ($status, undef, $stderr) = $node->psql('postgres', "$parallel SELECT by_value(3), by_query(2), 1 / (i - 2500) FROM t");
like($stderr, qr/division by zero.*parallel worker/s, 'an error in a worker while sets are open');
# The other worker may have been ended inside one of them.
like(news(), qr/\A(\d+) \d+ [01] \1 0, (\d+) \d+ [01] \2 0\z/, '... ends them');
is(quiet_sql($node, q{SELECT count(*) FROM pg_hello_stats WHERE function LIKE 'by\_%' AND error_origins ? '22'}), '0', '... and is not theirs');

# The end of the session.
foreach my $how ('terminated', 'disconnected', 'timed out')
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe(q{SET idle_in_transaction_session_timeout = '1s'}) if $how eq 'timed out';
	$session->query_safe('BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT by_value(100), by_query(100); FETCH 3 FROM c');
	quiet_sql($node, "SELECT pg_terminate_backend($pid)") if $how eq 'terminated';
	$session->quit if $how eq 'disconnected';
	wait_until('it is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' });
	is(news(), '1 3 0 1 0, 1 3 0 1 0', "sets that are open when their session is $how: each is a call, none is an error");
	eval { $session->quit } if $how ne 'disconnected';
}

# Inside the function, on the other hand, it is one.
quiet_sql($node, q{CREATE OR REPLACE FUNCTION by_query(n int) RETURNS SETOF int LANGUAGE sql STRICT AS
	'SELECT i FROM generate_series(1, n) i WHERE i < 3 OR pg_sleep(600) IS NULL'});
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/now/, "\\echo now\nSELECT by_query(5);\n");
	wait_until('it sleeps', sub { quiet_sql($node, "SELECT wait_event FROM pg_stat_activity WHERE pid = $pid") eq 'PgSleep' });
	is(news(), '0 0 0 0 0, 0 0 0 0 1', 'a set whose third row takes its time');
	quiet_sql($node, "SELECT pg_terminate_backend($pid)");
	wait_until('it is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' });
	is(news(), '0 0 0 0 0, 1 3 1 1 0', '... and is terminated in it: one call, and an error');
	eval { $session->quit };
}

# More call sites than there is room for: then a set is a call for each row, and nothing is lost.
my $cursors = join '', map { "DECLARE c$_ NO SCROLL CURSOR FOR SELECT " . join(', ', ('by_value(5)') x 1600) . "; MOVE 2 FROM c$_;\n" } 1 .. 11;
$node->safe_psql('postgres', "BEGIN; $cursors COMMIT");
is(news(), '18816 32768 0 18816 0, 0 0 0 0 0', '17,600 open sets: 16,384 are a call each, the others a call for each of two rows');
$node->safe_psql('postgres', 'SELECT by_value(5)');
is(news(), '1 6 0 1 0, 0 0 0 0 0', '... and later ones find room again');
is(metric(scrape($port), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');

finish();
