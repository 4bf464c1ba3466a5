# pg_helloctl logs finds what a server's log has about pg_hello, in each format, and loses nothing when
# the log is rotated under it.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename);
use IPC::Run ();
use JSON::PP ();
use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a "b" [c]};
my $node = new_node('main', 'log_line_prefix' => '%m [%p] %q%u@%d ');
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
metrics_port($node);

sub fail_in
{
	my ($database, $number) = @_;
	my ($code, $out, $err) = $node->psql($database, "SELECT pg_hello($number, 'secret'::text)");
	like($err, qr/pg_hello.* does not exist/, 'a statement fails');
	return;
}

# Each SIEM's line, by its check.
sub events { return map { JSON::PP::decode_json($_) } split /\n/, $_[0]{out}; }

# --- the server says where its log is, though nothing collects it ---

ctl_is(ctl($node, 'logs'), 0, 'a log without trouble', qr/^ok: nothing about pg_hello in the log$/m);
is(ctl($node, '--json', 'logs')->{out}, '', '... is an empty stream of JSON');
fail_in('postgres', $_) foreach 1 .. 3;
fail_in($odd, 4);
my $found = ctl($node, 'logs');
ctl_is($found, 1, 'errors',
	qr/^warning: database "postgres": error: 3 times, first at \S+Z, last at \S+Z: ERROR: function pg_hello\(integer, text\) does not exist/m,
	qr/^warning: database "\Q$odd\E": error: at \S+Z: ERROR: function pg_hello/m);
unlike($found->{out}, qr/secret/, '... without the statements');
my ($three) = grep { $_->{count} == 3 } events(ctl($node, '--json', 'logs'));
is_deeply([ @$three{qw(check status level database)} ], [qw(error warning ERROR postgres)], 'an event for a SIEM');
ctl_is(ctl($node, 'logs', '--since', '2099-01-01'), 0, 'nothing is that new', qr/^ok: nothing/m);
ctl_is(ctl($node, 'logs', '--since', '1h'), 1, 'but all of it is younger than an hour', qr/3 times/);
ctl_is(ctl($node, 'logs', '--since', 'lately'), 3, 'no time', qr/^unknown: "lately" is neither a time/m);

# --- rotated and compressed files, and a crash in one of them ---

my $log = $node->logfile;
system('cp', $log, "$log.2") == 0 or die;
PostgreSQL::Test::Utils::append_to_file("$log.2",
	"2025-01-02 03:04:05.678 UTC [1] LOG:  background worker \"pg_hello metrics\" (PID 2) was terminated by signal 11: Segmentation fault\n"
	. "2025-01-02 03:04:05.679 UTC [3] FATAL:  could not access file \"pg_hello\": No such file or directory");
system('gzip', "$log.2") == 0 or die;
ctl_is(ctl($node, 'logs'), 2, 'old files count',
	qr/^critical: crash: at 2025-01-02T03:04:05\.678Z: LOG: background worker .*; hint: /m,
	qr/^critical: load: at 2025-01-02T03:04:05\.679Z: FATAL: could not access file "pg_hello".*; hint: /m,
	qr/^warning: database "postgres": error: 6 times/m);
ctl_is(ctl($node, 'logs', '--file', $log), 1, 'one file alone', qr/error: 4 times/);
ctl_is(ctl($node, 'logs', '--file', $log, '--prefix', '%m [%p] %q%u@%d ', '--file', "$log.2.gz"), 2, 'two of them',
	qr/^warning: database "postgres": error: 6 times/m);
unlink "$log.2.gz";
ctl_is(ctl($node, 'logs', '--file', "$log.9"), 3, 'a file that is not there',
	qr/^unknown: could not read "\Q$log\E\.9": No such file or directory$/m);

# --- following ---

# What `logs --follow` has said so far.
my ($follow, $said, $complained);
sub follow
{
	my ($server, @more) = @_;
	local $ENV{PGHOST} = $server->host;
	local $ENV{PGPORT} = $server->port;
	($said, $complained) = ('', '');
	$follow = IPC::Run::start([ qw(pg_helloctl --json logs --follow --again 1), @more ],
		'<', \undef, '>', \$said, '2>', \$complained);
	return;
}

# How often the statement that fails with this many arguments has been seen.
sub count_of
{
	my ($arguments) = @_;
	my $count = 0;
	foreach my $line (split /\n/, $said)
	{
		my $event = eval { JSON::PP::decode_json($line) } // next;
		$count = $event->{count} if $event->{message} =~ /pg_hello\($arguments\)/;
	}
	return $count;
}

sub fail_with
{
	my ($server, $types) = @_;
	my $arguments = join ', ', map { "NULL::$_" } split /, /, $types;
	$server->psql('postgres', "SELECT pg_hello($arguments)");
	return;
}

sub until_seen
{
	my ($types, $count) = @_;
	wait_until("$types is seen $count times, in: $said$complained", sub {
		$follow->pump_nb;
		return count_of($types) >= $count; });
	is(count_of($types), $count, "pg_hello($types): seen $count times");
	return;
}

sub until_following
{
	my ($server) = @_;
	# It begins at the log's end: something that it has seen shows that it is there.
	wait_until("it follows: $complained", sub {
		fail_with($server, 'bigint');
		$follow->pump_nb;
		return count_of('bigint') > 0; });
	return;
}

sub stop_following
{
	my ($code) = @_;
	$follow->signal('TERM');
	$follow->finish;
	is($follow->full_result(0) >> 8, $code, "told to stop, it ends with exit code $code");
	return;
}

follow($node);
until_following($node);
unlike($said, qr/integer/, 'what was there before is not told');
fail_with($node, 'date');
until_seen('date', 1);

# Renamed: the server goes on writing to the old file, and somebody begins a new one.
rename $log, "$log.1" or die $!;
fail_with($node, 'date') foreach 1 .. 2;
until_seen('date', 3);
PostgreSQL::Test::Utils::append_to_file($log,
	"2025-01-02 03:04:05.678 UTC [1] me\@new ERROR:  function pg_hello(money) does not exist\n");
until_seen('money', 1);
fail_with($node, 'date');
until_seen('date', 4);

# Copied and emptied, with lines that came between.
follow_stopped_while(sub {
	PostgreSQL::Test::Utils::append_to_file($log,
		"2025-01-02 03:04:06.000 UTC [1] me\@new ERROR:  function pg_hello(inet) does not exist\n");
	system('cp', $log, "$log.3") == 0 or die;
	truncate $log, 0;
	PostgreSQL::Test::Utils::append_to_file($log,
		"2025-01-02 03:04:07.000 UTC [1] me\@new ERROR:  function pg_hello(cidr) does not exist\n"); });
until_seen('inet', 1);
until_seen('cidr', 1);
is(count_of('money'), 1, '... and nothing is told again');
stop_following(1);

sub follow_stopped_while
{
	my ($work) = @_;
	$follow->signal('STOP');
	$work->();
	$follow->signal('CONT');
	return;
}

# --- the logging collector, in its other formats ---

foreach my $format (qw(stderr csvlog jsonlog))
{
	my $collected = new_node($format,
		'logging_collector' => 'on',
		'log_destination' => $format,
		'log_directory' => 'my log',
		'log_filename' => 'server-%Y-%m-%d_%H%M%S.log');
	fail_with($collected, 'text, text');
	ctl_is(ctl($collected, 'logs'), 1, $format,
		qr/^warning: (?:database "postgres": )?error: at \S+Z: ERROR: function pg_hello\(text, text\)/m);

	follow($collected, '--since', '1h');
	until_seen('text, text', 1);
	foreach my $round (1 .. 2)
	{
		fail_with($collected, 'date') foreach 1 .. 2;
		my $file = sub { return quiet_sql($collected, "SELECT pg_current_logfile('$format')"); };
		my $before = $file->();
		# The file is named after the second.
		wait_until('the log is rotated', sub {
			$collected->psql('postgres', 'SELECT pg_rotate_logfile()');
			return $file->() ne $before; });
		fail_with($collected, 'date');
	}
	until_seen('date', 6);
	my ($first) = glob($collected->data_dir . q{/my\ log/server-*});
	system('gzip', $first) == 0 or die;
	fail_with($collected, 'date');
	until_seen('date', 7);
	stop_following(1);
	ctl_is(ctl($collected, 'logs'), 1, "$format, with a compressed file", qr/ERROR: function pg_hello\(text, text\)/,
		qr/7 times, .*pg_hello\(date\)/);
	$collected->stop;
	ctl_is(ctl($collected, 'logs'), 2, 'server down', qr/^critical: connection to server .*; hint: name its file with --file$/m);
	ctl_is(ctl($collected, 'logs', map { ('--file', $_) } glob($collected->data_dir . q{/my\ log/server-*})), 1,
		'... and its files are read without it', qr/7 times, .*pg_hello\(date\)/);
}

# --- permissions ---

ctl_is(ctl($node, '-U', 'plain', 'logs'), 3, 'a role that may not know where the log is',
	qr/^unknown: permission denied .*; hint: GRANT pg_monitor to the role that asks, or name its file with --file$/m);
chmod 0, $log;
ctl_is(ctl($node, 'logs', '--file', $log), 3, 'a file that may not be read',
	qr/^unknown: could not read "\Q$log\E": Permission denied; hint: run it as the user who runs the server/m);
chmod 0600, $log;
rename "$log.1", $log;

finish();
