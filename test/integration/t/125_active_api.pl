# The calls that run now as JSON: those that SQL lists, documented, with names and numbers only.
use strict;
use warnings FATAL => 'all';

use IPC::Run ();
use JSON::PP ();
use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE ROLE secret_role SUPERUSER LOGIN;
	CREATE FUNCTION sleeps() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); END';
	CREATE FUNCTION calls_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM sleeps(); END';
});

my $json = JSON::PP->new->utf8;
my %documents = (active => '', error => '');
my $last_text;
sub get
{
	my ($query, $status) = @_;
	my $response = http_get($port, "/api/v1/active$query");
	is($response->{status}, $status // 200, "active$query: status") or diag $response->{body};
	is($response->{headers}{'content-type'}, 'application/json', '... JSON');
	$last_text = $response->{body};
	$documents{ ($status // 200) == 200 ? 'active' : 'error' } .= $last_text;
	return $json->decode($last_text);
}
sub listed { return join ', ', map { "$_->{pid} $_->{schema} $_->{function} $_->{depth} $_->{funcid}" } @{ get($_[0] // '')->{calls} }; }

is_deeply(get('')->{calls}, [], 'nothing runs');

my $first = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'secret_role' ]);
my $pid = $first->query('SELECT pg_backend_pid()');
$first->query_until(qr/now/, "\\echo now\nSELECT calls_it() AS secret_query;\n");
my $in_sql = wait_until('both run', sub {
	my $found = quiet_sql($node, "SELECT string_agg(concat_ws(' ', pid, schema, function, depth, funcid), ', ' ORDER BY depth) FROM pg_hello_active WHERE pid = $pid");
	return $found =~ /, / && $found;
});
is(listed(), $in_sql, 'what runs is listed as in SQL, the outer call first');
unlike($last_text, qr/secret/, '... without role and query');
is(listed('?limit=1'), (split /, /, $in_sql)[0], '... limited');
is(listed('?function=sleeps'), (split /, /, $in_sql)[1], '... filtered');
my $answer = get('?datname=nowhere');
is("$answer->{active_calls} $answer->{matching_calls}", '2 0', '... and counted whatever the filters leave out');
my $call = get('')->{calls}[0];
my $start = quiet_sql($node, "SELECT (extract(epoch FROM call_start) * 1e6)::bigint FROM pg_hello_active WHERE pid = $pid AND depth = 1");
cmp_ok(abs($call->{started_at_unix_us} - $start), '<', 10_000, 'it began when SQL says');

foreach my $bad ('?limit=0', '?limit=x', '?function=', '?datname=%FF')
{
	like(get($bad, 400)->{error}, qr/\A[A-Z][^\n]+\.\z/, '... and a sentence');
}
is(http_get($port, '/api/v1/active', headers => ['Accept-Encoding: gzip'])->{headers}{'content-encoding'}, 'gzip', 'compressed if asked for');
is(http_get($port, '/api/v1/active', headers => ['Accept-Encoding: identity;q=0'])->{status}, 406, '... and refused to who takes neither');
is(http_get($port, '/api/v1/active', method => 'HEAD')->{body}, '', 'HEAD has no body');

quiet_sql($node, "SELECT pg_cancel_backend($pid)");
wait_until('it was canceled', sub { listed() eq '' });
$first->quit;

foreach my $part (sort keys %documents)
{
	my @command = ('python3', "$ENV{PG_HELLO_STAGE}/support/validate_json.py", "$ENV{PG_HELLO_STAGE}/docs/api.schema.json", $part);
	my $valid = IPC::Run::run(\@command, '<', \$documents{$part}, '>', \my $out, '2>', \my $err);
	ok($valid, "every answer of the kind $part is as its schema says") or diag $out, $err;
}
is(metric(scrape($port), 'pg_hello_http_requests_total', path => '/api/v1/active', code => '400'), 4, 'requests are counted by their route');

finish();
