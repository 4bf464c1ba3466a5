# Counters go on over a clean restart, exactly; whatever else happens, they start at zero and say so.
use strict;
use warnings FATAL => 'all';

use File::Copy qw(copy);
use PostgreSQL::Test::Utils ();
use Test::More;
use Time::HiRes qw(sleep);
use PgHello;

my $node = new_node('main', -init => [ allows_streaming => 1 ]);
allow_in_log($node, qr/was not properly shut down/);
my $file = $node->data_dir . '/pg_stat/pg_hello.stat';
my $temporary = "$file.tmp";
my $warning = qr/WARNING:  pg_hello: saved statistics/;

$node->safe_psql('postgres', 'CREATE DATABASE other');
my $functions = q{
	CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION recursive(n int) RETURNS int LANGUAGE plpgsql AS
		'BEGIN IF n > 0 THEN PERFORM recursive(n - 1); END IF; RETURN n; END';
	CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.03); RETURN 1; END';
	CREATE FUNCTION fail(sqlstate text) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION USING ERRCODE = fail.sqlstate; END';
	CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE plpgsql AS
		'BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END';
};
$node->safe_psql($_, $functions) foreach ('postgres', 'other');

sub work
{
	$node->safe_psql('postgres', 'SELECT f() FROM generate_series(1, 200)');
	$node->safe_psql('postgres', 'SELECT recursive(20), slow(), (SELECT count(*) FROM rows(50))');
	$node->safe_psql('other', 'SELECT f(), f(), recursive(3)');
	$node->psql('postgres', "SELECT fail('$_')") foreach ('22012', '22012', 'P0001', '57014');
	return;
}

# All that is kept, as texts. A port or a server.
sub kept
{
	return series_texts(scrape($_[0] // $node),
		qr/\Apg_hello_(?:function_(?!active)|overflow|stats_reset|tracked)/);
}
sub in_sql
{
	return quiet_sql($node, q{SELECT datname, function, calls, errors, canceled, error_origins, iterations, total_time,
		self_time, mean_time, min_time, max_time, stddev_time, p50, p99, stats_since FROM pg_hello_stats ORDER BY 1, 2});
}
sub reset_time { return metric(scrape($node), 'pg_hello_stats_reset_timestamp_seconds'); }
sub calls { return metric(scrape($node), 'pg_hello_function_calls_total', function => 'f()', datname => 'postgres') // 0; }

# --- a clean restart -------------------------------------------------------------------------------

work();
ok(!-e $file, 'while the server runs there is no file');
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query('SELECT f(), recursive(2)');    # still connected at the end
my ($kept, $in_sql) = (kept(), in_sql());
cmp_ok(scalar(grep { /_bucket/ } @$kept), '>', 50, 'there are histograms');
ok(scalar(grep { /error_origins.*sqlstate_class=22.* 2\z/ } @$kept), '... and errors');
$node->stop('fast');
eval { $session->quit };
ok(-s $file, 'after a fast shutdown there is a file');
ok(!-e $temporary, '... and no other');
is((stat $file)[2] & 0777, 0600, '... that others cannot read');
$node->start;
is_deeply(kept(), $kept, 'every series goes on where it stood');
is(in_sql(), $in_sql, '... and in SQL');
ok(!-e $file, 'the file is gone');
is(metric(scrape($node), 'pg_hello_worker_restarts_total'), 0, 'the worker counts anew');
{
	my $before = calls();
	work();
	is(calls(), $before + 200, 'calls are counted on');
	is(metric(scrape($node), 'pg_hello_function_error_origins_total', function => 'fail(text)', sqlstate_class => '22'),
		4, '... and errors');
}
$kept = kept();
foreach my $mode ('smart', 'fast', 'fast')
{
	$node->stop($mode);
	$node->start;
}
is_deeply(kept(), $kept, 'three more restarts');
is(count_in_log($node, $warning), 0, 'no word of it in the log');

# A stand-alone server is between them; it takes the numbers and gives them back.
$node->stop;
PostgreSQL::Test::Utils::run_log([ 'postgres', '--single', '-D', $node->data_dir, 'postgres' ],
	'<', \'SELECT f();', '>', \my $out, '2>', \my $err);
ok(-e $file, 'a stand-alone server saves') or diag $out, $err;
{
	my $before = () = grep { /calls_total.*datname=postgres,function=f\(\)/ } @$kept;
	is($before, 1, 'f() was called before');
	$node->start;
	my ($was) = map { / (\d+)\z/ } grep { /calls_total.*datname=postgres,function=f\(\)/ } @$kept;
	is(calls(), $was + 1, '... and counts');
}

# --- ends that are not clean -----------------------------------------------------------------------

sub expect_zero
{
	my ($what, $since) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(calls(), 0, "$what: counters start at zero");
	cmp_ok(reset_time(), '>', $since, '... and say since when');
	ok(!-e $file && !-e $temporary, '... and no file is left');
	work();
	return;
}

my $since = reset_time();
$node->stop('immediate');
ok(!-e $file, 'an immediate shutdown saves nothing');
$node->start;
expect_zero('an immediate shutdown', $since);

$since = reset_time();
my @pids = ($node->{_pid}, quiet_sql($node, 'SELECT worker_pid FROM pg_hello_info()'));
$node->kill9;
wait_until('postmaster and worker are gone', sub { !kill 0, @pids });
start_again($node);
expect_zero('kill -9', $since);
is(count_in_log($node, $warning), 0, 'no warning: there was nothing to load');

# --- files that are not right ----------------------------------------------------------------------

sub spoil
{
	my ($what, $detail, $change) = @_;
	my $before = count_in_log($node, $warning);
	my $time = reset_time();
	$node->stop;
	$change->();
	$node->start;
	is(count_in_log($node, $warning), $before + 1, "$what: exactly one warning");
	like(log_text($node), qr/DETAIL:  $detail/, '... that says why');
	expect_zero($what, $time);
	return;
}
sub rewrite
{
	my ($change) = @_;
	my $bytes = PostgreSQL::Test::Utils::slurp_file($file);
	$change->($bytes);
	open my $out, '>:raw', $file or die $!;
	print $out $bytes;
	close $out or die $!;
	return;
}
spoil('a flipped byte', 'The file is damaged: its checksum', sub {
	rewrite(sub { substr($_[0], length($_[0]) / 2, 1) ^= "\x10" }) });
spoil('half a file', 'The file is damaged: The file\'s length', sub {
	rewrite(sub { $_[0] = substr($_[0], 0, length($_[0]) / 2) }) });
spoil('an empty file', 'The file was not written by pg_hello', sub { rewrite(sub { $_[0] = '' }) });
spoil('another format', 'The file\'s format version is 77', sub { rewrite(sub { substr($_[0], 8, 1) = 'M' }) });

$node->stop;
copy($file, "$file.old") or die $!;
$node->start;
spoil('an older file', 'The server has run', sub { rename "$file.old", $file or die $! });

# Made by another server.
my $other = new_node('other', -extension => 0);
$other->stop;
spoil("another server's file", 'The file\'s system identifier', sub {
	copy($other->data_dir . '/pg_stat/pg_hello.stat', $file) or die $! });

# --- the setting -----------------------------------------------------------------------------------

sub set
{
	my ($setting) = @_;
	$node->append_conf('postgresql.conf', $setting);
	return;
}
my $warnings = count_in_log($node, $warning);
$since = reset_time();
set('pg_hello.save = off');
$node->reload;
wait_until('the reload is seen', sub { quiet_sql($node, 'SHOW pg_hello.save') eq 'off' });
sleep 0.2;
$node->stop;
ok(!-e $file, 'save = off at the end: nothing is written');
set('pg_hello.save = on');
$node->start;
expect_zero('save = off at the end', $since);

$since = reset_time();
$node->stop;
ok(-e $file, 'save = on at the end');
set('pg_hello.save = off');
$node->start;
expect_zero('save = off at the start', $since);
set('pg_hello.save = on');
$node->reload;
wait_until('the reload is seen', sub { quiet_sql($node, 'SHOW pg_hello.save') eq 'on' });
sleep 0.2;
$kept = kept();
$node->restart;
is_deeply(kept(), $kept, 'switched on while running');
is(count_in_log($node, $warning), $warnings, 'none of it is worth a warning');

# --- fewer rows ------------------------------------------------------------------------------------

my $functions_before = metric(scrape($node), 'pg_hello_tracked_functions');
my @before = @{ kept() };
$node->stop;
set('pg_hello.max_functions = 3');
$node->start;
is(count_in_log($node, $warning), $warnings + 1, 'fewer rows: exactly one warning');
like(log_text($node), qr/DETAIL:  There is room for 3 of $functions_before functions/, '... with numbers');
is(metric(scrape($node), 'pg_hello_tracked_functions'), 3, '... those that fit are there');
{
	my %then = map { $_ => 1 } @before;
	is(scalar(grep { /function_calls_total/ && $then{$_} } @{ kept() }), 3, '... with their calls');
}
work();    # calls without a row: overflow
{
	my $overflow = sub { metric(scrape($node), 'pg_hello_overflow_calls_total', datname => 'postgres') };
	my $full = qr/WARNING:  .*table of functions is full/;
	wait_until('the log tells of the full table', sub { count_in_log($node, $full) == 1 });
	my $calls = $overflow->();
	set('pg_hello.max_functions = 100');
	$node->restart;
	is($overflow->(), $calls, 'overflow goes on');
	sleep 1.5;
	is(count_in_log($node, $full), 1, '... and is not reported again when there is room');
}

# --- nowhere to write ------------------------------------------------------------------------------

$since = reset_time();
symlink('/dev/full', $temporary) or die $!;
$node->stop;
like(log_text($node), qr{LOG:  pg_hello: could not write file "pg_stat/pg_hello.stat.tmp": No space left on device},
	'a full disk: a clean shutdown, and a word in the log');
ok(!-e $file && !-l $temporary, '... and no half file');
$node->start;
expect_zero('a full disk', $since);

SKIP:
{
	skip 'nothing is read-only for root', 9 if $> == 0;
	my $directory = $node->data_dir . '/pg_stat';
	$since = reset_time();
	chmod 0500, $directory or die $!;
	$node->stop;
	like(log_text($node), qr{LOG:  pg_hello: could not create file "pg_stat/pg_hello.stat.tmp": Permission denied},
		'a read-only directory: a clean shutdown, and a word in the log');
	chmod 0700, $directory or die $!;
	$node->start;
	expect_zero('a read-only directory', $since);

	# The file cannot be removed: it is loaded, but only this once.
	$since = reset_time();
	my $calls = calls();
	$node->stop;
	chmod 0500, $directory or die $!;
	$node->start;
	is(calls(), $calls, 'a file that cannot be removed is loaded');
	ok(-e $file, '... and stays');
	$node->stop('immediate');
	chmod 0700, $directory or die $!;
	$node->start;
	expect_zero('... but not after a crash', $since);
}

# --- pg_upgrade, base backups, standbys ------------------------------------------------------------

$since = reset_time();
$node->stop;
my $size = -s $file;
foreach my $command ([ '-o', '-b', 'start' ], ['stop'])
{
	PostgreSQL::Test::Utils::run_log([ 'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, @$command ]);
	is(-s $file, $size, "under pg_upgrade the file is left alone ($command->[-1])");
}
$node->start;
expect_zero('the data are ahead of the file', $since);

$node->backup('backup');
ok(-d $node->backup_dir . '/backup/pg_stat', 'a base backup');
ok(!-e $node->backup_dir . '/backup/pg_stat/pg_hello.stat', '... does not carry the file');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
adopt_node($standby);
$standby->start;
wait_until('the standby takes connections', sub { ($standby->psql('postgres', 'SELECT f(), f()'))[0] == 0 });
$kept = kept($standby);
ok(scalar(grep { /calls_total.*function=f\(\),.* 2\z/ } @$kept), 'a standby counts for itself');
$standby->restart;
is_deeply(kept($standby), $kept, '... and keeps it over its own restart');
$standby->stop('immediate');
$standby->start;
is(calls_of(scrape($standby), 'f()'), 0, '... but not over an immediate shutdown');
$standby->stop;

finish();
