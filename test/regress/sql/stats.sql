--
-- pg_hello_stats: its columns, exact counts for each language and kind of function, and what must
-- hold between its times.
--

SELECT attname, format_type(atttypid, atttypmod) AS type
FROM pg_attribute WHERE attrelid = 'pg_hello_stats'::regclass AND attnum > 0 ORDER BY attnum;
SELECT parameter_name, data_type
FROM information_schema.parameters
WHERE specific_name LIKE 'pg\_hello\_info\_%' ORDER BY ordinal_position;

CREATE SCHEMA regress_stats;
SET search_path = regress_stats, public;
SET pg_hello.track = 'all';

CREATE FUNCTION plpgsql_add(a integer, b integer) RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN a + b; END';
CREATE FUNCTION sql_add(integer, integer) RETURNS integer LANGUAGE sql SECURITY DEFINER
AS 'SELECT $1 + $2';
CREATE FUNCTION c_greet(text) RETURNS text LANGUAGE c STRICT
AS '$libdir/pg_hello', 'pg_hello_greet';
CREATE FUNCTION internal_add(integer, integer) RETURNS integer LANGUAGE internal STRICT
AS 'int4pl';
CREATE FUNCTION plpgsql_rows(n integer) RETURNS SETOF integer LANGUAGE plpgsql
AS 'BEGIN RETURN QUERY SELECT generate_series(1, n); END';
CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN NEW.a := plpgsql_add(NEW.a, 1); RETURN NEW; END';
CREATE PROCEDURE no_work() LANGUAGE plpgsql
AS 'BEGIN END';
CREATE FUNCTION never_called() RETURNS integer LANGUAGE plpgsql
AS 'BEGIN RETURN 1; END';
CREATE AGGREGATE total(integer) (SFUNC = plpgsql_add, STYPE = integer, INITCOND = '0');
CREATE OPERATOR <+> (FUNCTION = plpgsql_add, LEFTARG = integer, RIGHTARG = integer);
CREATE TABLE changed (a integer);
CREATE TRIGGER before_change BEFORE INSERT OR UPDATE ON changed
FOR EACH ROW EXECUTE FUNCTION on_change();

CREATE VIEW counts AS
SELECT function, language, kind, extension, calls, errors, canceled, error_origins, active
FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_stats'
ORDER BY function COLLATE "C";

-- Nothing has been called, so there is nothing to show.
SELECT * FROM counts;

SELECT sum(plpgsql_add(i, 1)) FROM generate_series(1, 100) i;
SELECT sum(sql_add(i, 1)) FROM generate_series(1, 50) i;
SELECT count(c_greet(i::text)) FROM generate_series(1, 25) i;
SELECT sum(internal_add(i, 1)) FROM generate_series(1, 12) i;
SELECT * FROM counts;

-- A strict function is not called for NULL.
SELECT c_greet(NULL), internal_add(1, NULL);
SELECT function, calls FROM counts WHERE function ~ '^(c_greet|internal_add)';

-- Once for a result set, whether in FROM or in the select list.
SELECT count(*) FROM plpgsql_rows(1000);
SELECT count(r) FROM (SELECT plpgsql_rows(1000) AS r) t;
SELECT function, calls FROM counts WHERE function ~ '^plpgsql_rows';

-- A trigger once for a row, and what it calls; procedures; aggregates and operators by what they call.
INSERT INTO changed SELECT i FROM generate_series(1, 10) i;
UPDATE changed SET a = 0 WHERE a > 6;
CALL no_work();
CALL no_work();
SELECT total(i) FROM generate_series(1, 5) i;
SELECT 1 <+> 2;
DO $$ BEGIN PERFORM plpgsql_add(1, 2); CALL no_work(); END $$;
-- plpgsql_add: 100, 15 by the trigger, 5 by the aggregate, 1 by the operator, 1 by DO
SELECT * FROM counts;

-- Oids are those of the catalogs.
SELECT DISTINCT dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AS this_database
FROM pg_hello_stats WHERE schema = 'regress_stats';
SELECT s.function, s.funcid::regprocedure
FROM pg_hello_stats s WHERE s.schema = 'regress_stats' AND s.funcid = 'plpgsql_add'::regproc;

-- The extension's own functions are marked.
SELECT pg_hello('World');
SELECT schema, function, language, kind, extension, calls >= 1 AS called
FROM pg_hello_stats
WHERE datname = current_database() AND function = 'pg_hello(text)' AND schema = 'public';

-- A running function is active; it is not among the calls yet.
CREATE FUNCTION look_at_myself(OUT calls bigint, OUT active bigint) LANGUAGE plpgsql
AS $$
BEGIN
    SELECT s.calls, s.active INTO calls, active FROM pg_hello_stats s
    WHERE s.schema = 'regress_stats' AND s.function = 'look_at_myself()';
END
$$;
SELECT * FROM look_at_myself();
SELECT * FROM look_at_myself();
SELECT calls, active FROM counts WHERE function = 'look_at_myself()';

-- Times.
CREATE FUNCTION sleeping(ms double precision) RETURNS void LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION outer_call() RETURNS void LANGUAGE plpgsql
AS 'BEGIN PERFORM sleeping(1); PERFORM sleeping(2); PERFORM sleeping(20); PERFORM pg_sleep(0.005); END';
SELECT outer_call();
SELECT outer_call();

CREATE VIEW timed AS
SELECT * FROM pg_hello_stats WHERE datname = current_database() AND schema = 'regress_stats';

SELECT count(*) AS functions,
       bool_and(min_time > 0) FILTER (WHERE language = 'plpgsql') AS min_positive,
       bool_and(min_time <= p50 AND p50 <= p90 AND p90 <= p95 AND p95 <= p99 AND p99 <= max_time) AS percentiles,
       bool_and(min_time <= mean_time * (1 + 1e-9) AND mean_time <= max_time * (1 + 1e-9)) AS mean,
       bool_and(abs(mean_time * calls - total_time) <= 1e-9 * total_time) AS mean_of_total,
       bool_and(max_time <= total_time) AS total,
       bool_and(self_time > 0 AND self_time <= total_time) AS self,
       bool_and(stddev_time >= 0 AND stddev_time <= max_time - min_time + 1e-9) AS stddev,
       bool_and(abs(sum_squares_time / calls - mean_time ^ 2 - stddev_time ^ 2)
                <= 1e-6 * sum_squares_time) AS sum_squares,
       bool_and(untimed_calls = 0) AS all_timed,
       bool_and(stats_since <= now()) AS since
FROM timed;
-- One call: all the same.
SELECT internal_add(1, 2);
CREATE FUNCTION once() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.003); END';
SELECT once();
SELECT calls, min_time = max_time AS min_max, total_time = max_time AS total, p50 = max_time AS p50,
       p99 = min_time AS p99, stddev_time < 1e-3 * max_time AS stddev, self_time = total_time AS self
FROM timed WHERE function = 'once()';
-- Milliseconds of sleep: never less than asked for. Percentiles are at most 9.1 % off.
SELECT calls, min_time >= 1 AS min, max_time >= 20 AS max, total_time >= 46 AS total,
       p50 >= 1.8 AS p50, p99 >= 18 AS p99, stddev_time > 0 AS stddev
FROM timed WHERE function = 'sleeping(double precision)';
-- What the outer call spends on tracked functions is not its own time, to the nanosecond.
SELECT o.calls, o.self_time >= 10 AS own_sleep,
       abs(o.self_time + s.total_time - o.total_time) < 1e-6 AS sums_up,
       s.self_time = s.total_time AS inner_self
FROM timed o, timed s
WHERE o.function = 'outer_call()' AND s.function = 'sleeping(double precision)';

RESET pg_hello.track;
SET client_min_messages = warning;
DROP SCHEMA regress_stats CASCADE;
