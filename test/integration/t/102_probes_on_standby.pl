# A standby probes its databases like any server, from the first moment it can, and holds up no
# replay.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHello::Probes;

my $primary = new_node('primary', 'pg_hello.probe_interval' => '100ms', -init => [ allows_streaming => 1 ]);
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
adopt_node($standby);
$standby->start;
my $all_well = 'connect:t extension:t version:t pg_hello:t now_ms:t spi_version:t';

wait_for_probes($standby, 'postgres', 'spi_version', 't');
is(probes_of($standby, 'postgres'), $all_well, 'a standby probes its databases');
is(metric(scrape($standby), 'pg_hello_probe_success', datname => 'postgres', probe => 'spi_version'), 1, '... and shows it');

# CREATE EXTENSION comes by replay: no session of the standby has made it. New databases are looked
# into when they appear, and others once in a while.
$primary->safe_psql('postgres', 'CREATE DATABASE shop');
$primary->safe_psql('shop', 'CREATE EXTENSION pg_hello');
# A serializable transaction would be an error there.
$primary->safe_psql('postgres', q{ALTER DATABASE shop SET default_transaction_isolation = 'serializable'});
$primary->wait_for_catchup($standby);
wait_for_probes($standby, 'shop', 'spi_version', 't');
pass('what the primary makes is found');
$primary->safe_psql('postgres', 'DROP DATABASE shop');
$primary->wait_for_catchup($standby);
wait_until('it is gone', sub { probes_of($standby, 'shop') eq '' });
unlike(log_text($standby), qr/probes of database "shop"/, 'a database that is dropped by replay does not fail');

$standby->promote;
wait_until('it is promoted', sub { metric(scrape($standby), 'pg_hello_postgres_in_recovery') == 0 });
next_round($standby);
is(probes_of($standby, 'postgres'), $all_well, 'probes go on after promotion');

# Without hot standby there is nothing to connect to.
my $cold = PostgreSQL::Test::Cluster->new('cold');
$cold->init_from_backup($primary, 'backup', has_streaming => 1);
$cold->append_conf('postgresql.conf', 'hot_standby = off');
adopt_node($cold);
$cold->start;
my $port = metrics_port($cold);
is(metric(scrape($port), 'pg_hello_probe_last_round_timestamp_seconds'), 0, 'a standby that takes no connections makes no probes');
is(http_get($port, '/health')->{status}, 200, '... and is well');
is(join(' ', grep { !/ 0\z/ } @{ series_texts(scrape($port), qr/probes_skipped/) }), '', '... and none are missed');
unlike(log_text($cold), qr/pg_hello probe/, '... nor waits a worker for being started');
finish();
