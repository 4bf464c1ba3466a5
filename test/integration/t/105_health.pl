# /health says what docs/health.md says, whole and in parts, agrees with the metrics, and answers when
# the database itself does not.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;

my $node = new_node('main', 'max_connections' => 6, 'superuser_reserved_connections' => 0, 'max_wal_senders' => 0,
	'pg_hello.max_functions' => 100, 'pg_hello.probe_interval' => 0);
my $port = metrics_port($node);

sub health { my $answer = http_get($port, $_[0] // '/health'); return ($answer->{status}, eval { JSON::PP::decode_json($answer->{body}) }) }
sub check { my ($name) = @_; my (undef, $json) = health(); return $json->{checks}{$name}[0] }

# --- the document ---

my $document = PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/docs/health.md");
my ($table) = $document =~ /^## Checks\n\n(.*?)\n\n/ms;
my %documented = map { /^\| `([^`]+)` \|(?:[^|]*)\| ([^|]*?) ?\|/ ? ($1 => $2) : () } split /\n/, $table;
# Without TLS, and without probes, whose checks are in 100_probes.
delete @documented{grep { /^(?:tls|probes):/ } keys %documented};
my ($status, $json) = health('/health?verbose');
is($status, 200, 'healthy');
is($json->{status}, 'pass', '... and says so');
is_deeply([ sort grep { !/^slo:/ } keys %{ $json->{checks} } ], [ sort grep { !/^slo:/ } keys %documented ],
	'the checks are those of the document');
foreach my $name (sort grep { !/^slo:/ } keys %documented)
{
	is($json->{checks}{$name}[0]{observedUnit} // '', $documented{$name}, "unit of $name");
	like($json->{checks}{$name}[0]{rule}, qr/\.$/, "... it has a rule");
	like($json->{checks}{$name}[0]{statusSince}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, '... and a time since when');
}

# --- in parts ---

is_deeply([ sort keys %{ (health('/health/postgres'))[1]{checks} } ], [ 'postgres:recovery', 'postgres:status' ], 'one component');
is_deeply([ keys %{ (health('/health/worker:heartbeat'))[1]{checks} } ], ['worker:heartbeat'], 'one check');
is(http_get($port, '/health/worker:heart')->{status}, 404, 'no such check');
like(http_get($port, '/readyz?verbose&exclude=worker')->{body},
	qr/\A\[\+\]worker:heartbeat excluded: ok\n\[\+\]postgres:status ok\nreadyz check passed\n\z/, '/readyz without a component');
is(http_get($port, '/readyz/postgres:status')->{body}, "ok\n", '/readyz of one check');
is(http_get($port, '/livez?verbose')->{body}, "[+]ping ok\nlivez check passed\n", '/livez?verbose');

# --- since when, and as metrics ---

my $since = check('functions:table')->{statusSince};
is(check('functions:table')->{statusSince}, $since, 'a status that stays keeps its time');
$node->safe_psql('postgres', join ";\n",
	map { "CREATE FUNCTION f$_() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT f$_()" } 1 .. 100);
my $full = check('functions:table');
is($full->{status}, 'warn', 'the table is full');
cmp_ok($full->{statusSince}, 'gt', $since, '... since just now');
cmp_ok(check('functions:overflow')->{observedValue}, '>', 0, 'calls are not counted');

my $metrics = http_get($port, '/metrics?name[]=pg_hello_health*')->{body};
(undef, $json) = health();
foreach my $status (qw(pass warn fail))
{
	my $is = $json->{status} eq $status ? 1 : 0;
	like($metrics, qr/^pg_hello_health_status\{status="$status"\} $is$/m, "the metric of the status $status");
}
my %shown = map { /^pg_hello_health_check_status\{check="([^"]+)",status="([^"]+)"\} 1$/ ? ($1 => $2) : () } split /\n/, $metrics;
is_deeply(\%shown, { map { $_ => $json->{checks}{$_}[0]{status} } keys %{ $json->{checks} } }, 'every check is a metric, and both agree');

is((health('/health?exclude=functions'))[1]{status}, 'pass', 'what is excluded does not warn');

# --- without the database ---

my @sessions = map { $node->background_psql('postgres') } 1 .. 6;
isnt($node->psql('postgres', 'SELECT 1'), 0, 'all connections are used up');
is((health())[0], 200, '... and /health answers');
$_->quit foreach @sessions;

is((health('/health/postgres:recovery'))[1]{checks}{'postgres:recovery'}[0]{observedValue}, JSON::PP::false, 'not in recovery');

finish();
