# pg_helloctl diagnose finds what is wrong, says how to mend it, and changes nothing.
use strict;
use warnings FATAL => 'all';

use IO::Socket::IP;
use Test::More;
use PgHello;
use PgHelloCtl;

my $node = new_node('main');
$node->safe_psql('postgres', 'CREATE TABLE t ()');
$node->safe_psql('postgres', q{CREATE DATABASE "a ""b"});
$node->safe_psql('postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
metrics_port($node);

sub diagnose { return ctl($node, '-d', 'postgres', @_, 'diagnose'); }

# --- nothing is wrong ---

ctl_is(diagnose(), 0, 'a server in order',
	qr{^ok: /\S+/pg_hello\.so is there$}m,
	qr/^ok: version \S+ is available$/m,
	qr/^ok: pg_hello is preloaded$/m,
	qr/^ok: database "postgres": pg_hello\(text\) answers$/m,
	qr/^ok: the worker, process \d+, runs$/m,
	qr/^ok: metrics are served on 127\.0\.0\.1.*, port \d+$/m,
	qr/^ok: \d+ of at most 5000 functions are tracked$/m,
	qr/^ok: the counters take \d+ .B of shared memory, and in each backend at most \d+ kB/m,
	qr/^ok: no process waits for another's lock$/m);
is(ctl_json($node, '-d', 'postgres', 'diagnose')->{json}{status}, 'ok', 'in JSON, too');

# --- one database, one role ---

ctl_is(ctl($node, '-d', 'a "b', 'diagnose'), 2, 'an extension that is missing',
	qr/^critical: database "a "b": extension pg_hello is not installed; hint: CREATE EXTENSION pg_hello$/m);
is($node->safe_psql('a "b', 'SELECT count(*) FROM pg_extension WHERE extname = \'pg_hello\''), '0',
	'... and is so afterwards');
ctl_is(diagnose('-U', 'monitor'), 3, 'a role that may not see files',
	qr/^unknown: permission denied for .*; hint: to see the library's file, ask as a superuser$/m,
	qr/^ok: the worker, process \d+, runs$/m);
ctl_is(ctl($node, '-d', 'nosuch', 'diagnose'), 3, 'no such database',
	qr/^unknown: .*database "nosuch" does not exist; hint: check role, password, database/m);

# --- waiting ---

my $sql = 'BEGIN; LOCK TABLE t; SELECT pg_sleep(600)';
my @waiting = map { in_child(sub { exec 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql }) } 1 .. 2;
my $blocked = wait_until('one waits for the other', sub {
	my $done = diagnose();
	return $done->{out} =~ /waits for a lock/ ? $done : undef; });
ctl_is($blocked, 1, 'a process that waits for a lock',
	qr/^warning: database "postgres": process \d+ waits for a lock of process \d+; hint: pg_stat_activity/m);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE t; %' AND pid <> pg_backend_pid()}),
	'2', '... and is not ended');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'});
stop_child($_) foreach @waiting;

# --- the port ---

my $holder = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 1) or die $@;
$node->safe_psql('postgres', 'ALTER SYSTEM SET pg_hello.port = ' . $holder->sockport);
$node->reload;
my $busy = wait_until('the port is wanted', sub {
	my $done = diagnose();
	return $done->{code} == 2 ? $done : undef; });
ctl_is($busy, 2, 'a port that is taken',
	qr/^critical: metrics are not served: .*[Aa]ddress already in use.*; hint: free the address/m);
$node->stop;
ctl_is(diagnose(), 2, 'a server that is down',
	qr/^critical: connection to server .*; hint: is the server running, and are host and port right\?$/m);

# --- files ---

# A server of its own, so that its files can be taken away.
my $own = own_installation();
$node = new_node('bare', -preload => 0);
my ($library) = diagnose()->{out} =~ m{^ok: (/\S+/pg_hello\.so) is there$}m;
like($library, qr/^\Q$own\E/, 'the library of the server that was asked');
unlink $library or die $!;
unlink glob("$own/usr/share/postgresql/*/extension/pg_hello.control") or die $!;
ctl_is(diagnose(), 2, 'files that are missing',
	qr{^critical: \Q$library\E is not there: .*; hint: install it where pg_config --pkglibdir says}m,
	qr/^critical: the server finds no pg_hello\.control/m,
	qr/^critical: pg_hello is not preloaded/m,
	qr/^critical: database "postgres": pg_hello\(text\) fails: could not access file/m);

finish();
