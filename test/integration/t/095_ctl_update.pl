# pg_helloctl update brings the extension to a new version in many databases, or leaves them as they were.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

# A server of its own, so that versions can be added to its files.
my $own = own_installation();
my $node = new_node('main', -extension => 0);
my ($files) = glob "$own/usr/share/postgresql/*/extension";
sub script { my ($name, $text) = @_; PostgreSQL::Test::Utils::append_to_file("$files/pg_hello--$name.sql", $text); return }

my $base = $node->basedir;
my $store = "$base/backups";
my $odd = q{a "b" 'c' host=nowhere \\ d 世界};
(my $quoted = $odd) =~ s/"/""/g;
my @databases = ('shop', 'crm', $odd);
$node->safe_psql('postgres', qq{CREATE DATABASE "$_"}) foreach 'shop', 'crm', $quoted, 'bare';
sub sql { return $node->safe_psql(@_) }
sub versions
{
	return join ' ', map { sql($_, q{SELECT coalesce(max(extversion), '-') FROM pg_extension WHERE extname = 'pg_hello'}) } @databases, 'bare';
}
sub anew
{
	my ($version) = @_;
	sql($_, "DROP VIEW IF EXISTS users_own; DROP EXTENSION IF EXISTS pg_hello; CREATE EXTENSION pg_hello VERSION '$version'") foreach @databases;
	return;
}
sub backups { my @names = glob "$store/2*"; return @names }

# --- as it should be ---

anew('1.0');
my $plan = ctl($node, 'update', '--plan', '--staging', 'crm', '--backup-dir', $store);
ctl_is($plan, 0, 'a plan',
	qr/^ok: 1\. back all of them up into \Q$store\E$/m,
	qr/^ok: database "crm": 2\. staging: update from version 1\.0 to 1\.1 in one transaction$/m,
	qr/^ok: database "shop": 4\. update from version 1\.0 to 1\.1/m,
	qr/^ok: 4\. promote the second with SELECT pg_promote\(\)/m);
is(versions(), '1.0 1.0 1.0 -', '... changes nothing');
ok(!-e $store, '... and makes nothing');
ctl_is(ctl($node, 'update'), 3, 'without a place for the backup', qr/^unknown: nothing says where to back up to; hint: give --backup-dir DIRECTORY, or --no-backup$/m);

sql($odd, 'CREATE VIEW users_own AS SELECT function, calls FROM pg_hello_stats');
my $done = ctl($node, 'update', '--staging', 'crm', '--backup-dir', $store);
ctl_is($done, 0, 'all that have the extension',
	qr/^ok: backup \S+, \d+ .B, is complete$/m,
	qr/^ok: database "crm": staging: updated from version 1\.0 to 1\.1\n(?:.*\n)*ok: database "shop": updated from version 1\.0 to 1\.1$/m,
	qr/^ok: database "\Q$odd\E": updated from version 1\.0 to 1\.1$/m);
is(versions(), '1.1 1.1 1.1 -', '... are updated');
ok(!-e "$store/update.state.json", '... and no state is left');
is(scalar(backups()), 1, '... after one backup');
my $again = ctl($node, 'update', '--backup-dir', $store);
ctl_is($again, 0, 'nothing is left to do', map { qr/^ok: database "\Q$_\E": is of version 1\.1 already$/m } @databases);
is(scalar(backups()), 1, '... which takes no backup');
ctl_is(ctl($node, 'update', 'shop', 'bare', 'crm', '--backup-dir', $store), 2, 'one of three lacks the extension',
	qr/^critical: database "bare": extension pg_hello is not installed; hint: CREATE EXTENSION pg_hello, or leave this database out$/m);
ctl_is(ctl($node, 'update', '--to', '7.7', '--no-backup'), 2, 'no such version', qr/^critical: database "\Q$odd\E": there is no update from version 1\.1 to 7\.7; hint:/m);

# --- a script that fails half way ---

sub contents
{
	return join "\n", versions(), map {
		my $database = $_;
		sql($database, q{SELECT count(*), md5(string_agg(pg_describe_object(classid, objid, objsubid), ',' ORDER BY classid, objid, objsubid)) FROM pg_depend WHERE deptype = 'e'}),
		  sql($database, 'SELECT t FROM app_config t ORDER BY 1'), sql($database, 'SELECT count(*) FROM security_audit_log') } @databases;
}
sql('shop', q{SELECT update_greeting_config(3); INSERT INTO app_config (key, value) VALUES ('shop', 'kept')});
my $before = contents();
script('1.1--9.9', q{
	CREATE TABLE @extschema@.half_done ();
	DELETE FROM @extschema@.app_config;
	DROP FUNCTION @extschema@.now_ms();
	SELECT 1 / 0;
});
my $failed = ctl($node, 'update', '--to', '9.9', '--backup-dir', $store, 'shop', 'crm');
ctl_is($failed, 2, 'a script that fails half way',
	qr/^critical: database "shop": the update failed: division by zero; rolled back$/m,
	qr/^critical: not all databases were updated; what is not listed as updated is as it was; hint: mend what failed, and give the same command again$/m);
is(contents(), $before, '... changes nothing');
ok(-e "$store/update.state.json", '... and the state says which backup was made');
my $number = backups();
ctl_is(ctl($node, 'update', '--to', '9.9', '--backup-dir', $store, 'shop', 'crm'), 2, 'given again', qr/^ok: backup \S+ was made before$/m);
is(scalar(backups()), $number, '... it makes no other backup');
ctl_is(ctl($node, 'update', '--to', '9.9', '--backup-dir', $store, 'shop', $odd), 2, 'given again, for one more', qr/^critical: database "shop": the update failed: division by zero; rolled back$/m);
is(scalar(backups()), $number + 1, '... it makes a backup that has that one, too');
ctl_is(ctl($node, 'update', '--to', '1.1', '--backup-dir', $store), 2, 'another update meanwhile', qr/^critical: \S+update\.state\.json is of an update to version 9\.9 that was interrupted/m);
unlink "$store/update.state.json";

# Scripts that do not fail, and do harm.
script('1.1--9.1', q{CREATE OR REPLACE FUNCTION @extschema@.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';});
script('1.1--9.2', q{DROP FUNCTION @extschema@.spi_version();});
script('1.1--9.3', q{DELETE FROM @extschema@.app_config WHERE key = 'shop';});
my @quick = ('--no-backup', 'shop');
ctl_is(ctl($node, 'update', '--to', '9.1', @quick), 2, 'a function that answers wrongly', qr/^critical: database "shop": after the update, now_ms\(\) answers wrongly; rolled back$/m);
ctl_is(ctl($node, 'update', '--to', '9.2', @quick), 2, 'a function that is gone', qr/^critical: database "shop": after the update, spi_version\(\) fails: function public\.spi_version\(\) does not exist; rolled back$/m);
ctl_is(ctl($node, 'update', '--to', '9.3', @quick), 2, 'a row that is gone', qr/^critical: database "shop": after the update, public\.app_config has 1 instead of 2 rows; rolled back$/m);
is(contents(), $before, '... none of them changes anything');

# The second of three fails; mended, it goes on.
script('1.1--9.4', q{CREATE FUNCTION @extschema@.added() RETURNS integer LANGUAGE sql AS 'SELECT 1';});
sql($odd, 'CREATE FUNCTION added() RETURNS integer LANGUAGE sql AS \'SELECT 2\'');
my @three = ('update', '--to', '9.4', '--backup-dir', $store, 'shop', $odd, 'crm');
ctl_is(ctl($node, @three), 2, 'the second of three fails',
	qr/^ok: database "shop": updated from version 1\.1 to 9\.4$/m,
	qr/^warning: database "shop": the server has loaded the library of version 1\.1, the extension is of version 9\.4 now; hint: restart the server/m,
	qr/^critical: database "\Q$odd\E": the update failed: function "added" already exists with same argument types; rolled back$/m);
is(versions(), '9.4 1.1 1.1 -', '... and the third is not begun');
sql($odd, 'DROP FUNCTION added()');
$number = backups();
ctl_is(ctl($node, @three), 1, 'mended, it goes on',
	qr/^ok: goes on where it was interrupted: 1 databases were done$/m,
	qr/^ok: backup \S+ was made before$/m,
	qr/^ok: database "shop": is of version 9\.4 already$/m,
	qr/^ok: database "crm": updated from version 1\.1 to 9\.4$/m);
is(versions(), '9.4 9.4 9.4 -', '... to the end');
is(scalar(backups()), $number, '... with the backup from before');
ok(!-e "$store/update.state.json", '... and no state is left');
is(sql('shop', q{SELECT value FROM app_config WHERE key = 'shop'}), 'kept', '... nor anything lost');

# --- waiting, and interrupted ---

anew('1.1');
my $holder = $node->background_psql('crm');
$holder->query('BEGIN; LOCK TABLE app_config');
ctl_is(ctl($node, 'update', '--to', '9.4', '--no-backup', '--lock-timeout', '1', 'crm'), 2, 'a table that others hold',
	qr/^critical: database "crm": canceling statement due to lock timeout$/m);
foreach my $signal (qw(INT KILL))
{
	my $running = ctl_start($node, 'update', '--to', '9.4', '--no-backup', '--state', "$base/state", 'shop', 'crm', $odd);
	wait_until('it waits', sub { return sql('crm', q{SELECT count(*) FROM pg_locks WHERE NOT granted}) eq '1'; });
	my $stopped = ctl_end($running, $signal);
	$signal eq 'INT'
	  ? ctl_is($stopped, 2, 'interrupted', qr/^ok: database "shop": updated from/m, qr/^critical: database "crm": canceling statement due to user request$/m)
	  : is($stopped->{signal}, 9, 'killed');
	wait_until('its session has ended', sub { return sql('crm', q{SELECT count(*) FROM pg_locks WHERE NOT granted}) eq '0'; })
	  if $signal eq 'INT';
	is(versions(), '9.4 1.1 1.1 -', '... what was committed stays, and what was not is as it was');
}
$holder->quit;
wait_until('the killed one\'s session has ended', sub { return sql('crm', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'crm' AND pid <> pg_backend_pid()}) eq '0'; });
is(versions(), '9.4 1.1 1.1 -', 'it has not been updated by one that is dead');
ctl_is(ctl($node, 'update', '--to', '9.4', '--no-backup', '--state', "$base/state", 'shop', 'crm', $odd), 1, 'given again', qr/^ok: database "\Q$odd\E": updated from/m);
is(versions(), '9.4 9.4 9.4 -', '... it ends well');

# --- no permission ---

sql('postgres', 'CREATE ROLE plain LOGIN');
anew('1.1');
ctl_is(ctl($node, '-U', 'plain', 'update', '--to', '9.4', '--no-backup', 'shop'), 3, 'no permission', qr/^unknown: database "shop": permission denied: the extension belongs to role "\w+", and not to "plain"; hint: update it as its owner$/m);
is(versions(), '1.1 1.1 1.1 -', '... and nothing has changed');
unlink glob "$files/pg_hello*";
ctl_is(ctl($node, 'update', '--no-backup'), 2, 'no files', qr/^critical: the server finds no pg_hello\.control; hint: install the files/m);
$node->stop;
ctl_is(ctl($node, 'update', '--no-backup'), 2, 'server down', qr/^critical: connection to server on socket .* failed/m);
finish();
