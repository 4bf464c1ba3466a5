# A full table: nothing is evicted, nobody is hurt, and what is not tracked is counted.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.max_functions' => 3, -extension => 0);
my $port = metrics_port($node);
# The extension in a database where nothing is tracked: its own functions would take the places.
$node->safe_psql('postgres', 'CREATE DATABASE asked');
$node->safe_psql('postgres', q{ALTER DATABASE asked SET pg_hello.track = 'none'});
$node->safe_psql('asked', 'CREATE EXTENSION pg_hello');

my $functions = join '', map {
	"CREATE FUNCTION f$_(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 100 / i; END';\n"
} 1 .. 6;
$node->safe_psql('postgres', $functions);
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', $functions);

my $overflow = sub { metric($_[0], 'pg_hello_overflow_calls_total', datname => $_[1]) };
my $warning = qr/WARNING:  .*table of functions is full/;

$node->safe_psql('postgres', 'SELECT f1(1), f2(1), f3(1)');
is($overflow->(scrape($port), 'postgres'), 0, 'three functions fit');
is(count_in_log($node, $warning), 0, '... without a warning');

is($node->safe_psql('postgres', 'SELECT sum(f4(i)) FROM generate_series(1, 4) i'), 100 + 50 + 33 + 25,
	'a function that does not fit works');
$node->psql('postgres', 'SELECT f5(0)');
$node->safe_psql('postgres', 'DO $$ BEGIN PERFORM f5(0); EXCEPTION WHEN OTHERS THEN PERFORM f6(1); END $$');
$node->safe_psql('other', 'SELECT f1(1), f1(1), f6(1)');
$node->safe_psql('postgres', 'SELECT f1(1), f2(1), f3(1), f3(1)');
{
	my $scrape = scrape($port);
	is(join(' ', map { calls_of($scrape, "f$_(integer)", datname => 'postgres') } 1 .. 3), '2 2 3', 'those in the table go on');
	is($overflow->($scrape, 'postgres'), 4 + 2 + 1, 'calls of others are counted, per database');
	is($overflow->($scrape, 'other'), 3, '... each on its own');
	is(metric($scrape, 'pg_hello_tracked_functions'), 3, 'nothing was evicted');
	is(metric($scrape, 'pg_hello_tracked_functions_limit'), 3, '... nor added');
	is(scalar(grep { $_->{name} eq 'pg_hello_function_calls_total' } @{ $scrape->{samples} }), 3, '... to the series either');
}
is(quiet_sql($node, 'SELECT overflow_calls, tracked_functions, max_functions FROM pg_hello_info()', 'asked'), '10|3|3', 'the same in SQL');
wait_until('the log tells', sub { count_in_log($node, $warning) });
like(http_get($port, '/health')->{body}, qr/"functions:overflow": \[\s*\{\s*"status": "warn"/, '/health warns');

# Many more, from many sessions: still one line.
$node->safe_psql($_, 'SELECT f5(i) FROM generate_series(1, 50) i') foreach ('postgres', 'other', 'postgres');
wait_until('they are counted', sub { $overflow->(scrape($port), 'postgres') == 107 });
is($overflow->(scrape($port), 'other'), 53, 'all of them');
my $beats = scrape($port);
wait_until('the worker has turned again', sub {
	metric(scrape($port), 'pg_hello_worker_heartbeat_timestamp_seconds') >
	  metric($beats, 'pg_hello_worker_heartbeat_timestamp_seconds') + 1 });
is(count_in_log($node, $warning), 1, 'exactly one warning');
like(log_text($node), qr/HINT:  Increase "pg_hello\.max_functions" \(now 3\)/, '... with a hint');

# A reset starts over with the same functions, and their open sessions.
my $session = $node->background_psql('postgres');
$session->query_safe('SELECT f1(1), f4(1)');
my $before = metric(scrape($port), 'pg_hello_stats_reset_timestamp_seconds');
quiet_sql($node, 'SELECT pg_hello_reset()', 'asked');
{
	my $scrape = scrape($port);
	is($overflow->($scrape, 'postgres') + $overflow->($scrape, 'other'), 0, 'a reset clears the overflow');
	is(join(' ', map { calls_of($scrape, "f$_(integer)", datname => 'postgres') } 1 .. 3), '0 0 0', '... and the calls');
	ok(metric($scrape, 'pg_hello_stats_reset_timestamp_seconds') > $before, '... and says when');
}
$session->query_safe('SELECT f1(1), f4(1)');
{
	my $scrape = scrape($port);
	is(calls_of($scrape, 'f1(integer)', datname => 'postgres'), 1, 'a session that was open counts on');
	is($overflow->($scrape, 'postgres'), 1, '... its overflow too');
}
$session->quit;

$node->safe_psql('postgres', 'CREATE EXTENSION pg_hello');
is(quiet_sql($node, q{RESET pg_hello.track; SELECT string_agg(function || ': ' || reason, ', ' ORDER BY function) FROM pg_hello_skipped WHERE extension IS NULL}),
	'f4(integer): table full, f5(integer): table full, f6(integer): table full', 'pg_hello_skipped names those without a place');

# However many functions one session meets, none of their calls is lost.
quiet_sql($node, 'SELECT pg_hello_reset()', 'asked');
$node->safe_psql('other', q{DO $$ BEGIN
	FOR i IN 1..4500 LOOP
		EXECUTE format('CREATE FUNCTION m%s() RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''', i);
	END LOOP;
END $$});
$node->safe_psql('other', q{DO $$ BEGIN FOR i IN 1..4500 LOOP EXECUTE format('SELECT m%s()', i); END LOOP; END $$});
is($overflow->(scrape($port), 'other'), 4500, 'a session that calls 4500 functions');

finish();
