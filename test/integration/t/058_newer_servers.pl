# What only newer servers have: login triggers (17), CREATE INDEX and others with a search_path of their own (17), MAINTAIN (17),
# what a library says of itself, SQL functions with a plan for each argument, and asynchronous I/O (18).
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my ($major) = $node->safe_psql('postgres', 'SHOW server_version_num') =~ /\A(\d\d)/;
create_test_functions($node);

SKIP:
{
	skip 'no login triggers before 17', 3 if $major < 17;
	$node->safe_psql('postgres', q{
		CREATE TABLE logins (who text);
		CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS
		'BEGIN INSERT INTO public.logins VALUES (session_user); END';
		CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login();
		ALTER EVENT TRIGGER on_login ENABLE ALWAYS});
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM logins');
	$node->safe_psql('postgres', 'SELECT 1') for 1 .. 5;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM logins') - $before, 6, 'a login trigger works as ever');
	is(calls_of(scrape($node), 'on_login()'), $node->safe_psql('postgres', 'SELECT count(*) - 1 FROM logins'),
		'... and each login is a call, before there has been a statement');
	$node->safe_psql('postgres', q{DROP EVENT TRIGGER on_login; CREATE OR REPLACE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION ''not you''; END'; CREATE DATABASE closed});
	$node->safe_psql('closed', q{CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS
		'BEGIN IF session_user = ''stranger'' THEN RAISE EXCEPTION ''not you''; END IF; END';
		CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login()});
	$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN');
	my (undef, undef, $stderr) = $node->psql('closed', 'SELECT 1', extra_params => [ '-U', 'stranger' ]);
	like($stderr, qr/FATAL:  not you|ERROR:  not you/, '... one that refuses does so');
	wait_until('its error is counted', sub {
		my $errors = metric(scrape($node), 'pg_hello_function_errors_total', datname => 'closed', function => 'on_login()');
		return ($errors // 0) == 1;
	});
}

SKIP:
{
	skip 'no MAINTAIN before 17', 1 if $major < 17;
	$node->safe_psql('postgres', q{
		CREATE ROLE keeper LOGIN IN ROLE pg_maintain;
		CREATE TABLE kept AS SELECT i FROM generate_series(1, 10) i;
		CREATE FUNCTION public.half(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i / 2; END';
		CREATE INDEX kept_half ON kept (public.half(i))});
	my $before = calls_of(scrape($node), 'half(integer)');
	$node->safe_psql('postgres', 'REINDEX TABLE kept', extra_params => [ '-U', 'keeper' ]);
	is(calls_of(scrape($node), 'half(integer)') - $before, 10, 'who maintains a table calls its functions');
}

# From 18 on a body's plan is made for the arguments, and may be kept for all.
$node->safe_psql('postgres', q{
	SET pg_hello.track = 'all';
	CREATE TABLE nums AS SELECT i FROM generate_series(1, 100) i;
	CREATE FUNCTION below(n int) RETURNS SETOF int LANGUAGE sql VOLATILE STRICT AS 'SELECT i FROM nums WHERE i < n';
	CREATE FUNCTION sum_below(n int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM below(n); SELECT sum(b) FROM below(n) b'});
is($node->safe_psql('postgres', q{SET pg_hello.track = 'all'; SELECT sum(sum_below(i)) FROM nums}), '166650', 'a function in SQL gives what it gives');
my $page = scrape($node);
is(calls_of($page, 'sum_below(integer)'), 100, '... is a call for each row');
is(calls_of($page, 'below(integer)'), 200, '... and so is the set that it reads, in each of its statements');

SKIP:
{
	skip 'no pg_get_loaded_modules() before 18', 1 if $major < 18;
	is($node->safe_psql('postgres', q{SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'pg_hello'}),
		$node->safe_psql('postgres', 'SELECT version FROM pg_hello_info()'), 'the library says its version');
}

finish();
