--
-- Names: unique, whole, of any characters, and true when the function has changed or gone.
--

CREATE SCHEMA regress_names;
SET search_path = regress_names, public;

CREATE VIEW names AS
SELECT schema, function, kind, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema LIKE 'regress\_names%'
ORDER BY schema COLLATE "C", function COLLATE "C";

-- Overloads are rows of their own.
CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 0; END';
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION f(integer, VARIADIC text[]) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 2; END';
CREATE FUNCTION f(numeric, OUT a integer, INOUT b character varying) LANGUAGE plpgsql AS 'BEGIN a = 3; END';
SELECT f(), f(1), f(1), f(1, 'a', 'b'), f(1.0, 'x');
SELECT * FROM names;

-- Names that need quotes, and characters that need escapes in the metrics.
CREATE SCHEMA "regress_names Größe";
CREATE FUNCTION "regress_names Größe"."We""ird\ näme
{}"() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT "regress_names Größe"."We""ird\ näme
{}"();
SELECT * FROM names WHERE schema = 'regress_names Größe';
SELECT line FROM regexp_split_to_table(pg_hello_metrics(), '\n') line
WHERE line ~ '^pg_hello_function_calls_total\{.*Größe';

-- Too long for the table: cut, marked, and still two.
DO $$
DECLARE
    args text := (SELECT string_agg('timestamp with time zone', ', ') FROM generate_series(1, 20));
    nulls text := (SELECT string_agg('NULL::timestamptz', ', ') FROM generate_series(1, 20));
BEGIN
    EXECUTE format('CREATE FUNCTION %I(%s, date) RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''',
                   repeat('l', 63), args);
    EXECUTE format('CREATE FUNCTION %I(%s, text) RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 2; END''',
                   repeat('l', 63), args);
    EXECUTE format('SELECT %I(%s, NULL::date), %1$I(%2$s, NULL::text)', repeat('l', 63), nulls);
END
$$;
SELECT left(function, 80) AS beginning, octet_length(function) AS bytes,
       function LIKE '%~' || funcid AS marked, calls
FROM pg_hello_stats WHERE schema = 'regress_names' AND function LIKE 'lll%';
SELECT count(DISTINCT function) AS names FROM pg_hello_stats
WHERE schema = 'regress_names' AND function LIKE 'lll%';

-- The longest names there are.
DO $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', rpad('regress_names_', 63, 's'));
    EXECUTE format('CREATE FUNCTION %I.%I() RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''',
                   rpad('regress_names_', 63, 's'), repeat('ü', 31));
    EXECUTE format('SELECT %I.%I()', rpad('regress_names_', 63, 's'), repeat('ü', 31));
END
$$;
SELECT schema, function, calls FROM names WHERE schema LIKE '%sss';

-- Renamed, moved, replaced: the same function, and its new name from the next call on.
CREATE FUNCTION g() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT g(), g();
ALTER FUNCTION g() RENAME TO h;
SELECT h();
SELECT * FROM names WHERE function IN ('g()', 'h()');
CREATE SCHEMA regress_names_2;
ALTER FUNCTION h() SET SCHEMA regress_names_2;
SELECT regress_names_2.h();
ALTER SCHEMA regress_names_2 RENAME TO regress_names_3;
SELECT regress_names_3.h();
CREATE OR REPLACE FUNCTION regress_names_3.h() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 2; END';
SELECT regress_names_3.h();
SELECT * FROM names WHERE function IN ('g()', 'h()');

-- Dropped, it is gone; made again, it is another function.
DROP FUNCTION regress_names_3.h();
SELECT * FROM names WHERE function IN ('g()', 'h()');
CREATE FUNCTION regress_names_3.h() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 2; END';
SELECT regress_names_3.h();
SELECT * FROM names WHERE function IN ('g()', 'h()');

-- In the metrics it is one series.
SELECT count(*) AS series, count(DISTINCT m[1]) AS labels
FROM regexp_matches(pg_hello_metrics(), '^pg_hello_function_calls_total({[^\n]*schema="regress_names_3"[^\n]*})', 'gn') m;

-- Functions of temporary schemas are the same one in all sessions.
CREATE FUNCTION pg_temp.t(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT pg_temp.t(1), pg_temp.t(2);
\c -
CREATE FUNCTION pg_temp.t(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT pg_temp.t(1);
SELECT schema, function, funcid, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'pg_temp' AND function = 't(integer)';

-- Another database in another encoding; its names are the same everywhere.
CREATE DATABASE regress_pg_hello_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_pg_hello_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION pg_hello;
CREATE FUNCTION "größer"() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN pg_hello(''Zoë''); END';
SELECT "größer"();
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND extension IS NULL ORDER BY 1;
SELECT position('function="\"größer\"()"' IN pg_hello_metrics()) > 0 AS in_metrics;
\c regress_pg_hello
SELECT function, octet_length(function) AS bytes, calls FROM pg_hello_stats
WHERE datname = 'regress_pg_hello_latin1' AND extension IS NULL;
-- What the other encoding cannot hold is shown as question marks in the view; the metrics, which
-- must be the very text of /metrics, are an error.
CREATE FUNCTION "世界"() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT "世界"();
\c regress_pg_hello_latin1
SET client_encoding = 'UTF8';
SELECT function, calls FROM pg_hello_stats
WHERE datname = 'regress_pg_hello' AND schema = 'public' AND extension IS NULL;
SELECT position('function="\"??\"()"' IN pg_hello_metrics()) > 0 AS in_metrics;
\c regress_pg_hello
DROP DATABASE regress_pg_hello_latin1;
-- Gone with all its functions.
SELECT datname, function, calls FROM pg_hello_stats
WHERE datname = 'regress_pg_hello_latin1' AND extension IS NULL;

SET client_min_messages = warning;
DROP FUNCTION "世界"();
DROP SCHEMA regress_names CASCADE;
DROP SCHEMA regress_names_3 CASCADE;
DROP SCHEMA "regress_names Größe" CASCADE;
DO $$ BEGIN EXECUTE format('DROP SCHEMA %I CASCADE', rpad('regress_names_', 63, 's')); END $$;
