# pg_helloctl maintain does its duties once, however often it is run, and resets nothing.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a/b "c" 'd'};
my $node = new_node('main', 'log_statement' => 'none');
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$_"}) foreach $quoted, 'bare', 'third';
$node->safe_psql($odd, 'CREATE SCHEMA "my Own"; CREATE EXTENSION pg_hello SCHEMA "my Own"');
$node->safe_psql('third', 'CREATE EXTENSION pg_hello');
$node->safe_psql($odd, q{SELECT "my Own".pg_hello('x') FROM generate_series(1, 100)});
my $output = "$ENV{TESTDIR}/kept files";
mkdir $output or die $!;
my $directory = "$output/a%2Fb%20%22c%22%20%27d%27";
# Objectives that a busy machine meets, too.
my @always_met = ('--max-p95', 60000, '--max-error-rate', 100);

sub maintain { return ctl($node, 'maintain', @_, @always_met); }
sub baselines { return $node->safe_psql($odd, 'SELECT DISTINCT label FROM "my Own".pg_hello_performance_baseline ORDER BY 1'); }
sub rows_of_baselines { return $node->safe_psql($odd, 'SELECT md5(string_agg(b::text, \'\' ORDER BY label, function_name)) FROM "my Own".pg_hello_performance_baseline b'); }
sub files { my ($pattern) = @_; return sort map { s{.*/}{}r } glob qq{"$directory/$pattern"}; }

# --- once, and again ---

my $reset = quiet_sql($node, 'SELECT stats_reset FROM pg_hello_info()');
my $first = maintain('daily', '--output', $output);
ctl_is($first, 0, 'all databases that have the extension',
	qr/^ok: database "\Q$odd\E": the counters of \d+ functions are in the baseline "maintain daily \d{4}-\d\d-\d\d"$/m,
	qr/^ok: database "\Q$odd\E": 0 old daily baselines were deleted; the last 14 are kept$/m,
	qr/^ok: database "third": the audit log has \d+ records.*; none is deleted without --keep-audit$/m);
unlike($first->{out}, qr/"bare"/, '... and no others');
my $label = baselines();
like($label, qr/^maintain daily \S+$/, 'one baseline');
is_deeply([ map { s/\d{4}-\d\d-\d\d/DATE/r } files('*') ],
	[qw(report-daily-DATE.html report-daily-DATE.json settings-daily-DATE.json)], 'a report, and the settings');
my $rows = rows_of_baselines();
ctl_is(maintain('daily', '--output', $output), 0, 'again', qr/^ok: database "\Q$odd\E": the baseline "\Q$label\E" is there already$/m);
is(rows_of_baselines(), $rows, '... nothing changes');
is(scalar(my @kept = files('*')), 3, '... nor are there more files');
is(quiet_sql($node, 'SELECT stats_reset FROM pg_hello_info()'), $reset, 'no statistics were reset');

# --- the next day ---

my $sixteen = join ', ', map { sprintf "'maintain daily 2020-01-%02d'", $_ } 1 .. 16;
$node->safe_psql($odd, qq{
	INSERT INTO "my Own".pg_hello_performance_baseline
		SELECT replace(l, '"', ''), function_name, recorded_at - interval '1 day', stats_since, calls_total, errors_total, timed_calls,
			calls_per_second, mean_time_ms, p95_time_ms, sum_time_ms, sum_squares_time_ms2, buckets
		FROM "my Own".pg_hello_performance_baseline, unnest(ARRAY[$sixteen, 'mine', 'maintain weekly 2020-01-06']) l;
	DELETE FROM "my Own".pg_hello_performance_baseline WHERE label = '$label'});
my ($settings) = files('settings-*');
rename "$directory/$settings", "$directory/settings-daily-2020-01-16.json" or die $!;
$node->safe_psql('postgres', 'ALTER SYSTEM SET pg_hello.metrics_max_functions = 77');
$node->reload;
wait_until('the setting is in force', sub { return quiet_sql($node, 'SHOW pg_hello.metrics_max_functions') eq '77'; });
my $next = ctl_json($node, 'maintain', 'daily', $odd, '--output', $output, @always_met);
is($next->{code}, 1, 'a setting has changed');
is_deeply([ map { $_->{message} } grep { $_->{check} eq 'drift' } @{ $next->{json}{findings} } ],
	['pg_hello.metrics_max_functions was "1000", and is "77" (since settings-daily-2020-01-16.json)'], '... as it says');
is_deeply([ split /\n/, baselines() ], [ (map { sprintf 'maintain daily 2020-01-%02d', $_ } 4 .. 16), $label, 'maintain weekly 2020-01-06', 'mine' ],
	'old daily baselines are gone, others are not');
my $report = JSON::PP::decode_json(PostgreSQL::Test::Utils::slurp_file("$directory/" . (files('report-*.json'))[0]));
is($report->{period}, 'since the baseline "maintain daily 2020-01-16"', 'the report is about the time since the last one');
ctl_is(maintain('daily', $odd, '--output', $output), 1, 'again, the same drift', qr/^warning: .* was "1000", and is "77"/m);
ctl_is(maintain('weekly', $odd, '--output', $output), 0, 'weekly', qr/in the baseline "maintain weekly /);
ctl_is(maintain('monthly', $odd), 0, 'monthly, without files', qr/in the baseline "maintain monthly \d{4}-\d\d"/);

# --- the audit log ---

$node->safe_psql($odd, q{ALTER TABLE "my Own".security_audit_log DISABLE TRIGGER ALL;
	UPDATE "my Own".security_audit_log SET recorded_at = '2020-01-01' WHERE id <= 5;
	ALTER TABLE "my Own".security_audit_log ENABLE TRIGGER ALL});
sub records { return $node->safe_psql($odd, 'SELECT count(*) FROM "my Own".security_audit_log'); }
maintain('monthly', $odd);
my $records = records();
ctl_is(maintain('monthly', $odd, '--keep-audit', '1 year'), 0, 'old records', qr/^ok: .*: 5 audit records older than 1 year were deleted$/m);
is(records(), $records - 4, '... are gone, and that is recorded');
ctl_is(maintain('monthly', $odd, '--keep-audit', '1 year'), 0, 'no old records', qr/: 0 audit records/);
is(records(), $records - 4, '... nothing is recorded');
ctl_is(maintain('monthly', $odd, '--keep-audit', 'long'), 2, 'no interval', qr/^critical: .*invalid input syntax for type interval: "long"/m);

# --- one at a time ---

my $other = $node->background_psql($odd);
$other->query_safe('SELECT pg_advisory_lock(1885822824, 1701604463)');
my $before = rows_of_baselines();
$node->safe_psql($odd, 'DELETE FROM "my Own".pg_hello_performance_baseline WHERE label LIKE \'maintain daily%\'');
$before = rows_of_baselines();
ctl_is(maintain('daily', $odd), 1, 'another run is at work', qr/^warning: database "\Q$odd\E": another run is at work: nothing was done$/m);
is(rows_of_baselines(), $before, '... so nothing is done');
$other->quit;
ctl_is(maintain('daily', $odd), 0, 'and when it has ended', qr/are in the baseline/);

# --- what can be wrong ---

ctl_is(maintain('hourly'), 3, 'no such period', qr/^pg_helloctl: error: /m);
ctl_is(maintain('daily', '--output', '/nowhere'), 3, 'no such directory', qr/^pg_helloctl: error: .*nowhere/m);
ctl_is(maintain('daily', 'bare', 'third'), 2, 'a named database without the extension',
	qr/^critical: database "bare": extension pg_hello is not installed/m, qr/^ok: database "third": .*the baseline .* is there already$/m);
chmod 0500, $directory;
ctl_is(maintain('daily', $odd, '--output', $output), 3, 'a directory that cannot be written to',
	qr/^unknown: database "\Q$odd\E": could not write "\Q$directory\E.*: Permission denied$/m);
chmod 0700, $directory;
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN; CREATE ROLE keeper LOGIN IN ROLE pg_monitor, hello_admins');
ctl_is(ctl($node, '-U', 'plain', 'maintain', 'daily', 'third'), 3, 'a role that may not', qr/^unknown: .*permission denied .*; hint: /m);
ctl_is(ctl($node, '-U', 'keeper', 'maintain', 'daily', 'third', @always_met), 0, 'a role that may', qr/is there already/);

# --- what starts it ---

SKIP: {
	skip 'no systemd-analyze', 1 if system('which systemd-analyze > /dev/null 2>&1') != 0;
	my $units = "$ENV{TESTDIR}/units";
	mkdir $units or die $!;
	my ($bin) = grep { -x "$_/pg_helloctl" } split /:/, $ENV{PATH};
	foreach my $file (glob "$ENV{PG_HELLO_STAGE}/share/systemd/*")
	{
		my $text = PostgreSQL::Test::Utils::slurp_file($file) =~ s/\@bindir\@/$bin/r;
		PostgreSQL::Test::Utils::append_to_file("$units/" . ($file =~ s{.*/}{}r =~ s/\.in$//r), $text);
	}
	my $said = `cd $units && systemd-analyze verify --man=no pg_hello-maintain\@daily.service *.timer 2>&1`;
	is($?, 0, 'the units are in order') or diag($said);
}
my $cron = PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/share/cron/pg_hello-maintain.cron.in");
is(() = $cron =~ m{^(?:\S+ ){5}postgres \@bindir\@/pg_helloctl maintain (?:daily|weekly|monthly) --output \S+$}mg, 3,
	'a line of cron for each period');

$node->stop;
ctl_is(maintain('daily'), 2, 'server down', qr/^critical: connection to server /m);

finish();
