# Whatever fails in pg_hello while it looks over the shoulder of a query: the query has its result, and the failure is
# counted. Each function of the server's that pg_hello calls there is made to fail, at one call after the other, each in
# a session of its own (test/modules/pg_hello_faults.cpp).
use strict;
use warnings FATAL => 'all';

use List::Util qw(max min uniq);
use Test::More;
use PgHello;

my $node = new_node('main', 'max_prepared_transactions' => 5, 'pg_hello.track' => 'all', 'autovacuum' => 'off',
	'pg_hello.probe_interval' => 0, 'pg_hello.metrics_pinned' => 'public.*', 'pg_hello.max_functions' => 500);
# An encoding from which names have to be converted.
my $database = 'latin';
$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
$node->safe_psql($database, 'CREATE EXTENSION pg_hello');
create_test_functions($node, $database);
my $long = 'a_name_that_is_longer_than_what_a_string_has_room_for_in_itself';
$node->safe_psql($database, qq{
	CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 100 / i; END';
	CREATE FUNCTION inlined(i int) RETURNS int LANGUAGE sql AS 'SELECT \$1 + 1';
	CREATE FUNCTION standard(i int) RETURNS int LANGUAGE sql RETURN i + 1;
	CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT generate_series(1, n); END';
	CREATE SCHEMA place;
	CREATE FUNCTION place.moved(a int, b text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN b || a; END';
	CREATE TABLE t (i int);
	CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
	CREATE TRIGGER on_change BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION on_change();
	SELECT place.moved(1, 'x');
	ALTER DATABASE $database SET session_preload_libraries = 'pg_hello_faults';
});

# What pg_hello looks at.
my $statements = qq{
SELECT f(2), f(5), inlined(1), standard(2);
SELECT f(0);
SELECT sum(f(i)) FROM generate_series(1, 3) i;
SELECT rows(2), srf(3);
SELECT noop(7), raise('22023');
SELECT noop(8);
INSERT INTO t VALUES (1);
SELECT place.moved(2, 'y');
BEGIN;
CREATE FUNCTION made(int[], double precision) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 7; END';
SELECT made(null, null);
SAVEPOINT s;
ALTER FUNCTION made(int[], double precision) RENAME TO "Made again";
ROLLBACK TO s;
ALTER FUNCTION made(int[], double precision) RENAME TO $long;
ALTER SCHEMA place RENAME TO elsewhere;
COMMIT;
SELECT $long(null, null), elsewhere.moved(3, 'z');
CREATE OR REPLACE FUNCTION $long(int[], double precision) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 8; END';
ALTER EXTENSION pg_hello ADD FUNCTION $long(int[], double precision);
ALTER EXTENSION pg_hello DROP FUNCTION $long(int[], double precision);
BEGIN;
DROP FUNCTION $long(int[], double precision);
PREPARE TRANSACTION 'drop';
COMMIT PREPARED 'drop';
ALTER SCHEMA elsewhere RENAME TO place;
SELECT count(*) FROM t;
DELETE FROM t;
};

sub internal_errors { return metric(scrape($node), 'pg_hello_internal_errors_total') }

# What the statements say in a new session for each [function, number of the call that fails]: their results, their errors,
# and what became of the failure.
sub said
{
	my (@at) = @_;
	my $script = join '', map {
		"\\c\nSET pg_hello_faults.at = '$_->[0] $_->[1]';\n$statements"
		  . "\\echo ==\nSHOW pg_hello_faults.outcome;\n\\echo ----\n\\warn ----\n" } @at;
	my (undef, $out, $err) = $node->psql($database, "\\set VERBOSITY terse\n$script", on_error_stop => 0);
	$err =~ s/^psql:\S+ //mg;
	my @errors = split /----\n?/, $err;
	my @said = map { [ split /==\n/ ] } split /\n?----\n?/, $out;
	return map { { results => $said[$_][0], outcome => ($said[$_][1] // '') =~ s/\s+\z//r, errors => $errors[$_],
		at => "$at[$_][0] $at[$_][1]" } } 0 .. $#at;
}

my ($usual) = said([ 'nothing', 1 ]);
is($usual->{errors}, "ERROR:  division by zero\nERROR:  raised on request: 22023\n", 'what the statements say without a failure');
is(internal_errors(), 0, '... of which there is none so far');

my @points = split ' ', $node->safe_psql($database, 'SHOW pg_hello_faults.points');
cmp_ok(scalar(@points), '>', 30, scalar(@points) . ' functions can be made to fail');
my (%met, @at);
foreach my $counted (said(map { [ $_, 1_000_000 ] } @points))
{
	my ($point) = split ' ', $counted->{at};
	($met{$point}) = $counted->{outcome} =~ /\Amet (\d+)\z/ or die "$point: $counted->{outcome}";
}
foreach my $point (@points)
{
	# All of the first, and some of those that come later.
	my $last = $met{$point};
	push @at, map { [ $point, $_ ] } uniq grep { $_ <= $last } 1 .. 8, map { int($last * $_ / 6) } 3 .. 6;
}
my ($failed, @wrong, @uncounted) = (0);
while (my @some = splice @at, 0, 50)
{
	my $before = internal_errors();
	my @answers = said(@some);
	push @wrong, grep { $_->{results} ne $usual->{results} || $_->{errors} ne $usual->{errors} } @answers;
	my $now = grep { $_->{outcome} eq 'failed' } @answers;
	my $counted = internal_errors() - $before;
	push @uncounted, "$counted of $now from $answers[0]{at}" if $counted != $now;
	$failed += $now;
}
cmp_ok($failed, '>', 100, "$failed failures");
is(scalar(@wrong), 0, '... and each time each statement had its result, and no other error')
  or diag map { "$_->{at}: $_->{errors}\n$_->{results}\n" } @wrong[ 0 .. min($#wrong, 2) ];
is(join(', ', @uncounted), '', '... and each was counted');

# --- the first look at a database ------------------------------------------------------------------

{
	my ($looked, $bad) = (0, '');
	my $before = internal_errors();
	my $patterns = 0;
	foreach my $point (@points)
	{
		foreach my $number (1, 7)
		{
			++$patterns;
			$node->safe_psql('postgres', "ALTER SYSTEM SET pg_hello.metrics_pinned = 'public.*, public.p$patterns'");
			$node->reload;
			wait_until('the reload is seen', sub { quiet_sql($node, 'SHOW pg_hello.metrics_pinned') =~ /p$patterns\z/ });
			local $ENV{PGOPTIONS} = "-c pg_hello_faults.at=$point\\ $number";
			my ($status, $out, $err) = $node->psql($database, "SELECT 1 + 1;\nSHOW pg_hello_faults.outcome");
			$bad .= "$point $number: $status $out $err\n" if $status != 0 || $out !~ /\A2\n/;
			++$looked, ++$met{$point} if $out =~ /failed/;
		}
	}
	is($bad, '', 'the first statement after a change of settings has its result');
	cmp_ok($looked, '>', 20, "... whatever failed: $looked failures");
	is(internal_errors() - $before, $looked, '... and each was counted');
	is(join(' ', grep { !$met{$_} } @points), '', 'each of the functions was made to fail somewhere');
}

# --- what is seen of it ------------------------------------------------------------------------------

wait_until('the log says so', sub { count_in_log($node, qr/WARNING:  pg_hello: internal errors have left/) });
like(log_text($node), qr/DETAIL:  There were \d+ since the last message, the last one with SQLSTATE 58030/, '... with what it was');
# Afterwards everything is as ever.
$node->safe_psql($database, 'SELECT pg_hello_reset()');
$node->safe_psql($database, 'SELECT f(1), f(2), f(3), place.moved(1, null)');
is(calls_of(scrape($node), 'f(integer)', datname => $database), 3, 'calls are counted afterwards');
is(calls_of(scrape($node), 'moved(integer,text)', datname => $database), 1, '... by their names');

# A cancel is no failure of ours: whoever asked for it gets it.
{
	my ($status, undef, $err) = $node->psql($database, q{SET statement_timeout = '50ms'; SELECT spin_ms(10000)});
	like($err, qr/canceling statement due to statement timeout/, 'a cancel arrives');
}

finish();
