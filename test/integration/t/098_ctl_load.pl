# pg_helloctl load measures a database under load by the server's own counters, and leaves production and
# everybody's statistics alone.
use strict;
use warnings FATAL => 'all';

use Test::More;
use Time::HiRes qw(time);
use PgHello;
use PgHelloCtl;

my $odd = q{a "b" 'c' \\ d};
my $node = new_node('main', 'log_statement' => 'none');
(my $quoted = $odd) =~ s/"/""/g;
foreach my $database ($quoted, 'bare', 'my_production')
{
	$node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
}
$node->safe_psql($odd, 'CREATE SCHEMA "my Own"; CREATE EXTENSION pg_hello SCHEMA "my Own"');
$node->safe_psql('my_production', 'CREATE EXTENSION pg_hello');
my $scripts = "$ENV{PG_HELLO_STAGE}/share/load";
# Objectives that a busy machine meets, too.
my @always_met = ('--max-p95', 60000, '--max-error-rate', 100);

sub load
{
	my ($database, @more) = @_;
	(my $value = $database) =~ s/([\\'])/\\$1/g;
	return ctl($node, '-d', "dbname='$value'", @more);
}

# With what is short and always met, unless it is given.
sub run_load
{
	my ($database, @given) = @_;
	my %defaults = ('--clients' => 2, '--duration' => 1, '--progress' => 0, @always_met);
	delete $defaults{$_} foreach @given;
	return load($database, 'load', '--scripts-dir', $scripts, %defaults, @given);
}

sub figures { return JSON::PP::decode_json($_[0]{out}); }

# --- the guide's mix ---

my $reset_before = quiet_sql($node, 'SELECT stats_reset FROM pg_hello_info()');
$node->safe_psql($odd, 'SELECT "my Own".pg_hello(\'before\') FROM generate_series(1, 1000)');
my $json = load($odd, '--json', 'load', '--scripts-dir', $scripts, '--clients', 2, '--duration', 2, '--progress', 1,
	@always_met);
is($json->{code}, 0, 'a load test') or diag("$json->{out}$json->{err}");
like($json->{err}, qr/^progress: 1\.\d s, \d+/m, 'it shows its progress');
my $result = figures($json);
is($result->{status}, 'ok', 'objectives are met');
my %calls = map { $_->{function} => $_->{calls} } @{ $result->{functions} };
is_deeply([ sort keys %calls ], [ 'my Own.now_ms()', 'my Own.pg_hello(text)' ], 'the functions that were called');
is($calls{'my Own.now_ms()'} + $calls{'my Own.pg_hello(text)'}, $result->{transactions},
	'each transaction was one call, and no earlier one is among them');
my ($greeting) = grep { $_->{function} =~ /pg_hello\(/ } @{ $result->{functions} };
cmp_ok($greeting->{p50_ms}, '<=', $greeting->{p95_ms}, 'p50 <= p95');
cmp_ok($greeting->{p95_ms}, '<=', $greeting->{p99_ms}, 'p95 <= p99');
is($greeting->{errors}, 0, 'no errors');
is(quiet_sql($node, 'SELECT stats_reset FROM pg_hello_info()'), $reset_before, 'nothing was reset');

# --- figures and objectives ---

my $text = run_load($odd, '--rate', 50);
ctl_is($text, 0, 'as text', qr/^function +calls +calls\/s +errors +mean ms +p50 ms +p95 ms +p99 ms$/m,
	qr/^my Own\.pg_hello\(text\) +\d+ /m, qr/^pgbench: \d+ transactions, /m);
ctl_is(run_load($odd, '--max-p95', '0.0000001'), 1, 'an objective that is missed',
	qr/^warning: database "\Q$odd\E": p95 of my Own\.\S+ is .* ms, not below 1e-07 ms$/m);

my $script = "$ENV{TESTDIR}/failing.sql";
PostgreSQL::Test::Utils::append_to_file($script,
	qq{SET pg_hello.repeat = 1000;\nSELECT :schema.pg_hello(repeat('x', 3000000));\n});
my $failing = load($odd, '--json', 'load', '--clients', 1, '--duration', 1, '--progress', 0,
	'--script', $script);
is($failing->{code}, 2, 'a script that fails: critical') or diag("$failing->{out}$failing->{err}");
my ($pgbench) = grep { $_->{check} eq 'pgbench' } @{ figures($failing)->{findings} };
like($pgbench->{message}, qr/^pgbench ended with exit code 2: .*error: /, '... says pgbench');
my ($errors) = grep { $_->{check} eq 'errors' } @{ figures($failing)->{findings} };
like($errors->{message}, qr/^1 of 1 calls ended in an error/, '... and so do the counters');

# --- production ---

sub calls_in { return $node->safe_psql($_[0], "SELECT coalesce(sum(calls), 0) FROM pg_hello_stats WHERE function = 'now_ms()' AND datname = current_database()"); }
ctl_is(run_load('my_production'), 2, 'a name that says it',
	qr/^critical: database "my_production": it looks like production: its name has "prod" in it; hint: nothing was done; to do it nevertheless, add --force$/m);
is(calls_in('my_production'), 0, '... and nothing was called');
ctl_is(run_load('my_production', '--force'), 0, 'forced', qr/^ok: .*it looks like production/m, qr/^public\.now_ms\(\) +\d/m);
my $guest = $node->background_psql($odd);
$guest->query_safe('SELECT 1');
ctl_is(run_load($odd), 2, 'somebody works there', qr/looks like production: 1 other sessions are connected to it/);
$guest->quit;

# --- what can be missing ---

ctl_is(run_load('bare'), 2, 'no extension', qr/^critical: database "bare": extension pg_hello is not installed; hint: CREATE EXTENSION pg_hello$/m);
$node->safe_psql('bare', q{CREATE EXTENSION pg_hello VERSION '1.0'});
ctl_is(run_load('bare'), 2, 'an extension that is too old', qr/^critical: database "bare": function .*pg_hello_distribution_rows\(\) does not exist/m);
ctl_is(run_load('postgres', '--pgbench', '/nowhere/pgbench'), 3, 'no pgbench',
	qr{^unknown: database "postgres": could not start /nowhere/pgbench: No such file or directory; hint: }m);
ctl_is(run_load('postgres', '--clients', 500), 2, 'more clients than the server takes', qr/^critical: .*pgbench ended with exit code 1: .*too many clients/m);
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
ctl_is(ctl($node, '-U', 'plain', '-d', 'postgres', 'load', '--scripts-dir', $scripts), 3, 'a role that may not read counters',
	qr/^unknown: database "postgres": permission denied .*; hint: GRANT pg_monitor/m);
$node->safe_psql('bare', q{DROP EXTENSION pg_hello; CREATE EXTENSION pg_hello; ALTER DATABASE bare SET pg_hello.track = 'none'});
ctl_is(run_load('bare'), 3, 'nothing is tracked', qr/^unknown: .*no call was counted; hint: SHOW pg_hello\.track/m);

# --- Ctrl-C ---

{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ qw(pg_helloctl -d postgres load --duration 600 --progress 1 --clients 1 --scripts-dir), $scripts ],
		'<', \undef, '>', \$out, '2>', \$err);
	wait_until('it runs', sub { $run->pump_nb; return $err =~ /^progress: /m; });
	# What it asks then takes long: whoever wants to know something of the databases must wait.
	my $busy = $node->background_psql('postgres');
	$busy->query_safe('BEGIN; LOCK TABLE pg_database');
	$run->signal('INT');
	wait_until('it asks', sub { $busy->query(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'pg_database'::regclass}) });
	my $end = time() + 0.5;
	$run->pump_nb while time() < $end && $run->pumpable;
	$busy->query_safe('ROLLBACK');
	$busy->quit;
	$run->finish;
	is($run->full_result(0) >> 8, 3, 'told to stop: unknown');
	like($out, qr/^public\.now_ms\(\) +\d+ /m, '... with what was measured until then');
	like($out, qr/^unknown: .*it was told to stop/m, '... which is said');
	is(quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_helloctl load%'}), 0,
		'... and nothing goes on');
}
$node->stop;
ctl_is(run_load('postgres'), 2, 'server down', qr/^critical: connection to server /m);

finish();
