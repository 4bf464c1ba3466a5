# pg_upgrade and pg_rewind work with pg_hello in both servers, find nothing of ours in their way, and
# no server starts with the numbers of another.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils ();
use Test::More;
use PgHello;

chomp(my $bindir = `pg_config --bindir`);
my $body = q{LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};
my $warning = qr/WARNING:  pg_hello: saved statistics/;

sub calls { my ($node, $name) = @_; return metric(scrape($node), 'pg_hello_function_calls_total', function => $name, datname => 'postgres'); }
sub reset_time { return metric(scrape($_[0]), 'pg_hello_stats_reset_timestamp_seconds'); }
sub file_of { return $_[0]->data_dir . '/pg_stat/pg_hello.stat'; }
sub run_ok
{
	my ($what, @command) = @_;
	my ($out, $err) = ('', '');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $done = IPC::Run::run(\@command, '<', \'', '>', \$out, '2>', \$err);
	ok($done, $what) or diag($out, $err);
	return;
}

# --- pg_upgrade --------------------------------------------------------------------------------------

foreach my $name ('copy', 'link')
{
	my @mode = $name eq 'link' ? '--link' : ();    # PostgreSQL 15 has no --copy
	my $old = new_node("old_$name");
	my $new = new_node("new_$name", -extension => 0);
	$old->safe_psql('postgres', "CREATE FUNCTION f() RETURNS int $body");
	$old->safe_psql('postgres', 'SELECT f(), f(), f()');
	my $old_since = reset_time($old);
	$old->stop;
	$new->stop;
	ok(-s file_of($old) && -s file_of($new), "pg_upgrade, $name: both servers have saved");

	# In a short directory of its own: it makes sockets and logs where it stands.
	my $work = PostgreSQL::Test::Utils::tempdir_short();
	chdir $work or die $!;
	run_ok('... it works', 'pg_upgrade', '--no-sync', @mode, '-b', $bindir, '-B', $bindir, '-d', $old->data_dir, '-D', $new->data_dir,
		'-s', $work, '-p', $old->port, '-P', $new->port, '-U', scalar getpwuid($>));
	chdir $ENV{TESTDIR} or die $!;

	my $before = time();
	$new->start;
	is(count_in_log($new, $warning), 1, '... the new server says that what it had saved is not its state any more');
	is(calls($new, 'f()'), undef, '... starts without numbers');
	cmp_ok(reset_time($new), '>=', $before - 1, '... since now');
	is($new->safe_psql('postgres', 'SELECT f(), pg_hello($$x$$)'), '1|Hello, x!', '... with the functions');
	is(calls($new, 'f()'), 1, '... and counts');
	is($new->safe_psql('postgres', 'SELECT count(*) > 0 FROM pg_hello_stats'), 't', '... its views work');
	$new->restart;
	is(calls($new, 'f()'), 1, '... and its own restart keeps them');

	if ($name eq 'copy')
	{
		$old->start;
		is(calls($old, 'f()'), undef, '... the old server, which pg_upgrade has run, begins anew');
		cmp_ok(reset_time($old), '>', $old_since, '... and says so');
	}
}

# --- pg_rewind ---------------------------------------------------------------------------------------

# From a server that runs, and from one that was stopped and has saved its numbers.
foreach my $source ('server', 'pgdata')
{
	my $one = new_node("one_$source", -init => [ allows_streaming => 1 ], 'wal_log_hints' => 'on', 'wal_keep_size' => '64MB');
	$one->safe_psql('postgres', "CREATE FUNCTION f() RETURNS int $body");
	$one->backup('backup');
	my $two = PostgreSQL::Test::Cluster->new("two_$source");
	$two->init_from_backup($one, 'backup', has_streaming => 1);
	adopt_node($two);
	$two->start;
	$one->wait_for_catchup($two, 'replay', $one->lsn('insert'));
	$two->promote;
	$two->safe_psql('postgres', "CHECKPOINT; CREATE FUNCTION only_two() RETURNS int $body");
	$two->safe_psql('postgres', 'SELECT f(), f(), only_two()');

	# The old primary goes on for a while by itself.
	$one->safe_psql('postgres', "CREATE FUNCTION only_one() RETURNS int $body");
	$one->safe_psql('postgres', 'SELECT f(), f(), f(), f(), only_one()');
	my $since = reset_time($one);
	$one->stop;
	ok(-s file_of($one), "pg_rewind --source-$source: the old primary has saved");
	my @from = ('--source-server', $two->connstr('postgres'));
	if ($source eq 'pgdata')
	{
		$two->stop;
		ok(-s file_of($two), '... and the new one');
		@from = ('--source-pgdata', $two->data_dir);
	}
	my $conf = PostgreSQL::Test::Utils::slurp_file($one->data_dir . '/postgresql.conf');
	run_ok('... it works', 'pg_rewind', '--no-sync', '--target-pgdata', $one->data_dir, @from);
	unlink $one->data_dir . '/postgresql.conf' or die $!;
	PostgreSQL::Test::Utils::append_to_file($one->data_dir . '/postgresql.conf', $conf);
	if ($source eq 'pgdata')
	{
		$two->start;
		is(join(' ', calls($two, 'f()'), calls($two, 'only_two()')), '2 1', '... the new primary goes on where it stood');
	}
	$one->enable_streaming($two);
	$one->start;
	is_deeply([ map { calls($one, $_) } 'f()', 'only_one()', 'only_two()' ], [ undef, undef, undef ],
		'... the rewound server starts without numbers, its own or those of the other');
	cmp_ok(reset_time($one), '>', $since, '... since now');
	ok(!-e file_of($one), '... and no file is left');
	wait_until('it takes connections', sub { ($one->psql('postgres', 'SELECT 1'))[0] == 0 });
	$two->wait_for_catchup($one, 'replay', $two->lsn('insert'));
	is($one->safe_psql('postgres', 'SELECT f(), only_two()'), '1|1', '... as a standby of the new primary');
	is(calls($one, 'f()'), 1, '... and counts');
	$one->restart;
	is(calls($one, 'f()'), 1, '... and its own restart keeps them');
}

# --- base backups ------------------------------------------------------------------------------------

# Of a server that has restarted cleanly, with numbers that it had saved; and that standby's own backup.
{
	my $primary = new_node('restarted', -init => [ allows_streaming => 1 ]);
	$primary->safe_psql('postgres', "CREATE FUNCTION f() RETURNS int $body");
	$primary->safe_psql('postgres', 'SELECT f()');
	$primary->restart;
	is(calls($primary, 'f()'), 1, 'a server that has restarted cleanly');
	$primary->backup('one');
	is_deeply([ glob($primary->backup_dir . '/one/pg_stat/*') ], [], '... its base backup carries nothing of ours');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($primary, 'one', has_streaming => 1);
	adopt_node($standby);
	$standby->start;
	is(calls($standby, 'f()'), undef, '... a server from it starts without numbers');
	is(count_in_log($standby, $warning), 0, '... and without a word');
	wait_until('the standby takes connections', sub { ($standby->psql('postgres', 'SELECT f()'))[0] == 0 });
	$standby->restart;
	is(calls($standby, 'f()'), 1, 'a standby that has restarted cleanly');
	$standby->backup('two');
	is_deeply([ glob($standby->backup_dir . '/two/pg_stat/*') ], [], '... its base backup carries nothing of ours either');
}

finish();
