# The arithmetic of nested calls, and of calls that fail.
use strict;
use warnings FATAL => 'all';

use List::Util qw(sum);
use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all');
create_test_functions($node);
my $port = metrics_port($node);

$node->safe_psql('postgres', q{
	CREATE FUNCTION countdown(n int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM spin_ms(2); IF n > 0 THEN RETURN 1 + countdown(n - 1); END IF; RETURN 0; END';
	CREATE FUNCTION ping(n int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN IF n > 0 THEN RETURN pong(n - 1); END IF; RETURN 0; END';
	CREATE FUNCTION pong(n int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM spin_ms(1); IF n > 0 THEN RETURN ping(n - 1); END IF; RETURN 0; END';
	CREATE FUNCTION mid(i int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM spin_ms(1); RETURN noop_volatile(i) + noop_volatile(i); END';
	CREATE FUNCTION top(i int) RETURNS bigint LANGUAGE plpgsql AS
	'BEGIN PERFORM spin_ms(1); RETURN (SELECT sum(mid(g)) FROM generate_series(1, i) g); END';
});

sub of
{
	my ($scrape, $metric, $function, %more) = @_;
	return metric($scrape, "pg_hello_function_$metric", function => $function, schema => 'public', %more);
}

# Sum of the self times of all functions of the test.
sub self_ns
{
	my ($scrape) = @_;
	return sum(map { ns_of($_->{value}) }
		  grep { $_->{name} eq 'pg_hello_function_self_seconds_total' && $_->{labels}{schema} eq 'public'
				&& $_->{labels}{function} !~ /^pg_hello/ } @{ $scrape->{samples} });
}

sub reset_all { quiet_sql($node, 'SELECT pg_hello_reset()'); return; }

# --- recursion -----------------------------------------------------------------------------------

{
	reset_all();
	$node->safe_psql('postgres', 'SELECT countdown(9)');
	my $scrape = scrape($port);
	is(calls_of($scrape, 'countdown(integer)'), 10, 'each activation is a call');
	is(of($scrape, 'duration_seconds_count', 'countdown(integer)'), 10, '... with a duration');
	my $inclusive = ns_of(of($scrape, 'inclusive_seconds_total', 'countdown(integer)'));
	is(sprintf('%.0f', 1e6 * quiet_sql($node, q{SELECT max_time FROM pg_hello_stats WHERE function = 'countdown(integer)'})),
		$inclusive, 'inclusive time is that of the outermost activation alone');
	ok(ns_of(of($scrape, 'duration_seconds_sum', 'countdown(integer)')) > 4 * $inclusive,
		'... while each activation has its duration');
	is(self_ns($scrape), $inclusive, 'self times add up to it, to the nanosecond');
	ok($inclusive >= 10 * 2_000_000, '... and are no less than the time burnt');
	ok(ns_of(of($scrape, 'self_seconds_total', 'spin_ms(integer)')) >= 20_000_000, '... by the function that burnt it');
}
{
	reset_all();
	$node->safe_psql('postgres', 'SELECT ping(11)');
	my $scrape = scrape($port);
	is(calls_of($scrape, 'ping(integer)') . ' ' . calls_of($scrape, 'pong(integer)'), '6 6', 'mutual recursion');
	is(self_ns($scrape), ns_of(of($scrape, 'inclusive_seconds_total', 'ping(integer)')),
		'... self times add up to the outermost call');
	ok(ns_of(of($scrape, 'inclusive_seconds_total', 'pong(integer)'))
		  < ns_of(of($scrape, 'inclusive_seconds_total', 'ping(integer)')), '... which the inner function is inside of');
}

# --- nesting -------------------------------------------------------------------------------------

{
	reset_all();
	$node->safe_psql('postgres', 'SELECT top(20)');
	my $scrape = scrape($port);
	is(join(' ', map { calls_of($scrape, $_) } 'top(integer)', 'mid(integer)', 'noop_volatile(integer)', 'spin_ms(integer)'),
		'1 20 40 21', 'nested calls');
	is(self_ns($scrape), ns_of(of($scrape, 'inclusive_seconds_total', 'top(integer)')),
		'self times add up to the outermost call, to the nanosecond');
	my $below = sum(map { ns_of(of($scrape, 'inclusive_seconds_total', $_)) } 'mid(integer)');
	my $spun_in_top = ns_of(of($scrape, 'inclusive_seconds_total', 'spin_ms(integer)'))
	  - (ns_of(of($scrape, 'inclusive_seconds_total', 'mid(integer)'))
		  - ns_of(of($scrape, 'self_seconds_total', 'mid(integer)'))
		  - ns_of(of($scrape, 'inclusive_seconds_total', 'noop_volatile(integer)')));
	is(ns_of(of($scrape, 'self_seconds_total', 'top(integer)')),
		ns_of(of($scrape, 'inclusive_seconds_total', 'top(integer)')) - $below - $spun_in_top,
		'... and each self time is inclusive time less that of the callees');
}

# --- errors ----------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE FUNCTION thrower(s text) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM spin_ms(1); RETURN raise(s); END';
	CREATE FUNCTION catcher(s text) RETURNS text LANGUAGE plpgsql AS
	$$ BEGIN PERFORM thrower(s); RETURN 'none'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
	CREATE FUNCTION changer(s text) RETURNS int LANGUAGE plpgsql AS
	$$ BEGIN RETURN thrower(s); EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'other' USING ERRCODE = '23505'; END $$;
	CREATE FUNCTION layers() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE t text;
	BEGIN
		BEGIN
			BEGIN
				PERFORM changer('22012');
			EXCEPTION WHEN division_by_zero THEN RAISE EXCEPTION 'not reached';
			END;
		EXCEPTION WHEN unique_violation THEN t := catcher('42P01');
		END;
		RETURN t || catcher('');
	END $$;
	CREATE FUNCTION divide(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i; END';
});

# calls, errors, canceled and origins of a function, as one text.
sub outcome
{
	my ($function) = @_;
	return quiet_sql($node,
		"SELECT calls, errors, canceled, error_origins FROM pg_hello_stats WHERE function = '$function'");
}

reset_all();
is($node->safe_psql('postgres', q{SELECT catcher('22012')}), '22012', 'an error is caught');
is(outcome('raise(text)'), '1|1|0|{"22": 1}', 'it began in the innermost function');
is(outcome('thrower(text)'), '1|1|0|{}', '... went through the next');
is(outcome('catcher(text)'), '1|0|0|{}', '... and ended in the one that caught it');
{
	my $scrape = scrape($port);
	is(self_ns($scrape), ns_of(of($scrape, 'inclusive_seconds_total', 'catcher(text)')), 'times add up over a caught error');
}

reset_all();
is($node->safe_psql('postgres', 'SELECT layers()'), '42P01none', 'errors in nested blocks');
is(outcome('raise(text)'), '3|2|0|{"22": 1, "42": 1}', '... by class, at the innermost function');
is(outcome('thrower(text)'), '3|2|0|{}', '... passed on');
is(outcome('changer(text)'), '1|1|0|{"23": 1}', '... replaced by another, which begins here');
is(outcome('layers()'), '1|0|0|{}', '... caught at last');
{
	my $scrape = scrape($port);
	is(self_ns($scrape), ns_of(of($scrape, 'inclusive_seconds_total', 'layers()')), 'times add up over all of them');
}

reset_all();
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query(q{SELECT thrower('P0002')});
	$session->query('SELECT divide(0)');
	$session->query('SELECT divide(1)');
	$session->query(q{BEGIN; SAVEPOINT s; SELECT thrower('XX000')});
	$session->query(q{ROLLBACK TO s; SELECT thrower(''); COMMIT});
	is(outcome('thrower(text)'), '3|2|0|{}', 'errors that nobody catches');
	is(outcome('raise(text)'), '3|2|0|{"P0": 1, "XX": 1}', '... where they began');
	is(outcome('divide(integer)'), '2|1|0|{"22": 1}', '... also in a built-in function, which has no place of its own');
	$session->quit;
}

# --- cancel and timeout ------------------------------------------------------------------------------

$node->safe_psql('postgres', q{CREATE FUNCTION sleeper() RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_sleep(600); RETURN 1; END';
	CREATE FUNCTION sleeper_caller() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN sleeper(); END'});
reset_all();
$node->psql('postgres', q{SET statement_timeout = '50ms'; SELECT sleeper_caller()});
is(outcome('sleeper()'), '1|1|1|{"57": 1}', 'a timeout is an error and a cancel');
is(outcome('sleeper_caller()'), '1|1|1|{}', '... also of the caller');
$node->psql('postgres', q{SET statement_timeout = '50ms'; SELECT spin_ms(600000)});
is(outcome('spin_ms(integer)'), '1|1|1|{"57": 1}', 'the same in C');

# --- the end of the backend ----------------------------------------------------------------------------

{
	reset_all();
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('SELECT top(3)');
	$session->query_until(qr/now/, "\\echo now\nSELECT sleeper_caller();\n");
	wait_until('it is active', sub { of(scrape($port), 'active', 'sleeper()') });
	is(of(scrape($port), 'active', 'sleeper_caller()'), 1, 'a call that runs is active');
	quiet_sql($node, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	wait_until('it is gone', sub {
		quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleeper_caller%' AND pid <> pg_backend_pid()}) eq '0' });
	my $scrape = scrape($port);
	is(of($scrape, 'active', 'sleeper()'), 0, 'nothing is active when its backend was terminated');
	is(of($scrape, 'active', 'sleeper_caller()'), 0, '... on any level');
	is(of($scrape, 'calls_total', 'sleeper()') . of($scrape, 'errors_total', 'sleeper()') . of($scrape, 'canceled_total', 'sleeper()'),
		'110', 'a call that its backend did not survive is a failed one');
	is(of($scrape, 'errors_total', 'sleeper_caller()'), 1, '... on every level');
	is(of($scrape, 'error_origins_total', 'sleeper()', sqlstate_class => '57'), 1, '... of class 57, where it was');
	is(of($scrape, 'error_origins_total', 'sleeper_caller()', sqlstate_class => '57'), undef, '... and not above');
	is(calls_of($scrape, 'top(integer)') . ' ' . calls_of($scrape, 'mid(integer)'), '1 3', '... and all other counts are there');
	eval { $session->quit };
}
is(metric(scrape($port), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');
is(metric(scrape($port), 'pg_hello_clock_anomalies_total'), 0, '... nor was time');

finish();
