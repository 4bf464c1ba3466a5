# pg_helloctl health tells what operators meet from what is in order, in words and by its exit code.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $odd = q{a "b" 'c' host=nowhere \\ d};
my $node = new_node('main');
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql('postgres', q{CREATE DATABASE bare});
$node->safe_psql('postgres', q{CREATE DATABASE shop});
$node->safe_psql($odd, 'CREATE SCHEMA "my @.Own"; CREATE EXTENSION pg_hello SCHEMA "my @.Own"');
$node->safe_psql('shop', 'CREATE EXTENSION pg_hello');

# --- the command line ---

ctl_is(ctl($node, '--version'), 0, 'version', qr/^pg_helloctl \d+\.\d+$/m);
ctl_is(ctl($node, '--help'), 0, 'help', qr/^Examples:/m, qr/health/);
ctl_is(ctl($node), 3, 'no subcommand', qr/^pg_helloctl: error: .*\npg_helloctl: hint: /);
ctl_is(ctl($node, 'heal'), 3, 'no such subcommand', qr/^pg_helloctl: error: /);
ctl_is(ctl($node, 'health', '--watch', '0'), 3, 'watching without a pause', qr/^pg_helloctl: error: /);

# --- what is in order ---

my $good = ctl($node, 'health', 'shop', $odd, 'postgres');
ctl_is($good, 0, 'three databases in order',
	qr/^ok: pg_hello is preloaded$/m,
	qr/^ok: database "shop": extension pg_hello \S+ is installed$/m,
	qr/^ok: database "\Q$odd\E": now_ms\(\) answers$/m,
	qr/^ok: objective "availability": /m,
	qr/^ok: objective "latency": /m,
	qr/^ok: database "shop": library and extension are both of version/m);
is($good->{err}, '', 'nothing on standard error');
unlike($good->{out}, qr/\e/, 'no colours in a file');

my $json = ctl_json($node, 'health', $odd)->{json};
is($json->{status}, 'ok', 'JSON: status');
is_deeply(
	[ map { $_->{check} } grep { ($_->{database} // '') eq $odd } @{ $json->{findings} } ],
	[qw(installed functions functions functions versions)],
	'JSON: one finding for each check of a database');
is_deeply([ map { $_->{check} } grep { !defined $_->{database} } @{ $json->{findings} } ],
	[qw(preload objective objective objective)], '... and the server\'s objectives, once');

my $socket = $node->host;
$socket =~ s{/}{%2F}g;
ctl_is(ctl($node, '-d', "postgresql://$socket:" . $node->port . '/shop', 'health', 'shop'), 0, 'by URI');
ctl_is(ctl($node, '-h', $node->host, '-p', $node->port, '-d', 'shop', 'health', $odd), 0, 'by options');

# --- what is missing ---

ctl_is(ctl($node, 'health'), 1, 'a database without the extension, among all',
	qr/^warning: database "bare": extension pg_hello is not installed; hint: CREATE EXTENSION pg_hello$/m,
	qr/^ok: database "shop": pg_hello\(text\) answers$/m);
ctl_is(ctl($node, 'health', 'shop', 'bare', 'postgres'), 2, 'the same, named',
	qr/^critical: database "bare": extension pg_hello is not installed/m,
	qr/^ok: database "postgres": spi_version\(\) answers$/m);
ctl_is(ctl($node, 'health', 'shop', 'nosuch'), 2, 'a database that is not there',
	qr/^critical: database "nosuch": does not exist$/m);
$node->safe_psql('bare', q{CREATE EXTENSION pg_hello VERSION '1.0'});
ctl_is(ctl($node, 'health', 'bare'), 1, 'an extension older than the library',
	qr/^warning: .*the extension of 1\.0; hint: ALTER EXTENSION pg_hello UPDATE/m);
$node->safe_psql('bare', 'DROP EXTENSION pg_hello');

# --- objectives ---

ctl_is(ctl($node, 'health', 'shop', '--max-p95', '0.000001'), 1, 'a latency objective that is missed',
	qr/^warning: database "shop": p95 of .*, not below 1e-06 ms$/m);
$node->psql('shop', q{SET pg_hello.repeat = 1000; SELECT length(pg_hello(repeat('x', 3000000)))});
my $failed = $node->safe_psql('shop',
	q{SELECT sum(errors) FROM pg_hello_stats WHERE datname = 'shop' AND extension = 'pg_hello'});
cmp_ok($failed, '>', 0, 'a call of pg_hello() has failed');
ctl_is(ctl($node, 'health', 'shop', '--max-error-rate', '0.1'), 1, 'an error objective that is missed',
	qr/^warning: database "shop": $failed of \d+ calls ended in an error \(.* %\), not below 0\.1 %$/m);
ctl_is(ctl($node, 'health', 'shop', '--max-error-rate', '100', '--max-p95', '60000'), 0, 'an objective of one\'s own');

wait_until('the server has counted it', sub { ctl($node, 'health', 'shop')->{out} =~ /^warning: objective/m });
ctl_is(ctl($node, 'health', 'shop'), 1, 'the server\'s own objective',
	qr/^warning: objective "availability": 1 of \d+ calls in the last hour failed or were too slow \(.* %\), more than 0\.1 %$/m);
$node->append_conf('postgresql.conf', "pg_hello.slo = ''");
$node->reload;
wait_until('the server has none', sub { ctl($node, 'health', 'shop')->{out} !~ /objective/ });
like(ctl($node, 'health', 'shop')->{out}, qr/^warning: .* calls ended in an error \(.* %\), not below 0\.1 %$/m, 'without any, the guide\'s count');
like(ctl($node, 'health', 'shop', '--max-p95', '9000')->{out}, qr/p95 of .* ms, below 9000 ms$/m, '... or those that are asked for');
$node->append_conf('postgresql.conf', "pg_hello.slo = 'latency = 50%: *.pg_hello(text)'");
$node->reload;
wait_until('it has one again', sub { ctl($node, 'health', 'shop')->{out} =~ /^ok: objective "latency"/m });

# --- the endpoint ---

my $url = 'http://127.0.0.1:' . metrics_port($node);
ctl_is(ctl($node, 'health', 'postgres', '--url', $url), 0, 'endpoint', qr/^ok: \Q$url\E says pass$/m);
ctl_is(ctl($node, 'health', 'postgres', '--url', "$url/metrics"), 3, 'not the health page',
	qr/^unknown: .*answers with status 200, but not with a health report/m);
ctl_is(ctl($node, 'health', 'postgres', '--url', 'http://127.0.0.1:' . free_port()), 2, 'nobody there',
	qr/^critical: .*does not answer/m);
ctl_is(ctl($node, 'health', 'postgres', '--url', 'ftp://x'), 3, 'no URL of ours', qr/^unknown: .*http\[s\]:/m);

# --- permissions ---

$node->safe_psql('postgres', q{
	CREATE ROLE plain LOGIN;
	CREATE ROLE nobody LOGIN;
	CREATE ROLE locked LOGIN PASSWORD 'right';
	REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
});
$node->safe_psql('postgres', 'REVOKE EXECUTE ON FUNCTION now_ms() FROM PUBLIC');
ctl_is(ctl($node, '-U', 'plain', 'health', 'postgres'), 3, 'a role that may read no statistics',
	qr/^unknown: database "postgres": permission denied for .*; hint: GRANT pg_monitor to the role that asks$/m,
	qr/^unknown: database "postgres": now_ms\(\) fails: permission denied/m);
ctl_is(ctl($node, '-U', 'plain', 'health', 'shop'), 3, 'a role that may not connect to one',
	qr/^unknown: database "shop": .*permission denied for database "shop"/m);
ctl_is(ctl($node, '-U', 'missing', 'health'), 3, 'a role that is not there', qr/^unknown: .*role "missing" does not exist$/m);

ask_for_password($node, 'locked');
{
	local $ENV{PGPASSWORD} = 'wrong';
	my $done;
	wait_until('the password is asked for', sub {
		$done = ctl($node, '-U', 'locked', '-d', 'postgres', 'health', 'postgres');
		return $done->{out} =~ /password/; });
	ctl_is($done, 3, 'a wrong password', qr/^unknown: .*password authentication failed for user "locked"$/m);
}
{
	my $pgpass = $node->basedir . '/pgpass';
	PostgreSQL::Test::Utils::append_to_file($pgpass, "*:*:*:locked:right\n");
	chmod 0600, $pgpass;
	local $ENV{PGPASSFILE} = $pgpass;
	like(ctl($node, '-U', 'locked', 'health', 'postgres')->{out}, qr/^ok: database "postgres": extension/m,
		'the right one, from the password file');
}

# --- watching ---

{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($out, $err) = ('', '');
	my $watch = IPC::Run::start([qw(pg_helloctl --json health postgres --watch 1)], '<', \undef, '>', \$out, '2>', \$err);
	wait_until('two rounds were printed', sub { $watch->pump_nb; return $out =~ /\n.*\n/; });
	$watch->signal('TERM');
	$watch->finish;
	is($watch->full_result(0), 0, 'told to stop, it ends as the last round did');
	is(scalar(grep { JSON::PP::decode_json($_)->{status} eq 'ok' } split /\n/, $out), () = $out =~ /\n/g,
		'each round is a line of JSON');
}

# --- servers that cannot tell ---

my $unloaded = new_node('unloaded', -preload => 0);
ctl_is(ctl($unloaded, 'health', 'postgres'), 2, 'not preloaded',
	qr/^critical: pg_hello is not preloaded: .*; hint: add pg_hello to what shared_preload_libraries has already/m,
	qr/^ok: database "postgres": pg_hello\(text\) answers$/m);

$unloaded->stop;
ctl_is(ctl($unloaded, 'health', 'postgres'), 2, 'server down',
	qr/^critical: connection to server on socket .* failed: No such file or directory/m);
my $down = ctl_json($unloaded, 'health', 'postgres');
is($down->{json}{status}, 'critical', '... in JSON, too');

finish();
