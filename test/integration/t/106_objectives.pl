# The objectives of pg_hello.slo: counted by the worker, the same on every face, never turned back.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;

my $node = new_node('main',
	'pg_hello.slo' => 'quick = 95% < 500ms: postgres:public.work; sound = 99%: *.work, *.other',
	'pg_hello.max_functions' => 60);
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE FUNCTION work(ms float8, fails boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(ms / 1000);
		IF fails THEN RAISE EXCEPTION 'as told'; END IF;
	END $$;
	CREATE FUNCTION try(ms float8) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM work(ms, true);
	EXCEPTION WHEN raise_exception THEN
	END $$;
});

sub slo { return $node->safe_psql('postgres', "SELECT events, bad_events FROM pg_hello_slo WHERE slo = '$_[0]'") }
# The worker looks every five seconds.
sub slo_becomes { my ($slo, $events, $name) = @_; wait_until($name, sub { slo($slo) eq $events }); return is(slo($slo), $events, $name) }
sub from_metrics
{
	my ($slo) = @_;
	my $shown = parse_exposition(http_get($port, '/metrics')->{body});
	return join '|', map { metric($shown, $_, slo => $slo) // 'none' } qw(pg_hello_slo_events_total pg_hello_slo_bad_events_total);
}

# --- counting ---

slo_becomes('quick', '0|0', 'nothing has happened');
is($node->safe_psql('postgres', q{SELECT budget_left IS NULL, burn_rate_5m IS NULL, burn_rate_1h IS NULL, status FROM pg_hello_slo WHERE slo = 'quick'}),
	't|t|t|pass', '... and so there is nothing to say');
$node->safe_psql('postgres', 'SELECT count(work(0)) FROM generate_series(1, 16); SELECT work(600), work(600), try(0), try(0)');
slo_becomes('quick', '20|4', 'slow and failed calls are bad');
is(slo('sound'), '20|2', '... or only those that failed');
is($node->safe_psql('postgres', q{
	SELECT objective, threshold_ms, round(budget_left::numeric, 6), events_5m, bad_events_5m, round(burn_rate_5m::numeric, 6), events_1h, status
	FROM pg_hello_slo WHERE slo = 'quick'}), '0.95|500|-3.000000|20|4|4.000000|20|pass', 'what that is of the budget');

# --- the same on every face ---

is(from_metrics('quick'), '20|4', '/metrics');
my $health = JSON::PP::decode_json(http_get($port, '/health/slo:quick')->{body});
is(sprintf('%.6f', $health->{checks}{'slo:quick:5m'}[0]{observedValue}), '4.000000', '/health');
like($node->safe_psql('postgres', 'SELECT pg_hello_metrics()'), qr/^pg_hello_slo_objective_ratio\{slo="quick"\} 0\.95\n/m, 'pg_hello_metrics()');
like(http_get($port, '/metrics')->{body}, qr/^pg_hello_slo_latency_threshold_seconds\{slo="quick"\} 0\.5$/m, 'the threshold');
unlike(http_get($port, '/metrics')->{body}, qr/^pg_hello_slo_latency_threshold_seconds\{slo="sound"\}/m, '... of those that have one');

# --- cancels ---

$node->psql('postgres', q{SET statement_timeout = '700ms'; SELECT work(60000)});
slo_becomes('quick', '21|5', 'a canceled call is bad because it took long');
is(slo('sound'), '21|2', '... and not because it failed');

# --- what must not turn it back ---

$node->safe_psql('postgres', 'SELECT pg_hello_reset()');
$node->safe_psql('postgres', 'SELECT work(0)');
slo_becomes('quick', '22|5', 'after a reset it goes on');
$node->safe_psql('postgres', 'DROP FUNCTION work; CREATE FUNCTION work(a text) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$');
$node->safe_psql('postgres', q{SELECT work('a')});
slo_becomes('quick', '23|5', 'after a drop, too');
$node->safe_psql('postgres', join ";\n",
	map { "CREATE FUNCTION f$_() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT f$_()" } 1 .. 60);
$node->safe_psql('postgres', q{SELECT work('a')});
slo_becomes('quick', '24|5', 'and when the table is full');
$node->safe_psql('postgres', 'CREATE FUNCTION other() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$; SELECT other()');
$node->safe_psql('postgres', q{SELECT work('a')});
slo_becomes('quick', '25|5', '... further calls go on');
is(slo('sound'), '25|2', 'what the table has no place for is no event');

# --- a new worker ---

my $pid = $node->safe_psql('postgres', 'SELECT worker_pid FROM pg_hello_info()');
kill 'TERM', $pid or die $!;
wait_until('another worker', sub { ($node->safe_psql('postgres', 'SELECT worker_pid FROM pg_hello_info()') || $pid) != $pid });
is(slo('quick'), '25|5', 'a new worker goes on with the totals');
is($node->safe_psql('postgres', q{SELECT events_1h FROM pg_hello_slo WHERE slo = 'quick'}), '25', '... and with the windows');
$port = metrics_port($node);
wait_until('it looks', sub {
	$node->safe_psql('postgres', q{SELECT work('a')});
	return (split /\|/, slo('quick'))[0] > 25; });
like(slo('quick'), qr/^\d+\|5$/, '... and counts');

# --- other settings ---

my ($before) = split /\|/, slo('quick');
$node->append_conf('postgresql.conf', "pg_hello.slo = 'quick = 90% < 500ms: postgres:public.work; new = 50%: public.work'");
$node->reload;
slo_becomes('new', '0|0', 'an objective that is new');
is($node->safe_psql('postgres', 'SELECT string_agg(slo, $$ $$) FROM pg_hello_slo'), 'quick new', 'one is gone');
is($node->safe_psql('postgres', q{SELECT objective, bad_events FROM pg_hello_slo WHERE slo = 'quick'}), '0.9|5', 'one has another target, and goes on');
is(from_metrics('sound'), 'none|none', '/metrics shows what there is');
$node->append_conf('postgresql.conf', q{pg_hello.slo = 'quick = 100%: *.*'});
$node->reload;
wait_until('the log says so', sub { count_in_log($node, qr/invalid value for parameter "pg_hello.slo": "quick = 100%: \*\.\*"/) });
like(log_text($node), qr/DETAIL:  Objective "quick" has an objective that is not between 0% and 100%/, 'bad syntax is refused with its reason');
is($node->safe_psql('postgres', q{SELECT objective FROM pg_hello_slo WHERE slo = 'quick'}), '0.9', '... and the old value stays');
isnt($node->psql('postgres', q{ALTER SYSTEM SET pg_hello.slo = 'a'}), 0, 'ALTER SYSTEM refuses it, too');
$node->append_conf('postgresql.conf', q{pg_hello.slo = ''});
$node->reload;
wait_until('none', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM pg_hello_slo') == 0 });
is((grep { /^slo:/ } keys %{ JSON::PP::decode_json(http_get($port, '/health')->{body})->{checks} }), 0, 'no objective, no check');

finish();
