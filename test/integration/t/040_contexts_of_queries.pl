# Functions called by the expressions of a query, and by what runs queries.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use CallingContexts;

my $node = contexts_node();

# --- plain calls ---------------------------------------------------------------------------------------

context('select list, WHERE, ORDER BY', 'each evaluation',
	sql => 'SELECT f(g) FROM generate_series(1, 5) g WHERE f(g) > 3 ORDER BY f(-g)',
	counts => 'f(integer) 9');
context('select list, WHERE, ORDER BY', 'what is not evaluated is not called',
	sql => 'SELECT CASE WHEN g < 3 THEN f(g) END, g > 4 AND f(g) > 0 FROM generate_series(1, 5) g',
	counts => 'f(integer) 3');
context('built-in functions', 'never',
	sql => q{SELECT lower('A'), g + 1, now(), lpad('a', 3), count(*) FROM generate_series(1, 5) g GROUP BY g},
	counts => '');
context('LANGUAGE internal', 'a name of its own for a built-in function',
	setup => q{CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE internal AS 'int4pl'},
	sql => 'SELECT plus(g, 1), g + 1 FROM generate_series(1, 5) g',
	counts => 'plus(integer,integer) 5');
context('inlined SQL functions', 'never',
	setup => q{CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
		CREATE FUNCTION inlined_set(int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT generate_series(1, $1)'},
	sql => 'SELECT inlined(g) FROM generate_series(1, 5) g; SELECT * FROM inlined_set(3)',
	counts => '');
context('inlined SQL functions', 'nor where the planner would inline them, but cannot',
	setup => q{CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $1'},
	sql => 'SELECT inlined_set(3), twice(random()::int)',
	counts => '');
context('inlined SQL functions', 'with pg_hello.track_inlinable',
	sql => 'SET pg_hello.track_inlinable = on; SELECT inlined(g) FROM generate_series(1, 5) g; SELECT * FROM inlined_set(3)',
	counts => 'inlined(integer) 5 inlined_set(integer) 1');
context('other SQL functions', 'each call',
	setup => q{CREATE FUNCTION in_sql(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT f($1) LIMIT 1'},
	sql => 'SELECT in_sql(g) FROM generate_series(1, 5) g',
	counts => 'f(integer) 5 in_sql(integer) 5');
context('constant folding', 'once for each plan, however many rows',
	sql => 'SELECT fixed(1) FROM generate_series(1, 5) g',
	counts => 'fixed(integer) 1');
context('constant folding', 'also if the plan is not run',
	sql => 'EXPLAIN SELECT fixed(1), f(1) FROM generate_series(1, 5) g',
	counts => 'fixed(integer) 1');
context('constant folding', 'once for a plan that is kept',
	sql => 'PREPARE p AS SELECT fixed(1) FROM generate_series(1, 5) g; EXECUTE p; EXECUTE p; EXECUTE p',
	counts => 'fixed(integer) 1');
context('estimates of the planner', 'a STABLE function in a condition',
	setup => q{CREATE FUNCTION stable(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i; END';
		CREATE TABLE estimated AS SELECT i FROM generate_series(1, 5) i; ANALYZE estimated},
	sql => 'EXPLAIN SELECT * FROM estimated WHERE i < stable(3)',
	counts => 'stable(integer) 1');
context('STRICT functions', 'not for NULL',
	setup => q{CREATE FUNCTION strict_f(i int) RETURNS int LANGUAGE plpgsql STRICT AS 'BEGIN RETURN i; END'},
	sql => 'SELECT strict_f(nullif(g, 2)) FROM generate_series(1, 5) g',
	counts => 'strict_f(integer) 4');
context('recursion', 'each activation',
	setup => q{CREATE FUNCTION recurses(n int) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RETURN CASE WHEN n = 0 THEN 0 ELSE recurses(n - 1) END; END'},
	sql => 'SELECT recurses(4)',
	counts => 'recurses(integer) 5');
context('set-returning functions', 'once for each set, also if it is abandoned',
	setup => q{CREATE FUNCTION set_c(n int) RETURNS SETOF int AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C STRICT;
		CREATE FUNCTION set_pl(n int) RETURNS SETOF int LANGUAGE plpgsql AS
		'BEGIN RETURN QUERY SELECT generate_series(1, n); END'},
	sql => 'SELECT set_c(g), set_pl(g) FROM generate_series(1, 3) g; SELECT set_c(100) LIMIT 2; SELECT * FROM set_c(4), set_pl(4)',
	counts => 'set_c(integer) 5 set_pl(integer) 4');
context('errors', 'a call that fails is a call and an error',
	setup => q{CREATE FUNCTION divides(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i; END'},
	sql => 'SELECT divides(1), divides(0), divides(1)', fails => qr/division by zero/,
	counts => 'divides(integer) 2/1');

# --- operators, casts, types ---------------------------------------------------------------------------

context('operators', 'the function behind the operator',
	setup => q{CREATE OPERATOR <+> (FUNCTION = plus, LEFTARG = int, RIGHTARG = int)},
	sql => 'SELECT g <+> 1 FROM generate_series(1, 5) g WHERE g <+> 1 > 3',
	counts => 'plus(integer,integer) 8');
context('estimates of the planner', q{an operator's estimator},
	setup => q{CREATE FUNCTION same(int, int) RETURNS boolean LANGUAGE internal AS 'int4eq';
		CREATE FUNCTION estimates(internal, oid, internal, int) RETURNS float8 LANGUAGE internal AS 'eqsel';
		CREATE OPERATOR === (FUNCTION = same, LEFTARG = int, RIGHTARG = int, RESTRICT = estimates)},
	sql => 'EXPLAIN SELECT * FROM estimated WHERE i === 3',
	counts => 'estimates(internal,oid,internal,integer) 1');
context('casts', 'explicit, in an assignment, implicit',
	setup => q{CREATE TYPE boxed AS (v int); CREATE TABLE boxes (b boxed);
		CREATE FUNCTION to_boxed(i int) RETURNS boxed LANGUAGE plpgsql AS 'BEGIN RETURN row(i); END';
		CREATE CAST (int AS boxed) WITH FUNCTION to_boxed(int) AS IMPLICIT;
		CREATE FUNCTION takes_boxed(b boxed) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN b.v; END'},
	sql => 'SELECT g::boxed FROM generate_series(1, 2) g; INSERT INTO boxes SELECT g FROM generate_series(1, 3) g;
		SELECT takes_boxed(1)',
	counts => 'takes_boxed(public.boxed) 1 to_boxed(integer) 6');
context('input and output of types', 'in C',
	setup => q{CREATE TYPE num;
		CREATE FUNCTION num_in(cstring) RETURNS num LANGUAGE internal STRICT IMMUTABLE AS 'int4in';
		CREATE FUNCTION num_out(num) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS 'int4out';
		CREATE TYPE num (INPUT = num_in, OUTPUT = num_out, LIKE = int);
		CREATE TABLE nums (n num); INSERT INTO nums VALUES ('1'), ('2'), ('3')},
	sql => q{SELECT n FROM nums; SELECT '4'::num IS NULL; COPY nums TO STDOUT},
	counts => 'num_in(cstring) 1 num_out(public.num) 6');

context('text search', 'the functions of a dictionary, for each word',
	setup => q{
		CREATE FUNCTION my_init(internal) RETURNS internal LANGUAGE internal AS 'dsimple_init';
		CREATE FUNCTION my_lexize(internal, internal, internal, internal) RETURNS internal LANGUAGE internal AS 'dsimple_lexize';
		CREATE TEXT SEARCH TEMPLATE my_template (INIT = my_init, LEXIZE = my_lexize);
		CREATE TEXT SEARCH DICTIONARY my_dictionary (TEMPLATE = my_template);
		CREATE TEXT SEARCH CONFIGURATION my_search (PARSER = default);
		ALTER TEXT SEARCH CONFIGURATION my_search ADD MAPPING FOR asciiword WITH my_dictionary},
	sql => q{SELECT to_tsvector('my_search', 'a rat and a cat')},
	counts => 'my_init(internal) 1 my_lexize(internal,internal,internal,internal) 5');

# --- aggregates and windows ----------------------------------------------------------------------------

context('aggregates', 'transition for each row, final for each group',
	setup => q{
		CREATE FUNCTION trans(state int, i int) RETURNS int LANGUAGE plpgsql STRICT AS 'BEGIN RETURN state + i; END';
		CREATE FUNCTION final(state int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN state; END';
		CREATE AGGREGATE total(int) (SFUNC = trans, STYPE = int, INITCOND = '0', FINALFUNC = final)},
	sql => 'SELECT total(g) FROM generate_series(1, 6) g; SELECT total(g) FROM generate_series(1, 6) g GROUP BY g % 2;
		SELECT total(nullif(g, 2)) FROM generate_series(1, 6) g',
	counts => 'final(integer) 4 trans(integer,integer) 17');
context('aggregates over windows', 'transition for each row, final for each result, inverse transition when the frame moves',
	setup => q{
		CREATE FUNCTION inverse(state int, i int) RETURNS int LANGUAGE plpgsql STRICT AS 'BEGIN RETURN state - i; END';
		CREATE AGGREGATE moving(int) (SFUNC = trans, STYPE = int, INITCOND = '0', FINALFUNC = final,
			MSFUNC = trans, MINVFUNC = inverse, MSTYPE = int, MINITCOND = '0', MFINALFUNC = final)},
	sql => 'SELECT total(g) OVER (ORDER BY g) FROM generate_series(1, 4) g;
		SELECT moving(g) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM generate_series(1, 4) g',
	counts => 'final(integer) 8 inverse(integer,integer) 2 trans(integer,integer) 8');
context('window functions', 'each row',
	setup => q{CREATE FUNCTION my_row_number() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'},
	sql => 'SELECT my_row_number() OVER (ORDER BY g) FROM generate_series(1, 4) g',
	counts => 'my_row_number() 4');

# --- what runs queries -----------------------------------------------------------------------------------

context('cursors', 'as far as rows are fetched',
	sql => 'BEGIN; DECLARE c CURSOR FOR SELECT f(g) FROM generate_series(1, 100) g; FETCH 3 FROM c; MOVE 2 FROM c; CLOSE c; COMMIT',
	counts => 'f(integer) 5');
context('cursors', 'all of them WITH HOLD, none twice',
	sql => 'BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT f(g) FROM generate_series(1, 10) g; COMMIT; FETCH 3 FROM c; FETCH ALL FROM c',
	counts => 'f(integer) 10');
context('prepared statements', 'custom plans, and generic ones from the sixth execution on',
	sql => 'PREPARE q(int) AS SELECT f($1), fixed($1); ' . join('; ', map { "EXECUTE q($_)" } 1 .. 8)
	  . '; SET plan_cache_mode = force_generic_plan; EXECUTE q(9); SET plan_cache_mode = force_custom_plan; EXECUTE q(10)',
	counts => 'f(integer) 10 fixed(integer) 10');
context('DO blocks', 'what is called in them, not the block',
	sql => 'DO $$ BEGIN PERFORM f(1); FOR i IN 1..3 LOOP PERFORM f(i); END LOOP; END $$',
	counts => 'f(integer) 4');
context('DO blocks', q{the inline handler of a language that came with an extension},
	setup => q{
		CREATE FUNCTION my_handler() RETURNS language_handler LANGUAGE C AS '$libdir/plpgsql', 'plpgsql_call_handler';
		CREATE FUNCTION my_inline(internal) RETURNS void LANGUAGE C AS '$libdir/plpgsql', 'plpgsql_inline_handler';
		CREATE FUNCTION my_validator(oid) RETURNS void LANGUAGE C AS '$libdir/plpgsql', 'plpgsql_validator';
		CREATE TRUSTED LANGUAGE my_pl HANDLER my_handler INLINE my_inline VALIDATOR my_validator},
	sql => 'DO LANGUAGE my_pl $$ BEGIN PERFORM f(1); END $$',
	counts => 'f(integer) 1 my_inline(internal) 1');
context('handlers of procedural languages', 'the function, not its handler; the validator',
	sql => q{CREATE FUNCTION in_my_pl() RETURNS int LANGUAGE my_pl AS 'BEGIN RETURN 1; END'; SELECT in_my_pl()},
	counts => 'in_my_pl() 1 my_validator(oid) 1');
context('procedures', 'one call, however many transactions it ends',
	setup => q{CREATE TABLE log (i int);
		CREATE PROCEDURE ends(n int) LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN 1..n LOOP INSERT INTO log VALUES (f(i)); IF i % 2 = 0 THEN COMMIT; ELSE ROLLBACK; END IF; END LOOP;
		END $$;
		CREATE PROCEDURE ends_more(n int) LANGUAGE plpgsql AS
		'BEGIN FOR i IN 1..n LOOP CALL ends(2); COMMIT; END LOOP; END'},
	sql => 'CALL ends_more(3); DO $$ BEGIN CALL ends(2); COMMIT; END $$',
	counts => 'ends(integer) 4 ends_more(integer) 1 f(integer) 8');
context('procedures', 'also if it fails after a COMMIT',
	setup => q{CREATE PROCEDURE ends_badly() LANGUAGE plpgsql AS
		'BEGIN PERFORM f(1); COMMIT; PERFORM f(2); PERFORM 1 / 0; END'},
	sql => 'CALL ends_badly()', fails => qr/division by zero/,
	counts => 'ends_badly() 1/1 f(integer) 2');
context('transactions that are rolled back', 'like any other',
	sql => 'BEGIN; SELECT f(1); SAVEPOINT s; SELECT f(2); ROLLBACK TO s; SELECT f(3); ROLLBACK',
	counts => 'f(integer) 3');

finish();
