# Scrapes share work and never get old numbers; bodies are compressed only for who asks; a query is
# taken as people type it.
use strict;
use warnings FATAL => 'all';

use IO::Uncompress::Gunzip ();
use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
	DO $$ BEGIN FOR i IN 1..400 LOOP
		EXECUTE format('CREATE FUNCTION many_%s() RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''', i);
		EXECUTE format('SELECT many_%s()', i);
	END LOOP; END $$;
	SELECT f(1)});
my $worker = quiet_sql($node, 'SELECT worker_pid FROM pg_hello_info()');

my $gzip = 'Accept-Encoding: gzip';

# A series in a text of hundreds of functions, without reading all of it.
sub value_in
{
	my ($text, $series) = @_;
	my ($value) = $text =~ /^\Q$series\E ([0-9.e+-]+)$/m or die "no $series";
	return $value;
}
sub now_of { return value_in(http_get($port, '/metrics')->{body}, $_[0]) }
my $calls_of_f = 'pg_hello_function_calls_total{datname="postgres",schema="public",function="f(integer)"}';
my $answered = 'pg_hello_http_requests_total{path="/metrics",code="200"}';

sub gunzip
{
	my ($packed) = @_;
	IO::Uncompress::Gunzip::gunzip(\$packed, \my $text, Strict => 1, MultiStream => 0, TrailingData => \my $rest)
	  or die "not gzip: $IO::Uncompress::Gunzip::GunzipError";
	is($rest // '', '', 'one stream and nothing after it');
	return $text;
}

# --- compression -----------------------------------------------------------------------------------

{
	my $plain = http_get($port, '/metrics');
	my $packed = http_get($port, '/metrics', headers => [$gzip]);
	is($plain->{headers}{'content-encoding'}, undef, 'nothing is compressed unasked');
	is($packed->{headers}{'content-encoding'}, 'gzip', 'gzip when asked for');
	foreach my $answer ($plain, $packed)
	{
		is($answer->{headers}{vary}, 'Accept, Accept-Encoding', '... which caches are told');
		is($answer->{headers}{'content-length'}, length $answer->{body}, '... with its exact length');
	}
	my $functions = qr/\Apg_hello_function/;
	is_deeply(
		series_texts(parse_exposition(gunzip($packed->{body})), $functions),
		series_texts(parse_exposition($plain->{body}), $functions),
		'... and the same numbers');

	foreach my $how ([], [$gzip])
	{
		my $get = http_get($port, '/metrics', headers => $how);
		my $head = http_get($port, '/metrics', headers => $how, method => 'HEAD');
		is($head->{body}, '', 'HEAD has no body');
		cmp_ok($head->{headers}{'content-length'}, '>', 10_000, '... but its length');
		delete $_->{headers}{'content-length'} foreach ($get, $head);    # of other moments
		is_deeply($head->{headers}, $get->{headers}, '... and the headers of GET');
	}
	is(http_get($port, '/metrics', headers => ["Accept-Encoding: $_"])->{headers}{'content-encoding'}, undef,
		"nothing for $_")
	  foreach ('*', 'identity', 'br', 'gzip;q=0', 'gzip;q=0.2, identity;q=0.8');
	is(http_get($port, '/metrics', headers => ['Accept-Encoding: identity;q=0'])->{status}, 406, 'no coding is left');
	is(http_get($port, $_, headers => [$gzip])->{headers}{'content-encoding'}, undef, "$_ is too short for it")
	  foreach ('/health', '/livez', '/');
}

# --- the query ---------------------------------------------------------------------------------------

is(http_get($port, '/metrics?name[]=pg_hello_function_calls_total&name%5B%5D=x')->{status}, 200,
	'brackets, raw and encoded');
foreach my $target ('/metrics?name[]=%zz', '/metrics?name[]=%4', '/metrics?a={b}')
{
	my $refused = http_get($port, $target);
	is($refused->{status}, 400, "refused: $target");
	like($refused->{body}, qr/\A[A-Z][^.]+\.\n\z/, '... with a sentence');
}

# --- sixteen at once ---------------------------------------------------------------------------------

# While the worker is stopped, all of them arrive; so they are in one round.
my $at_once = sub {
	my ($headers, $meanwhile) = @_;
	kill('STOP', $worker) == 1 or die 'the worker is gone';
	my @sockets = map { http_connect($port) } 1 .. 16;
	syswrite($_, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$headers\r\n") foreach @sockets;
	$meanwhile->() if $meanwhile;
	kill('CONT', $worker);
	return map { http_read($_, until_close => 1) } @sockets;
};

foreach my $coding ('', "$gzip\r\n")
{
	my $before = now_of('pg_hello_scrapes_total');
	my @answers = $at_once->($coding);
	is(join(' ', map { $_->{status} } @answers), join(' ', (200) x 16), 'sixteen answers' . ($coding ? ', packed' : ''));
	is(scalar(grep { $_->{body} ne $answers[0]{body} } @answers), 0, '... of the same bytes');
	my $text = $coding ? gunzip($answers[0]{body}) : $answers[0]{body};
	is(value_in($text, 'pg_hello_http_requests_in_flight'), 16, '... all of them in flight');
	is(now_of('pg_hello_scrapes_total') - $before, 2, '... of one rendering, and that before it');
}

{
	my $before = now_of($answered);
	my @answers = $at_once->('', sub { $node->safe_psql('postgres', 'SELECT f(1) FROM generate_series(1, 9)') });
	is(join(' ', map { value_in($_->{body}, $calls_of_f) } @answers[ 0, 15 ]), '10 10',
		'calls that ended before the picture was taken are in it');
	is(now_of($answered) - $before, 17,
		'every request is counted, however many shared an answer');
}

# --- no staleness -------------------------------------------------------------------------------------

{
	my @crowd = map {
		my $headers = $_ % 2 ? [$gzip] : [];
		in_child(sub { http_get($port, '/metrics', headers => $headers) while 1 });
	} 1 .. 3;
	my $session = $node->background_psql('postgres');
	my @stale;
	foreach my $calls (11 .. 30)
	{
		$session->query_safe('SELECT f(1)');
		my $seen = now_of($calls_of_f);
		push @stale, "$seen instead of $calls" if $seen != $calls;
	}
	is("@stale", '', 'each call is in the very next scrape, also in a crowd');
	$session->quit;
	is(stop_child($_), 0, 'a child of the crowd') foreach @crowd;
}

# Clients that leave in the middle do no harm, and leave nothing behind.
foreach (1 .. 20)
{
	my $socket = http_connect($port);
	syswrite($socket, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n$gzip\r\n\r\n");
	close $socket;
}
wait_until('they are gone', sub {
	now_of('pg_hello_http_requests_in_flight') == 1 && now_of('pg_hello_http_connections') <= 1 });
is(now_of('pg_hello_worker_restarts_total'), 0, 'the worker has lived through all this');
cmp_ok(now_of('pg_hello_worker_longest_turn_seconds'), '>', 0, '... and measured its turns');

finish();
