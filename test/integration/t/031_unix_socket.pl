# The Unix socket: who may open it, and that it comes and goes with its server.
use strict;
use warnings FATAL => 'all';

use File::Temp ();
use Test::More;
use PgHello;

my $folder = File::Temp::tempdir('/tmp/pg_hello_031_XXXXXX', CLEANUP => 1);
my $path = "$folder/s";
my $node = new_node('main',
	'pg_hello.unix_socket_path' => $path,
	'pg_hello.auth_token_file' => 'none');
my $port = metrics_port($node);

sub set
{
	my ($server, %settings) = @_;
	$server->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	$server->reload;
	return;
}
sub info { return quiet_sql($_[0], "SELECT $_[1] FROM pg_hello_info()") }
sub serves { my $socket = http_connect($path); return $socket && http_get($path, '/metrics')->{status} == 200 }
sub mode { return sprintf '%04o', (stat $path)[2] & 07777 }

# --- who may open it -----------------------------------------------------------------------------------

wait_until('it serves', sub { serves() });
is(mode(), '0700', 'the server\'s user may open it');
is(http_get($port, '/metrics')->{status}, 401, 'what needs a token by TCP');
is(calls_of(scrape($path), 'x()'), 0, '... needs none here: a whole exposition');
is(http_raw($path, "GET /livez HTTP/1.1\r\nHost: any.name\r\nConnection: close\r\n\r\n")->{status}, 200, '... nor a known name');
is(info($node, 'listen_addresses'), "127.0.0.1:$port, unix:$path", 'SQL shows it');
is(count_in_log($node, qr{serving metrics on unix:\Q$path\E$}m), 1, '... and the log');
is($node->safe_psql('postgres', 'SHOW pg_hello.unix_socket_permissions'), '0700', 'the mode is shown as such');
set($node, 'pg_hello.unix_socket_permissions' => '0666');
wait_until('the mode is another after a reload', sub { -S $path && mode() eq '0666' && serves() });

# --- two servers, one path -------------------------------------------------------------------------------

my $other = new_node('other', 'pg_hello.unix_socket_path' => $path);
my $busy = qr/could not bind Unix socket "\Q$path\E": Address already in use \(its lock file could not be taken\)/;
wait_until('the second server reports it', sub { info($other, 'listen_error') =~ $busy });
is(http_get(metrics_port($other), '/livez')->{status}, 200, '... and serves by TCP');
ok(abs(metric(scrape($path), 'pg_hello_worker_start_time_seconds') - info($node, 'extract(epoch FROM worker_started)')) < 0.01,
	'the first goes on, as itself');
$node->stop;
wait_until('the second takes it when the first is gone', sub { info($other, 'listening') eq 't' });
ok(serves(), '... and serves');
is(count_in_log($other, $busy), 1, 'one line in its log');

# --- gone with its server ----------------------------------------------------------------------------------

set($other, 'pg_hello.unix_socket_path' => '');
wait_until('it is removed when it is no longer wanted', sub { !-e $path && !-e "$path.lock" });
set($other, 'pg_hello.unix_socket_path' => $path);
wait_until('it is there again', sub { serves() });
$other->stop('immediate');
allow_in_log($other, qr/was not properly shut down/);
ok(-S $path, 'a server that was stopped the hard way leaves it');
is(http_connect($path), undef, '... and nobody listens there');
$other->start;
wait_until('its next start replaces it', sub { serves() });
$other->stop;
ok(!-e $path && !-e "$path.lock", 'a stop removes it');

open my $file, '>', $path or die $!;
print $file 'precious';
close $file;
$other->start;
wait_until('a file in its place is an error',
	sub { info($other, 'listen_error') =~ /could not bind Unix socket "\Q$path\E": File exists \(what is there is not a socket\)/ });
$other->stop;
is(-s $path, 8, '... and stays as it is');

finish();
