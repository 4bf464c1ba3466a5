# Another library that hooks the function manager, before us and behind us.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

foreach my $libraries ('pg_hello, pg_hello_test', 'pg_hello_test, pg_hello')
{
	my $node = new_node($libraries =~ /\Apg_hello,/ ? 'first' : 'last', 'shared_preload_libraries' => $libraries,
		'pg_hello.track' => 'pl');
	create_test_functions($node);
	my $port = metrics_port($node);
	$node->safe_psql('postgres', q{
		CREATE FUNCTION leaf(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 100 / noop_volatile(i); END';
		CREATE FUNCTION catcher(i int) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RETURN leaf(i); EXCEPTION WHEN division_by_zero THEN RETURN -1; END';
		CREATE FUNCTION fact(n int) RETURNS numeric LANGUAGE plpgsql AS
		'BEGIN IF n < 2 THEN RETURN 1; END IF; RETURN n * fact(n - 1); END';
		CREATE FUNCTION sq(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * $1';
	});

	# One session: calls, errors, recursion, kept call sites, settings that change on the way.
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('PREPARE p AS SELECT leaf(1), catcher(0), fact(10), sq(3), (SELECT count(*) FROM (SELECT srf(3)) s)');
	is($session->query('EXECUTE p'), '100|-1|3628800|9|3', "$libraries: results are as they should be") foreach 1 .. 7;
	$session->query('SELECT leaf(0)');
	$session->query('SET pg_hello.track = none; EXECUTE p; SET pg_hello.track = pl; EXECUTE p;');

	my $scrape = scrape($port);
	is(join(' ', map { calls_of($scrape, $_) } 'leaf(integer)', 'catcher(integer)', 'fact(integer)'), '17 8 80',
		'... calls are counted');
	is(metric($scrape, 'pg_hello_function_errors_total', function => 'leaf(integer)'), 9, '... and errors');
	is(metric($scrape, 'pg_hello_function_error_origins_total', function => 'leaf(integer)', sqlstate_class => '22'), 9,
		'... where they began');
	is(metric($scrape, 'pg_hello_function_calls_total', function => 'noop_volatile(integer)'), undef,
		'... nothing that only the other wants');
	is(metric($scrape, 'pg_hello_stack_resyncs_total'), 0, '... in step');

	# The other has seen everything: 9 executions, each with 1 + 1 calls of leaf, 1 of catcher, 10 of
	# fact, 2 of noop_volatile, 1 of sq at planning or execution and 4 of srf; and the one that failed.
	my ($starts, $ends, $aborts, $strange) = $session->query('SELECT events()') =~ /starts=(\d+) ends=(\d+) aborts=(\d+) strange=(\d+)/;
	is($starts, $ends + $aborts + 1, '... the other library has an end for each start but its own');
	is($aborts, 9 + 1, '... an abort for each error');
	cmp_ok($starts, '>', 9 * (2 + 1 + 10 + 2 + 4), '... all of them');
	is($strange, 0, '... and nothing that it does not understand');
	$session->quit;

	# Many call sites, made and thrown away.
	$node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1..30000 LOOP EXECUTE format($f$SELECT leaf(%s)$f$, i); END LOOP; END $$');
	is(calls_of(scrape($port), 'leaf(integer)'), 17 + 30000, '... thirty thousand call sites');
}

finish();
