# Procedures that end transactions, under the hook.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'track_functions' => 'all');
my $port = metrics_port($node);

$node->safe_psql('postgres', q{
	CREATE TABLE t (i int);
	CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
	CREATE PROCEDURE commits(n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..n LOOP
			INSERT INTO t VALUES (f(i));
			IF i % 2 = 0 THEN COMMIT; ELSE ROLLBACK; END IF;
		END LOOP;
	END $$;
	CREATE PROCEDURE nested(n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..n LOOP CALL commits(2); COMMIT; END LOOP;
	END $$;
	CREATE PROCEDURE fails_after() LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO t VALUES (f(100));
		COMMIT;
		INSERT INTO t VALUES (f(101));
		PERFORM 1 / 0;
	END $$;
	CREATE PROCEDURE in_out(INOUT x int) LANGUAGE plpgsql AS $$
	BEGIN x := f(x) + 1; COMMIT; x := x + f(1); END $$;
	CREATE PROCEDURE with_cursor() LANGUAGE plpgsql AS $$
	DECLARE r record;
	BEGIN
		FOR r IN SELECT f(g) AS v FROM generate_series(1, 25) g LOOP
			INSERT INTO t VALUES (r.v); COMMIT;
		END LOOP;
	END $$;
});

sub counts
{
	my ($scrape, @functions) = @_;
	return join ' ', map {
		my $function = $_;
		calls_of($scrape, $function) . '/' . (metric($scrape, 'pg_hello_function_errors_total', function => $function) // 0)
	} @functions;
}
my @all = ('f(integer)', 'commits(integer)', 'nested(integer)');

$node->safe_psql('postgres', 'CALL commits(10)');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '5', 'committed rows stay, rolled back ones go');
is(counts(scrape($port), @all), '10/0 1/0 0/0', 'one call of the procedure, ten of the function in it');

$node->safe_psql('postgres', 'CALL nested(4)');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '9', 'nested procedures commit');
is(counts(scrape($port), @all), '18/0 5/0 1/0', '... and are counted');

$node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1..3 LOOP CALL commits(1); PERFORM f(0); COMMIT; END LOOP; END $$');
is(counts(scrape($port), @all), '24/0 8/0 1/0', 'from a DO block');

my ($status, undef, $stderr) = $node->psql('postgres', 'CALL fails_after()');
like($stderr, qr/division by zero/, 'an error after a COMMIT');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE i = 100'), '1', '... what was committed stays');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE i = 101'), '0', '... the rest is gone');
is(counts(scrape($port), 'fails_after()', 'f(integer)'), '1/1 26/0', '... and the procedure has failed once');
is(metric(scrape($port), 'pg_hello_function_error_origins_total', function => 'fails_after()', sqlstate_class => '22'),
	1, '... where the error began');

is($node->safe_psql('postgres', 'CALL in_out(5)'), '7', 'INOUT over a COMMIT');
$node->safe_psql('postgres', 'CALL with_cursor()');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE i BETWEEN 1 AND 25'), 9 + 25, 'a cursor over commits');
is(counts(scrape($port), 'in_out(integer)', 'with_cursor()', 'f(integer)'), '1/0 1/0 53/0', '... all counted');

# In a transaction block, COMMIT is refused as it is without us.
($status, undef, $stderr) = $node->psql('postgres', 'BEGIN; CALL commits(2); COMMIT');
like($stderr, qr/invalid transaction termination/, 'no COMMIT inside a transaction block');
is(metric(scrape($port), 'pg_hello_function_error_origins_total', function => 'commits(integer)', sqlstate_class => '2D'),
	1, '... an error by its class');

# A thousand transaction ends in one call, with other sessions' scrapes in between.
my $child = in_child(sub { while (1) { scrape($port) } });
$node->safe_psql('postgres', 'CALL commits(2000)');
is(stop_child($child), 0, 'scrapes meanwhile');
my $scrape = scrape($port);
is(counts($scrape, 'f(integer)'), '2054/0', '2000 transactions in one call');
is(metric($scrape, 'pg_hello_function_info', function => 'commits(integer)', kind => 'procedure'), 1, 'a procedure is one');
is(metric($scrape, 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');
is(metric($scrape, 'pg_hello_function_active', function => 'commits(integer)'), 0, '... and is empty');

finish();
