# Who may call what; and the roles that decide it, which are the cluster's, not a database's.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
$node->safe_psql('postgres', q{
	CREATE ROLE plain LOGIN;
	CREATE ROLE greeted LOGIN IN ROLE hello_users;
	CREATE ROLE admin LOGIN IN ROLE hello_admins;
	CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
	CREATE ROLE creator LOGIN;
	CREATE DATABASE owned OWNER creator;
	SELECT pg_hello('x');
});

sub run
{
	my ($role, $sql, $database) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database // 'postgres', "\\set VERBOSITY verbose\n$sql", extra_params => [ '-U', $role ]);
	return $status == 0 ? $stdout : $stderr =~ /ERROR:  (\w{5}):/ ? $1 : "? $stderr";
}

my @greeting = (q{SELECT pg_hello('you') = 'Hello, you!'}, 'SELECT now_ms() > 0');
my @reading = ('SELECT count(*) > 0 FROM pg_hello_stats', 'SELECT count(*) > 0 FROM pg_hello_stats_rows()',
	'SELECT count(*) > 0 FROM pg_hello_usage', 'SELECT count(*) = 0 FROM pg_hello_errors', 'SELECT count(*) = 0 FROM pg_hello_blocking',
	'SELECT count(*) > 0 FROM pg_hello_config', 'SELECT count(*) > 0 FROM pg_hello_performance_report()',
	q{SELECT count(*) > 0 FROM pg_hello_histogram('pg_hello(text)'::regprocedure)},
	q{SELECT pg_hello_percentile('pg_hello(text)'::regprocedure, 0.5) > 0},
	'SELECT count(*) = 1 FROM pg_hello_info()', q{SELECT pg_hello_metrics() LIKE '%pg_hello_function_calls_total%'});
my @resetting = (q{SELECT pg_hello_reset(funcid => 1) IS NOT NULL}, q{SELECT pg_hello_reset('template1') IS NOT NULL});
my @configuring = ('SELECT update_greeting_config(1) = 1', 'SELECT count(*) = 1 FROM app_config');
my %may = (
	plain => {},
	greeted => { map { $_ => 1 } @greeting, 'SELECT count(*) = 1 FROM app_config' },
	admin => { map { $_ => 1 } @greeting, @resetting, @configuring, 'SELECT spi_version() = version()', 'SELECT count(*) > 0 FROM pg_hello_config' },
	monitor => { map { $_ => 1 } @reading });
foreach my $role (sort keys %may)
{
	my @wrong;
	foreach my $query (@greeting, @reading, @resetting, @configuring, 'SELECT spi_version() = version()')
	{
		my $expected = $may{$role}{$query} ? 't' : '42501';
		my $answer = run($role, $query);
		push @wrong, "$query: $answer instead of $expected" if $answer ne $expected;
	}
	is(join("\n", @wrong), '', "$role may do what it should and is refused the rest");
}
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'pg_hello(text)'}), '3', 'nothing was reset by trying');

# Each form of reset does what it says.
is(run('admin', q{SELECT pg_hello_reset('postgres', 'pg_hello(text)'::regprocedure) IS NOT NULL}), 't', 'a reset of one function');
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'pg_hello(text)'}), '0', '... resets it');
isnt(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'now_ms()'}), '0', '... and no other');
is(run('admin', q{SELECT pg_hello_reset('no such database')}), '3D000', 'a database must exist');
is(run('admin', 'SELECT pg_hello_reset() IS NOT NULL'), 't', 'a reset of everything');
is(quiet_sql($node, q{SELECT sum(calls) FROM pg_hello_stats WHERE function = 'now_ms()'}), '0', '... resets all');

is(run('creator', 'CREATE EXTENSION pg_hello', 'owned'), '42501', 'the extension is created by superusers');

# Two databases have the extension, and the roles once; also when they are created at the same time.
$node->safe_psql('postgres', 'DROP EXTENSION pg_hello; DROP ROLE greeted, admin');
is($node->safe_psql('postgres', q{SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'hello%'}),
	'hello_admins hello_users', 'roles stay when the extension goes');
$node->safe_psql('postgres', 'DROP ROLE hello_users, hello_admins');
{
	my @sessions = map { $node->background_psql($_, on_error_stop => 1) } 'postgres', 'owned';
	$sessions[0]->query_safe('BEGIN; CREATE EXTENSION pg_hello');
	my $pid = $sessions[1]->query_safe('SELECT pg_backend_pid()');
	$sessions[1]->query_until(qr/waiting/, "\\echo waiting\nCREATE EXTENSION pg_hello;\n\\echo created\n");
	wait_until('the other waits for the role',
		sub { $node->safe_psql('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $pid") eq 't' });
	$sessions[0]->query_safe('COMMIT');
	$sessions[1]->query_safe('SELECT 1');
	$_->quit foreach @sessions;
}
foreach my $database ('postgres', 'owned')
{
	is($node->safe_psql($database, q{
		SELECT count(*) FROM pg_extension, pg_roles
		WHERE extname = 'pg_hello' AND rolname LIKE 'hello%' AND has_function_privilege(rolname, 'pg_hello(text)', 'EXECUTE')}),
		'2', "created at the same time: $database has the extension, and the roles their rights");
}
$node->safe_psql('owned', 'DROP EXTENSION pg_hello');
is($node->safe_psql('postgres', q{SELECT has_function_privilege('hello_users', 'pg_hello(text)', 'EXECUTE')}), 't',
	'what one database drops the other keeps');

# A database of a strange name is configured and tested like any other.
my $strange = q{o'dd "na\\me" %s};
(my $quoted = $strange) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql($strange, 'CREATE EXTENSION pg_hello');
is($node->safe_psql($strange, 'SELECT update_greeting_config(3)'), '3', 'a strange name: configured');
is($node->safe_psql($strange, q{SELECT pg_hello('x')}), 'Hello, x! Hello, x! Hello, x!', '... in force');
is($node->safe_psql($strange, 'SELECT count(*), bool_and(passed) FROM pg_hello_selftest()'), '8|t', '... tested');
is($node->safe_psql($strange, q{SELECT sum(calls) FROM pg_hello_histogram('pg_hello(text)'::regprocedure)}), '1', '... measured');

finish();
