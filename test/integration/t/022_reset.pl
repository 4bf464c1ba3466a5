# A reset sets to zero what it names, and nothing else: calls that run go on.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
my $functions = q{
	CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
};
$node->safe_psql('postgres', $functions);
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', $functions);
my $call = 'SELECT f(), f(), g(), g(), g()';
$node->safe_psql($_, $call) foreach ('postgres', 'other');

sub now
{
	my $scrape = scrape($port);
	return join ' ', map { my $d = $_; map { calls_of($scrape, $_, datname => $d) } 'f()', 'g()' } 'postgres', 'other';
}
my $reset_at = sub { metric(scrape($port), 'pg_hello_stats_reset_timestamp_seconds') };
is(now(), '2 3 2 3', 'two functions in two databases');
my $since = $reset_at->();

quiet_sql($node, q{SELECT pg_hello_reset('postgres', 'f()'::regprocedure)});
is(now(), '0 3 2 3', 'one function');
quiet_sql($node, q{SELECT pg_hello_reset(funcid => 'g()'::regprocedure)});
is(now(), '0 0 2 3', 'one function of this database');
quiet_sql($node, q{SELECT pg_hello_reset('other')});
is(now(), '0 0 0 0', 'one database');
is($reset_at->(), $since, 'none of them is a reset of everything');
is(quiet_sql($node, q{SELECT bool_and(stats_since > now() - interval '1 minute' AND stats_since <= clock_timestamp()) FROM pg_hello_stats}),
	't', '... but each function says since when');
is(quiet_sql($node, q{SELECT count(*) FROM pg_hello_stats WHERE function = 'f()'
	AND calls = 0 AND total_time = 0 AND mean_time IS NULL AND stddev_time IS NULL AND min_time IS NULL AND max_time IS NULL
	AND p50 IS NULL AND p99 IS NULL AND error_origins = '{}'}), '2', 'no division by zero calls');
$node->safe_psql($_, $call) foreach ('postgres', 'other');
is(now(), '2 3 2 3', 'counting goes on');
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query("PREPARE p AS $call");
$session->query('EXECUTE p');
is(now(), '4 6 2 3', 'a session with call sites of its own');
quiet_sql($node, 'SELECT pg_hello_reset()');
is(now(), '0 0 0 0', 'everything');
ok($reset_at->() > $since, '... and it says when');
$session->query('EXECUTE p');
is(now(), '2 3 0 0', '... the session counts on, from zero');

# Under way: it is still running, and is counted when it ends.
$node->safe_psql('postgres', q{CREATE FUNCTION sleeper() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN f(); END'});
$session->query_until(qr/now/, "\\echo now\nSELECT sleeper();\n");
my $active = sub { metric(scrape($port), 'pg_hello_function_active', function => 'sleeper()') };
wait_until('it runs', sub { $active->() });
quiet_sql($node, 'SELECT pg_hello_reset()');
is($active->(), 1, 'a call that runs over a reset is active');
quiet_sql($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$session->query('SELECT 1');
is($active->(), 0, '... until it ends');
is(calls_of(scrape($port), 'sleeper()'), 1, '... and is counted then');
is(metric(scrape($port), 'pg_hello_function_canceled_total', function => 'sleeper()'), 1, '... as what it is');
$session->quit;

# Resets, calls and scrapes at once: sums stay possible.
my @children = (
	in_child(sub { $node->psql('postgres', 'SELECT f(), g() FROM generate_series(1, 1000)') while 1 }),
	in_child(sub { quiet_sql($node, 'SELECT pg_hello_reset()') while 1 }));
my $strange = 0;
foreach my $round (1 .. 200)
{
	my $scrape = scrape($port);
	foreach my $function ('f()', 'g()')
	{
		my $calls = calls_of($scrape, $function, datname => 'postgres');
		my $timed = metric($scrape, 'pg_hello_function_duration_seconds_count', function => $function, datname => 'postgres');
		$strange++ if $calls > 1_000_000 || $calls != $timed;
	}
}
is($strange, 0, 'two hundred scrapes between resets and calls');
is(stop_child($_), 0, 'called or reset to the end') foreach @children;
wait_until('their sessions are gone', sub {
	quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}) eq '0' });
quiet_sql($node, 'SELECT pg_hello_reset()');
$node->safe_psql('postgres', $call);
is(now(), '2 3 0 0', 'and exact numbers afterwards');

finish();
