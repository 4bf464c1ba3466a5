# pg_hello.track, switched where and how it can be.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
create_test_functions($node);
my $port = metrics_port($node);
$node->safe_psql('postgres', q{
	CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION s() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 LIMIT 1';
	CREATE ROLE plain LOGIN IN ROLE hello_users;
	GRANT CREATE ON SCHEMA public TO plain;
	CREATE DATABASE other;
});

# Calls since the last question, of: own function, plpgsql, C, SQL.
my %last;
sub news
{
	my ($datname) = @_;
	my $scrape = scrape($port);
	return join ' ', map {
		my $calls = calls_of($scrape, $_, datname => $datname // 'postgres');
		my $key = ($datname // 'postgres') . $_;
		my $new = $calls - ($last{$key} // 0);
		$last{$key} = $calls;
		$new
	} 'now_ms()', 'f()', 'noop_volatile(integer)', 's()';
}
my $all = 'SELECT now_ms(), f(), noop_volatile(1), s();';

# --- in a session ------------------------------------------------------------------------------------

my %counted = (none => '0 0 0 0', own => '1 0 0 0', pl => '1 1 0 0', all => '1 1 1 1', off => '0 0 0 0');
news();
foreach my $level (sort keys %counted)
{
	$node->safe_psql('postgres', "SET pg_hello.track = '$level'; $all");
	is(news(), $counted{$level}, "SET pg_hello.track = $level");
}
$node->safe_psql('postgres', $all);
is(news(), $counted{pl}, 'the default');

# Up and down in one session, at call sites that are kept: prepared statements, plpgsql's own.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{SET pg_hello.track = 'all'});
$session->query_safe("PREPARE p AS $all");
$session->query_safe(q{CREATE FUNCTION caller() RETURNS int LANGUAGE plpgsql AS
	'DECLARE x int; BEGIN x := f(); x := noop_volatile(1); x := s(); PERFORM now_ms(); RETURN x; END'});
$session->query_safe('EXECUTE p') foreach 1 .. 7;
$session->query_safe('SELECT caller()') foreach 1 .. 7;
is(news(), '14 14 14 14', 'kept call sites, on');
$session->query_safe('SET pg_hello.track = none');
$session->query_safe('EXECUTE p; SELECT caller();');
is(news(), '0 0 0 0', '... off, at once');
$session->query_safe('SET pg_hello.track = pl');
$session->query_safe('EXECUTE p; SELECT caller();');
is(news(), '2 2 0 0', '... only some');
$session->query_safe('SET pg_hello.track = own');
$session->query_safe('EXECUTE p; SELECT caller();');
is(news(), '2 0 0 0', '... fewer');
$session->query_safe(q{SET pg_hello.track = 'all'});
$session->query_safe('EXECUTE p; SELECT caller();');
is(news(), '2 2 2 2', '... all again');
$session->query_safe('BEGIN; SET LOCAL pg_hello.track = none; EXECUTE p; COMMIT; EXECUTE p;');
is(news(), '1 1 1 1', 'SET LOCAL ends with its transaction');

# Switched inside a call: what is counted stays in step.
$session->query_safe(q{CREATE FUNCTION switches() RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		SET LOCAL pg_hello.track = none; PERFORM f();
		SET LOCAL pg_hello.track = 'all'; PERFORM f();
		RETURN 1;
	END $$});
$session->query_safe('SELECT switches()');
is(news(), '0 1 0 0', 'switched off and on inside a function');
is(calls_of(scrape($port), 'switches()'), 1, '... which is counted itself');
is(metric(scrape($port), 'pg_hello_function_active', function => $_) , 0, "... $_ is not active") foreach ('switches()', 'f()');
$session->quit;

# SECURITY DEFINER and SET functions are hooked by the server itself, whoever wants to know.
$node->safe_psql('postgres', q{
	CREATE FUNCTION definer() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION definer_c(i int) RETURNS int LANGUAGE C STRICT SET work_mem = '1MB' AS 'pg_hello_test', 'pg_hello_test_noop'});
$node->safe_psql('postgres', 'SET pg_hello.track = none; SELECT definer(), definer_c(1)');
$node->safe_psql('postgres', 'SET pg_hello.track = pl; SELECT definer(), definer_c(1)');
$node->safe_psql('postgres', q{SET pg_hello.track = 'all'; SELECT definer(), definer_c(1)});
is(calls_of(scrape($port), 'definer()'), 2, 'a SECURITY DEFINER function is tracked when it is wanted');
is(calls_of(scrape($port), 'definer_c(integer)'), 1, '... and one with settings of its own');

# --- who may -----------------------------------------------------------------------------------------

my @as_plain = (extra_params => [ '-U', 'plain' ]);
foreach my $setting ('track', 'track_inlinable', 'clock')
{
	my (undef, undef, $stderr) = $node->psql('postgres', "SET pg_hello.$setting = DEFAULT", @as_plain);
	like($stderr, qr/permission denied to set parameter "pg_hello\.$setting"/, "a plain user may not set pg_hello.$setting");
}
foreach my $setting ('port', 'listen_addresses', 'max_functions')
{
	my (undef, undef, $stderr) = $node->psql('postgres', "SET pg_hello.$setting = DEFAULT");
	like($stderr, qr/cannot be changed/, "nobody sets pg_hello.$setting in a session");
}
$node->safe_psql('postgres', 'GRANT SET ON PARAMETER pg_hello.track TO plain');
news();
$node->safe_psql('postgres', "SET pg_hello.track = 'all'; $all", @as_plain);
is(news(), '1 1 1 1', '... but it can be granted');
$node->safe_psql('postgres', 'REVOKE SET ON PARAMETER pg_hello.track FROM plain');

# --- per role, per database, by reload -----------------------------------------------------------------

$node->safe_psql('postgres', 'ALTER ROLE plain SET pg_hello.track = none');
$node->safe_psql('postgres', $all, @as_plain);
is(news(), '0 0 0 0', 'off for a role');
$node->safe_psql('postgres', $all);
is(news(), '1 1 0 0', '... not for others');

$node->safe_psql('postgres', q{ALTER DATABASE other SET pg_hello.track = 'all'});
create_test_functions($node, 'other');
$node->safe_psql('other', 'CREATE EXTENSION pg_hello');
$node->safe_psql('other', q{
	CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION s() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 LIMIT 1';});
news('other');
$node->safe_psql('other', $all);
is(news('other'), '1 1 1 1', 'all in a database');
$node->safe_psql('postgres', $all);
is(news(), '1 1 0 0', '... not in others');

$session = $node->background_psql('postgres');
$session->query_safe("PREPARE p AS $all");
$session->query_safe('EXECUTE p');
is(news(), '1 1 0 0', 'before a reload');
foreach my $level ('none', 'all', 'pl')
{
	$node->append_conf('postgresql.conf', "pg_hello.track = $level");
	$node->reload;
	wait_until('the session sees it', sub { $session->query_safe('SHOW pg_hello.track') eq $level });
	$session->query_safe('EXECUTE p');
	# The plan was made when C and SQL functions were not tracked; it need not hook them later.
	my $seen = news();
	like($seen, { none => qr/\A0 0 0 0\z/, all => qr/\A1 1 [01] [01]\z/, pl => qr/\A1 1 0 0\z/ }->{$level}, "reloaded: $level");
	$session->query_safe($all);
	is(news(), $counted{$level}, '... and for new plans');
}
$session->quit;

finish();
