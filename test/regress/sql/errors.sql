--
-- Errors: whose they are, where they began, and that tracking changes none of them.
--

CREATE SCHEMA regress_errors;
SET search_path = regress_errors, public;
SET pg_hello.track = 'all';

CREATE FUNCTION fails(sqlstate text) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RAISE EXCEPTION ''failed'' USING ERRCODE = sqlstate; END';
CREATE FUNCTION divides(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN 1 / n; END';
CREATE FUNCTION passes_on(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN divides(n); END';
CREATE FUNCTION catches(n integer) RETURNS text LANGUAGE plpgsql
AS 'BEGIN RETURN passes_on(n); EXCEPTION WHEN division_by_zero THEN RETURN ''caught''; END';
CREATE FUNCTION replaces(n integer) RETURNS text LANGUAGE plpgsql
AS 'BEGIN RETURN divides(n); EXCEPTION WHEN OTHERS THEN RAISE unique_violation; END';
CREATE FUNCTION raises_again(n integer) RETURNS text LANGUAGE plpgsql
AS 'BEGIN RETURN divides(n); EXCEPTION WHEN OTHERS THEN RAISE; END';
CREATE FUNCTION sql_divides(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER
AS 'SELECT 1 / $1';
CREATE FUNCTION internal_divides(integer, integer) RETURNS integer LANGUAGE internal STRICT
AS 'int4div';
CREATE FUNCTION c_greet(text) RETURNS text LANGUAGE c STRICT
AS '$libdir/pg_hello', 'pg_hello_greet';
CREATE FUNCTION sleeps() RETURNS void LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(60); END';
CREATE FUNCTION catches_cancel() RETURNS text LANGUAGE plpgsql
AS 'BEGIN PERFORM sleeps(); EXCEPTION WHEN query_canceled THEN RETURN ''caught''; END';

CREATE VIEW failures AS
SELECT function, calls, errors, canceled, error_origins, active
FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_errors'
ORDER BY function COLLATE "C";

-- No errors: an empty object.
SELECT divides(1), passes_on(1), catches(1);
SELECT * FROM failures;

-- The message is the same as ever. The innermost one is where it began.
SELECT divides(0);
SELECT passes_on(0);
SELECT * FROM failures;

-- Caught: not an error of the one that catches it.
SELECT catches(0), catches(0);
SELECT * FROM failures;

-- Replaced by another: both are origins. Raised again: an error of the one that raises it too.
SELECT replaces(0);
SELECT raises_again(0);
SELECT * FROM failures WHERE function IN ('divides(integer)', 'raises_again(integer)', 'replaces(integer)');

-- In other languages.
SELECT sql_divides(0);
SELECT internal_divides(1, 0);
SET pg_hello.repeat = 1000;
SELECT c_greet(repeat('x', 2000000));
RESET pg_hello.repeat;
SELECT * FROM failures WHERE function ~ '^(sql_|internal_|c_)';

-- Classes, also some that nobody knows.
DO $$
DECLARE
    code text;
BEGIN
    FOREACH code IN ARRAY '{P0001,P0002,23505,23503,XY123,HV001,00001,40001,ZZZZZ}'::text[] LOOP
        BEGIN
            PERFORM fails(code);
        EXCEPTION WHEN OTHERS THEN
            ASSERT SQLSTATE = code;
        END;
    END LOOP;
END
$$;
SELECT * FROM failures WHERE function = 'fails(text)';
-- The object is usable as one.
SELECT o.key AS class, o.value::bigint AS errors
FROM failures f, jsonb_each_text(f.error_origins) o WHERE f.function = 'fails(text)' ORDER BY 1;

-- Cancelled by a timeout: an error and a cancel.
SET statement_timeout = '250ms';
SELECT sleeps();
SELECT catches_cancel();
RESET statement_timeout;
SELECT * FROM failures WHERE function IN ('sleeps()', 'catches_cancel()');

-- In a transaction that fails and is rolled back, counted all the same.
BEGIN;
SELECT divides(1);
SAVEPOINT s;
SELECT divides(0);
ROLLBACK TO s;
SELECT divides(1);
ROLLBACK;
SELECT * FROM failures WHERE function = 'divides(integer)';

-- Many caught errors in one statement.
SELECT count(catches(0)) FROM generate_series(1, 1000);
SELECT * FROM failures WHERE function IN ('divides(integer)', 'passes_on(integer)', 'catches(integer)');

-- Nothing is left open, and no call was ever lost sight of.
SELECT sum(active) AS active FROM failures;
SELECT stack_resyncs FROM pg_hello_info();

SET client_min_messages = warning;
DROP SCHEMA regress_errors CASCADE;
