# Errors, wherever and however they end a call: counted for each function that they leave, by class
# where they began; and after each of them the same session's calls are measured rightly.
use strict;
use warnings FATAL => 'all';

use List::Util qw(sum);
use POSIX ();
use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all', 'jit' => 'off', 'client_connection_check_interval' => '50ms',
	'deadlock_timeout' => '20ms', 'log_min_messages' => 'error');
my $port = metrics_port($node);
quiet_sql($node, q{
	CREATE FUNCTION raise(sqlstate text) RETURNS int4 AS 'pg_hello_test', 'pg_hello_test_raise' LANGUAGE C STRICT;
	CREATE FUNCTION countdown(n int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN CASE WHEN n = 0 THEN 0 ELSE countdown(n - 1) END; END';
	CREATE FUNCTION inner_f(s text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN raise(s); END';
	CREATE FUNCTION outer_f(s text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN inner_f(s); END';
	CREATE FUNCTION sleeps() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN 1; END';
	CREATE FUNCTION sleeps_sql() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT sleeps() LIMIT 1';
	CREATE FUNCTION runs(command text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE command; RETURN 1; END';
	CREATE TABLE t (i int PRIMARY KEY);
	INSERT INTO t VALUES (1), (2);
});

# What has been counted since the last question: "function calls/errors/cancels {class:origins}".
my %before;
sub outcome
{
	my $scrape = scrape($port);
	my %now;
	foreach my $sample (@{ $scrape->{samples} })
	{
		my $labels = $sample->{labels};
		next if $sample->{name} !~ /\Apg_hello_function_(calls|errors|canceled|error_origins)_total\z/;
		my $key = $1 eq 'error_origins' ? $labels->{sqlstate_class} : $1;
		$now{ $labels->{function} }{$key} = $sample->{value};
	}
	my @news;
	foreach my $function (sort keys %now)
	{
		my %new = map { $_ => $now{$function}{$_} - ($before{$function}{$_} // 0) } keys %{ $now{$function} };
		my $origins = join ',', map { "$_:$new{$_}" } sort grep { !/\A[a-z]/ && $new{$_} } keys %new;
		push @news, ($function =~ s/\(.*//r) . " $new{calls}/$new{errors}/$new{canceled}" . ($origins ? " {$origins}" : '')
		  if grep { $_ } values %new;
	}
	%before = %now;
	return join ', ', @news;
}

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');

sub right_again
{
	my ($after) = @_;
	quiet_sql($node, 'SELECT pg_hello_reset()');
	$session->query('SELECT countdown(3)');
	my $scrape = scrape($port);
	my $of = sub { metric($scrape, "pg_hello_function_$_[0]", function => 'countdown(integer)') };
	my $open = sum(map { $_->{value} } grep { $_->{name} eq 'pg_hello_function_active' } @{ $scrape->{samples} });
	is(join(' ', $of->('calls_total'), $of->('errors_total'), $open, metric($scrape, 'pg_hello_stack_resyncs_total'),
			$of->('self_seconds_total') eq $of->('inclusive_seconds_total') ? 'adds up' : 'does not add up'),
		'4 0 0 0 adds up', "... and calls after $after are measured rightly");
	%before = ();
	quiet_sql($node, 'SELECT pg_hello_reset()');
	return;
}

sub fails
{
	my ($what, $sql, $counts) = @_;
	outcome();
	$session->query("$_;") foreach ref $sql ? @$sql : $sql;
	is(outcome(), $counts, $what);
	right_again($what);
	return;
}

right_again('nothing');
fails('an error that nobody catches', q{SELECT outer_f('22012')}, 'inner_f 1/1/0, outer_f 1/1/0, raise 1/1/0 {22:1}');
fails('an error in a built-in function', q{SELECT runs('SELECT 1 / 0')}, 'runs 1/1/0 {22:1}');
fails('an error in what is parsed', q{SELECT runs('SELEKT')}, 'runs 1/1/0 {42:1}');
fails('a class that nobody knows', q{SELECT raise('QQ123')}, 'raise 1/1/0 {QQ:1}');
fails('an error in a subtransaction that is rolled back',
	[ q{BEGIN; SAVEPOINT a; SAVEPOINT b}, q{SELECT outer_f('XX001')}, q{ROLLBACK TO a}, q{SELECT outer_f('')}, 'COMMIT' ],
	'inner_f 2/1/0, outer_f 2/1/0, raise 2/1/0 {XX:1}');

quiet_sql($node, q{
	CREATE FUNCTION nests() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE seen text := '';
	BEGIN
		BEGIN
			BEGIN
				PERFORM inner_f('22012');
			EXCEPTION WHEN division_by_zero THEN
				seen := seen || SQLSTATE;
				PERFORM inner_f('23505');
			END;
		EXCEPTION WHEN unique_violation THEN
			seen := seen || SQLSTATE;
			BEGIN
				RAISE;
			EXCEPTION WHEN OTHERS THEN seen := seen || SQLSTATE;
			END;
		END;
		ASSERT false;
		RETURN seen;
	EXCEPTION WHEN OTHERS THEN RETURN 'an assertion is not caught by OTHERS';
	END $$});
fails('nested blocks that catch, replace and raise again, and an assertion that goes through', 'SELECT nests()',
	'inner_f 2/2/0, nests 1/1/0 {P0:1}, raise 2/2/0 {22:1,23:1}');
quiet_sql($node, q{
	CREATE FUNCTION loops() RETURNS int LANGUAGE plpgsql AS $$
	DECLARE caught int := 0;
	BEGIN
		FOR i IN 1..50 LOOP
			BEGIN
				PERFORM outer_f(CASE i % 2 WHEN 0 THEN '40001' ELSE '' END);
			EXCEPTION WHEN serialization_failure THEN caught := caught + 1;
			END;
		END LOOP;
		RETURN caught;
	END $$});
fails('many errors that are caught', 'SELECT loops()', 'inner_f 50/25/0, loops 1/0/0, outer_f 50/25/0, raise 50/25/0 {40:25}');

# --- triggers -----------------------------------------------------------------------------------------

quiet_sql($node, q{
	CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN IF NEW.i < 0 THEN PERFORM inner_f(''P0009''); END IF; RETURN NEW; END';
	CREATE FUNCTION inserts(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO rows VALUES (i); RETURN 1; END';
	CREATE FUNCTION tries(i int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN inserts(i); EXCEPTION WHEN OTHERS THEN RETURN inserts(1); END';
	CREATE TABLE rows (i int); CREATE TRIGGER b BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION fires();
	CREATE TABLE later (i int);
	CREATE CONSTRAINT TRIGGER l AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fires();
	CREATE PROCEDURE commits(i int) LANGUAGE plpgsql AS 'BEGIN INSERT INTO later VALUES (i); COMMIT; END';
	CREATE PROCEDURE commits_more() LANGUAGE plpgsql AS
	'BEGIN CALL commits(1); CALL commits(-1); END'});
fails('an error in a trigger', 'SELECT inserts(-1)', 'fires 1/1/0, inner_f 1/1/0, inserts 1/1/0, raise 1/1/0 {P0:1}');
fails('... that is caught', 'SELECT tries(-1)', 'fires 2/1/0, inner_f 1/1/0, inserts 2/1/0, raise 1/1/0 {P0:1}, tries 1/0/0');
fails('an error in a deferred trigger, at COMMIT', [ 'BEGIN; INSERT INTO later VALUES (1), (-1), (2)', 'COMMIT' ],
	'fires 2/1/0, inner_f 1/1/0, raise 1/1/0 {P0:1}');
fails('... at a COMMIT inside procedures', 'CALL commits_more()',
	'commits 2/1/0, commits_more 1/1/0, fires 2/1/0, inner_f 1/1/0, raise 1/1/0 {P0:1}');
fails('... at SET CONSTRAINTS', [ 'BEGIN; INSERT INTO later VALUES (-1)', 'SET CONSTRAINTS ALL IMMEDIATE', 'ROLLBACK' ],
	'fires 1/1/0, inner_f 1/1/0, raise 1/1/0 {P0:1}');
fails('an error of a unique index', q{SELECT runs('INSERT INTO t VALUES (1)')}, 'runs 1/1/0 {23:1}');

# --- cancels and timeouts -------------------------------------------------------------------------------

fails('statement_timeout', [ q{SET statement_timeout = '50ms'}, 'SELECT sleeps_sql()', 'RESET statement_timeout' ],
	'sleeps 1/1/1 {57:1}, sleeps_sql 1/1/1');
quiet_sql($node, q{CREATE FUNCTION catches_cancel() RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN sleeps(); EXCEPTION WHEN query_canceled THEN RETURN countdown(1); END'});
fails('... that is caught', [ q{SET statement_timeout = '50ms'}, 'SELECT catches_cancel()', 'RESET statement_timeout' ],
	'catches_cancel 1/0/0, countdown 2/0/0, sleeps 1/1/1 {57:1}');

my $other = $node->background_psql('postgres');
sub while_session_runs
{
	my ($sql, $waits, $do) = @_;
	outcome();
	$session->query_until(qr/now/, "\\echo now\n$sql;\n");
	wait_until('it waits', sub { quiet_sql($node, "SELECT wait_event FROM pg_stat_activity WHERE pid = $pid") =~ $waits });
	$do->();
	wait_until('it waits no longer', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'") eq '0' });
	return;
}
while_session_runs('SELECT sleeps_sql()', qr/PgSleep/, sub { quiet_sql($node, "SELECT pg_cancel_backend($pid)") });
is(outcome(), 'sleeps 1/1/1 {57:1}, sleeps_sql 1/1/1', 'pg_cancel_backend()');
right_again('pg_cancel_backend()');

$other->query_safe('BEGIN; SELECT * FROM t WHERE i = 1 FOR UPDATE');
fails('lock_timeout, an error and not a cancel', [ q{SET lock_timeout = '50ms'}, q{SELECT runs('UPDATE t SET i = i WHERE i = 1')}, 'RESET lock_timeout' ],
	'runs 1/1/0 {55:1}');
fails('a lock that is not to be had at once', q{SELECT runs('SELECT 1 FROM t WHERE i = 1 FOR UPDATE NOWAIT')}, 'runs 1/1/0 {55:1}');
# A deadlock: the session finds it, for only it looks soon.
$other->query_safe(q{SET deadlock_timeout = '60s'});
$session->query('BEGIN; SELECT * FROM t WHERE i = 2 FOR UPDATE');
$other->query_until(qr/now/, "\\echo now\nSELECT 1 FROM t WHERE i = 2 FOR UPDATE;\n");
wait_until('it waits', sub { quiet_sql($node, 'SELECT count(*) FROM pg_locks WHERE NOT granted') ne '0' });
outcome();
$session->query(q{SELECT runs('UPDATE t SET i = i WHERE i = 1')});
is(outcome(), 'runs 1/1/0 {40:1}', 'a deadlock');
$session->query('ROLLBACK');
$other->query_safe('ROLLBACK');
right_again('a deadlock');

# --- no memory, no stack, no room --------------------------------------------------------------------------

fails('more than a value can be', q{SELECT runs('SELECT repeat(repeat(''x'', 1000000), 2000)')}, 'runs 1/1/0 {54:1}');
quiet_sql($node, q{CREATE FUNCTION bottomless(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN bottomless(n + 1); END'});
outcome();
$session->query('SELECT bottomless(1)');
like(outcome(), qr{\Abottomless (\d+)/\1/0 \{54:1\}\z}, 'deeper than the stack');
right_again('deeper than the stack');

my ($pages) = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/statm") =~ /\A(\d+)/;
my $bytes = $pages * POSIX::sysconf(POSIX::_SC_PAGESIZE()) + (64 << 20);
PostgreSQL::Test::Utils::system_or_bail('prlimit', "--pid=$pid", "--as=$bytes:");
fails('memory that is not there', q{SELECT runs('SELECT string_agg(repeat(i::text, 1000000), '''') FROM generate_series(1, 100) i')}, 'runs 1/1/0 {53:1}');
quiet_sql($node, q{CREATE FUNCTION catches_all(c text) RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN runs(c); EXCEPTION WHEN out_of_memory THEN RETURN countdown(1); END'});
fails('... that is caught', q{SELECT catches_all('SELECT string_agg(repeat(i::text, 1000000), '''') FROM generate_series(1, 100) i')},
	'catches_all 1/0/0, countdown 2/0/0, runs 1/1/0 {53:1}');

# --- the end of the session ---------------------------------------------------------------------------------

sub dies
{
	my ($what, $class, $do) = @_;
	my $victim = $node->background_psql('postgres', on_error_stop => 0);
	my $victims = $victim->query('SELECT pg_backend_pid()');
	outcome();
	$victim->query_until(qr/now/, "\\echo now\nSELECT sleeps_sql();\n");
	wait_until('it waits', sub { quiet_sql($node, "SELECT wait_event FROM pg_stat_activity WHERE pid = $victims") eq 'PgSleep' });
	$do->($victims, $victim);
	wait_until('it is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $victims") eq '0' });
	is(outcome(), "sleeps 1/1/0 {$class:1}, sleeps_sql 1/1/0", $what);
	right_again($what);
	eval { $victim->quit };
	return;
}
dies('pg_terminate_backend()', '57', sub { quiet_sql($node, "SELECT pg_terminate_backend($_[0])") });
dies('a client that is gone', '08', sub { $_[1]->{run}->kill_kill });

outcome();
my $idle = $node->background_psql('postgres', on_error_stop => 0);
my $idle_pid = $idle->query('SELECT pg_backend_pid()');
$idle->query('BEGIN; SELECT countdown(1)');
$idle->query(q{SET idle_in_transaction_session_timeout = '10ms'});
wait_until('it is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $idle_pid") eq '0' });
is(outcome(), 'countdown 2/0/0', 'idle_in_transaction_session_timeout finds no call');
eval { $idle->quit };
right_again('idle_in_transaction_session_timeout');
$other->quit;
$session->quit;

outcome();
my $last = $node->background_psql('postgres', on_error_stop => 0);
$last->query_until(qr/now/, "\\echo now\nSELECT sleeps_sql();\n");
wait_until('it waits', sub { quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) eq '1' });
$node->restart;
$port = metrics_port($node);
is(outcome(), 'sleeps 1/1/0 {57:1}, sleeps_sql 1/1/0', 'a fast shutdown');
eval { $last->quit };

finish();
