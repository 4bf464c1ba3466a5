# A standby has its own worker and its own numbers, and keeps both when it is promoted.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;

my $primary = new_node('primary', -init => [ allows_streaming => 1 ]);
$primary->safe_psql('postgres', q{CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'});
$primary->safe_psql('postgres', 'SELECT f()');
$primary->backup('backup');

sub standby
{
	my ($name, %settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, 'backup', has_streaming => 1);
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	adopt_node($node);
	$node->start;
	return $node;
}
sub status
{
	my $health = http_get($_[0], '/health');
	my $json = JSON::PP::decode_json($health->{body});
	return "$health->{status} $json->{status} $json->{checks}{'postgres:status'}[0]{observedValue}";
}

my $standby = standby('standby');
my $port = metrics_port($standby);
is(metric(scrape($port), 'pg_hello_postgres_in_recovery'), 1, 'a standby says that it is one');
is(metric(scrape($primary), 'pg_hello_postgres_in_recovery'), 0, '... and the primary that it is none');
wait_until('the standby takes connections', sub { ($standby->psql('postgres', 'SELECT 1'))[0] == 0 });
is(quiet_sql($standby, 'SELECT in_recovery FROM pg_hello_info()'), 't', '... also in SQL');
is(http_get($port, '/readyz')->{status}, 200, 'it is ready for work');
like(status($port), qr/\A200 pass (?:standby|ready)\z/, '... and healthy');

is(calls_of(scrape($port), 'f()'), 0, 'it begins without the numbers of the primary');
$standby->safe_psql('postgres', 'SELECT f(), f(), f()');
$standby->psql('postgres', 'DO $$ BEGIN PERFORM f(); RAISE EXCEPTION $x$no$x$; END $$');
is(calls_of(scrape($port), 'f()'), 4, 'calls on a standby are counted');
is(calls_of(scrape($primary), 'f()'), 1, '... there alone');

is($standby->safe_psql('postgres', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', 'it passes the test of itself');
is($standby->safe_psql('postgres', q{SELECT total_calls FROM pg_hello_performance_report() WHERE function_name = 'public.f()'}), '4', '... and reports its own numbers');

my $worker = quiet_sql($standby, 'SELECT worker_pid FROM pg_hello_info()');
my $session = $standby->background_psql('postgres');
$session->query_safe('SELECT f()');
$standby->promote;
wait_until('it is promoted', sub { metric(scrape($port), 'pg_hello_postgres_in_recovery') == 0 });
is(status($port), '200 pass ready', 'a promoted server is ready');
is(calls_of(scrape($port), 'f()'), 5, 'promotion keeps the counters');
$session->query_safe('CREATE TABLE now_it_can AS SELECT f()');
is(calls_of(scrape($port), 'f()'), 6, '... and open sessions count on');
$session->quit;
is(quiet_sql($standby, 'SELECT worker_pid, worker_restarts FROM pg_hello_info()'), "$worker|0", '... served by the same worker');

# A standby that takes no connections is served all the same.
my $warm = PostgreSQL::Test::Cluster->new('warm');
$warm->init_from_backup($primary, 'backup', has_streaming => 1);
$warm->append_conf('postgresql.conf', 'hot_standby = off');
adopt_node($warm);
$warm->start;
is(metric(scrape($warm), 'pg_hello_postgres_in_recovery'), 1, 'a warm standby serves metrics');
is(status($warm), '200 pass standby', '... and calls itself a standby');
is(http_get($warm, '/livez')->{status}, 200, '... alive');

finish();
