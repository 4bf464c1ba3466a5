# Address and port, changed while the server runs.
use strict;
use warnings FATAL => 'all';

use IO::Socket::IP;
use Test::More;
use PgHello;

my $node = new_node('main');

sub set
{
	my ($server, %settings) = @_;
	$server->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	$server->reload;
	return;
}
sub info { return quiet_sql($_[0], "SELECT $_[1] FROM pg_hello_info()") }
sub serves { my $socket = http_connect($_[0]); return $socket && http_get($_[0], '/livez')->{status} == 200 }

# --- another port ----------------------------------------------------------------------------------

my $first = metrics_port($node);
is(info($node, 'listening, listen_addresses, port, listen_error'), "t|127.0.0.1:$first|$first|", 'where it serves, in SQL');
my $idle = http_connect($first);
syswrite($idle, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
is(http_read($idle)->{status}, 200, 'a connection that stays open');

my $second = free_port();
set($node, 'pg_hello.port' => $second);
wait_until('it serves on the new port', sub { serves($second) });
is(http_connect($first), undef, 'the old port is closed');
is(http_read($idle), undef, '... with its idle connections');
is(info($node, 'listening, port'), "t|$second", 'SQL shows the new one');
is(count_in_log($node, qr/no longer serving metrics on 127\.0\.0\.1:$first\b/), 1, 'the log tells of the old one, once');
is(count_in_log($node, qr/serving metrics on http:\/\/127\.0\.0\.1:$second\//), 1, '... and of the new one, once');

$node->reload;
wait_until('another reload is seen', sub { count_in_log($node, qr/received SIGHUP/) >= 2 });
ok(serves($second), 'a reload without a change is none');

# --- other addresses -------------------------------------------------------------------------------

set($node, 'pg_hello.listen_addresses' => '127.0.0.2');
wait_until('it serves on the other address', sub { serves([ '127.0.0.2', $second ]) });
is(http_connect($second), undef, 'no longer on the first');

SKIP:
{
	skip 'no IPv6', 3 if !IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
	set($node, 'pg_hello.listen_addresses' => '127.0.0.1, ::1');
	wait_until('it serves on IPv6', sub { serves([ '::1', $second ]) });
	ok(serves($second), 'both families');
	is(info($node, 'listen_addresses'), "127.0.0.1:$second, [::1]:$second", '... in SQL');
	is(http_connect([ '127.0.0.2', $second ]), undef, '... and no other');
}

set($node, 'pg_hello.listen_addresses' => '');
wait_until('nothing is served', sub { !http_connect($second) });
wait_until('SQL shows it', sub { info($node, 'port') eq '' });
is(info($node, 'listening, listen_addresses IS NULL, port IS NULL, worker_pid IS NULL'), 't|t|t|f',
	'an empty list: nothing is wanted, nothing is served, and the worker lives');

my ($status, undef, $stderr) = $node->psql('postgres', q{ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1,,::1'});
like($stderr, qr/empty element/, 'a malformed list is refused');
set($node, 'pg_hello.listen_addresses' => 'example.invalid');
wait_until('the error is seen', sub { info($node, 'listen_error') =~ /example\.invalid/ });
set($node, 'pg_hello.listen_addresses' => '127.0.0.1');
wait_until('it serves again', sub { serves($second) });

# --- a port that is taken --------------------------------------------------------------------------

my $blocker = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 5) or die $@;
my $taken = $blocker->sockport;
set($node, 'pg_hello.port' => $taken);
wait_until('the error is seen', sub { info($node, 'listen_error') =~ /127\.0\.0\.1:$taken: Address already in use/ });
is(info($node, 'listening, port IS NULL'), 'f|t', 'it does not serve');
is(http_connect($second), undef, '... nor on the old port');

my $failures = sub { metric(parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n"), 'pg_hello_http_bind_failures_total') };
my $seen = $failures->();
wait_until('it has been tried twice again', sub { $failures->() >= $seen + 2 });
is(count_in_log($node, qr/could not bind 127\.0\.0\.1:$taken\b/), 1, 'but the log has one line of it');
like(log_text($node), qr/HINT:  It will be tried again\. Is another server using the port\?/, '... with a hint');
my $reloads = count_in_log($node, qr/received SIGHUP/);
$node->reload foreach 1 .. 3;
wait_until('reloads are seen', sub { count_in_log($node, qr/received SIGHUP/) > $reloads });
$seen = $failures->();
wait_until('it has been tried again', sub { $failures->() > $seen });
is(count_in_log($node, qr/could not bind 127\.0\.0\.1:$taken\b/), 1, '... also after reloads that change nothing');
close $blocker;
wait_until('it is served when it is free', sub { serves($taken) });
is(info($node, 'listening, port, listen_error IS NULL'), "t|$taken|t", '... and SQL says so');
is(count_in_log($node, qr/serving metrics on http:\/\/127\.0\.0\.1:$taken\//), 1, '... and the log, once');
is(count_in_log($node, qr/could not bind 127\.0\.0\.1:$taken\b/), 1, '... after one line of the failure');

# --- one address of two ------------------------------------------------------------------------------

set($node, 'pg_hello.listen_addresses' => '127.0.0.1, 192.0.2.1');    # of a network that is nobody's
wait_until('the error is seen', sub { info($node, 'listen_error') =~ /192\.0\.2\.1:$taken: Cannot assign/ });
ok(serves($taken), 'the address that can be had serves');
is(info($node, 'listening, listen_addresses, port'), "f|127.0.0.1:$taken|$taken", '... and SQL tells them apart');
is(http_get($taken, '/readyz')->{status}, 200, '... the server is ready');
like(http_get($taken, '/health')->{body}, qr/"status": "warn"/, '... though not in full health');
set($node, 'pg_hello.listen_addresses' => '127.0.0.1');
wait_until('the error is gone', sub { info($node, 'listening, listen_error IS NULL') eq 't|t' });

# --- two servers on one port ------------------------------------------------------------------------

my $other = new_node('other', 'pg_hello.port' => $taken);
wait_until('the second server reports it', sub { info($other, 'listen_error') =~ /Address already in use/ });
is(count_in_log($other, qr/could not bind 127\.0\.0\.1:$taken\b/), 1, 'one line in its log');
ok(abs(metric(scrape($taken), 'pg_hello_worker_start_time_seconds') - info($node, 'extract(epoch FROM worker_started)')) < 0.01,
	'the first goes on, as itself');
$node->stop;
wait_until('the second server takes the port when the first is gone', sub { info($other, 'listening') eq 't' });
ok(serves($taken), '... and serves');

finish();
