# Loading pg_hello changes no plan; what cannot be inlined anyway is tracked.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);

$node->safe_psql('postgres', q{
	CREATE TABLE t AS SELECT i AS a, (i % 100)::text AS b FROM generate_series(1, 10000) i;
	CREATE INDEX t_a ON t (a);

	-- To be inlined.
	CREATE FUNCTION eqid(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
	CREATE FUNCTION plus1(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
	CREATE FUNCTION plus1_std(i int) RETURNS int LANGUAGE sql IMMUTABLE RETURN i + 1;
	CREATE FUNCTION plus1_atomic(i int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT i + 1; END;
	CREATE FUNCTION plus2(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT plus1(plus1($1))';
	CREATE FUNCTION low(s text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT lower($1)';
	CREATE FUNCTION commented(i int) RETURNS int LANGUAGE sql IMMUTABLE AS '/* a; b */ SELECT $1 * 3 ; -- done';
	CREATE FUNCTION volatile_one() RETURNS double precision LANGUAGE sql VOLATILE AS 'SELECT random()';
	CREATE FUNCTION rows_of(i int) RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t WHERE a < $1';
	CREATE FUNCTION table_of(i int) RETURNS TABLE (x int, y text) LANGUAGE sql STABLE
		AS 'SELECT a, b FROM t WHERE a = $1 ORDER BY b LIMIT 5';
	CREATE FUNCTION with_of(i int) RETURNS SETOF int LANGUAGE sql STABLE
		AS 'WITH q AS (SELECT a FROM t) SELECT a FROM q WHERE a = $1';
	CREATE FUNCTION atomic_rows(i int) RETURNS SETOF t LANGUAGE sql STABLE
		BEGIN ATOMIC SELECT * FROM t WHERE a < i; END;
	CREATE INDEX t_low ON t (low(b));
	CREATE INDEX t_plus ON t ((plus1(a)));
	CREATE VIEW v AS SELECT plus2(a) AS p, b FROM t WHERE eqid(a, 42);
	ANALYZE t;
});

my @queries = (
	'SELECT * FROM t WHERE eqid(a, 42)',
	'SELECT plus1(a), plus1_std(a), plus1_atomic(a), plus2(a), commented(a) FROM t WHERE a < 10',
	'SELECT * FROM t WHERE plus1(a) = 5',
	q{SELECT * FROM t WHERE low(b) = '7'},
	'SELECT plus1(1), plus2(2)',
	'SELECT volatile_one() FROM t WHERE a = 1',
	'SELECT * FROM rows_of(10)', 'SELECT * FROM table_of(10)', 'SELECT * FROM with_of(10)',
	'SELECT * FROM atomic_rows(10) r JOIN t USING (a)',
	'SELECT * FROM t, LATERAL rows_of(t.a) r WHERE t.a < 3',
	'SELECT * FROM v', 'UPDATE t SET b = low(b) WHERE eqid(a, 1)');
my @inlinable = ('eqid(integer,integer)', 'plus1(integer)', 'plus1_std(integer)', 'plus1_atomic(integer)',
	'plus2(integer)', 'low(text)', 'commented(integer)', 'volatile_one()', 'rows_of(integer)',
	'table_of(integer)', 'with_of(integer)', 'atomic_rows(integer)');

sub plan_of
{
	my ($query, @settings) = @_;
	return $node->safe_psql('postgres',
		join('', map { "SET $_;\n" } @settings) . "EXPLAIN (VERBOSE, COSTS OFF) $query");
}

foreach my $query (@queries)
{
	my $without = plan_of($query, 'pg_hello.track = none');
	is(plan_of($query, q{pg_hello.track = 'all'}), $without, "the same plan: $query");
	is(plan_of($query, 'pg_hello.track = pl'), $without, '... with the default, too');
	unlike($without, qr/\b(?:eqid|plus1\w*|plus2|commented|volatile_one|rows_of|table_of|with_of|atomic_rows)\(/,
		'... and the function is inlined');
}
like(plan_of('SELECT * FROM t WHERE eqid(a, 42)', q{pg_hello.track = 'all'}), qr/Index Cond: \(t\.a = 42\)/, 'an index scan, for one');
like(plan_of(q{SELECT * FROM t WHERE low(b) = '7'}, q{pg_hello.track = 'all'}), qr/t_low/, '... and one of an index on an expression');

# Run, not only explained: nothing of it is tracked.
my $run = join '', map { "$_;\n" } @queries;
$node->safe_psql('postgres', "SET pg_hello.track = 'all';\n$run");
{
	my $scrape = scrape($port);
	is(join(' ', grep { defined metric($scrape, 'pg_hello_function_calls_total', function => $_) } @inlinable),
		'', 'an inlinable function has no row');
}

# Asked for, they are tracked; then plans do change.
$node->safe_psql('postgres', q{
	SET pg_hello.track = 'all'; SET pg_hello.track_inlinable = on;
	SELECT count(*) FROM t WHERE eqid(a, 42);
	SELECT plus1_std(a), plus2(a) FROM t WHERE a <= 10;
	SELECT count(*) FROM rows_of(10);});
{
	my $scrape = scrape($port);
	is(calls_of($scrape, 'eqid(integer,integer)'), 10000, 'track_inlinable: calls in a filter');
	is(calls_of($scrape, 'plus1_std(integer)'), 10, '... of a function in standard syntax');
	is(calls_of($scrape, 'plus2(integer)'), 10, '... of a function that calls another');
	is(calls_of($scrape, 'plus1(integer)'), 20, '... and of the other');
	is(calls_of($scrape, 'rows_of(integer)'), 1, '... of a set-returning function');
}

# What the planner never inlines is tracked at "all", with the plan it has anyway.
my %not_inlinable = (
	'n_limit(integer)' => q{CREATE FUNCTION n_limit(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 LIMIT 1'},
	'n_sublink(integer)' => q{CREATE FUNCTION n_sublink(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT (SELECT $1)'},
	'n_exists(integer)' => q{CREATE FUNCTION n_exists(i int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT 1 WHERE $1 > 0)'},
	'n_two(integer)' => q{CREATE FUNCTION n_two(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1; SELECT $1'},
	'n_definer(integer)' => q{CREATE FUNCTION n_definer(i int) RETURNS int LANGUAGE sql IMMUTABLE SECURITY DEFINER AS 'SELECT $1'},
	'n_set(integer)' => q{CREATE FUNCTION n_set(i int) RETURNS int LANGUAGE sql IMMUTABLE SET search_path = public AS 'SELECT $1'},
	'n_from(integer)' => q{CREATE FUNCTION n_from(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT b FROM t WHERE a = $1'},
	'n_union(integer)' => q{CREATE FUNCTION n_union(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 UNION SELECT $1'});
my @names = sort keys %not_inlinable;
$node->safe_psql('postgres', join '', map { "$not_inlinable{$_};\n" } @names);
my $list = join ', ', map { s/\(.*//r . '(a)' } @names;
my $query = "SELECT $list FROM t WHERE a <= 7";
is(plan_of($query, q{pg_hello.track = 'all'}), plan_of($query, 'pg_hello.track = none'), 'no inlining to begin with: the same plan');
$node->safe_psql('postgres', "SET pg_hello.track = pl; $query");
is(calls_of(scrape($port), 'n_limit(integer)'), 0, 'SQL functions are not tracked at "pl"');
$node->safe_psql('postgres', "SET pg_hello.track = 'all'; $query");
{
	my $scrape = scrape($port);
	is(calls_of($scrape, $_), 7, "$_ is tracked at \"all\"") foreach @names;
}

finish();
