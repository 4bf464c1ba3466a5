# Signals that others might send to the worker do not end it.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = free_port();
$node->append_conf('postgresql.conf', "pg_hello.port = $port");
$node->reload;
wait_until('it serves on a fixed port', sub { http_connect($port) });

my $pid = quiet_sql($node, 'SELECT worker_pid FROM pg_hello_info()');
my $heartbeat = sub { metric(scrape($port), 'pg_hello_worker_heartbeat_timestamp_seconds') };

foreach my $signal (qw(HUP INT USR1 USR2 ALRM PIPE URG))
{
	my $before = $heartbeat->();
	is(kill($signal, $pid), 1, "SIG$signal");
	wait_until('its loop turns', sub { $heartbeat->() > $before });
	is(metric(scrape($port), 'pg_hello_worker_restarts_total'), 0, '... and it lives');
}

my @storms = map {
	in_child(sub {
		while (1)
		{
			foreach my $signal (qw(HUP INT USR1 USR2 ALRM))
			{
				kill($signal, $pid) == 1 or die "the worker is gone\n";
				select(undef, undef, undef, 0.002);
			}
		}
	})
} 1 .. 2;
my $scrapes = 0;
$scrapes += @{ scrape($port)->{samples} } > 0 foreach 1 .. 300;
is($scrapes, 300, 'three hundred whole scrapes in a storm of signals');
is(stop_child($_), 0, 'the storm is over') foreach @storms;

is(quiet_sql($node, 'SELECT worker_pid, worker_restarts FROM pg_hello_info()'), "$pid|0", 'the same worker');

# pg_reload_conf() from SQL still reaches it.
my $other = free_port();
$node->safe_psql('postgres', "ALTER SYSTEM SET pg_hello.port = $other");
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
wait_until('it serves on another port', sub { http_connect($other) });
is(http_get($other, '/livez')->{status}, 200, 'a reload is seen after the storm');

finish();
