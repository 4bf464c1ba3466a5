--
-- pg_hello_reset(): of everything, one database, one function.
--

CREATE DATABASE regress_pg_hello_other;
\c regress_pg_hello_other
CREATE EXTENSION pg_hello;
CREATE SCHEMA regress_reset;
CREATE FUNCTION regress_reset.f() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION regress_reset.g() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / 0; END';
\c regress_pg_hello
CREATE SCHEMA regress_reset;
CREATE FUNCTION regress_reset.f() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION regress_reset.g() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / 0; END';

CREATE VIEW regress_reset.counts AS
SELECT datname, function, calls, errors, error_origins FROM pg_hello_stats
WHERE datname LIKE 'regress\_pg\_hello%' AND schema = 'regress_reset'
ORDER BY datname COLLATE "C", function COLLATE "C";

\set VERBOSITY terse
\c regress_pg_hello_other
SELECT regress_reset.f(), regress_reset.f(), regress_reset.f();
SELECT regress_reset.g();
\c regress_pg_hello
SELECT regress_reset.f(), regress_reset.f();
SELECT regress_reset.g();
SELECT * FROM regress_reset.counts;

-- One function, of this database or of another.
SELECT now() AS before \gset
SELECT stats_reset AS all_reset FROM pg_hello_info() \gset
SELECT pg_hello_reset(funcid => 'regress_reset.f'::regproc) >= :'before' AS reset_now;
SELECT * FROM regress_reset.counts;
SELECT pg_hello_reset('regress_pg_hello_other', funcid) IS NOT NULL AS reset
FROM pg_hello_stats
WHERE datname = 'regress_pg_hello_other' AND schema = 'regress_reset' AND function = 'f()';
SELECT * FROM regress_reset.counts;

-- Of a function without calls there are no times, and it is counted from the reset on.
SELECT calls, errors, canceled, iterations, untimed_calls, active, total_time, self_time, sum_squares_time,
       num_nulls(mean_time, stddev_time, min_time, max_time, p50, p90, p95, p99) AS nulls,
       stats_since >= :'before' AS since
FROM pg_hello_stats WHERE datname = current_database() AND schema = 'regress_reset' AND function = 'f()';
SELECT stats_since < :'before' AS since_earlier
FROM pg_hello_stats WHERE datname = current_database() AND schema = 'regress_reset' AND function = 'g()';
SELECT regress_reset.f();
SELECT calls, num_nulls(mean_time, stddev_time, min_time, max_time, p50, p90, p95, p99) AS nulls,
       min_time = max_time AS since_reset
FROM pg_hello_stats WHERE datname = current_database() AND schema = 'regress_reset' AND function = 'f()';

-- One database.
SELECT pg_hello_reset('regress_pg_hello_other') IS NOT NULL AS reset;
SELECT * FROM regress_reset.counts;
SELECT pg_hello_reset(current_database()) IS NOT NULL AS reset;
SELECT * FROM regress_reset.counts;
-- That was not "everything".
SELECT stats_reset = :'all_reset' AS unchanged FROM pg_hello_info();

-- Everything.
SELECT regress_reset.f();
SELECT regress_reset.g();
SELECT now() AS before \gset
SELECT pg_hello_reset() AS returned \gset
SELECT :'returned' >= :'before' AS reset_now;
SELECT stats_reset = :'returned' AS remembered FROM pg_hello_info();
SELECT * FROM regress_reset.counts;
-- The view's own functions have been called since.
SELECT count(*) > 0 AS rows, bool_and(stats_since >= :'returned') AS all_since,
       sum(calls) FILTER (WHERE extension IS NULL) AS calls
FROM pg_hello_stats;
SELECT pg_hello_reset(NULL, NULL) > :'returned' AS later;

-- In the middle of a call: the call ends after the reset and is counted.
CREATE FUNCTION regress_reset.resets() RETURNS integer LANGUAGE plpgsql
AS 'BEGIN PERFORM regress_reset.f(); PERFORM pg_hello_reset(); PERFORM regress_reset.f(); RETURN 1; END';
SELECT regress_reset.resets();
SELECT * FROM regress_reset.counts WHERE calls > 0;
SELECT regress_reset.resets();
SELECT * FROM regress_reset.counts WHERE calls > 0;

-- A reset is not undone by a rollback, like core's.
BEGIN;
SELECT pg_hello_reset(current_database()) IS NOT NULL AS reset;
ROLLBACK;
SELECT count(*) FROM regress_reset.counts WHERE calls > 0;

-- Errors.
SELECT pg_hello_reset('no_such_database');
SELECT pg_hello_reset('no_such_database', 0);
SELECT pg_hello_reset('');
-- Nothing is known of such a function, so there is nothing to do.
SELECT pg_hello_reset(NULL, 0) IS NOT NULL AS reset;

DROP DATABASE regress_pg_hello_other;
SELECT pg_hello_reset('regress_pg_hello_other');
SET client_min_messages = warning;
DROP SCHEMA regress_reset CASCADE;
