# pg_dump and pg_restore carry the rows of the extension's tables, exactly.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PostgreSQL::Test::Utils ();

my $node = new_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	CREATE ROLE admin LOGIN IN ROLE hello_admins, pg_monitor;
	CREATE DATABASE source;
});
$node->safe_psql('source', q{
	CREATE EXTENSION pg_hello;
	CREATE TABLE users_own AS SELECT 1 AS a;
	SELECT pg_hello('x'), pg_hello('y');
	INSERT INTO app_config (key, value) VALUES ('a "key"', E'it''s\t\\ 世界');
});
$node->safe_psql('source', q{
	SELECT update_greeting_config(3);
	SELECT pg_hello_capture_baseline('before the dump');
}, extra_params => [ '-U', 'admin' ]);
# Some time ago, as in every dump that is worth something.
$node->safe_psql('source', q{
	ALTER TABLE app_config DISABLE TRIGGER ALL;
	UPDATE app_config SET updated_at = '2020-02-29 12:34:56.789+00', updated_by = 'somebody_else' WHERE key LIKE 'a%';
	ALTER TABLE app_config ENABLE TRIGGER ALL;
});

sub rows_of
{
	my ($database) = @_;
	return join "\n", map { $node->safe_psql($database, "SELECT t FROM $_ t ORDER BY 1") }
	  'app_config', 'pg_hello_performance_baseline', 'security_audit_log';
}
sub next_id { return $node->safe_psql($_[0], 'SELECT last_value, is_called FROM security_audit_log_id_seq') }
sub defaults_of { return $node->safe_psql($_[0], 'SHOW pg_hello.repeat') }
# The status and what was said.
sub outcome
{
	my ($stdout, $stderr) = ('', '');
	my $done = IPC::Run::run([@_], '>', \$stdout, '2>', \$stderr);
	return ($done ? 0 : 1, $stdout . $stderr);
}
my @connect = ('-h', $node->host, '-p', $node->port);
my $rows = rows_of('source');
my $next = next_id('source');
like($rows, qr/somebody_else.*before the dump.*app_config/s, 'there is something in each table');

# --extension chooses among extensions, and takes everything else along; with --table, only these.
my @extension_only = ('--extension=pg_hello', map { ('--table', $_) } 'app_config', 'pg_hello_performance_baseline', 'security_audit_log*');
my %dumps = (
	custom => [ '-Fc' ],
	inserts => [ '-Fc', '--inserts' ],
	directory => [ '-Fd', '-j', '2' ],
	extension_only => [ '-Fc', @extension_only ]);
foreach my $format (sort keys %dumps)
{
	my ($status, $said) = outcome('pg_dump', @connect, @{ $dumps{$format} }, '-f', "$dir/$format", 'source');
	is("$status $said", '0 ', "$format: dumped");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	($status, $said) = outcome('pg_restore', @connect, '--exit-on-error', $format eq 'directory' ? ('-j', '2') : (), '-d', $format, "$dir/$format");
	is("$status $said", '0 ', '... and restored');
	is(rows_of($format), $rows, '... all rows as they were, and no others');
	is(next_id($format), $next, '... and the next record of the audit has its number');
	is(defaults_of($format), '3', '... and what is stored is in force');
}

# Restored tables are watched as before.
$node->safe_psql('custom', 'SELECT update_greeting_config(4)', extra_params => [ '-U', 'admin' ]);
is($node->safe_psql('custom', q{SELECT current_username, operation, new_row ->> 'value' FROM security_audit_log ORDER BY id DESC LIMIT 1}),
	'admin|UPDATE|4', 'a change after the restore is recorded');

# What users have added to the extension's tables is theirs to make again; PostgreSQL dumps no policies there.
$node->safe_psql('source', q{CREATE POLICY app_keys ON app_config FOR SELECT TO hello_users USING (starts_with(key, 'shop.'))});

# As plain SQL, through psql, in one transaction.
my ($status, $said) = outcome('pg_dump', @connect, '-f', "$dir/plain.sql", 'source');
is($status, 0, 'plain: dumped');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
($status, $said) = outcome('psql', @connect, '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$dir/plain.sql", '-d', 'plain');
is("$status $said", '0 ', '... and restored');
is(rows_of('plain'), $rows, '... all rows as they were, and no others');
is($node->safe_psql('plain', q{SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy}), 'app_config_change app_config_read', '... and the policies of the extension alone');

# A default that somebody set by hand is not taken back by an empty table.
$node->safe_psql('postgres', 'CREATE DATABASE by_hand');
$node->safe_psql('by_hand', 'CREATE EXTENSION pg_hello; ALTER DATABASE by_hand SET pg_hello.repeat = 7');
($status) = outcome('pg_dump', @connect, '-Fc', '-C', '-f', "$dir/by_hand", 'by_hand');
$node->safe_psql('postgres', 'DROP DATABASE by_hand');
($status, $said) = outcome('pg_restore', @connect, '--exit-on-error', '-C', '-d', 'postgres', "$dir/by_hand");
is("$status $said", '0 ', 'a database is made from its dump');
is(defaults_of('by_hand'), '7', '... with its own defaults');

# Schemas only
($status, $said) = outcome('pg_dump', @connect, '--extension=pg_hello', '--schema-only', 'source');
is($status, 0, 'pg_dump --extension=pg_hello --schema-only');
like($said, qr/CREATE EXTENSION IF NOT EXISTS pg_hello WITH SCHEMA public/, '... makes the extension');
like($said, qr/CREATE TABLE public.users_own/, '... and what is not the extension\'s');
unlike($said, qr/CREATE (?:FUNCTION|POLICY|TRIGGER|ROLE)|COPY|app_config/, '... and nothing of the extension by itself');
($status, $said) = outcome('pg_dump', @connect, @extension_only, '--schema-only', 'source');
like($said, qr/CREATE EXTENSION IF NOT EXISTS pg_hello WITH SCHEMA public/, 'the extension alone');
unlike($said, qr/CREATE (?:TABLE|FUNCTION|POLICY|TRIGGER|ROLE)|COPY|users_own/, '... is nothing else');

# Into a database that has the extension: an empty one is filled; where rows are, nothing is changed.
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty', 'CREATE EXTENSION pg_hello');
($status, $said) = outcome('pg_restore', @connect, '-1', '-d', 'empty', "$dir/extension_only");
is("$status $said", '0 ', 'restored into an extension without rows');
is(rows_of('empty'), $rows, '... all rows as they were, and no others');
$node->safe_psql('empty', q{DELETE FROM pg_hello_performance_baseline; UPDATE app_config SET value = 5 WHERE key = 'pg_hello.repeat'});
my $before = rows_of('empty');
($status, $said) = outcome('pg_restore', @connect, '-1', '-d', 'empty', "$dir/extension_only");
is($status, 1, 'restoring over rows fails');
like($said, qr/duplicate key value violates unique constraint "app_config_pkey"/, '... and says which');
is(rows_of('empty'), $before, '... and leaves everything as it was');
($status, $said) = outcome('pg_restore', @connect, '-1', '--clean', '--if-exists', '-d', 'empty', "$dir/extension_only");
is("$status $said", '0 ', '... --clean replaces them');
is(rows_of('empty'), $rows, '... by those of the dump');

# Who is no superuser dumps all of it with two rights, or leaves the extension's tables out.
$node->safe_psql('postgres', q{CREATE ROLE backup LOGIN BYPASSRLS IN ROLE pg_read_all_data; CREATE ROLE creator LOGIN; ALTER DATABASE source OWNER TO creator});
$node->safe_psql('source', 'ALTER TABLE users_own OWNER TO creator');
($status, $said) = outcome('pg_dump', @connect, '-U', 'backup', '-Fc', '-f', "$dir/backup", 'source');
is("$status $said", '0 ', 'dumped by a role that reads all data and is not subject to row-level security');
$node->safe_psql('postgres', 'CREATE DATABASE backup');
($status, $said) = outcome('pg_restore', @connect, '--exit-on-error', '-d', 'backup', "$dir/backup");
is("$status $said", '0 ', '... and restored');
is(rows_of('backup'), $rows, '... all rows as they were, and no others');
($status, $said) = outcome('pg_dump', @connect, '-U', 'creator', '-f', "$dir/creator", 'source');
is($status, 1, 'the owner of the database alone is refused');
# From 17 on pg_dump reads all sequences at once, and has its own words for those that it may not read.
like($said, qr/(?:permission denied for (?:table|sequence)|failed to get data for sequence) "?(?:app_config|pg_hello_performance_baseline|security_audit_log)/, '... which says for what');
($status, $said) = outcome('pg_dump', @connect, '-U', 'creator', '-f', "$dir/creator",
	(map { ('--exclude-table', $_) } 'app_config', 'pg_hello_performance_baseline', 'security_audit_log*'), 'source');
is("$status $said", '0 ', '... and dumps the rest');

# The roles are the cluster's: pg_dumpall carries them and their members.
($status, $said) = outcome('pg_dumpall', @connect, '--globals-only');
like($said, qr/^CREATE ROLE hello_users;$/m, 'pg_dumpall carries the roles');
like($said, qr/^GRANT hello_admins TO admin\b/m, '... and who is in them');

finish();
