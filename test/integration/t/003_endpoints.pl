# What is served on each path, and that the numbers are those of SQL.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all');
create_test_functions($node);
my $port = metrics_port($node);

# --- paths ---------------------------------------------------------------------------------------

my %type = (
	'/metrics' => 'text/plain; version=0.0.4; charset=utf-8',
	'/health' => 'application/health+json',
	'/livez' => 'text/plain; charset=utf-8',
	'/readyz' => 'text/plain; charset=utf-8',
	'/' => 'text/html; charset=utf-8');
foreach my $path (sort keys %type)
{
	my $get = http_get($port, $path);
	is($get->{status}, 200, "GET $path");
	like($get->{headers}{'content-type'}, qr/\A\Q$type{$path}\E\z/, '... with its content type');
	is($get->{headers}{'content-length'}, length $get->{body}, '... and its length');
	is($get->{headers}{'cache-control'}, 'no-store', '... not to be cached');

	my $head = http_get($port, $path, method => 'HEAD');
	is($head->{status}, 200, "HEAD $path");
	is($head->{body}, '', '... without a body');
	is($head->{headers}{'content-type'}, $get->{headers}{'content-type'}, '... of the same type');
	ok($head->{headers}{'content-length'} > 0, '... with the length of the body of a GET');

	foreach my $method (qw(POST PUT DELETE PATCH OPTIONS TRACE BREW))
	{
		my $refused = http_get($port, $path, method => $method);
		is($refused->{status}, 405, "$method $path is refused");
		is($refused->{headers}{allow}, 'GET, HEAD', '... with Allow');
	}
}

foreach my $unknown ('/metrics/', '/metricsx', '/metric', '//metrics', '/../metrics', '/admin',
	'/Metrics', '/metrics%00', '/favicon.ico')
{
	is(http_get($port, $unknown)->{status} =~ /\A(?:404|400)\z/, 1, "no $unknown");
}
is(http_get($port, '/no/such/path')->{status}, 404, 'an unknown path is 404');
is(http_get($port, '/metrics?x=y')->{status}, 200, 'a query is no matter');

# --- nothing of a request is echoed ----------------------------------------------------------------

my $marker = 'Zq7Xecho';
foreach my $request (
	"GET /$marker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	"GET /metrics?$marker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	"GET /health HTTP/1.1\r\nHost: $marker\r\nX-A: $marker\r\nConnection: close\r\n\r\n",
	"$marker / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	"GET / HTTP/1.1\r\n$marker\r\n\r\n",
	"GET / $marker\r\n\r\n",
	"$marker\r\n\r\n")
{
	my $response = http_raw($port, $request);
	ok($response && $response->{status} >= 200, 'an answer to ' . ($request =~ s/\r\n.*//sr));
	unlike($response->{text}, qr/$marker/i, '... with nothing of the request in it');
}

# --- malformed requests are refused, and the worker goes on -----------------------------------------

my %refused = (
	"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n" => 505,
	"GET / HTTP/1.1\r\n\r\n" => 400,
	"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello" => 413,
	"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" => 501,
	"GET /" . 'a' x 300 . " HTTP/1.1\r\nHost: localhost\r\n\r\n" => 414,
	"GET / HTTP/1.1\r\nHost: localhost\r\nX: " . 'a' x 9000 . "\r\n\r\n" => 431,
	"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n" => 400,
	"\0\1\2\3\r\n\r\n" => 400);
foreach my $request (sort keys %refused)
{
	my $response = http_raw($port, $request);
	is($response->{status}, $refused{$request}, 'refused: ' . join ' ', unpack '(A30)1', $request =~ s/[^ -~]+/./gr);
	is($response->{headers}{connection}, 'close', '... and closed');
}

# --- keep-alive and pipelining ----------------------------------------------------------------------

{
	my $socket = http_connect($port);
	foreach my $path ('/livez', '/metrics', '/livez')
	{
		syswrite($socket, "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n");
		is(http_read($socket)->{status}, 200, "$path over one connection");
	}
	syswrite($socket, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	is(http_read($socket, head => 1)->{status}, 200, 'HEAD over the same');
	syswrite($socket, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	is(http_read($socket, until_close => 1)->{headers}{connection}, 'close', 'closed when asked to');

	my $both = http_raw($port,
		"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	my $answers = () = $both->{text} =~ m{^HTTP/1\.1 200 }mg;
	is($answers, 2, 'two requests in one packet get two answers');
	like(http_raw($port, "GET /livez HTTP/1.0\r\n\r\n")->{body}, qr/ok/, 'HTTP/1.0 without Host');
}

# --- /health, /livez, /readyz, / -------------------------------------------------------------------

{
	my $health = JSON::PP::decode_json(http_get($port, '/health')->{body});
	is($health->{status}, 'pass', 'healthy');
	is($health->{checks}{'postgres:status'}[0]{observedValue}, 'ready', '... and the server is ready');
	foreach my $name (sort keys %{ $health->{checks} })
	{
		is($health->{checks}{$name}[0]{status}, 'pass', "check $name");
	}
	is(http_get($port, '/livez')->{body}, "ok\n", '/livez');
	is(http_get($port, '/readyz')->{body}, "ok\n", '/readyz');
	like(http_get($port, '/readyz?verbose')->{body}, qr/^\[\+\]postgres:status ok$/m, '/readyz?verbose');
	my $page = http_get($port, '/')->{body};
	like($page, qr/href="$_"/, "the page links to $_") foreach ('metrics', 'health');
}

# --- the exposition --------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN noop_volatile(i); END';
	SELECT sum(f(i)) FROM generate_series(1, 500) i;
	SELECT count(*) FROM (SELECT srf(10)) s;
	DO $$ BEGIN PERFORM raise('22012'); EXCEPTION WHEN division_by_zero THEN NULL; END $$;});

my $scrape = scrape($port);
my @expected = qw(
  pg_hello_function_calls_total pg_hello_function_errors_total pg_hello_function_canceled_total
  pg_hello_function_error_origins_total pg_hello_function_inclusive_seconds_total
  pg_hello_function_self_seconds_total pg_hello_function_duration_seconds pg_hello_function_active
  pg_hello_function_info pg_hello_build_info pg_hello_postgres_in_recovery
  pg_hello_stats_reset_timestamp_seconds pg_hello_tracked_functions pg_hello_tracked_functions_limit
  pg_hello_exported_functions pg_hello_suppressed_functions pg_hello_exported_histograms
  pg_hello_overflow_calls_total pg_hello_shared_memory_bytes pg_hello_worker_start_time_seconds
  pg_hello_worker_restarts_total pg_hello_http_requests_total pg_hello_scrape_duration_seconds
  pg_hello_scrape_series);
foreach my $family (@expected)
{
	ok($scrape->{families}{$family}, "family $family has HELP and TYPE");
}
is(join(' ', grep { !/^pg_hello_/ } families_of($scrape)), '', 'no names but ours');
is(calls_of($scrape, 'f(integer)', datname => 'postgres', schema => 'public'), 500, 'calls of f()');
is(calls_of($scrape, 'noop_volatile(integer)'), 500, 'calls of a function in C');
is(metric($scrape, 'pg_hello_function_info', function => 'f(integer)', language => 'plpgsql', kind => 'function'),
	1, 'f() has its identity');
is(metric($scrape, 'pg_hello_function_error_origins_total', function => 'raise(text)', sqlstate_class => '22'),
	1, 'an error by its class');

# Histograms: cumulative, the exact bounds, _count is the last bucket, and calls.
my (%buckets, %bounds);
foreach my $sample (grep { $_->{name} eq 'pg_hello_function_duration_seconds_bucket' } @{ $scrape->{samples} })
{
	my $function = $sample->{labels}{function};
	push @{ $buckets{$function} }, $sample->{value};
	push @{ $bounds{$function} }, $sample->{labels}{le};
}
foreach my $function (sort keys %buckets)
{
	my @values = @{ $buckets{$function} };
	is(join(' ', @values), join(' ', sort { $a <=> $b } @values), "$function: buckets are cumulative");
	is($values[-1], metric($scrape, 'pg_hello_function_duration_seconds_count', function => $function),
		'... up to the count');
	is($values[-1], calls_of($scrape, $function), '... of all calls');
	is($bounds{$function}[-1], '+Inf', '... and +Inf is the last bound');
	is(join(' ', map { $_ + 0 } @{ $bounds{$function} }[ 0 .. 3 ]), '1e-06 2.5e-06 5e-06 1e-05', '... of those documented');
}

# --- the same numbers everywhere --------------------------------------------------------------------

my $function_metrics = qr/\Apg_hello_(?:function|tracked|overflow|build|stats_reset|shared)/;
my $before = scrape($port);
my $sql_text = parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n" =~ s/\n\n\z/\n/r);
my $rows = quiet_sql($node, q{
	SELECT json_agg(s) FROM (SELECT *, (extract(epoch FROM stats_since) * 1000000)::bigint AS since_us FROM pg_hello_stats) s});
my $after = scrape($port);
is_deeply(series_texts($before, $function_metrics), series_texts($after, $function_metrics), 'an idle moment');
is_deeply(series_texts($sql_text, $function_metrics), series_texts($before, $function_metrics),
	'pg_hello_metrics() and /metrics are the same text');
is(join(' ', families_of($sql_text)), join(' ', families_of($before)), '... with the same families');

my @stats = @{ JSON::PP::decode_json($rows) };
is(scalar @stats, metric($before, 'pg_hello_tracked_functions'), 'pg_hello_stats has a row for each function');
foreach my $row (@stats)
{
	my %labels = (datname => $row->{datname}, schema => $row->{schema}, function => $row->{function});
	my $of = sub { metric($before, "pg_hello_function_$_[0]", %labels) };
	is_deeply(
		[ map { $row->{$_} } qw(calls errors canceled active) ],
		[ map { $of->($_) + 0 } qw(calls_total errors_total canceled_total active) ],
		"$row->{function}: the same counts in SQL");
	is(sprintf('%.0f', $row->{total_time} * 1e6), ns_of($of->('inclusive_seconds_total')), '... the same total time');
	is(sprintf('%.0f', $row->{self_time} * 1e6), ns_of($of->('self_seconds_total')), '... the same self time');
	my $mean = $row->{calls} ? ns_of($of->('duration_seconds_sum')) / $row->{calls} / 1e6 : 0;
	ok(abs(($row->{mean_time} // 0) - $mean) < 1e-9 + $mean * 1e-9, '... the mean is sum by count');
	ok(!$row->{calls} || $row->{min_time} <= $row->{p50} && $row->{p50} <= $row->{p90} && $row->{p90} <= $row->{p95}
		&& $row->{p95} <= $row->{p99} && $row->{p99} <= $row->{max_time}, '... percentiles in order');
	is(join(' ', map { "$_=$row->{error_origins}{$_}" } sort keys %{ $row->{error_origins} }),
		$row->{function} eq 'raise(text)' ? '22=1' : '', '... the origins of errors as JSON');
}

my $requests = scrape($port);
ok(metric($requests, 'pg_hello_http_requests_total', path => '/metrics', code => '200') >= 4, 'requests are counted');
ok(metric($requests, 'pg_hello_http_requests_total', path => 'other', code => '404') >= 1, '... also those of nothing');
is((grep { $_->{name} eq 'pg_hello_http_requests_total' && $_->{labels}{path} =~ /admin|Zq7/ } @{ $requests->{samples} }) + 0,
	0, '... but no client makes a series');
is(metric($requests, 'pg_hello_scrape_series'), @{ $after->{samples} } + 0, 'samples of the last scrape');

finish();
