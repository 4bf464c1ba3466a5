# What runs now is listed, with who runs it, how deep and since when.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE FUNCTION sleeps() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); END';
	CREATE FUNCTION calls_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM sleeps(); END';
});
sub active { return quiet_sql($node, "SELECT string_agg(function || ' ' || depth, ', ' ORDER BY pid, depth) FROM pg_hello_active WHERE function IN ('sleeps()', 'calls_it()')"); }
sub oldest { return metric(scrape($port), 'pg_hello_oldest_active_call_start_timestamp_seconds'); }

is(active(), '', 'nothing runs');
is(oldest(), 0, '... since no time');

my $before = quiet_sql($node, 'SELECT extract(epoch FROM clock_timestamp())');
my $first = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $first->query('SELECT pg_backend_pid()');
$first->query_until(qr/now/, "\\echo now\nSELECT calls_it();\n");
wait_until('it runs', sub { active() eq 'calls_it() 1, sleeps() 2' });
pass('both calls are listed, with their depth');
is(quiet_sql($node, q{SELECT DISTINCT pid FROM pg_hello_active WHERE function IN ('sleeps()', 'calls_it()')}), $pid, '... with their backend');
is(quiet_sql($node, qq{SELECT bool_and(call_start BETWEEN to_timestamp($before) AND clock_timestamp()) FROM pg_hello_active}), 't', '... and their start');
is(quiet_sql($node, q{SELECT count(*) FROM pg_hello_active a JOIN pg_stat_activity s USING (pid, datname) WHERE s.wait_event = 'PgSleep'}), '2', '... and can be joined with pg_stat_activity');
my $oldest = oldest();
ok($oldest >= $before && $oldest <= time() + 1, 'the oldest is as old as that');
is(metric(scrape($port), 'pg_hello_function_active', function => 'sleeps()'), 1, '... and the metrics say so too');
quiet_sql($node, 'SELECT pg_hello_reset()');
is(active(), 'calls_it() 1, sleeps() 2', 'a reset ends no call');
cmp_ok(abs(oldest() - $oldest), '<', 0.01, '... and makes none younger');

quiet_sql($node, "SELECT pg_cancel_backend($pid)");
wait_until('it was canceled', sub { active() eq '' });
pass('a call that was canceled runs no more');
is(metric(scrape($port), 'pg_hello_function_canceled_total', function => 'sleeps()'), 1, '... and is counted as such');
$first->quit;

finish();
