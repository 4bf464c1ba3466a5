# Without a free worker slot nothing is known of any database, and none is blamed.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;
use PgHello::Probes;

# The launcher of logical replication has one slot, the worker the other.
my $node = new_node('main', 'pg_hello.probe_interval' => '100ms', max_worker_processes => 2);
my $port = metrics_port($node);
sub skipped { return metric(scrape($port), 'pg_hello_probes_skipped_total', reason => 'no_worker_slot') }
sub rounds { return JSON::PP::decode_json(http_get($port, '/health')->{body})->{checks}{'probes:rounds'}[0] }

wait_until('rounds are given up', sub { skipped() >= 2 });
is(rounds()->{status} . ': ' . rounds()->{output}, 'warn: databases are not probed: no free background worker slot', 'health says what is missing');
is(metric(scrape($port), 'pg_hello_probe_last_round_timestamp_seconds'), 0, 'no round is complete');
is(quiet_sql($node, 'SELECT count(*) FROM pg_hello_probes'), '0', 'no database is blamed');
is(count_in_log($node, qr/WARNING:  pg_hello: databases are not probed: no free background worker slot\n.*HINT:  Increase "max_worker_processes"/), 1, 'the log says it once');
is(http_get($port, '/readyz')->{status}, 200, 'the server is ready for work');

$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
$port = metrics_port($node);
wait_for_probes($node, 'postgres', 'spi_version', 't');
is(rounds()->{status}, 'pass', 'one slot is enough');

# Somebody takes the last one: what was known is not known any more.
$node->safe_psql('postgres', q{
	CREATE TABLE big AS SELECT i FROM generate_series(1, 10) i;
	CREATE FUNCTION wait_for_lock() RETURNS bool LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_advisory_xact_lock(1) IS NULL'});
my $parallel = quiet_sql($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
sub probe_every
{
	$node->append_conf('postgresql.conf', "pg_hello.probe_interval = '$_[0]'");
	$node->reload;
	return;
}
probe_every('1h');
wait_until('the slot is free', sub { metric(scrape($port), 'pg_hello_probe_interval_seconds') == 3600
	  && quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_hello probe'}) == 0 });
my $query = in_child(sub {
	$node->psql('postgres', "SET $parallel = on; SET pg_hello.track = none; SELECT count(*) FROM big WHERE wait_for_lock()");
});
wait_until('somebody has the slot', sub { quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}) == 1 });
probe_every('100ms');
is(wait_for_probes($node, 'postgres', 'connect', '-'), 'no free background worker slot', 'when others take the slots, the last answer does not stand for ever');
is(metric(scrape($port), 'pg_hello_probe_success', datname => 'postgres', probe => 'connect'), undef, '... nor in metrics');
$holder->quit;
stop_child($query);
wait_for_probes($node, 'postgres', 'spi_version', 't');
wait_until('the log says that it is over', sub { count_in_log($node, qr/LOG:  pg_hello: databases are probed again/) == 1 });
is(count_in_log($node, qr/databases are not probed/), 2, '... with one line for each change');
unlike(log_text($node), qr/probes of database/, 'no database was said to fail');
finish();
