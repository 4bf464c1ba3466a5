# pg_helloctl restore brings back what was backed up, or says why not and touches nothing.
use strict;
use warnings FATAL => 'all';

use Digest::SHA ();
use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a "b" 'c' host=nowhere \\ d 世界};
my $node = new_node('main');
my $major = $node->pg_version->major;
my $base = $node->basedir;
my $store = "$base/back ups";
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0; CREATE DATABASE shop; CREATE ROLE "the owner"});
$node->safe_psql('postgres', qq{
	ALTER DATABASE shop OWNER TO "the owner";
	REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
	GRANT CONNECT ON DATABASE shop TO pg_monitor WITH GRANT OPTION;
	ALTER DATABASE shop SET search_path = 'a b', public;
	ALTER DATABASE shop SET default_transaction_read_only = off;
	ALTER ROLE "the owner" IN DATABASE shop SET work_mem = '5MB'});
$node->safe_psql('shop', q{
	CREATE EXTENSION pg_hello SCHEMA public;
	CREATE TABLE public.orders AS SELECT generate_series(1, 5000) AS id, md5(random()::text) AS what;
	ALTER TABLE public.orders OWNER TO "the owner";
	SELECT public.update_greeting_config(4), public.pg_hello_capture_baseline('then');
	INSERT INTO public.app_config (key, value) VALUES ('shop.name', E'it''s\t\\ 世界');
});
$node->safe_psql($odd, q{
	CREATE SCHEMA "my @.Own"; CREATE EXTENSION pg_hello SCHEMA "my @.Own";
	SELECT "my @.Own".update_greeting_config(3);
});

sub sql { return $node->safe_psql(@_) }
sub rows_of
{
	my ($database, $schema) = @_;
	return join "\n", map { sql($database, "SELECT t FROM $_ t ORDER BY 1") }
	  (map { "$schema.$_" } qw(app_config pg_hello_performance_baseline security_audit_log)),
	  '(SELECT last_value, is_called FROM ' . "$schema.security_audit_log_id_seq)";
}
# Rows, owner, locale, defaults and grants.
sub all_of
{
	my ($database, $schema) = @_;
	return join "\n", rows_of($database, $schema),
	  sql($database, q{SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (SELECT relname, relowner::regrole FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'S')) t}),
	  sql($database, q{SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a) FROM pg_database WHERE datname = current_database()}),
	  sql($database, q{SELECT setrole::regrole, c FROM pg_db_role_setting, unnest(setconfig) c WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, 2});
}
# What only one of the two has; they are long.
sub same
{
	my ($got, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %lines;
	$lines{$_} .= 'got ' foreach split /\n/, $got;
	$lines{$_} .= 'expected ' foreach split /\n/, $expected;
	is(join("\n", map { "$lines{$_}: " . substr($_, 0, 300) } sort grep { $lines{$_} !~ /got.*expected/ } keys %lines), '', $what);
	return;
}
sub databases { return sql('postgres', q{SELECT string_agg(datname, E'\n' ORDER BY datname) FROM pg_database}) }

ctl_is(ctl($node, 'backup', $store, 'shop', $odd), 0, 'backed up');
my ($backup) = glob qq{"$store/*"};
my %was = (shop => all_of('shop', 'public'), $odd => all_of($odd, '"my @.Own"'));
ok($was{shop} =~ /世界.*search_path="a b", public.*work_mem=5MB/s, 'there is something to lose');

# --- a new database ---

my $new = ctl($node, 'restore', $store, 'shop', '--into', 'shop "2"');
ctl_is($new, 0, 'beside it, under another name',
	qr/^ok: \Q$backup\E of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ is whole$/m,
	qr/^ok: database "shop "2"": restored under a name of its own, and compared: 50\d\d rows in 4 tables$/m);
same(all_of('shop "2"', 'public'), $was{shop}, '... is as it was');
is(sql('shop "2"', 'SHOW pg_hello.repeat'), '4', '... and what is stored is in force');

sql('postgres', qq{DROP DATABASE "$quoted"});
ctl_is(ctl($node, 'restore', $backup, $odd, '--jobs', '2'), 0, 'a database that was lost');
same(all_of($odd, '"my @.Own"'), $was{$odd}, '... is as it was');

# --- one that is there ---

sql('postgres', 'CREATE DATABASE empty');
ctl_is(ctl($node, 'restore', $backup, 'shop', '--into', 'empty'), 0, 'an empty database', qr/restored in one transaction, and compared/);
same(rows_of('empty', 'public'), rows_of('shop', 'public'), '... is filled');
is(sql('empty', q{SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'empty'}), sql('postgres', 'SELECT current_user'), '... and belongs to whom it did');

my $databases = databases();
my $refused = ctl($node, 'restore', $backup, 'shop');
ctl_is($refused, 2, 'a database that is not empty',
	qr/^critical: the database is there, and not empty; hint: to keep both, give --into NAME; to replace it, --replace "shop"$/m,
	qr/^critical: database "shop": not restored; nothing was changed$/m);
same(all_of('shop', 'public'), $was{shop}, '... is left alone');
ctl_is(ctl($node, 'restore', $backup, 'shop', '--replace', 'other'), 3, 'replacing another than is restored', qr/^unknown: --replace names "other", but "shop" is what would be restored$/m);

sql('shop', 'DROP TABLE public.orders; DELETE FROM public.app_config');
my $replaced = ctl($node, '-d', 'shop', 'restore', $backup, 'shop', '--replace', 'shop');
ctl_is($replaced, 0, 'replaced, named again', qr/^ok: database "shop": what it was before is database "shop_replaced_\d{8}T\d{6}Z"$/m);
same(all_of('shop', 'public'), $was{shop}, '... it is as it was backed up');
my ($old) = $replaced->{out} =~ /is database "(shop_replaced_\w+)"/;
is(sql($old, 'SELECT count(*) FROM public.app_config'), '0', '... and the other one is as it was left');
sql('postgres', qq{DROP DATABASE "$old"});

{
	my $session = $node->background_psql('shop');
	$session->query('SELECT 1');
	my $busy = ctl($node, 'restore', $backup, 'shop', '--replace', 'shop');
	ctl_is($busy, 2, 'while somebody works in it', qr/^critical: database "shop" is being accessed by other users; hint: end the sessions/m);
	$session->quit;
	is(databases(), $databases, '... no other database appears');
	same(all_of('shop', 'public'), $was{shop}, '... and it stays');
}

# --- the extension's data ---

sql('shop', q{DROP TABLE public.orders; CREATE TABLE public.later (); CREATE VIEW public.users_own AS SELECT * FROM public.app_config;
	DELETE FROM public.app_config; TRUNCATE public.pg_hello_performance_baseline});
my $changed = rows_of('shop', 'public');
my @data = ('restore', $backup, 'shop', '--extension-data');
ctl_is(ctl($node, @data), 2, 'extension data over rows', qr/^critical: public\.security_audit_log has rows; hint: to replace them, give --replace "shop"$/m);
same(rows_of('shop', 'public'), $changed, '... changes nothing');
ctl_is(ctl($node, @data, '--replace', 'shop'), 0, 'replaced, named again', qr/^ok: database "shop": the extension's data was restored and compared, in one transaction: \d+ rows in 3 tables$/m);
same(rows_of('shop', 'public'), rows_of('empty', 'public'), '... its rows are back');
is(sql('shop', q{SELECT to_regclass('public.later') IS NOT NULL AND to_regclass('public.orders') IS NULL}), 't', '... and everything else is as it was');
sql('postgres', 'CREATE DATABASE bare');
ctl_is(ctl($node, 'restore', $backup, $odd, '--extension-data', '--into', 'bare'), 0, 'a database without the extension');
# Not the audit: the database's name, as text of another encoding, has other characters.
same((map { sql($_, 'SELECT t FROM "my @.Own".app_config t') } 'bare', $odd), '... gets it, where it was');
ctl_is(ctl($node, 'restore', $backup, 'shop', '--extension-data', '--into', 'nosuch'), 2, 'no database', qr/does not exist; hint: CREATE DATABASE/);

# --- archives that are no good ---

$databases = databases();
sub try_with
{
	my ($what, $regex, $damage, @more) = @_;
	system('rm', '-rf', "$base/copy");
	system('cp', '-r', $backup, "$base/copy");
	$damage->("$base/copy");
	ctl_is(ctl($node, 'restore', "$base/copy", 'shop', '--into', 'new', @more), 2, $what, $regex, qr/^critical: database "new": not restored; nothing was changed$/m);
	is(databases(), $databases, '... and there is no new database');
	return;
}
sub edit
{
	my ($copy, $from, $to) = @_;
	my $text = PostgreSQL::Test::Utils::slurp_file("$copy/manifest.json");
	$text =~ s/$from/$to/ or die "no $from";
	unlink "$copy/manifest.json", "$copy/manifest.json.sha256";
	PostgreSQL::Test::Utils::append_to_file("$copy/manifest.json", $text);
	PostgreSQL::Test::Utils::append_to_file("$copy/manifest.json.sha256", Digest::SHA::sha256_hex($text) . "  manifest.json\n");
	return;
}
my $size = -s "$backup/databases/1.dump";
foreach my $length (0, 10, int($size / 2), $size - 1)
{
	try_with("a dump cut after $length bytes", qr/^critical: the backup is damaged: databases\/1\.dump has $length bytes instead of $size; hint: use another backup$/m,
		sub { truncate "$_[0]/databases/1.dump", $length });
}
try_with('a dump with a byte changed', qr/damaged: databases\/1\.dump has changed/,
	sub { open my $file, '+<', "$_[0]/databases/1.dump" or die $!; seek $file, $size / 2, 0; read $file, my $byte, 1; seek $file, $size / 2, 0; print $file chr(ord($byte) ^ 1); close $file });
try_with('no dump', qr/damaged: databases\/1\.dump is missing/, sub { unlink "$_[0]/databases/1.dump" });
try_with('a manifest that was cut', qr/damaged: manifest\.json is not as it was written/, sub { truncate "$_[0]/manifest.json", 100 });
try_with('no manifest', qr/there is no verified backup in|is not a backup/, sub { unlink "$_[0]/manifest.json" });
try_with('no checksum of the manifest', qr/damaged: .*manifest\.json\.sha256 is missing/, sub { unlink "$_[0]/manifest.json.sha256" });
try_with('from another PostgreSQL', qr/^critical: the backup is from PostgreSQL 99, and this server is of version $major; hint:/m,
	sub { edit($_[0], '"server_version_num": \d+', '"server_version_num": 990001') });
try_with('from another version of the extension', qr/^critical: the backup has version 9\.9 of the extension, which this server does not know; hint: install that version of the extension's files in /m,
	sub { edit($_[0], '"extension_version": "1\.1"', '"extension_version": "9.9"') });
try_with('that is a copy of a cluster', qr/^critical: \S+ is a copy of a whole cluster; hint: docs\/disaster-recovery\.md says/m,
	sub { edit($_[0], '"physical": false', '"physical": true') });
try_with('from another pg_helloctl', qr/^critical: the backup is of format version 2, and this pg_helloctl reads version 1/m,
	sub { edit($_[0], '"format_version": 1', '"format_version": 2') });
try_with('with roles that are not here', qr/^critical: the server lacks roles that the backup needs: gone; hint: make them; \S.*globals\.sql has their commands$/m,
	sub { edit($_[0], '"the owner"', '"gone"') });
try_with('with other rows than it says', qr/^critical: it is not what was backed up: public\.orders has 5000 instead of 4999 rows$/m,
	sub { edit($_[0], '"rows": 5000', '"rows": 4999') });
try_with('with a dump that lies about itself', qr/^critical: pg_restore: error: /m, sub {
	my ($copy) = @_;
	truncate "$copy/databases/1.dump", $size / 2;
	my $sum = Digest::SHA->new(256)->addfile("$copy/databases/1.dump")->hexdigest;
	edit($copy, qr/"path": "databases\/1\.dump",\s*"sha256": "\w+",\s*"size": \d+/, qq{"path": "databases/1.dump", "sha256": "$sum", "size": } . int($size / 2)); });
ctl_is(ctl($node, 'restore', "$base/nowhere", 'shop'), 2, 'no such directory', qr/^critical: there is no directory \S+nowhere$/m);
ctl_is(ctl($node, 'restore', $backup, 'nosuch'), 2, 'a database that is not in it', qr/^critical: database "nosuch" is not in the backup$/m);

# --- failures on the way ---

sql('postgres', 'CREATE ROLE plain LOGIN CREATEDB');
ctl_is(ctl($node, '-U', 'plain', 'restore', $backup, 'shop', '--into', 'new'), 2, 'no permission', qr/^critical: pg_restore: error: .*(?:permission denied|must be)/m);
is(databases(), $databases, '... and there is no new database');
my $hanging = program_dir("$base/hanging", pg_restore => "touch '$base/hangs'; exec sleep 600");
my $running = ctl_start($node, 'restore', $backup, 'shop', '--into', 'new', '--bindir', $hanging);
wait_until('it restores', sub { return -e "$base/hangs"; });
isnt(databases(), $databases, 'half restored, it has a scratch database');
ctl_is(ctl_end($running, 'INT'), 2, 'interrupted', qr/^critical: stopped by a signal$/m, qr/nothing was changed/);
is(databases(), $databases, '... and there is no new database');

$node->stop;
ctl_is(ctl($node, 'restore', $backup, 'shop'), 2, 'server down', qr/^critical: connection to server on socket .* failed/m);
finish();
