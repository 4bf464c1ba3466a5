# Databases are made, copied, renamed and dropped while they are probed all the time, and nobody
# hears of it.
use strict;
use warnings FATAL => 'all';

use Test::More;
use Time::HiRes qw(time);
use PgHello;
use PgHello::Probes;

my $node = new_node('main', 'pg_hello.probe_interval' => '1ms');
my $port = metrics_port($node);
sub skipped { return metric(scrape($port), 'pg_hello_probes_skipped_total', reason => $_[0]) }

# Others in a database make these wait for five seconds and then fail.
my @took;
sub prompt
{
	my ($sql) = @_;
	my $begin = time();
	my ($status, undef, $stderr) = $node->psql('postgres', $sql);
	is($status, 0, $sql) or diag $stderr;
	push @took, time() - $begin;
	return;
}

prompt('CREATE DATABASE pattern');
$node->safe_psql('pattern', 'CREATE EXTENSION pg_hello');
wait_for_probes($node, 'pattern', 'spi_version', 't');
foreach my $round (1 .. 8)
{
	my $visited = metric(scrape($port), 'pg_hello_probe_last_success_timestamp_seconds', datname => 'pattern', probe => 'connect');
	wait_until('it is visited', sub {
		my $now = metric(scrape($port), 'pg_hello_probe_last_success_timestamp_seconds', datname => 'pattern', probe => 'connect');
		return defined $now && $now > $visited;
	});
	prompt("CREATE DATABASE clone TEMPLATE pattern");
	prompt("ALTER DATABASE clone RENAME TO renamed");
	wait_for_probes($node, 'renamed', 'spi_version', 't');
	prompt("DROP DATABASE renamed");
}
# The machine may be slow at times, but not at half of them.
cmp_ok((sort { $a <=> $b } @took)[ @took / 2 ], '<', 4.5, 'this does not wait for sessions to leave');
wait_until('dropped databases are forgotten', sub { probes_of($node, 'renamed') eq '' && probes_of($node, 'clone') eq '' });

# While a database is renamed, dropped or copied, nobody can connect to it. That is not its fault.
unlike(log_text($node), qr/probes of database/, 'none of this is a failure of a database');
$node->append_conf('postgresql.conf', "pg_hello.probe_timeout = '400ms'");
$node->reload;
my $renaming = $node->background_psql('postgres');
wait_until('the rename begins', sub { !eval { $renaming->query_safe('BEGIN; ALTER DATABASE pattern RENAME TO renamed'); 1 } ? ($renaming->query('ROLLBACK'), 0)[1] : 1 });
my $busy = skipped('database_busy');
wait_until('visitors find it busy', sub { skipped('database_busy') > $busy });
like(probes_of($node, 'pattern'), qr/connect:t/, 'a database that is being renamed does not fail');
is(probes_of($node, 'postgres'), 'connect:t extension:t version:t pg_hello:t now_ms:t spi_version:t', '... and keeps nobody waiting');
$renaming->query_safe('COMMIT');
$renaming->quit;
wait_for_probes($node, 'renamed', 'spi_version', 't');

# Nor is that it lets nobody in.
$node->safe_psql('postgres', 'ALTER DATABASE renamed ALLOW_CONNECTIONS false');
wait_until('it is left alone', sub { probes_of($node, 'renamed') eq '' });
prompt('DROP DATABASE renamed WITH (FORCE)');

# One that is ended is made again; its end is nobody's failure and no crash.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION pg_hello');
wait_for_probes($node, 'other', 'spi_version', 't');
$node->safe_psql('other', q{CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(60)'});
my $interrupted = skipped('interrupted');
wait_until('a visitor is terminated', sub {
	quiet_sql($node, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_hello probe' AND datname = 'other'});
	return skipped('interrupted') > $interrupted;
});
prompt('DROP DATABASE other WITH (FORCE)');

unlike(log_text($node), qr/pg_hello probe|terminating background|is not currently accepting|does not exist/,
	'visitors leave nothing in the log, however they end');
finish();
