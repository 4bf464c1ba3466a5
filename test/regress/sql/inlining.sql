--
-- Tracking changes no plan: a SQL function that the planner would inline is inlined still, and one
-- that it would not inline is counted.
--

CREATE SCHEMA regress_inlining;
SET search_path = regress_inlining, public;

CREATE TABLE numbers (n integer PRIMARY KEY, t text);
INSERT INTO numbers SELECT i, i::text FROM generate_series(1, 100) i;
ANALYZE numbers;

CREATE FUNCTION plus_one(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION plus_one_strict(integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + 1';
CREATE FUNCTION plus_one_standard(a integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN a + 1;
CREATE FUNCTION in_words(integer) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT CASE WHEN $1 > 50 THEN upper('many') ELSE format('%s', $1) END $$;
CREATE FUNCTION above(integer) RETURNS SETOF numbers LANGUAGE sql STABLE
AS 'SELECT * FROM numbers WHERE n > $1';
CREATE FUNCTION above_standard(a integer) RETURNS SETOF numbers LANGUAGE sql STABLE
BEGIN ATOMIC SELECT * FROM numbers WHERE n > a; END;

CREATE FUNCTION not_by_definer(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT $1 + 1';
CREATE FUNCTION not_by_set(integer) RETURNS integer LANGUAGE sql SET work_mem = '4MB' AS 'SELECT $1 + 1';
CREATE FUNCTION not_by_table(integer) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM numbers WHERE n > $1';
CREATE FUNCTION not_by_sublink(integer) RETURNS integer LANGUAGE sql STABLE AS 'SELECT (SELECT max(n) FROM numbers) + $1';
CREATE FUNCTION not_by_two(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1; SELECT $1 + 1';
CREATE FUNCTION not_by_limit(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + 1 LIMIT 1';
CREATE FUNCTION not_by_volatile(integer) RETURNS SETOF numbers LANGUAGE sql VOLATILE
AS 'SELECT * FROM numbers WHERE n > $1';
CREATE FUNCTION not_by_strict(integer) RETURNS SETOF numbers LANGUAGE sql STABLE STRICT
AS 'SELECT * FROM numbers WHERE n > $1';

-- The plan of one query, line by line.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql
AS 'BEGIN RETURN QUERY EXECUTE ''EXPLAIN (VERBOSE, COSTS OFF) '' || query; END';
CREATE TABLE queries (id integer, query text);
INSERT INTO queries VALUES
(1, 'SELECT plus_one(n), plus_one_strict(n), plus_one_standard(n) FROM numbers WHERE plus_one(n) = 3'),
(2, 'SELECT * FROM numbers WHERE n = plus_one(41)'),
(3, 'SELECT in_words(n) FROM numbers'),
(4, 'SELECT n FROM above(90) WHERE n < 95'),
(5, 'SELECT n FROM above_standard(90) WHERE n < 95'),
(6, 'SELECT not_by_definer(n), not_by_set(n), not_by_table(n), not_by_sublink(n), not_by_two(n), not_by_limit(n) FROM numbers WHERE n = 1'),
(7, 'SELECT n FROM not_by_volatile(90)'),
(8, 'SELECT n FROM not_by_strict(90)');
CREATE TABLE plans (track text, query integer, text text, line bigint);

SET pg_hello.track = 'none';
INSERT INTO plans SELECT 'none', q.id, p.*
FROM queries q, plan_of(q.query) WITH ORDINALITY p;
SELECT query, text AS "QUERY PLAN" FROM plans ORDER BY query, line;

SET pg_hello.track = 'own';
INSERT INTO plans SELECT 'own', q.id, p.*
FROM queries q, plan_of(q.query) WITH ORDINALITY p;
SET pg_hello.track = 'pl';
INSERT INTO plans SELECT 'pl', q.id, p.*
FROM queries q, plan_of(q.query) WITH ORDINALITY p;
SET pg_hello.track = 'all';
INSERT INTO plans SELECT 'all', q.id, p.*
FROM queries q, plan_of(q.query) WITH ORDINALITY p;

-- Identical.
SELECT p.track, count(*) AS lines, count(*) FILTER (WHERE n.text IS DISTINCT FROM p.text) AS different
FROM plans p FULL JOIN (SELECT * FROM plans WHERE track = 'none') n USING (query, line)
GROUP BY p.track ORDER BY p.track;

-- What is inlined is not counted; the rest is.
SELECT count(plus_one(n)), count(plus_one_strict(n)), count(plus_one_standard(n)), count(in_words(n)),
       count(not_by_definer(n)), count(not_by_set(n)), count(not_by_table(n)), count(not_by_sublink(n)),
       count(not_by_two(n)), count(not_by_limit(n))
FROM numbers WHERE n <= 10;
SELECT count(*) FROM above(90);
SELECT count(*) FROM above_standard(90);
SELECT count(*) FROM not_by_volatile(90);
SELECT count(*) FROM not_by_strict(90);
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_inlining' AND language = 'sql'
ORDER BY function COLLATE "C";

-- Asked for, it changes plans.
SET pg_hello.track_inlinable = on;
EXPLAIN (VERBOSE, COSTS OFF) SELECT plus_one(n) FROM numbers;
EXPLAIN (VERBOSE, COSTS OFF) SELECT n FROM above(90) WHERE n < 95;
SELECT count(plus_one(n)), count(plus_one_standard(n)) FROM numbers;
SELECT count(*) FROM above(90);
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_inlining' AND function ~ '^(plus_one|above)'
ORDER BY function COLLATE "C";
RESET pg_hello.track_inlinable;
EXPLAIN (VERBOSE, COSTS OFF) SELECT plus_one(n) FROM numbers;

-- Replaced by a body that is inlined, and the other way round.
CREATE OR REPLACE FUNCTION not_by_two(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + 1';
CREATE OR REPLACE FUNCTION plus_one(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1; SELECT $1 + 1';
EXPLAIN (VERBOSE, COSTS OFF) SELECT not_by_two(n), plus_one(n) FROM numbers;
SELECT count(not_by_two(n)), count(plus_one(n)) FROM numbers;
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_inlining' AND function ~ '^(plus_one|not_by_two)\('
ORDER BY function COLLATE "C";

-- A body that does not parse any more is an error of the server's, not of the tracking.
SET check_function_bodies = off;
CREATE FUNCTION broken(integer) RETURNS integer LANGUAGE sql AS 'SELECT FROM WHERE';
SELECT broken(1);
RESET check_function_bodies;

RESET pg_hello.track;
SET client_min_messages = warning;
DROP SCHEMA regress_inlining CASCADE;
