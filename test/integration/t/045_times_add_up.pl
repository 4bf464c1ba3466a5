# The self times of all functions that a session calls add up to the total times of its outermost
# calls, to the nanosecond, whatever lies in between; also deeper than is timed.
use strict;
use warnings FATAL => 'all';

use List::Util qw(sum);
use Test::More;
use PgHello;

# 10,000 calls in C, one inside the other, take some 10 MB.
my $stack_is_large = system('prlimit', "--pid=$$", '--stack=' . (64 << 20) . ':') == 0;
my $node = new_node('main', 'pg_hello.track' => 'all', 'jit' => 'off',
	$stack_is_large ? ('max_stack_depth' => '60MB') : ());
my $port = metrics_port($node);
quiet_sql($node, q{
	CREATE FUNCTION spin_ms(ms int4) RETURNS void AS 'pg_hello_test', 'pg_hello_test_spin_ms' LANGUAGE C STRICT;
	CREATE FUNCTION set_c(n int) RETURNS SETOF int AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C STRICT;
	CREATE FUNCTION raise(sqlstate text) RETURNS int4 AS 'pg_hello_test', 'pg_hello_test_raise' LANGUAGE C STRICT;
	CREATE FUNCTION alias(int, int) RETURNS int LANGUAGE internal AS 'int4pl';
	CREATE FUNCTION recurse(n int, bottom oid) RETURNS void AS 'pg_hello_test', 'pg_hello_test_recurse' LANGUAGE C STRICT;

	CREATE FUNCTION untracked_inside(i int) RETURNS int LANGUAGE plpgsql SET pg_hello.track = 'none' AS
	'BEGIN PERFORM spin_ms(1); RETURN alias(i, 1); END';
	CREATE FUNCTION in_sql(i int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT alias(i, set_c(2)) ORDER BY 1 LIMIT 1';
	CREATE FUNCTION rows_of(n int) RETURNS SETOF int LANGUAGE sql VOLATILE AS 'SELECT in_sql(i) FROM set_c(n) i';
	CREATE FUNCTION checked(i int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM spin_ms(1); RETURN i < 100; END';
	CREATE FUNCTION audits() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM in_sql(NEW.i); INSERT INTO audit VALUES (NEW.i); RETURN NEW; END';
	CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM rows_of(3); RETURN NULL; END';
	CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM spin_ms(1); RETURN NULL; END';
	CREATE TABLE audit (i int);
	CREATE TABLE t (i int CHECK (checked(i)));
	CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION audits();
	CREATE TRIGGER b AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION counts();
	CREATE CONSTRAINT TRIGGER c AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
	CREATE FUNCTION fib(n int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN IF n < 2 THEN RETURN n; END IF; RETURN fib(n - 1) + fib(n - 2); END';
	CREATE FUNCTION catches(i int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM spin_ms(1);
		INSERT INTO t VALUES (i), (i + 99);
		RETURN 1;
	EXCEPTION WHEN check_violation THEN
		BEGIN
			RETURN raise('22012');
		EXCEPTION WHEN OTHERS THEN
			RETURN fib(5);
		END;
	END $$;
	CREATE FUNCTION all_of_it() RETURNS int LANGUAGE plpgsql AS $$
	DECLARE r record;
	BEGIN
		FOR i IN 1..3 LOOP INSERT INTO t SELECT rows_of(2); END LOOP;
		FOR r IN SELECT rows_of(50) AS v LOOP EXIT WHEN r.v > 5; END LOOP;
		PERFORM catches(1), untracked_inside(2), (SELECT set_c(9) LIMIT 1);
		RETURN fib(8);
	END $$;
	CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM all_of_it(); COMMIT; PERFORM catches(2); ROLLBACK; PERFORM rows_of(3); COMMIT;
	END $$;
	CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM fib(3); PERFORM catches(1); PERFORM raise(''XX000''); END';
	CREATE FUNCTION bottom() RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN fib(3); END';
	CREATE FUNCTION bottom_catches() RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM raise(''22012''); RETURN 0; EXCEPTION WHEN OTHERS THEN RETURN fib(2); END';
	CREATE FUNCTION bottom_fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN raise(''22012''); END';
});

sub total
{
	my ($scrape, $metric, @functions) = @_;
	return sum(0, map { ns_of($_->{value}) }
		  grep { my $sample = $_; $sample->{name} eq "pg_hello_function_${metric}_seconds_total" && (!@functions || grep { $_ eq $sample->{labels}{function} } @functions) }
		  @{ $scrape->{samples} });
}

sub adds_up
{
	my ($what, $sql, @outermost) = @_;
	quiet_sql($node, 'SELECT pg_hello_reset()');
	$node->psql('postgres', $sql, on_error_stop => 0);
	my $scrape = scrape($port);
	my $inclusive = total($scrape, 'inclusive', @outermost);
	ok($inclusive > 1_000_000, "$what takes its time");
	is(total($scrape, 'self'), $inclusive, "$what: self times add up to it, to the nanosecond");
	is(join(' ', map { metric($scrape, $_) } 'pg_hello_stack_resyncs_total', 'pg_hello_clock_anomalies_total'), '0 0', '... without a gap');
	is(sum(map { $_->{value} } grep { $_->{name} eq 'pg_hello_function_active' } @{ $scrape->{samples} }), 0, '... and nothing is open');
	return $scrape;
}

foreach my $clock ('auto', 'monotonic')
{
	my $begin = "SET pg_hello.clock = $clock;";
	my $scrape = adds_up("a call of everything ($clock)", "$begin SELECT all_of_it()", 'all_of_it()', 'later()');
	is(join(' ', map { calls_of($scrape, $_) } 'all_of_it()', 'audits()', 'counts()', 'checked(integer)', 'later()', 'fib(integer)'),
		'1 8 3 8 6 82', '... of which there is as much as there should be');
	adds_up("a procedure that ends transactions ($clock)", "$begin CALL ends()", 'ends()');
	adds_up("a call that fails ($clock)", "$begin SELECT fails()", 'fails()');
	adds_up("a set that is abandoned ($clock)", "$begin SELECT rows_of(10000), spin_ms(1) LIMIT 300", 'rows_of(integer)', 'spin_ms(integer)');
}

# --- deeper than is timed ----------------------------------------------------------------------------------

SKIP: {
	skip 'the stack cannot be made large enough', 1 if !$stack_is_large;
	my ($n, $deep) = (12_000, 10_000);
	my $numbers = sub {
		my ($scrape, $function) = @_;
		my $errors = metric($scrape, 'pg_hello_function_errors_total', function => $function) // 0;
		return join ' ', calls_of($scrape, $function), metric($scrape, 'pg_hello_function_duration_seconds_count', function => $function) // 0, $errors;
	};
	my $bottom = sub { "SELECT recurse($n, '$_[0]()'::regprocedure)" };

	my $scrape = adds_up("recursion $n deep", $bottom->('bottom'), 'recurse(integer,oid)');
	is($numbers->($scrape, 'recurse(integer,oid)'), ($n + 1) . " $deep 0", '... all calls are counted, the first 10,000 timed');
	is($numbers->($scrape, 'fib(integer)'), '5 0 0', '... and none of those below');
	is(metric($scrape, 'pg_hello_untimed_calls_total'), $n + 1 - $deep + 6, '... which is counted');
	is(quiet_sql($node, q{SELECT untimed_calls FROM pg_hello_stats WHERE function = 'bottom()'}), '1', '... for each function');
	is(sprintf('%.0f', 1e6 * quiet_sql($node, q{SELECT max_time FROM pg_hello_stats WHERE function = 'recurse(integer,oid)'})),
		total($scrape, 'inclusive'), '... and total time is the outermost activation');

	$scrape = adds_up("an error that is caught $n deep", $bottom->('bottom_catches'), 'recurse(integer,oid)');
	is(join(', ', map { $numbers->($scrape, $_) } 'recurse(integer,oid)', 'bottom_catches()', 'raise(text)'),
		($n + 1) . " $deep 0, 1 0 0, 1 0 1", '... is one of the function that failed');
	is(metric($scrape, 'pg_hello_function_error_origins_total', function => 'raise(text)', sqlstate_class => '22'), 1, '... where it began');

	$scrape = adds_up("an error that nobody catches $n deep", $bottom->('bottom_fails'), 'recurse(integer,oid)');
	is(join(', ', map { $numbers->($scrape, $_) } 'recurse(integer,oid)', 'bottom_fails()', 'raise(text)'),
		sprintf('%d %d %1$d, 1 0 1, 1 0 1', $n + 1, $deep), '... is one of all of them');

	my $both = $bottom->('bottom_fails');
	$scrape = adds_up('what the same session calls afterwards', "$both; $both; SELECT pg_hello_reset(); SELECT all_of_it()", 'all_of_it()', 'later()', 'pg_hello_reset(name,oid)');
	is($numbers->($scrape, 'fib(integer)'), '82 82 0', '... is timed');
}

finish();
