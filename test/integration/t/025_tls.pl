# HTTPS: what is served, to whom, with which certificate, and that it is never plain text instead.
use strict;
use warnings FATAL => 'all';

use IPC::Run ();
use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(time);
use PgHello;

my $port = free_port();
my $node = new_node('main', -start => 0,
	'pg_hello.port' => $port,
	'pg_hello.ssl' => 'on',
	'pg_hello.ssl_cert_file' => 'metrics.crt',
	'pg_hello.ssl_key_file' => 'metrics.key');
my $data = $node->data_dir;

sub openssl
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'openssl', @arguments ], '<', \'', '>', \$out, '2>', \$err) or die "openssl @arguments: $err";
	return $out;
}

# A certificate that is its own authority, in the data directory.
sub make_certificate
{
	my ($file, $name) = @_;
	openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2),
		'-subj', "/CN=$name", '-keyout', "$data/$file.key", '-out', "$data/$file.crt");
	chmod 0600, "$data/$file.key" or die $!;
	return;
}

sub s_client { return ('openssl', 's_client', '-connect', "127.0.0.1:$port", @_) }

# What is answered to one request; empty if nothing is.
sub https_get
{
	my ($path, @options) = @_;
	my ($out, $err) = ('', '');
	my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	IPC::Run::run([ s_client('-quiet', @options) ], '<', \$request, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return $out;
}
sub https_works { return https_get('/livez', @_) =~ m{\AHTTP/1\.1 200 } }

# The name in the certificate that is shown now; empty if none is.
sub shown
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ s_client() ], '<', \'', '>', \$out, '2>', \$err, IPC::Run::timeout(60));
	return $out =~ /^subject=.*?CN ?= ?(\S+)/m ? $1 : '';
}

sub set
{
	my (%settings) = @_;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach sort keys %settings;
	return reload();
}
sub reload { $node->reload; return }
sub wait_for_log
{
	my ($regex, $count) = @_;
	wait_until("the log has $regex", sub { count_in_log($node, $regex) >= $count });
	return;
}
sub info { return quiet_sql($node, "SELECT $_[0] FROM pg_hello_info()") }
sub plain_is_silent
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $socket = http_connect($port);
	return is($socket, undef, $what) if !$socket;
	syswrite($socket, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	my $text = '';
	1 while sysread($socket, $text, 4096, length $text);
	return unlike($text, qr/HTTP|pg_hello/, $what);
}

# --- what is served ----------------------------------------------------------------------------------

make_certificate('metrics', 'first');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_hello');
is(metrics_port($node), $port, 'it serves');
is(count_in_log($node, qr{serving metrics on https://127\.0\.0\.1:$port/metrics}), 1, 'the log says that it is HTTPS');
is(info('listening, listen_error IS NULL'), 't|t', '... and SQL that all is well');

my @trusting = ('-CAfile', "$data/metrics.crt", '-verify_return_error');
my (undef, $body) = split /\r\n\r\n/, https_get('/metrics', @trusting), 2;
isnt(metric(parse_exposition($body), 'pg_hello_http_connections'), undef, 'a whole exposition, verified');
ok(https_works('-tls1_2'), 'TLS 1.2');
ok(https_works('-tls1_3'), 'TLS 1.3');
is(https_get('/livez', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), '', 'TLS 1.1 is refused');
is(shown(), 'first', 'the certificate that the settings name');
plain_is_silent('plain HTTP is not answered');

# --- another certificate -----------------------------------------------------------------------------

my $request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
my ($to, $from, $err) = ($request, '', '');
my $old = IPC::Run::start([ s_client('-quiet') ], '<', \$to, '>', \$from, '2>', \$err, IPC::Run::timeout(120));
$old->pump until $from =~ /^HTTP\/1\.1 200 /m;

make_certificate('metrics', 'second');
is(shown(), 'first', 'a new certificate is not looked for');
reload();
wait_until('the new one is shown after a reload', sub { shown() eq 'second' });
$from = '';
$to = $request;
$old->pump until $from =~ /^HTTP\/1\.1 200 /m;
pass('a connection that was there goes on');
$old->kill_kill;

# --- files that cannot be used -----------------------------------------------------------------------

my $loose = qr/private key file "metrics\.key" has group or world access/;
my $kept = qr/still using the previous certificate: $loose/;
chmod 0640, "$data/metrics.key" or die $!;
reload();
wait_for_log($kept, 1);
is(shown(), 'second', 'a key that others may read is not taken, what was in use goes on');
like(log_text($node), qr/$kept.*\n.*HINT:  Correct it and reload the configuration\./, '... with a hint');
reload();
make_certificate('other', 'other');
set('pg_hello.ssl_key_file' => 'other.key');
my $mismatch = qr/still using the previous certificate: private key file "other\.key" does not match the certificate/;
wait_for_log($mismatch, 1);
is(count_in_log($node, $kept), 1, 'the log tells of each reason once');
is(shown(), 'second', 'a key of another certificate is not taken');
chmod 0600, "$data/metrics.key" or die $!;
set('pg_hello.ssl_key_file' => 'metrics.key');
wait_for_log(qr/using the certificate that is in the files now/, 1);
is(shown(), 'second', 'all is well again');

# --- the same at the start ---------------------------------------------------------------------------

chmod 0644, "$data/metrics.key" or die $!;
$node->restart;
wait_until('SQL shows why it is not served', sub { info('listen_error') =~ $loose });
is(info('listening, listen_addresses IS NULL, port IS NULL, worker_pid IS NULL'), 'f|t|t|f', '... and that it is not');
is(http_connect($port), undef, 'nobody listens');
is(count_in_log($node, qr/could not serve HTTPS on 127\.0\.0\.1: $loose/), 1, '... the log says why, once');
reload();
chmod 0600, "$data/metrics.key" or die $!;
reload();
wait_until('it is served after a reload', sub { https_works() });
is(info('listening, listen_error IS NULL'), 't|t', '... and SQL says so');
is(count_in_log($node, qr/could not serve HTTPS on 127\.0\.0\.1: $loose/), 1, '... after one line of the failure');

# --- switched -----------------------------------------------------------------------------------------

set('pg_hello.ssl' => 'off');
wait_until('plain HTTP', sub { my $socket = http_connect($port); $socket && (eval { http_get($port, '/livez')->{status} } // 0) == 200 });
my $idle = http_connect($port);
syswrite($idle, $request);
is(http_read($idle)->{status}, 200, 'a plain connection that stays open');
set('pg_hello.ssl' => 'on', 'pg_hello.ssl_cert_file' => 'none.crt');
wait_until('SQL shows that there is no certificate',
	sub { info('listen_error') =~ /could not open certificate file "none\.crt": No such file or directory/ });
is(http_read($idle), undef, 'the plain connection is closed');
plain_is_silent('HTTPS without a certificate is not HTTP');

# --- clients' certificates -----------------------------------------------------------------------------

make_certificate('client', 'client');
set('pg_hello.ssl_cert_file' => 'metrics.crt', 'pg_hello.ssl_ca_file' => 'client.crt');
my @known = ('-cert', "$data/client.crt", '-key', "$data/client.key");
wait_until('a client with a certificate is served', sub { https_works(@known) });
is(https_get('/livez'), '', 'one without is not');
is(https_get('/livez', '-cert', "$data/other.crt", '-key', "$data/other.key"), '', '... nor one with a stranger\'s');
set('pg_hello.ssl_ca_file' => '');
wait_until('none is asked for', sub { https_works() });

# --- a fast shutdown --------------------------------------------------------------------------------------

sub stop_ms
{
	my $begin = time();
	$node->stop('fast');
	return (time() - $begin) * 1000;
}
my (@alone, @with_clients);
foreach my $round (1 .. 3)
{
	push @alone, stop_ms();
	$node->start;
	metrics_port($node);
}
foreach my $round (1 .. 3)
{
	my @stuck = map { http_connect($port) // die "connect: $@" } 1 .. 20;
	syswrite($_, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") foreach @stuck;
	wait_until('all are connected',
		sub { metric(parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n"), 'pg_hello_http_connections') == 20 });
	push @with_clients, stop_ms();
	$node->start;
	metrics_port($node);
}
note sprintf 'alone: %.0f ms at most, with clients: %.0f ms at least', max(@alone), min(@with_clients);
cmp_ok(min(@with_clients), '<=', max(@alone) + 500, 'twenty handshakes under way do not delay the stop');
ok(https_works(), 'serving again');

# --- health ---

like(https_get('/health/tls:certificate'), qr/"status": "warn",\n.*"the certificate expires in 4[78] h"/s, '/health warns of a certificate of two days');
like(quiet_sql($node, 'SELECT pg_hello_metrics()'), qr/^pg_hello_tls_certificate_not_after_timestamp_seconds \d+$/m, '... and /metrics shows its end');

finish();
