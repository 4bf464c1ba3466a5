# Each database that has the extension is looked after, and SQL, metrics and health show the same.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;
use PgHello::Probes;

my $node = new_node('main', 'pg_hello.probe_interval' => '100ms');
my $port = metrics_port($node);
my $all_well = 'connect:t extension:t version:t pg_hello:t now_ms:t spi_version:t';

sub health_of
{
	my ($name) = @_;
	my $check = JSON::PP::decode_json(http_get($port, '/health')->{body})->{checks}{$name} or return;
	return join ' ', map { $_ // '' } @{ $check->[0] }{qw(status observedValue output)};
}
sub success { return metric(scrape($port), 'pg_hello_probe_success', datname => $_[0], probe => $_[1]) }
sub shown { return quiet_sql($node, q{SELECT string_agg(DISTINCT datname, ' ') FROM pg_hello_probes}) }

# --- what is probed ------------------------------------------------------------------------------

wait_for_probes($node, 'postgres', 'spi_version', 't');
is(probes_of($node, 'postgres'), $all_well, 'all probes of a database that is well pass');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
next_round($port);
is(shown(), 'postgres', 'databases without the extension are not probed');
is(scalar(grep { $_->{name} =~ /probe/ && ($_->{labels}{datname} // 'postgres') ne 'postgres' } @{ scrape($port)->{samples} }), 0, '... and have no series');
$node->safe_psql('shop', 'CREATE EXTENSION pg_hello');
wait_for_probes($node, 'shop', 'spi_version', 't');
is(shown(), 'postgres shop', 'they are from CREATE EXTENSION on');
is(success('shop', $_), 1, "probe $_ passes in metrics") foreach qw(connect extension version pg_hello now_ms spi_version);
cmp_ok(metric(scrape($port), 'pg_hello_probe_duration_seconds', datname => 'shop', probe => 'spi_version'), '>', 0, '... with its duration');
like(health_of('probes:database:shop'), qr/\Apass 0 \z/, '... and in health');
like(health_of('probes:rounds'), qr/\Apass \d/, 'rounds are a check of their own');

# --- nobody's numbers ----------------------------------------------------------------------------

is(quiet_sql($node, q{SELECT sum(calls) FROM pg_hello_stats WHERE function IN ('pg_hello(text)', 'now_ms()', 'spi_version()')}), '0',
	'calls by probes are not counted');

# --- what fails ----------------------------------------------------------------------------------

$node->safe_psql('shop', q{UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'pg_hello'});
is(wait_for_probes($node, 'shop', 'version', 'f'), 'the library is 1.1, the SQL objects are 1.0', 'other versions are a failure');
is(success('shop', 'version') . success('shop', 'now_ms') . success('postgres', 'version'), '011', '... of this probe in this database');
is(health_of('probes:database:shop'), 'warn 1 version: the library is 1.1, the SQL objects are 1.0', '... and a warning in health');
is(http_get($port, '/health')->{status}, 200, '... for which the server need not leave service');
next_round($port);
is(count_in_log($node, qr/WARNING:  pg_hello: probes of database "shop" fail: version \(the library is 1\.1/), 1, 'the log says so once');
is(metric(scrape($port), 'pg_hello_extension_version_mismatch', datname => 'shop'), 1, 'a probe also finds what no session has seen');
my $since = quiet_sql($node, q{SELECT since FROM pg_hello_probes WHERE datname = 'shop' AND probe = 'version'});
next_round($port);
is(quiet_sql($node, q{SELECT since FROM pg_hello_probes WHERE datname = 'shop' AND probe = 'version'}), $since, 'it has failed since it began to');
is(quiet_sql($node, q{SELECT last_success < since FROM pg_hello_probes WHERE datname = 'shop' AND probe = 'version'}), 't', '... and passed before');
$node->safe_psql('shop', q{UPDATE pg_extension SET extversion = '1.1' WHERE extname = 'pg_hello'});
wait_for_probes($node, 'shop', 'version', 't');
is(count_in_log($node, qr/LOG:  pg_hello: the probes of database "shop" pass again/), 1, 'the log says once that it is well again');

$node->safe_psql('shop', q{CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'secret' USING ERRCODE = 'M0815'; END $$});
is(wait_for_probes($node, 'shop', 'now_ms', 'f'), 'the call failed with SQLSTATE M0815', 'a function that fails is a failure, its message nobody\'s business');
is(probes_of($node, 'shop'), 'connect:t extension:t version:t pg_hello:t now_ms:f spi_version:t', '... and others are called all the same');
$node->safe_psql('shop', q{CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'});
wait_until('the value is judged', sub { quiet_sql($node, q{SELECT status FROM pg_hello_probes WHERE datname = 'shop' AND probe = 'now_ms'}) eq 'the function returned a wrong value' });
pass('so is a wrong value');

# --- what hangs ----------------------------------------------------------------------------------

sub set
{
	my (%settings) = @_;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	$node->reload;
	return;
}

# A function that does not even stop for a query cancel, and a catalog that is locked.
set('pg_hello.probe_timeout' => '400ms');
sub longest_visit
{
	return quiet_sql($node, q{SELECT coalesce(extract(epoch FROM max(clock_timestamp() - backend_start)), 0)
		FROM pg_stat_activity WHERE backend_type = 'pg_hello probe'});
}
$node->safe_psql('shop', q{CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN
		LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP;
	END $$});
wait_until('it hangs', sub { quiet_sql($node, q{SELECT status FROM pg_hello_probes WHERE datname = 'shop' AND probe = 'now_ms'}) =~ /no answer within 400 ms/ });
is(probes_of($node, 'shop'), 'connect:t extension:t version:t pg_hello:t now_ms:f spi_version:-', 'a function that hangs is a failure, what would come after it is not made');
is(success('shop', 'spi_version'), undef, '... and has no success, and no failure');
my $longest = 0;
my $before = quiet_sql($node, q{SELECT max(last_probe) FROM pg_hello_probes WHERE datname = 'postgres'});
my $rounds = 0;
wait_until(
	'other databases are visited meanwhile',
	sub {
		my $visit = longest_visit();
		$longest = $visit if $visit > $longest;
		my $now = quiet_sql($node, q{SELECT max(last_probe) FROM pg_hello_probes WHERE datname = 'postgres' AND success});
		++$rounds if $now ne $before;
		$before = $now;
		return $rounds >= 3;
	});
cmp_ok($longest, '<', 3, 'no visitor stays much longer than its timeout and half a second');
is(count_in_log($node, qr/probes of database "shop" fail/), 2, 'the log has one line for each change of what fails');

$node->safe_psql('postgres', 'CREATE DATABASE locked');
$node->safe_psql('locked', 'CREATE EXTENSION pg_hello');
wait_for_probes($node, 'locked', 'spi_version', 't');
my $locker = $node->background_psql('locked');
$locker->query_safe('BEGIN; LOCK TABLE pg_extension IN ACCESS EXCLUSIVE MODE');
is(wait_for_probes($node, 'locked', 'extension', 'f'), 'no answer within 400 ms, waiting for a lock', 'a locked catalog is a failure');
is(probes_of($node, 'postgres'), $all_well, '... of its own database');
$locker->quit;
wait_for_probes($node, 'locked', 'spi_version', 't');

# --- settings ------------------------------------------------------------------------------------

set('pg_hello.probe_databases' => 'pl*, postgres');
is(wait_for_probes($node, 'plain', 'extension', 'f'), 'the extension is not installed in this database', 'who is named must have the extension');
next_round($port);
is(shown(), 'plain postgres', '... and others are left alone');
set('pg_hello.probe_interval' => '0');
wait_until('probes are off', sub { shown() eq '' });
is(health_of('probes:rounds'), undef, 'without probes, health has no such checks');
is(join(' ', map { metric(scrape($port), $_) } qw(pg_hello_probe_interval_seconds pg_hello_probe_last_round_timestamp_seconds)), '0 0', '... and metrics say that there are none');
set('pg_hello.probe_interval' => '100ms', 'pg_hello.probe_databases' => '');
wait_for_probes($node, 'postgres', 'spi_version', 't');
set('pg_hello.probe_databases' => 'a,,b');
wait_until('the log refuses it', sub { log_text($node) =~ /invalid value for parameter "pg_hello\.probe_databases"/ });
like(log_text($node), qr/List of names has an empty element/, 'a bad list is refused, and it is said why');

unlike(log_text($node), qr/secret|pg_hello probe|canceling statement|terminating background/, 'visitors leave nothing in the log');
finish();
