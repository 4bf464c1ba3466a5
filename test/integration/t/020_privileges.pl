# Who may call what.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
$node->safe_psql('postgres', q{
	CREATE ROLE plain LOGIN;
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

is(run('plain', q{SELECT pg_hello('you')}), 'Hello, you!', 'a plain user may be greeted');
is(run('plain', 'SELECT now_ms() > 0'), 't', '... and call now_ms()');
is(run('plain', 'SELECT spi_version() = version()'), 't', '... and spi_version()');

my @reading = ('SELECT count(*) > 0 FROM pg_hello_stats', 'SELECT count(*) > 0 FROM pg_hello_stats_rows()',
	'SELECT count(*) = 1 FROM pg_hello_info()', q{SELECT pg_hello_metrics() LIKE '%pg_hello_function_calls_total%'});
my @resetting = ('SELECT pg_hello_reset() IS NOT NULL', q{SELECT pg_hello_reset('postgres') IS NOT NULL},
	q{SELECT pg_hello_reset(funcid => 1) IS NOT NULL});
foreach my $query (@reading)
{
	is(run('plain', $query), '42501', "refused to a plain user: $query");
	is(run('monitor', $query), 't', '... allowed to a member of pg_monitor');
}
foreach my $query (@resetting)
{
	is(run('plain', $query), '42501', "refused to a plain user: $query");
	is(run('monitor', $query), '42501', '... and to a member of pg_monitor');
}
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'pg_hello(text)'}), '2', 'nothing was reset by trying');

# Granted, it works; each form does what it says.
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION pg_hello_reset(name, oid) TO monitor');
is(run('monitor', q{SELECT pg_hello_reset('postgres', 'pg_hello(text)'::regprocedure) IS NOT NULL}), 't', 'a granted reset of one function');
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'pg_hello(text)'}), '0', '... resets it');
isnt(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'now_ms()'}), '0', '... and no other');
is(run('monitor', q{SELECT pg_hello_reset('no such database')}), '3D000', 'a database must exist');
is(run('monitor', 'SELECT pg_hello_reset() IS NOT NULL'), 't', 'a granted reset of everything');
is(quiet_sql($node, q{SELECT sum(calls) FROM pg_hello_stats WHERE function = 'now_ms()'}), '0', '... resets all');

is(run('creator', 'CREATE EXTENSION pg_hello', 'owned'), '42501', 'the extension is created by superusers');

finish();
