# pg_upgrade, with the library loaded on both sides, takes the extension and its rows along.
use strict;
use warnings FATAL => 'all';

use Cwd;
use IPC::Run;
use Test::More;
use PgHello;
use PostgreSQL::Test::Utils ();

my $old = new_node('old');
$old->safe_psql('postgres', q{
	CREATE ROLE admin LOGIN IN ROLE hello_admins, pg_monitor;
	CREATE DATABASE second;
	SELECT pg_hello('x');
	INSERT INTO app_config (key, value) VALUES ('color', 'blue');
});
$old->safe_psql('postgres', q{SELECT update_greeting_config(3), pg_hello_capture_baseline('before')}, extra_params => [ '-U', 'admin' ]);
# The extension as it was at first goes along as it is.
$old->safe_psql('second', q{CREATE EXTENSION pg_hello VERSION '1.0'; SELECT pg_hello('y')});

my $rows = join "\nUNION ALL\n", map { "SELECT '$_', t::text FROM $_ t" } 'app_config', 'pg_hello_performance_baseline', 'security_audit_log';
$rows = "SELECT * FROM ($rows) r ORDER BY 1, 2";
my $privileges = q{
	SELECT d.objid::regprocedure, p.proacl, p.prosecdef FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' ORDER BY p.proname};
my $policies = 'SELECT polname, polroles::regrole[], pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY 1';
my $triggers = 'SELECT tgrelid::regclass, tgname FROM pg_trigger ORDER BY tgname';
my %known = map { $_ => $old->safe_psql('postgres', $_) } $rows, $privileges, $policies, $triggers;
like($known{$rows}, qr/app_config.*pg_hello_performance_baseline.*security_audit_log/s, 'there is something in each table');

my $new = new_node('new', -start => 0);
$old->stop;
{
	my ($stdout, $stderr) = ('', '');
	my $here = getcwd();
	chdir PostgreSQL::Test::Utils::tempdir();
	my $done = IPC::Run::run(
		[ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old->config_data('--bindir'),
		  '-B', $new->config_data('--bindir'), '-s', $new->host, '-p', $old->port, '-P', $new->port ],
		'>', \$stdout, '2>', \$stderr);
	chdir $here;
	ok($done, 'pg_upgrade') or diag("$stdout\n$stderr");
}
$new->start;
is($new->safe_psql('postgres', $rows), $known{$rows}, 'rows are as they were');
is($new->safe_psql('postgres', $privileges), $known{$privileges}, 'privileges, too');
is($new->safe_psql('postgres', $policies), $known{$policies}, '... policies');
is($new->safe_psql('postgres', $triggers), $known{$triggers}, '... triggers');
is($new->safe_psql('postgres', 'SHOW pg_hello.repeat'), '3', '... and what is in force');
is($new->safe_psql('postgres', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', 'the extension passes its own test');
is($new->safe_psql('postgres', q{SELECT update_greeting_config(4)}, extra_params => [ '-U', 'admin' ]), '4', 'it is configured by the same role');
is($new->safe_psql('postgres', q{SELECT new_row ->> 'value' FROM security_audit_log ORDER BY id DESC LIMIT 1}), '4', '... which is recorded after what was recorded before');
is($new->safe_psql('second', q{SELECT pg_hello('z')}), 'Hello, z!', 'the first version goes along, too');
$new->safe_psql('second', 'ALTER EXTENSION pg_hello UPDATE');
is($new->safe_psql('second', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', '... and is updated there');
is(calls_of(scrape($new), 'pg_hello(text)', datname => 'second'), 1, '... and served');

finish();
