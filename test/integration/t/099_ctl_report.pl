# pg_helloctl report says what functions did over a time: while it watches, since a baseline, or since their
# counters began.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a <b> & "c" 'd'};
my $node = new_node('main', 'log_statement' => 'none');
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql($odd, q{
	CREATE SCHEMA "my Own";
	CREATE EXTENSION pg_hello SCHEMA "my Own";
	CREATE FUNCTION "<f> & ""g"""(slow boolean) RETURNS void LANGUAGE plpgsql AS
		'BEGIN IF slow THEN PERFORM pg_sleep(0.02); END IF; END';
});
(my $connection = $odd) =~ s/([\\'])/\\$1/g;
my $page = "$ENV{TESTDIR}/my report.html";
my $name = 'public."<f> & ""g"""(boolean)';
# Objectives that a busy machine meets, too.
my @always_met = ('--max-p95', 60000, '--max-error-rate', 100);

sub report { return ctl($node, '-d', "dbname='$connection'", @_); }
sub figures { return JSON::PP::decode_json($_[0]{out}); }
sub function_in { my ($json) = @_; return (grep { $_->{function} eq $name } @{ $json->{functions} })[0]; }
sub call { my ($times, $slow) = @_; return $node->safe_psql($odd, qq{SELECT "<f> & ""g"""($slow) FROM generate_series(1, $times)}); }

# --- since the counters began ---

ctl_is(report('report'), 0, 'nothing was called yet', qr/^ok: .*no call of its functions was counted yet$/m);
call(40, 'false');
my $all = report('--json', 'report', @always_met);
is($all->{code}, 0, 'since the counters began');
is(function_in(figures($all))->{calls}, 40, '... all calls');
is_deeply([ grep { /pg_hello_/ } map { $_->{function} } @{ figures($all)->{functions} } ], [],
	'... but not the ones made for it');
ctl_is(report('report', @always_met), 0, 'as text', qr/^\Q$name\E +40 /m);

# --- since a baseline ---

$node->safe_psql($odd, q{SELECT "my Own".pg_hello_capture_baseline('my "first" one')});
call(40, 'true');
my $since = report('--json', 'report', '--baseline', 'my "first" one', @always_met, '--html', $page);
is($since->{code}, 1, 'slower than the baseline: a warning') or diag($since->{out});
my $json = figures($since);
is(function_in($json)->{calls}, 40, 'calls since then only');
cmp_ok(function_in($json)->{p50_ms}, '>=', 18, '... with their own percentiles');
my ($verdict) = grep { $_->{function} eq $name } @{ $json->{comparisons} };
is($verdict->{verdict}, 'slower', '... and a verdict');
my $html = PostgreSQL::Test::Utils::slurp_file($page);
like($html, qr{<td class="slower">slower</td>}, 'the page has it, too');
like($html, qr/\Qpublic.&quot;&lt;f&gt; &amp; &quot;&quot;g&quot;&quot;&quot;(boolean)\E/, '... and shows names as they are');
unlike($html, qr/<f>/, '... not as markup');
unlike($html, qr/<script|src=|href=|url\(/, '... and needs nothing else');
is(() = glob(q{"} . $ENV{TESTDIR} . q{/my report*"}), 1, 'nothing else was left behind');
ctl_is(report('report', '--baseline', 'none'), 2, 'no such baseline', qr/^critical: .*baseline "none" does not exist; hint: /m);

# --- watching ---

PostgreSQL::Test::Utils::append_to_file("$ENV{TESTDIR}/call.sql", qq{SELECT "<f> & ""g"""(false);\n});
my $worker = in_child(sub {
	exec 'pgbench', '-n', '-T', '600', '-h', $node->host, '-p', $node->port, '-f', "$ENV{TESTDIR}/call.sql", $odd; });
wait_until('it is at work', sub { return quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'a <%'}); });
my $watched = report('--json', 'report', '--over', 3, @always_met, '--html', $page);
is($watched->{code}, 0, 'watching for three seconds') or diag($watched->{out});
$json = figures($watched);
is(scalar @{ $json->{moments} }, 3, 'three moments');
cmp_ok(function_in($json)->{calls}, '>', 0, 'calls were seen');
cmp_ok($json->{moments}[0]{calls_per_second} + $json->{moments}[2]{calls_per_second}, '>', 0, '... in the moments, too');
like(PostgreSQL::Test::Utils::slurp_file($page), qr/<h2>Over the time</, 'the page has plots over the time');
stop_child($worker);

# --- what can be wrong ---

ctl_is(ctl($node, '-d', 'bare', 'report'), 2, 'no extension', qr/^critical: database "bare": extension pg_hello is not installed/m);
ctl_is(report('report', @always_met, '--html', '/nowhere/x.html'), 3, 'a page that cannot be written',
	qr{^unknown: could not write "/nowhere/x\.html": No such file or directory$}m, qr/^\Q$name\E /m);
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
ctl_is(report('-U', 'plain', 'report'), 3, 'a role that may not read counters', qr/^unknown: .*permission denied .*; hint: GRANT pg_monitor/m);
ctl_is(report('report', '--over', 3, '--baseline', 'x'), 3, 'both at once', qr/^pg_helloctl: error: /m);
$node->stop;
ctl_is(report('report'), 2, 'server down', qr/^critical: connection to server /m);

finish();
