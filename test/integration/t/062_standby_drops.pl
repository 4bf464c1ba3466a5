# What the primary drops leaves its standby's numbers, too, when the drop is replayed: whether or not
# anybody is connected there.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $primary = new_node('primary', -init => [ allows_streaming => 1 ], 'max_prepared_transactions' => 2, 'pg_hello.track' => 'all');
create_test_functions($primary);
my $body = q{LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};
sub primary { return $primary->safe_psql('postgres', join ";\n", @_); }

primary('CREATE DATABASE other', map { "CREATE FUNCTION $_() RETURNS int $body" } 'a' .. 'h');
$primary->safe_psql('other', "CREATE FUNCTION a() RETURNS int $body");
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
adopt_node($standby);
$standby->start;
wait_until('the standby takes connections', sub { ($standby->psql('postgres', 'SELECT 1'))[0] == 0 });

sub calls { my ($name, $database) = @_; return metric(scrape($standby), 'pg_hello_function_calls_total', function => "$name()", datname => $database // 'postgres'); }
sub replayed { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')); return; }

$standby->safe_psql('postgres', 'SELECT ' . join(', ', map { "$_()" } 'a' .. 'h'));
$standby->safe_psql('other', 'SELECT a(), a()');
is(calls('a'), 1, 'the standby counts');

primary('DROP FUNCTION a()');
replayed();
is(calls('a'), undef, 'dropped on the primary: gone from the standby, though nobody is connected there');
is(calls('a', 'other'), 2, '... but not the function of the same name in another database');
is(calls('b'), 1, '... nor any other');

primary('BEGIN; DROP FUNCTION b(); ROLLBACK', 'BEGIN; SAVEPOINT s; DROP FUNCTION b(); ROLLBACK TO s; CREATE TABLE t (); COMMIT');
replayed();
is(calls('b'), 1, 'a drop that was rolled back takes nothing away');
primary('BEGIN; SAVEPOINT s; DROP FUNCTION b(); RELEASE s; COMMIT');
replayed();
is(calls('b'), undef, 'one in a subtransaction');

primary("BEGIN; DROP FUNCTION c(); PREPARE TRANSACTION 'drop'");
replayed();
is(calls('c'), 1, 'one that is prepared takes nothing away');
primary("COMMIT PREPARED 'drop'");
replayed();
is(calls('c'), undef, '... until it is committed');

primary('CREATE SCHEMA s', 'ALTER FUNCTION d() SET SCHEMA s', 'DROP SCHEMA s CASCADE');
replayed();
is(calls('d'), undef, 'one by DROP SCHEMA');
primary("CREATE OR REPLACE FUNCTION e() RETURNS int LANGUAGE sql AS 'SELECT 2 LIMIT 1'");
replayed();
is($standby->safe_psql('postgres', 'SELECT e()'), '2', 'a function that was replaced');
is(calls('e'), 2, '... keeps its row');

# A session that knows the function, and calls it as long as it can.
{
	my $session = $standby->background_psql('postgres', on_error_stop => 0);
	$session->query('PREPARE p AS SELECT f()');
	$session->query('EXECUTE p');
	primary('DROP FUNCTION f()');
	replayed();
	eval { $session->query('EXECUTE p') };
	is(calls('f'), undef, 'a session that has it in a plan makes no row anew');
	$session->quit;
}

# The oid of a dropped function, given to another.
my $oid = primary(q{SELECT 'g()'::regprocedure::oid});
primary('DROP FUNCTION g()', 'VACUUM pg_proc', "SELECT next_oid($oid)", "CREATE FUNCTION g2() RETURNS int $body");
is(primary(q{SELECT 'g2()'::regprocedure::oid}), $oid, 'a new function has the oid of a dropped one');
replayed();
$standby->safe_psql('postgres', 'SELECT g2()');
is_deeply([ calls('g'), calls('g2') ], [ undef, 1 ], '... and none of its calls, on the standby either');

# Renamed: the standby shows it at the next call.
primary('ALTER FUNCTION h() RENAME TO i');
replayed();
$standby->safe_psql('postgres', 'SELECT i()');
is_deeply([ calls('h'), calls('i') ], [ undef, 2 ], 'a function that was renamed, called again');

$primary->safe_psql('postgres', 'DROP DATABASE other');
replayed();
is(scalar(grep { ($_->{labels}{datname} // '') eq 'other' } @{ scrape($standby)->{samples} }), 0, 'DROP DATABASE');

# Dropped while the standby is stopped: replayed when it has started, from its saved numbers.
primary("CREATE FUNCTION j() RETURNS int $body", "CREATE FUNCTION k() RETURNS int $body");
replayed();
$standby->safe_psql('postgres', 'SELECT j(), k()');
$standby->stop;
primary('DROP FUNCTION j()');
$standby->start;
replayed();
is_deeply([ calls('j'), calls('k'), calls('e') ], [ undef, 1, 2 ], 'dropped while the standby was stopped: gone when it has caught up');

# Promoted, it goes on, and drops for itself.
my $reset = metric(scrape($standby), 'pg_hello_stats_reset_timestamp_seconds');
$standby->promote;
wait_until('it is promoted', sub { metric(scrape($standby), 'pg_hello_postgres_in_recovery') == 0 });
is_deeply([ calls('k'), calls('e'), calls('g2') ], [ 1, 2, 1 ], 'promotion keeps every counter');
is(metric(scrape($standby), 'pg_hello_stats_reset_timestamp_seconds'), $reset, '... since the same time');
$standby->safe_psql('postgres', 'SELECT k(); DROP FUNCTION e()');
is_deeply([ calls('k'), calls('e') ], [ 2, undef ], '... counts on, and drops');

finish();
