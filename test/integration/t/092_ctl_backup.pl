# pg_helloctl backup is whole and proven: files, settings, databases, under odd names too.
use strict;
use warnings FATAL => 'all';

use Digest::SHA ();
use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a "b" 'c' host=nowhere \\ d 世界};
my $node = new_node('main', 'pg_hello.repeat' => 2, wal_level => 'replica', max_wal_senders => 4);
my $store = $node->basedir . '/the backups';
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('postgres', q{CREATE ROLE "the owner" PASSWORD 'secret'; GRANT pg_monitor TO "the owner"});
$node->safe_psql($odd, q{
	CREATE SCHEMA "my @.Own";
	CREATE EXTENSION pg_hello SCHEMA "my @.Own";
	CREATE SCHEMA "a ""schema""";
	CREATE TABLE "a ""schema"""."t 'a$ble" AS SELECT generate_series(1, 1000) AS n;
	SELECT "my @.Own".update_greeting_config(3);
});
$node->safe_psql('shop', q{
	CREATE EXTENSION pg_hello;
	CREATE TABLE orders AS SELECT generate_series(1, 500) AS id;
	ALTER TABLE orders OWNER TO "the owner";
	SELECT update_greeting_config(4), pg_hello_capture_baseline('then');
	INSERT INTO app_config (key, value) VALUES ('shop.name', '世界');
});

sub databases { return $node->safe_psql('postgres', 'SELECT string_agg(datname, E\'\n\' ORDER BY datname) FROM pg_database') }
sub backups { my @names = sort map { s{.*/}{}r } glob qq{"$store"/*}; return @names }
sub slurp { return PostgreSQL::Test::Utils::slurp_file($_[0]) }

# --- all of it ---

my $databases = databases();
my $made = ctl($node, 'backup', $store, 'shop', $odd);
ctl_is($made, 0, 'two databases',
	qr/^ok: \d+ .* are free in \Q$store\E, and \d+ .* may be needed$/m,
	qr/^ok: 4 files of the extension$/m,
	qr/^ok: database "shop": dumped, \d+ .*, with extension pg_hello 1\.1$/m,
	qr/^ok: database "\Q$odd\E": a scratch database restored from it has the same \d+ tables$/m,
	qr/^ok: backup \Q$store\E\S+, \d+ .*, is complete$/m);
like($made->{err}, qr/^pg_helloctl: dumping database "shop", 1 of 2$/m, 'it says what it does, apart from what it found');
is(databases(), $databases, 'no scratch database is left');
is(scalar(backups()), 1, 'there is one backup');
my $backup = "$store/" . (backups())[0];
like($backup, qr/\d{8}T\d{6}Z\z/, '... named by its time');
is((stat $backup)[2] & 077, 0, '... for its owner alone');

my $manifest = JSON::PP::decode_json(slurp("$backup/manifest.json"));
is($manifest->{verified}, JSON::PP::true(), 'it is verified');
is($manifest->{system_identifier}, $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()'), '... of this server');
my %listed = map { $_->{path} => $_ } @{ $manifest->{files} };
my @there = map { s{^\Q$backup\E/}{}r } split /\n/, `find '$backup' -type f ! -name 'manifest.json*'`;
is_deeply([ sort keys %listed ], [ sort @there ], '... and lists each file');
is_deeply([ grep { Digest::SHA->new(256)->addfile("$backup/$_")->hexdigest ne $listed{$_}{sha256} || -s "$backup/$_" != $listed{$_}{size} } @there ],
	[], '... with its checksum and size');
is(system("cd '$backup' && sha256sum --check --status manifest.json.sha256"), 0, 'sha256sum checks the manifest');

my ($library, $share) = split /\|/, $node->safe_psql('postgres',
	q{SELECT max(setting) FILTER (WHERE name = 'PKGLIBDIR'), max(setting) FILTER (WHERE name = 'SHAREDIR') FROM pg_config});
is(slurp("$backup/extension/pg_hello.so"), slurp("$library/pg_hello.so"), 'the library is the one of pkglibdir');
is(slurp("$backup/extension/$_"), slurp("$share/extension/$_"), "... and $_ that of sharedir")
  foreach qw(pg_hello.control pg_hello--1.0.sql pg_hello--1.0--1.1.sql);

my %settings = map { $_->{name} => $_->{setting} } @{ JSON::PP::decode_json(slurp("$backup/server/settings.json")) };
is($settings{'shared_preload_libraries'}, 'pg_hello', 'settings are in it');
is($settings{'pg_hello.repeat'}, 2, '... those of the extension, too');
ok(!exists $settings{'enable_seqscan'}, '... but no defaults');
my $globals = slurp("$backup/server/globals.sql");
like($globals, qr/^CREATE ROLE "the owner";$/m, 'roles are in it');
like($globals, qr/^GRANT pg_monitor TO "the owner"/m, '... and who is in them');
unlike($globals, qr/PASSWORD|SCRAM/, '... without passwords');

my ($shop) = grep { $_->{name} eq 'shop' } @{ $manifest->{databases} };
my %rows = map { $_->{name} => $_->{rows} } @{ $shop->{tables} };
is($rows{'public.orders'}, 500, 'rows are counted');
is($rows{'public.app_config'}, 2, '... the extension\'s, too');
is_deeply($shop->{roles}, [ 'hello_admins', 'hello_users', 'the owner' ], 'the roles that it needs are known');

# --- other ways ---

ctl_is(ctl($node, 'backup', $store, 'shop', 'bare', 'postgres'), 1, 'one of three lacks the extension',
	qr/^warning: database "bare": dumped, \d+ bytes, but extension pg_hello is not installed there$/m,
	qr/^ok: database "bare": a scratch database restored from it has the same 0 tables$/m,
	qr/^ok: backup .* is complete$/m);
my $all = ctl_json($node, 'backup', $store, '--no-verify', '--quiet');
is($all->{code}, 1, 'all databases, unverified: exit code 1');
is($all->{err}, '', '... quietly');
is_deeply([ map { utf8::encode(my $name = $_->{database}); $name } grep { $_->{check} eq 'dump' } @{ $all->{json}{findings} } ], [ $odd, 'bare', 'postgres', 'shop' ],
	'... each, without templates');
like($all->{json}{findings}[-1]{message}, qr/is complete, but not verified$/, '... and says that it is not verified');

my $physical = ctl($node, 'backup', $store, '--physical');
ctl_is($physical, 0, 'the whole cluster',
	qr/^ok: the cluster, \d+ MB, as pg_verifybackup found it$/m,
	qr/^ok: backup \S.* is complete$/m);
my ($copy) = $physical->{out} =~ /^ok: backup (.*), \d+ MB, is complete$/m;
is(system("pg_verifybackup --quiet '$copy/base'"), 0, '... and so does pg_verifybackup find it where it is');
ctl_is(ctl($node, 'backup', $store, 'shop', '--physical'), 3, 'the cluster and a database', qr{^unknown: --physical copies the whole cluster: name no databases$}m);

# --- retention ---

is(scalar(backups()), 4, 'four backups');
my @before = backups();
ctl_is(ctl($node, 'backup', $store, 'bare', '--keep', '2'), 1, 'two are kept', map { qr/^ok: backup $_ was removed$/m } @before[0 .. 2]);
my @after = backups();
is_deeply([ $after[0] ], [ $before[3] ], '... the newest that are good, and nothing that is older');
is(scalar(@after), 2, '... this one among them');

# What is not ours, or cannot be read, stays.
mkdir "$store/mine";
mkdir "$store/damaged";
PostgreSQL::Test::Utils::append_to_file("$store/damaged/manifest.json", '{');
ctl_is(ctl($node, 'backup', $store, 'bare', '--keep', '1', '--no-verify'), 1, 'an unverified one does not count', qr/$before[3] was removed$/m);
is_deeply([ grep { $_ eq $after[1] } backups() ], [ $after[1] ], '... so the last verified one stays');
is(scalar(backups()), 4, 'other directories stay');

is(databases(), $databases, 'no scratch database is left');
finish();
