# A fast shutdown is not delayed by whoever is connected to the worker.
use strict;
use warnings FATAL => 'all';

use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(time);
use PgHello;

my $node = new_node('main');

sub stop_ms
{
	my $begin = time();
	$node->stop('fast');
	return (time() - $begin) * 1000;
}

# How long it takes with nobody there. Machines are busy at times, but what delays a stop does so each time.
my (@alone, @with_clients);
foreach my $round (1 .. 3)
{
	metrics_port($node);
	push @alone, stop_ms();
	$node->start;
}
note 'alone: ' . join ' ', map { sprintf '%.0f ms', $_ } @alone;

foreach my $round (1 .. 3)
{
	my $port = metrics_port($node);
	pipe(my $ready, my $say_ready) or die $!;
	my $clients = in_child(sub {
		my $open = sub { http_connect($port) // die "connect: $@" };
		my (@idle, @silent, @dripping);
		foreach (1 .. 50)
		{
			my $socket = $open->();
			syswrite($socket, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
			http_read($socket)->{status} == 200 or die 'no answer';
			push @idle, $socket;
		}
		push @silent, $open->() foreach 1 .. 50;
		push @dripping, $open->() foreach 1 .. 50;
		local $SIG{PIPE} = 'IGNORE';
		syswrite($_, 'GET /metrics HTTP/1.1') foreach @dripping;
		syswrite($say_ready, 'x');
		while (1)
		{
			syswrite($_, 'x') foreach @dripping;
			select(undef, undef, undef, 0.05);
		}
	});
	sysread($ready, my $signal, 1);
	my $connected = wait_until('all are connected', sub {
		my $count = metric(scrape($port), 'pg_hello_http_connections');
		return $count > 150 && $count });
	is($connected, 151, 'fifty idle, fifty silent, fifty dripping, and the one that counts them');

	push @with_clients, stop_ms();
	is(stop_child($clients), 0, "round $round: the clients were there to the end");

	$node->start;
	is(count_in_log($node, qr/not properly shut down/), 0, '... and the next start finds all in order');
}
note 'with clients: ' . join ' ', map { sprintf '%.0f ms', $_ } @with_clients;
cmp_ok(min(@with_clients), '<=', max(@alone) + 500, 'the stop takes at most 500 ms more with clients');
is(http_get($node, '/livez')->{status}, 200, 'serving again');

finish();
