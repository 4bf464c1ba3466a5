# pg_hello.track_roles with many backends: every call is counted once by role, whoever else is at work.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
$node->safe_psql('postgres', q{
	CREATE ROLE one LOGIN; CREATE ROLE two LOGIN; CREATE ROLE three LOGIN;
	CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN n; END';
	CREATE FUNCTION g(n int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN f(n); END';
	CREATE FUNCTION endless() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1000); END';
	CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 20000) i;
	ALTER TABLE t SET (parallel_workers = 2);
	GRANT SELECT ON t TO PUBLIC;
	ANALYZE t;
	ALTER DATABASE postgres SET pg_hello.track_roles = on;
});
sub by_role { return $node->safe_psql('postgres', "SET pg_hello.track = none; SELECT rolname, calls FROM pg_hello_access_audit WHERE function = '$_[0]' ORDER BY 1") }
sub counted { return quiet_sql($node, "SELECT calls FROM pg_hello_stats WHERE function = '$_[0]'") }

# Several backends of several roles, and readers, at the same functions
my $script = $node->basedir . '/calls.sql';
PostgreSQL::Test::Utils::append_to_file($script, "SELECT f(1), g(2), f(3);\n");
my $reading = in_child(sub { while (1) { by_role('f(integer)') } });
my @clients;
foreach my $role ('one', 'two', 'three')
{
	push @clients, in_child(sub {
		system('pgbench', '-n', '-h', $node->host, '-p', $node->port, '-U', $role, '-c', '3', '-t', '200', '-f', $script, 'postgres') == 0 or die 'pgbench';
	});
}
foreach my $client (@clients)
{
	waitpid($client, 0);
	is($?, 0, 'a role has made its calls');
}
is(stop_child($reading), 0, '... while others read');
is(by_role('f(integer)'), "one|1800\nthree|1800\ntwo|1800", 'each call is counted for its role');
is(by_role('g(integer)'), "one|600\nthree|600\ntwo|600", '... also of a function with the rights of its owner');
is(counted('f(integer)'), '5400', '... and among all');

# Parallel workers call for the leader's role, as that was chosen.
$node->safe_psql('postgres', q{
	SET ROLE two; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SELECT sum(f(a)) FROM t});
is(by_role('f(integer)'), "one|1800\nthree|1800\ntwo|21800", 'parallel workers count for the role');

# A backend that is ended in the middle of a call
my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'three' ]);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_until(qr/begun/, "\\echo begun\nSELECT endless();\n");
wait_until('it runs', sub { quiet_sql($node, 'SELECT count(*) FROM pg_hello_active WHERE pid = ' . $pid) });
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
is(wait_until('it is counted', sub { by_role('endless()') }), 'three|1', 'a call that its backend does not survive is counted');
eval { $session->quit };

unlike(join(' ', map { $_->{labels} ? values %{ $_->{labels} } : () } @{ scrape($node)->{samples} }), qr/\b(?:one|two|three)\b/, 'no role is on the metrics endpoint');

# New settings reach a running session.
my $running = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'one' ]);
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET pg_hello.track_roles; SELECT pg_hello_reset()');
$running->query_safe('SELECT f(1)');
is(by_role('f(integer)'), 'one|1', 'a session keeps what it began with');
$running->quit;
$node->safe_psql('postgres', 'SELECT f(1)', extra_params => [ '-U', 'one' ]);
is(by_role('f(integer)'), 'one|1', 'a new session does not count by role any more');

finish();
