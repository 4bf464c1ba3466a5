--
-- Every activation is a call; the total time is that of the outermost ones.
--

CREATE SCHEMA regress_recursion;
SET search_path = regress_recursion, public;

CREATE FUNCTION factorial(n integer) RETURNS numeric LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(0.001); RETURN CASE WHEN n = 0 THEN 1 ELSE n * factorial(n - 1) END; END';
CREATE FUNCTION ping(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN CASE WHEN n = 0 THEN 0 ELSE pong(n - 1) END; END';
CREATE FUNCTION pong(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN CASE WHEN n = 0 THEN 0 ELSE ping(n - 1) END; END';

SELECT factorial(20);
SELECT calls, total_time = max_time AS total_is_the_outermost,
       abs(self_time - total_time) < 1e-6 AS all_of_it_its_own,
       min_time < max_time AS inner_ones_are_shorter,
       mean_time * calls > total_time AS mean_of_all_activations
FROM pg_hello_stats WHERE schema = 'regress_recursion';
SELECT factorial(0), factorial(1);
SELECT calls, max_time < total_time AS three_outermost
FROM pg_hello_stats WHERE schema = 'regress_recursion';

SELECT ping(7);
SELECT i.calls AS ping, o.calls AS pong, i.total_time >= o.total_time AS ping_is_outermost,
       i.max_time = i.total_time AS once, i.total_time > i.self_time AS shared,
       abs(i.self_time + o.self_time - i.total_time) < 1e-6 AS sums_up
FROM pg_hello_stats i, pg_hello_stats o
WHERE i.schema = 'regress_recursion' AND i.function = 'ping(integer)'
  AND o.schema = 'regress_recursion' AND o.function = 'pong(integer)';

-- An error on the way up ends all activations.
CREATE FUNCTION fails_at_the_bottom(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN CASE WHEN n = 0 THEN 1 / n ELSE fails_at_the_bottom(n - 1) END; END';
\set SHOW_CONTEXT never
SELECT fails_at_the_bottom(9);
SELECT calls, errors, error_origins, active FROM pg_hello_stats
WHERE schema = 'regress_recursion' AND function = 'fails_at_the_bottom(integer)';

-- Deeper than the server's stack: an error of the server's, and the counters stay right.
CREATE FUNCTION bottomless(n integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN bottomless(n + 1); END';
\set VERBOSITY sqlstate
SELECT bottomless(1);
\set VERBOSITY default
SELECT calls > 100 AS many, calls = errors AS all_failed, active, error_origins
FROM pg_hello_stats WHERE schema = 'regress_recursion' AND function = 'bottomless(integer)';
SELECT factorial(3);
SELECT calls, errors, active FROM pg_hello_stats
WHERE schema = 'regress_recursion' AND function = 'factorial(integer)';

SET client_min_messages = warning;
DROP SCHEMA regress_recursion CASCADE;
