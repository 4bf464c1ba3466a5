# The functions as JSON: documented, the same numbers as elsewhere, sorted, limited and filtered.
use strict;
use warnings FATAL => 'all';

use IPC::Run ();
use JSON::PP ();
use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.metrics_max_functions' => 2, 'pg_hello.metrics_pinned' => '*.never');
my $port = metrics_port($node);

$node->safe_psql('postgres', q{
	CREATE SCHEMA sales;
	CREATE FUNCTION sales.fast(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN n; END';
	CREATE FUNCTION sales.slow() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN 1; END';
	CREATE FUNCTION fail(sqlstate text) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION USING ERRCODE = fail.sqlstate; END';
	CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE plpgsql AS
		'BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END';
	CREATE PROCEDURE proc() LANGUAGE plpgsql AS 'BEGIN END';
	CREATE FUNCTION never() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
});
$node->safe_psql('postgres', q{CREATE FUNCTION "o'd\d ""näme"" </>"() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	SELECT "o'd\d ""näme"" </>"()});
$node->safe_psql('postgres', 'CREATE DATABASE "a/b é"');
$node->safe_psql('a/b é', q{CREATE FUNCTION elsewhere() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT elsewhere()});
$node->safe_psql('postgres', 'SELECT sales.fast(i) FROM generate_series(1, 500) i');
$node->safe_psql('postgres', 'SELECT sales.slow(), (SELECT count(*) FROM rows(9)); CALL proc()');
$node->psql('postgres', "SELECT fail('$_')") foreach ('22012', '22012', 'P0001', '57014');
$node->safe_psql('postgres', q{CREATE FUNCTION pg_temp.t() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT pg_temp.t()});

my $json = JSON::PP->new->utf8;
my %documents = (list => '', detail => '', error => '');
sub get
{
	my ($path, $status, $what) = @_;
	my $response = http_get($port, "/api/v1/functions$path");
	is($response->{status}, $status // 200, "$path: status") or diag $response->{body};
	is($response->{headers}{'content-type'}, 'application/json', '... JSON');
	$documents{ $what // (($status // 200) == 200 ? $path =~ m{\A/} ? 'detail' : 'list' : 'error') } .= $response->{body};
	return $json->decode($response->{body});
}
sub names { return join ' ', map { $_->{function} =~ s/\(.*//r } @{ $_[0]{functions} }; }
my $mine = 'schema=sales&schema=public&datname=postgres&function=fast&function=slow&function=rows&function=never';

# --- the list --------------------------------------------------------------------------------------

my $all = get('?limit=1000');
is($all->{matching_functions}, scalar @{ $all->{functions} }, 'the list is whole');
is($all->{tracked_functions}, quiet_sql($node, 'SELECT count(*) FROM pg_hello_stats'), '... and has every function');
is(names(get("?$mine&sort=calls")), 'fast slow rows never', 'sorted by calls');
is(names(get("?$mine&sort=max_ns&limit=1")), 'slow', 'the slowest');
is(get("?$mine&limit=1")->{matching_functions}, 4, '... of four');
is(names(get("?$mine&sort=function")), 'never rows fast slow', 'by name');
is(names(get("?$mine&sort=p99_ns&order=asc")) =~ s/ .*//r, 'never', 'in ascending order');
is(scalar @{ get('')->{functions} } <= 100, 1, 'no more than 100 unless asked for');
is(names(get('?datname=a%2Fb+%C3%A9&function=else*')), 'elsewhere', 'a database with a slash in its name');
{
	my ($odd) = grep { $_->{function} =~ /n\x{e4}me/ } @{ $all->{functions} };
	is($odd->{function}, qq{"o'd\\d ""n\x{e4}me"" </>"()}, 'an odd name is as it is in SQL');
	my ($temporary) = grep { $_->{schema} eq 'pg_temp' } @{ $all->{functions} };
	is($temporary->{funcid}, 0, 'a temporary function has no oid');
	my %metrics = map { $_->{metrics} => 1 } @{ $all->{functions} };
	is(join(' ', sort keys %metrics), 'budget own pinned suppressed', 'what /metrics leaves out is here');
}

# --- the same numbers as in SQL --------------------------------------------------------------------

foreach my $function (map { @{ get("?function=$_&datname=postgres")->{functions} } } qw(fast slow fail rows proc never))
{
	my $sql = quiet_sql($node, qq{SELECT calls, errors, canceled, iterations, active, untimed_calls, error_origins,
		round((total_time * 1e6)::numeric), round((self_time * 1e6)::numeric), (min_time * 1e6)::bigint, (max_time * 1e6)::bigint,
		p50 * 1e6, p99 * 1e6, language, kind, funcid FROM pg_hello_stats WHERE datname = 'postgres' AND funcid = $function->{funcid}});
	my @sql = split /\|/, $sql, -1;
	my $origins = $json->decode($sql[6]);
	my $timed = $function->{calls} > 0;
	is_deeply($function->{error_origins}, $origins, "$function->{function}: origins of errors");
	is(join(' ', @$function{qw(calls errors canceled iterations active untimed_calls inclusive_ns self_ns language kind funcid)}),
		join(' ', @sql[ 0 .. 5, 7, 8, 13 .. 15 ]), '... counters');
	is(join(' ', map { $_ // '' } @$function{qw(min_ns max_ns)}), "$sql[9] $sql[10]", '... extremes');
	ok(!$timed && !defined $function->{p50_ns} || abs($function->{p50_ns} - $sql[11]) < 1e-3 && abs($function->{p99_ns} - $sql[12]) < 1e-3,
		'... percentiles');

	my $detail = get("/postgres/$function->{funcid}")->{function};
	my $histogram = delete $detail->{histogram};
	is_deeply($detail, $function, '... and alone');
	my ($count, $last) = (0, 0);
	foreach my $bucket (@{ $histogram->{buckets} })
	{
		$count += $bucket->{count};
		fail('buckets ascend') if ($bucket->{gt_ns} // 0) < $last;
		$last = $bucket->{le_ns} // 9e18;
	}
	is("$count $histogram->{count}", "$function->{calls} $function->{calls}", '... with a histogram of all its calls');
	is($histogram->{sum_ns}, $function->{duration_ns}, '... and their sum');
}
{
	my ($elsewhere) = @{ get('?function=elsewhere')->{functions} };
	is(get("/a%2Fb%20%C3%A9/$elsewhere->{funcid}")->{function}{calls}, 1, 'one in a database with a slash in its name');
	get("/postgres/$elsewhere->{funcid}", 404);
}

# --- what makes no sense ---------------------------------------------------------------------------

foreach my $bad ('?limit=0', '?limit=1001', '?limit=x', '?sort=x', '?order=x', '?function=', '?datname=%FF', '/postgres/x', '/postgres/-1')
{
	like(get($bad, 400)->{error}, qr/\A[A-Z][^\n]+\.\z/, '... and a sentence');
}
get($_, 404) foreach ('/postgres/1', '/nowhere/16384', '/postgres/0');
get('?unknown=%FF&limit=1');
is(http_get($port, '/api/v1/functions', method => 'HEAD')->{body}, '', 'HEAD has no body');
is(http_get($port, '/api/v1/functions', method => 'POST')->{status}, 405, 'nothing else is allowed');

# --- the schema ------------------------------------------------------------------------------------

foreach my $part (sort keys %documents)
{
	my @command = ('python3', "$ENV{PG_HELLO_STAGE}/support/validate_json.py", "$ENV{PG_HELLO_STAGE}/docs/api.schema.json", $part);
	my $valid = IPC::Run::run(\@command, '<', \$documents{$part}, '>', \my $out, '2>', \my $err);
	ok($valid, "every answer of the kind $part is as its schema says") or diag $out, $err;
}
{
	# The check itself is one.
	my $extra = '{"error": "A sentence.", "more": 1}' . "\n";
	my @command = ('python3', "$ENV{PG_HELLO_STAGE}/support/validate_json.py", "$ENV{PG_HELLO_STAGE}/docs/api.schema.json", 'error');
	ok(!IPC::Run::run(\@command, '<', \$extra, '>', \my $out, '2>', \my $err), 'what is not in the schema is refused');
}
is(metric(scrape($port), 'pg_hello_http_requests_total', path => '/api/v1/functions/{datname}/{funcid}', code => '404'), 4,
	'requests are counted by their routes');

finish();
