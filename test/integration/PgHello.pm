# What the integration tests share: servers with pg_hello in them, an HTTP client that can also
# misbehave, a strict reader of the exposition, and waits with a deadline.
#
# A test ends with finish(), which stops its servers, looks into their logs for signs of a crash and
# ends the plan. A test that crashes a server on purpose says so with allow_in_log().
package PgHello;

use strict;
use warnings FATAL => 'all';

use Carp qw(croak confess);
use Exporter qw(import);
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();

our @EXPORT = qw(
  new_node adopt_node allow_in_log finish assert_no_crash
  quiet_sql create_test_functions log_text count_in_log
  start_again wait_until in_child stop_child free_port
  metrics_port http_connect http_read http_get http_raw
  scrape parse_exposition metric calls_of ns_of series_texts families_of
);

# Nothing in a test takes this long; a wait that does has failed.
our $deadline_s = 90;

my @nodes;    # [node, {start => byte of its log's beginning, allowed => [regexes]}]

# --- servers -----------------------------------------------------------------------------------

# A server with pg_hello in it, on a port of the system's choice. %conf: settings, and
#   -preload   => 0       not in shared_preload_libraries
#   -extension => 0       no CREATE EXTENSION
#   -start     => 0       only made, neither of the above has been started
#   -init      => [...]   arguments of PostgreSQL::Test::Cluster::init()
#   -new       => [...]   ... and of its new()
sub new_node
{
	my ($name, %conf) = @_;
	my %do = (preload => 1, extension => 1, start => 1, init => [], new => []);
	foreach my $option (grep { /^-/ } keys %conf)
	{
		$do{ substr($option, 1) } = delete $conf{$option};
	}
	my $node = PostgreSQL::Test::Cluster->new($name, @{ $do{new} });
	$node->init(@{ $do{init} });
	my %settings = (
		'log_statement' => 'none',    # the harness' "all" would fill the disk under pgbench
		'log_disconnections' => 'off',
		'log_connections' => 'off',
		'fsync' => 'off',
		($do{preload}
			? ('shared_preload_libraries' => 'pg_hello', 'pg_hello.port' => 0)
			: ()),
		%conf);
	configure($node, %settings);
	adopt_node($node);
	if ($do{start})
	{
		$node->start;
		$node->safe_psql('postgres', 'CREATE EXTENSION pg_hello') if $do{extension};
	}
	return $node;
}

sub configure
{
	my ($node, %settings) = @_;
	foreach my $name (sort keys %settings)
	{
		(my $value = $settings{$name}) =~ s/'/''/g;
		$node->append_conf('postgresql.conf', "$name = '$value'");
	}
	return;
}

# finish() looks after a server that was made in another way.
sub adopt_node
{
	my ($node) = @_;
	push @nodes, [ $node, [] ];
	return $node;
}

# What the test does on purpose to this server.
sub allow_in_log
{
	my ($node, @regexes) = @_;
	foreach my $entry (@nodes)
	{
		push @{ $entry->[1] }, @regexes if $entry->[0] == $node;
	}
	return;
}

sub log_text
{
	my ($node) = @_;
	return -e $node->logfile ? PostgreSQL::Test::Utils::slurp_file($node->logfile) : '';
}

sub count_in_log
{
	my ($node, $regex) = @_;
	my $count = () = log_text($node) =~ /$regex/g;
	return $count;
}

my $crash = qr/terminated\ by\ signal
	| PANIC
	| was\ not\ properly\ shut\ down
	| server\ process\ .*\ exited\ with\ exit\ code\ [^01]
	| TRAP:/x;

sub assert_no_crash
{
	my ($node, @allowed) = @_;
	my @found = grep { /$crash/ } split /\n/, log_text($node);
	foreach my $allowed (@allowed)
	{
		@found = grep { !/$allowed/ } @found;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join("\n", @found), '', $node->name . ': no sign of a crash in the log');
	return;
}

sub finish
{
	foreach my $entry (@nodes)
	{
		my ($node, $allowed) = @$entry;
		$node->stop('fast', fail_ok => 1) if defined $node->{_pid};
		assert_no_crash($node, @$allowed);
	}
	done_testing();
	return;
}

# --- SQL ---------------------------------------------------------------------------------------

# The answer to a query that must leave no trace in the statistics.
sub quiet_sql
{
	my ($node, $sql, $database) = @_;
	return $node->safe_psql($database // 'postgres', "SET pg_hello.track = none;\n$sql");
}

# The functions of test/modules/pg_hello_test.cpp.
sub create_test_functions
{
	my ($node, $database) = @_;
	$node->safe_psql(
		$database // 'postgres', q{
		CREATE FUNCTION noop(int4) RETURNS int4 AS 'pg_hello_test', 'pg_hello_test_noop'
			LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
		CREATE FUNCTION noop_volatile(int4) RETURNS int4 AS 'pg_hello_test', 'pg_hello_test_noop'
			LANGUAGE C STRICT VOLATILE PARALLEL SAFE;
		CREATE FUNCTION raise(sqlstate text) RETURNS int4 AS 'pg_hello_test', 'pg_hello_test_raise'
			LANGUAGE C STRICT VOLATILE;
		CREATE FUNCTION srf(n int4) RETURNS SETOF int4 AS 'pg_hello_test', 'pg_hello_test_srf'
			LANGUAGE C STRICT VOLATILE;
		CREATE FUNCTION spin_ms(ms int4) RETURNS void AS 'pg_hello_test', 'pg_hello_test_spin_ms'
			LANGUAGE C STRICT VOLATILE;
		CREATE FUNCTION events() RETURNS text AS 'pg_hello_test', 'pg_hello_test_events'
			LANGUAGE C STRICT VOLATILE;
		CREATE FUNCTION next_oid(oid) RETURNS void AS 'pg_hello_test', 'pg_hello_test_next_oid'
			LANGUAGE C STRICT VOLATILE;
	});
	return;
}

# Starts a server whose postmaster was killed: its other processes may still be about to end.
sub start_again
{
	my ($node) = @_;
	wait_until($node->name . ' starts again', sub { $node->start(fail_ok => 1) });
	return;
}

# --- waiting -----------------------------------------------------------------------------------

# Asks until the answer is true and returns it; croaks when the deadline has passed.
sub wait_until
{
	my ($what, $question, $seconds) = @_;
	my $end = time() + ($seconds // $deadline_s);
	while (1)
	{
		my $answer = $question->();
		return $answer if $answer;
		confess "gave up waiting until $what" if time() > $end;
		select(undef, undef, undef, 0.02);
	}
}

my @children;

# Whatever becomes of the test, its children end with it.
END
{
	my $status = $?;
	kill 'TERM', @children if @children;
	$? = $status;
}

# Runs a piece of the test in another process until stop_child(), or until it ends.
sub in_child
{
	my ($work) = @_;
	my $pid = fork() // croak "could not fork: $!";
	if ($pid)
	{
		push @children, $pid;
		return $pid;
	}
	$SIG{TERM} = 'DEFAULT';
	eval { $work->(); 1 } or do { print STDERR "child: $@"; POSIX::_exit(1) };
	POSIX::_exit(0);
}

# The child's exit status; 0 is also what a child that was told to stop has.
sub stop_child
{
	my ($pid) = @_;
	@children = grep { $_ != $pid } @children;
	kill 'TERM', $pid;
	waitpid($pid, 0);
	return ($? & 127) == POSIX::SIGTERM() ? 0 : $?;
}

sub free_port { return PostgreSQL::Test::Cluster::get_free_port(); }

# --- HTTP --------------------------------------------------------------------------------------

# The port on which the server's worker says that it serves now. Asks the log, so that asking
# changes no statistics and needs no extension; waits until there is one.
sub metrics_port
{
	my ($node) = @_;
	return wait_until(
		$node->name . ' serves metrics',
		sub {
			my $port;
			foreach my $line (split /\n/, log_text($node))
			{
				$port = $1 if $line =~ m{serving metrics on https?://.*?:(\d+)[,/]};
				$port = undef
				  if $line =~ /no\ longer\ serving\ metrics\ on\ (?!unix:)
					| starting\ PostgreSQL
					| reinitializing
					| background\ worker\ "pg_hello\ metrics"\ \(PID/x;
			}
			return $port;
		});
}

# A port, an [address, port], a Unix socket's path, or a server to ask for its port.
sub http_connect
{
	my ($where) = @_;
	return IO::Socket::UNIX->new(Peer => $where, Type => SOCK_STREAM) if $where =~ m{\A/};
	my ($host, $port) =
	    !ref $where ? ('127.0.0.1', $where)
	  : ref $where eq 'ARRAY' ? @$where
	  :                         ('127.0.0.1', metrics_port($where));
	return IO::Socket::IP->new(
		PeerHost => $host,
		PeerPort => $port,
		Type => SOCK_STREAM,
		Timeout => 10);
}

# Reads one response, or with `until_close` all that comes. undef if the other side closed without
# a word. `head`: the response has no body, whatever its Content-Length says.
sub http_read
{
	my ($socket, %how) = @_;
	my $end = time() + ($how{seconds} // 30);
	my $buffer = '';
	while (1)
	{
		if (!$how{until_close} && $buffer =~ /\A(.*?\r\n\r\n)/s)
		{
			my $size = length $1;
			$size += $1 if !$how{head} && $buffer =~ /\A.*?^Content-Length: (\d+)\r$/msi;
			last if length $buffer >= $size;
		}
		croak "no whole response in time, only: $buffer" if time() > $end;
		next if !IO::Select->new($socket)->can_read(0.1);
		my $read = sysread($socket, $buffer, 1 << 20, length $buffer);
		last if !$read;
	}
	return if $buffer eq '';
	my ($head, $body) = split /\r\n\r\n/, $buffer, 2;
	my ($status_line, @fields) = split /\r\n/, $head;
	my %headers;
	foreach my $field (@fields)
	{
		my ($name, $value) = $field =~ /\A([^:]+):\s*(.*)\z/ or croak "bad header: $field";
		$headers{ lc $name } = $value;
	}
	my ($status) = $status_line =~ m{\AHTTP/1\.1 (\d{3}) } or croak "bad status: $status_line";
	return { status => $status, headers => \%headers, body => $body, text => $buffer };
}

# Sends these bytes, and reads what comes until the other side closes.
sub http_raw
{
	my ($where, $bytes, %how) = @_;
	my $socket = http_connect($where) or croak "could not connect: $@";
	local $SIG{PIPE} = 'IGNORE';
	syswrite($socket, $bytes);
	return http_read($socket, until_close => 1, %how);
}

sub http_get
{
	my ($where, $path, %how) = @_;
	my $method = $how{method} // 'GET';
	my $more = join '', map { "$_\r\n" } @{ $how{headers} // [] };
	return http_raw($where, "$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$more\r\n",
		head => $method eq 'HEAD');
}

# --- the exposition ----------------------------------------------------------------------------

# Reads text format 0.0.4 and croaks at the first thing that is not as it should be: a line that is
# none, a sample outside its family, HELP or TYPE missing or given twice, two equal series, bytes
# that are not UTF-8. Values stay texts, so that they can be compared exactly.
sub parse_exposition
{
	my ($text) = @_;
	my $copy = $text;
	utf8::decode($copy) or croak 'the exposition is not valid UTF-8';
	croak 'the exposition does not end with a newline' if $copy !~ /\n\z/;

	my (@samples, %families, %seen, $family);
	foreach my $line (split /\n/, $copy)
	{
		if ($line =~ /\A# HELP ([a-zA-Z_:][\w:]*) (.+)\z/)
		{
			croak "second HELP of $1" if $families{$1};
			$family = $families{$1} = { name => $1, help => $2 };
		}
		elsif ($line =~ /\A# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)\z/)
		{
			croak "TYPE of $1 without its HELP" if !$family || $family->{name} ne $1;
			croak "second TYPE of $1" if $family->{type};
			$family->{type} = $2;
		}
		elsif ($line =~ /\A([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[-+]?\d+)?|NaN|[-+]Inf)\z/)
		{
			my ($name, $label_text, $value) = ($1, $2 // '', $3);
			my $own = $name;
			$own =~ s/_(?:bucket|sum|count)\z// if ($family->{type} // '') eq 'histogram';
			croak "sample outside its family: $line" if !$family->{type} || $own ne $family->{name};
			my %labels;
			my $rest = $label_text;
			while ($rest =~ s/\A([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\n])*)"(?:,|\z)//)
			{
				croak "label $1 twice: $line" if exists $labels{$1};
				my ($label, $quoted) = ($1, $2);
				$quoted =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
				$labels{$label} = $quoted;
			}
			croak "bad labels: $line" if $rest ne '';
			my $series = join "\0", $name, map { "$_\0$labels{$_}" } sort keys %labels;
			croak "two equal series: $line" if $seen{$series}++;
			push @samples, { name => $name, labels => \%labels, value => $value };
		}
		else
		{
			croak "not a line of the exposition: $line";
		}
	}
	foreach my $one (values %families)
	{
		croak "no TYPE of $one->{name}" if !$one->{type};
	}
	return { samples => \@samples, families => \%families, text => $text };
}

# What /metrics says now. A port or a server.
sub scrape
{
	my ($where) = @_;
	my $response = http_get($where, '/metrics');
	croak 'no answer from /metrics' if !$response;
	croak "status $response->{status} from /metrics" if $response->{status} != 200;
	return parse_exposition($response->{body});
}

# The value of the one series that has these labels, perhaps among others; undef if there is none.
sub metric
{
	my ($scrape, $name, %labels) = @_;
	my @found = grep {
		my $sample = $_;
		$sample->{name} eq $name
		  && !grep { ($sample->{labels}{$_} // "\0") ne $labels{$_} } keys %labels
	} @{ $scrape->{samples} };
	confess "several series of $name have these labels" if @found > 1;
	return @found ? $found[0]{value} : undef;
}

# Finished calls of a function by its signature, 0 if it is unknown.
sub calls_of
{
	my ($scrape, $function, %labels) = @_;
	return metric($scrape, 'pg_hello_function_calls_total', function => $function, %labels) // 0;
}

# Seconds with up to nine decimals -> a whole number of nanoseconds, exactly.
sub ns_of
{
	my ($seconds) = @_;
	my ($whole, $decimals) = $seconds =~ /\A(\d+)(?:\.(\d{1,9}))?\z/
	  or croak "not a number of seconds with nanoseconds: $seconds";
	return $whole * 1_000_000_000 + substr(($decimals // '') . '0' x 9, 0, 9);
}

# All series of the metrics whose names match, as sorted texts, to compare as a whole.
sub series_texts
{
	my ($scrape, $regex) = @_;
	my @texts;
	foreach my $sample (grep { $_->{name} =~ $regex } @{ $scrape->{samples} })
	{
		my $labels = $sample->{labels};
		push @texts,
		  "$sample->{name}\{" . join(',', map { "$_=$labels->{$_}" } sort keys %$labels)
		  . "} $sample->{value}";
	}
	return [ sort @texts ];
}

sub families_of
{
	my ($scrape) = @_;
	return sort keys %{ $scrape->{families} };
}

1;
