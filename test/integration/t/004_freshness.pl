# A call that has ended is in the very next scrape, wherever its session is.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
$node->safe_psql('postgres', q{CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 10 / i; END'});

my $calls = sub { calls_of(scrape($port), 'f(integer)') };
my $sleeping = sub {
	wait_until('a session sleeps', sub {
		quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) eq '1' });
};
my $wake = sub {
	quiet_sql($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
};

# In the middle of a long statement. pg_sleep comes after f() in the same row.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/begun/, "\\echo begun\nSELECT f(1), f(2), pg_sleep(600);\n");
$sleeping->();
is($calls->(), 2, 'calls in a statement that is still running');
$wake->();
$session->query('SELECT 1');
is($calls->(), 2, '... still there when it was canceled');

# The same one level down: the inner call has ended, the outer one has not.
$node->safe_psql('postgres', q{
	CREATE FUNCTION outer_f() RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM f(1); PERFORM pg_sleep(600); RETURN 1; END'});
$session->query_until(qr/inside/, "\\echo inside\nSELECT outer_f();\n");
$sleeping->();
{
	my $scrape = scrape($port);
	is(calls_of($scrape, 'f(integer)'), 3, 'a call inside a call that is still running');
	is(calls_of($scrape, 'outer_f()'), 0, '... which has not ended');
	is(metric($scrape, 'pg_hello_function_active', function => 'outer_f()'), 1, '... but is active');
}
$wake->();
$session->query('SELECT 1');
is(metric(scrape($port), 'pg_hello_function_active', function => 'outer_f()'), 0, 'no longer active');

# Idle, idle in a transaction, in a transaction that has failed, after rollback.
$session->query('SELECT f(1)');
is($calls->(), 4, 'in an idle session');
$session->query('BEGIN');
$session->query('SELECT f(1)');
is($calls->(), 5, 'in a session that is idle in transaction');
$session->query('SELECT f(0)');
is($calls->(), 6, 'in a transaction that has failed');
is(metric(scrape($port), 'pg_hello_function_errors_total', function => 'f(integer)'), 1, '... with its error');
$session->query('ROLLBACK');
is($calls->(), 6, 'after the rollback');
$session->query('BEGIN; SELECT f(1); SAVEPOINT s; SELECT f(1); ROLLBACK TO s; COMMIT');
is($calls->(), 8, 'around a savepoint');

# After the end of a session: as it likes, and when it is thrown out.
my $pid = $session->query('SELECT pg_backend_pid()');
$session->quit;
is($calls->(), 8, 'after the session has ended');
wait_until('the backend is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' });
is($calls->(), 8, '... and its backend is gone');
$node->safe_psql('postgres', 'SELECT f(1)');
is($calls->(), 9, 'from a session of one statement');
$node->psql('postgres', 'SELECT f(1); SELECT pg_terminate_backend(pg_backend_pid());');
is($calls->(), 10, 'from a session that was terminated');

# A prepared transaction's calls, and those of a cursor half way.
my $cursor = $node->background_psql('postgres');
$cursor->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT f(i) FROM generate_series(1, 100) i; FETCH 7 FROM c');
is($calls->(), 17, 'from a cursor half way');
$cursor->quit;

# The number of functions per session is not limited by what a backend keeps for itself (64).
$node->safe_psql('postgres', join ";\n",
	map { "CREATE FUNCTION many_$_() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'" } 1 .. 200);
my $many = $node->background_psql('postgres');
$many->query_safe(join "; ", map { my $n = $_; map { "SELECT many_$_()" } 1 .. 200 } 1 .. 3);
{
	my $scrape = scrape($port);
	is(join(' ', grep { calls_of($scrape, "many_$_()") != 3 } 1 .. 200), '', 'each of 200 functions of one session');
}
$many->quit;

finish();
