# pg_helloctl health asks an endpoint by HTTPS, trusts no certificate that it should not, and sends a token.
use strict;
use warnings FATAL => 'all';

use IO::Socket::INET;
use IPC::Run ();
use Test::More;
use PgHello;
use PgHelloCtl;

my $node = new_node('main', -start => 0, 'pg_hello.port' => 0, 'pg_hello.ssl' => 'on',
	'pg_hello.ssl_cert_file' => 'right.crt', 'pg_hello.ssl_key_file' => 'right.key');
my $data = $node->data_dir;

sub make_certificate
{
	my ($file, $name, @more) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30), '-subj', "/CN=$name",
		'-keyout', "$data/$file.key", '-out', "$data/$file.crt", @more ], '<', \'', '>', \$out, '2>', \$err) or die $err;
	chmod 0600, "$data/$file.key" or die $!;
	return;
}

make_certificate('right', 'localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
make_certificate('elsewhere', 'elsewhere');
make_certificate('client', 'client');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_hello');
my $port = metrics_port($node);

# Certificates that are far from their end, and objectives that a busy machine meets, too.
sub health { return ctl($node, 'health', 'postgres', '--max-p95', 60000, @_); }
my $url = "https://127.0.0.1:$port";

ctl_is(health('--url', $url, '--ca-file', "$data/right.crt"), 0, 'by address', qr/^ok: \Q$url\E says pass$/m);
ctl_is(health('--url', "https://localhost:$port", '--ca-file', "$data/right.crt"), 0, 'by name', qr/says pass$/m);
ctl_is(health('--url', $url), 2, 'a certificate that nobody vouches for', qr/^critical: \Q$url\E does not answer: .*verification/mi);
ctl_is(health('--url', $url, '--ca-file', "$data/elsewhere.crt"), 2, 'another authority', qr/does not answer: .*verification/i);
ctl_is(health('--url', "http://127.0.0.1:$port"), 2, 'plain text', qr/^critical: .*does not answer/m);
ctl_is(health('--url', $url, '--ca-file', '/nowhere.pem'), 3, 'a file that is not there', qr{^unknown: could not read "/nowhere\.pem"$}m);
ctl_is(health('--ca-file', "$data/right.crt"), 3, 'a file without a URL', qr/^pg_helloctl: error: /m);

$node->append_conf('postgresql.conf', qq{pg_hello.ssl_cert_file = 'elsewhere.crt'\npg_hello.ssl_key_file = 'elsewhere.key'});
$node->reload;
wait_until('it is refused', sub {
	return health('--url', $url, '--ca-file', "$data/right.crt")->{code} == 2; });
ctl_is(health('--url', $url, '--ca-file', "$data/elsewhere.crt"), 2, 'a certificate for another host', qr/does not answer: .*verification/i);

$node->append_conf('postgresql.conf',
	qq{pg_hello.ssl_cert_file = 'right.crt'\npg_hello.ssl_key_file = 'right.key'\npg_hello.ssl_ca_file = 'client.crt'});
$node->reload;
wait_until('clients need a certificate', sub { return health('--url', $url, '--ca-file', "$data/right.crt",
	'--cert-file', "$data/client.crt", '--key-file', "$data/client.key")->{code} == 0; });
ctl_is(health('--url', $url, '--ca-file', "$data/right.crt"), 2, '... and without one get no answer', qr/does not answer/);

# --- a token ---

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die $!;
my $heard = "$ENV{TESTDIR}/heard";
my $child = in_child(sub {
	my $socket = $listener->accept;
	my $request = '';
	$request .= $_ while defined($_ = <$socket>) && /[^\r\n]/;
	PostgreSQL::Test::Utils::append_to_file($heard, $request);
	my $body = '{"status":"pass"}';
	print $socket "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
	close $socket; });
PostgreSQL::Test::Utils::append_to_file("$ENV{TESTDIR}/token", "Hush8731\r\n");
my $token_url = 'http://127.0.0.1:' . $listener->sockport;
ctl_is(health('--url', $token_url, '--token-file', "$ENV{TESTDIR}/token"), 0, 'with a token', qr/^ok: \Q$token_url\E says pass$/m);
stop_child($child);
like(PostgreSQL::Test::Utils::slurp_file($heard), qr/^Authorization: Bearer Hush8731\r$/m, '... which was sent');

finish();
