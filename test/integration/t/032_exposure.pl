# What browsers and strangers are kept from: names, headers, and a word of warning.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);

sub set
{
	my (%settings) = @_;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	my $reloads = count_in_log($node, qr/received SIGHUP/);
	$node->reload;
	wait_until('a reload is seen', sub { count_in_log($node, qr/received SIGHUP/) > $reloads });
	return;
}
sub status_of
{
	my ($host, $path) = @_;
	return http_raw($port, 'GET ' . ($path // '/livez') . " HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n")->{status};
}

# --- names: a web page of elsewhere must not read this by having its own name lead here -------------------

is(status_of($_), 200, "Host: $_") foreach 'localhost', "LOCALHOST:$port", '127.0.0.1', "127.0.0.1:$port", '[::1]', '192.0.2.1';
foreach my $host ('evil.example', "evil.example:$port", 'localhost.evil.example', '127.0.0.1.evil.example', 'db1')
{
	is(status_of($host, $_), 421, "Host: $host is refused on $_") foreach '/', '/livez', '/metrics', '/api/v1/functions';
}
is(http_raw($port, "GET /livez HTTP/1.0\r\n\r\n")->{status}, 200, 'who speaks HTTP/1.0 without Host is no browser');
set('pg_hello.allowed_hosts' => 'db1, DB1.example.org');
wait_until('names are known after a reload', sub { status_of("db1:$port") == 200 });
is(status_of('db1.EXAMPLE.org'), 200, '... all of them');
is(status_of($_), 421, "... and not $_") foreach 'db2', 'xdb1', 'db1.example.org.evil.example', 'example.org';
set('pg_hello.allowed_hosts' => '*');
wait_until('a star is any name', sub { status_of('evil.example') == 200 });
set('pg_hello.allowed_hosts' => '');
wait_until('none again', sub { status_of('evil.example') == 421 });
foreach my $bad ('db1,,db2', 'http://db1', 'db1:9797', 'a b')
{
	my (undef, undef, $stderr) = $node->psql('postgres', "ALTER SYSTEM SET pg_hello.allowed_hosts = '$bad'");
	like($stderr, qr/invalid value for parameter "pg_hello\.allowed_hosts"/, "\"$bad\" is no list of names");
}

# --- headers: on every answer --------------------------------------------------------------------------------

my $origin = "Origin: http://evil.example\r\n";
my %asked = (
	200 => [ map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n$origin" } '/', '/metrics', '/health', '/livez', '/readyz', '/api/v1/functions' ],
	400 => ["GET / HTTP/1.1\r\n$origin"],
	404 => ["GET /none HTTP/1.1\r\nHost: localhost\r\n$origin"],
	405 => ["OPTIONS /metrics HTTP/1.1\r\nHost: localhost\r\n${origin}Access-Control-Request-Method: GET\r\n"],
	406 => ["GET /metrics HTTP/1.1\r\nHost: localhost\r\n${origin}Accept-Encoding: identity;q=0\r\n"],
	414 => [ 'GET /' . 'a' x 300 . " HTTP/1.1\r\nHost: localhost\r\n$origin" ],
	421 => ["GET / HTTP/1.1\r\nHost: evil.example\r\n$origin"],
	431 => [ "GET / HTTP/1.1\r\nHost: localhost\r\n$origin" . "X: y\r\n" x 100 ],
	505 => ["GET / HTTP/3.0\r\nHost: localhost\r\n$origin"]);
foreach my $status (sort keys %asked)
{
	foreach my $head (@{ $asked{$status} })
	{
		my $answer = http_raw($port, "${head}Connection: close\r\n\r\n");
		is($answer->{status}, $status, "$status: " . substr($head, 0, 30) =~ s/\r.*//sr);
		my $headers = $answer->{headers};
		is($headers->{'x-content-type-options'}, 'nosniff', '... nosniff');
		is($headers->{'cache-control'}, 'no-store', '... no-store');
		is($headers->{'cross-origin-resource-policy'}, 'same-origin', '... same-origin');
		like($headers->{'content-security-policy'}, qr/\Adefault-src 'none'/, '... a policy that allows nothing from elsewhere');
		is(join(' ', grep { /^access-control/ } keys %$headers), '', '... and no CORS');
	}
}

# --- a warning for what everybody can read -----------------------------------------------------------------------

my $warning = qr/WARNING:  pg_hello: everybody who can reach 0\.0\.0\.0 can read the metrics/;
is(count_in_log($node, qr/WARNING:  pg_hello/), 0, 'no warning of a local address');
set('pg_hello.listen_addresses' => '127.0.0.1, 0.0.0.0', 'pg_hello.port' => free_port());
wait_until('a warning of an address that is not', sub { count_in_log($node, $warning) == 1 });
like(log_text($node), qr/$warning\n.*HINT:  Set "pg_hello\.auth_token_file" and "pg_hello\.ssl", or listen on local addresses only\./,
	'... with what can be done');
set('log_min_duration_statement' => '1h');
is(count_in_log($node, $warning), 1, '... once');
set('pg_hello.auth_token_file' => 'none');
set('pg_hello.listen_addresses' => '0.0.0.0');
wait_until('another address', sub { quiet_sql($node, 'SELECT listen_addresses FROM pg_hello_info()') =~ /\A0\.0\.0\.0:\d+\z/ });
is(count_in_log($node, $warning), 1, 'none with a token');
set('pg_hello.auth_token_file' => '', 'pg_hello.ssl' => 'on');
is(count_in_log($node, $warning), 1, 'none with TLS');
set('pg_hello.ssl' => 'off');
wait_until('again without either', sub { count_in_log($node, $warning) == 2 });

finish();
