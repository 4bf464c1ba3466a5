--
-- pg_hello_metrics(): well-formed, and of one mind with pg_hello_stats.
--

CREATE SCHEMA regress_metrics;
SET search_path = regress_metrics, public;
SET pg_hello.track = 'all';

CREATE FUNCTION in_plpgsql(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / $1; END';
CREATE FUNCTION in_sql(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1 / $1';
CREATE FUNCTION in_c(text) RETURNS text LANGUAGE c AS '$libdir/pg_hello', 'pg_hello_greet';
CREATE FUNCTION sleeping(double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep($1); END';

SELECT count(in_plpgsql(i)), count(in_sql(i)), count(in_c(i::text)) FROM generate_series(1, 123) i;
\set VERBOSITY terse
SELECT in_plpgsql(0);
SELECT in_sql(0);
SELECT sleeping(0.002);
SET statement_timeout = '250ms';
SELECT sleeping(60);
RESET statement_timeout;

-- Functions that are called once: their only call's duration is in SQL.
DO $$
DECLARE
    name text;
    ms numeric;
BEGIN
    FOREACH ms IN ARRAY '{0, 0.2, 0.7, 1.5, 4, 8, 20, 40, 80}'::numeric[] LOOP
        name := 'once_' || (ms * 10)::integer;
        EXECUTE format('CREATE FUNCTION %I() RETURNS void LANGUAGE plpgsql AS ''BEGIN PERFORM pg_sleep(%s); END''',
                       name, ms / 1000);
        EXECUTE format('SELECT %I()', name);
    END LOOP;
END
$$;

-- The text, taken once.
CREATE TABLE lines AS
SELECT ordinality AS number, line
FROM regexp_split_to_table(pg_hello_metrics(), '\n') WITH ORDINALITY t(line);
-- Its samples, taken apart.
CREATE TABLE samples AS
SELECT l.number, l.line, m[1] AS name, m[2] AS labels, m[3]::double precision AS value,
       regexp_replace(m[1], '_(bucket|sum|count)$', '') AS base
FROM lines l, regexp_match(l.line, '^([a-z_]+)(\{.*\})? (\S+)$') m
WHERE l.line !~ '^#' AND m IS NOT NULL;
-- Families: the lines that say of what type they are.
CREATE TABLE families AS
SELECT t.number, m[1] AS name, m[2] AS type, substring(h.line FROM '^# HELP \S+ (.*)') AS help
FROM lines t
CROSS JOIN LATERAL regexp_match(t.line, '^# TYPE (\S+) (\S+)$') m
LEFT JOIN lines h ON h.number = t.number - 1 AND h.line LIKE '# HELP ' || m[1] || ' %'
WHERE t.line LIKE '# TYPE %';

SELECT name, type FROM families ORDER BY name COLLATE "C";

-- Each family once, with a help text.
SELECT count(*) > 20 AS many, count(*) = count(DISTINCT name) AS once, bool_and(help <> '') AS with_help,
       bool_and(type IN ('counter', 'gauge', 'histogram')) AS types,
       bool_and((type = 'counter') = (name LIKE '%\_total')) AS total_means_counter
FROM families;
SELECT count(*) AS other_comments FROM lines WHERE line ~ '^#' AND line !~ '^# (HELP|TYPE) pg_hello_[a-z_]+ ';
-- Every line is a comment or a sample, and the last one ends with a line feed.
SELECT line FROM lines WHERE line !~ '^#' AND line <> '' AND number NOT IN (SELECT number FROM samples);
SELECT count(*) FILTER (WHERE line = '') AS empty, max(number) = max(number) FILTER (WHERE line = '') AS ends_with_lf FROM lines;
-- Every sample comes after its family's head and before the next one's.
SELECT s.line AS misplaced
FROM samples s
WHERE NOT EXISTS (
    SELECT FROM families f
    WHERE f.name = CASE WHEN f.type = 'histogram' THEN s.base ELSE s.name END
      AND f.number = (SELECT max(number) FROM families b WHERE b.number < s.number));
-- No series twice; no value that is not a number; nothing negative.
SELECT count(*) - count(DISTINCT (name, labels)) AS twice FROM samples;
SELECT count(*) AS strange FROM samples WHERE value IN ('NaN', 'Infinity') OR value < 0;
SELECT count(*) AS bad_labels FROM samples
WHERE labels !~ '^\{[a-z_]+="([^"\\]|\\["\\n])*"(,[a-z_]+="([^"\\]|\\["\\n])*")*\}$';

-- The labels of a function.
SELECT line FROM samples
WHERE name ~ '^pg_hello_function_(calls|errors|canceled|error_origins)_total' AND labels ~ 'regress_metrics' AND labels !~ 'once_'
ORDER BY line COLLATE "C";

-- The view says the same.
CREATE VIEW by_metrics AS
SELECT substring(labels FROM 'function="([^"]*)"') AS function,
       sum(value) FILTER (WHERE name = 'pg_hello_function_calls_total') AS calls,
       sum(value) FILTER (WHERE name = 'pg_hello_function_errors_total') AS errors,
       sum(value) FILTER (WHERE name = 'pg_hello_function_canceled_total') AS canceled,
       sum(value) FILTER (WHERE name = 'pg_hello_function_error_origins_total') AS origins,
       sum(value) FILTER (WHERE name = 'pg_hello_function_active') AS active,
       sum(value) FILTER (WHERE name = 'pg_hello_function_inclusive_seconds_total') AS total_seconds,
       sum(value) FILTER (WHERE name = 'pg_hello_function_self_seconds_total') AS self_seconds,
       sum(value) FILTER (WHERE name = 'pg_hello_function_duration_seconds_sum') AS sum_seconds,
       sum(value) FILTER (WHERE name = 'pg_hello_function_duration_seconds_count') AS count,
       sum(value) FILTER (WHERE name = 'pg_hello_function_duration_seconds_bucket'
                            AND labels LIKE '%le="+Inf"}') AS infinite_bucket,
       count(*) FILTER (WHERE name = 'pg_hello_function_duration_seconds_bucket') AS buckets,
       count(*) FILTER (WHERE name = 'pg_hello_function_info' AND value = 1) AS info
FROM samples WHERE labels LIKE '{datname="regress_pg_hello",schema="regress_metrics",%' AND labels !~ 'once_'
GROUP BY 1;
SELECT s.function, s.calls,
       m.calls = s.calls AS calls, m.count = s.calls AS count, m.infinite_bucket = s.calls AS infinite_bucket,
       m.errors = s.errors AS errors, m.canceled = s.canceled AS canceled,
       coalesce(m.origins, 0) = (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each(s.error_origins)) AS origins,
       m.active = s.active AS active,
       abs(m.total_seconds * 1000 - s.total_time) <= 1e-6 AS total_time,
       abs(m.self_seconds * 1000 - s.self_time) <= 1e-6 AS self_time,
       abs(m.sum_seconds * 1000 - s.mean_time * s.calls) <= 1e-6 AS sum_of_durations,
       m.buckets, m.info
FROM pg_hello_stats s FULL JOIN by_metrics m USING (function)
WHERE s.datname = current_database() AND s.schema = 'regress_metrics' AND s.function !~ 'once_'
ORDER BY s.function COLLATE "C";

-- Buckets: the bounds, ascending, and the counts, never falling.
SELECT string_agg(substring(labels FROM 'le="([^"]*)"'), ' ' ORDER BY number) AS bounds
FROM samples
WHERE name = 'pg_hello_function_duration_seconds_bucket' AND labels ~ 'regress_metrics.*"in_plpgsql\(';
SELECT count(*) AS steps, count(*) FILTER (WHERE falls) AS falling, count(*) FILTER (WHERE unordered) AS unordered
FROM (SELECT value < lag(value) OVER function AS falls,
             substring(labels FROM 'le="\+?([^"]*)"')::double precision
               <= lag(substring(labels FROM 'le="\+?([^"]*)"')::double precision) OVER function AS unordered
      FROM samples
      WHERE name = 'pg_hello_function_duration_seconds_bucket' AND labels ~ 'regress_metrics' AND labels !~ 'once_'
      WINDOW function AS (PARTITION BY substring(labels FROM 'function="([^"]*)"') ORDER BY number)) b;
-- Sleeping takes its time: no call was shorter than 1 ms.
SELECT substring(labels FROM 'le="([^"]*)"') AS le, value FROM samples
WHERE name = 'pg_hello_function_duration_seconds_bucket' AND labels ~ 'regress_metrics.*"sleeping\('
  AND labels ~ 'le="(0.001|\+Inf)"'
ORDER BY number;

-- A single call is in the buckets from the first that is not below it.
SELECT count(DISTINCT s.function) AS functions, count(*) AS buckets,
       count(*) FILTER (WHERE b.value <> (b.le * 1000 >= s.max_time)::integer) AS wrong
FROM pg_hello_stats s
JOIN (SELECT substring(labels FROM 'function="([^"]*)"') AS function,
             substring(labels FROM 'le="\+?([^"]*)"')::double precision AS le, value
      FROM samples
      WHERE name = 'pg_hello_function_duration_seconds_bucket' AND labels ~ 'regress_metrics') b USING (function)
WHERE s.datname = current_database() AND s.schema = 'regress_metrics' AND s.calls = 1;

-- _info carries what is not a label elsewhere.
SELECT regexp_replace(labels, 'funcid="\d+"', 'funcid="N"') AS labels, value
FROM samples WHERE name = 'pg_hello_function_info' AND labels ~ 'regress_metrics' AND labels !~ 'once_' ORDER BY labels COLLATE "C";
SELECT count(*) AS same_oid
FROM samples s JOIN pg_proc p ON p.oid = substring(s.labels FROM 'funcid="(\d+)"')::oid
WHERE s.name = 'pg_hello_function_info' AND s.labels ~ 'regress_metrics' AND s.labels !~ 'once_'
  AND s.labels LIKE '%function="' || p.proname || '(%';

-- The server and the collector.
SELECT s.name, CASE s.name
         WHEN 'pg_hello_postgres_in_recovery' THEN s.value = i.in_recovery::integer
         WHEN 'pg_hello_stats_reset_timestamp_seconds' THEN abs(s.value - extract(epoch FROM i.stats_reset)) < 1e-3
         WHEN 'pg_hello_tracked_functions' THEN s.value <= i.tracked_functions
         WHEN 'pg_hello_tracked_functions_limit' THEN s.value = i.max_functions
         WHEN 'pg_hello_shared_memory_bytes' THEN s.value = i.shared_memory_bytes
         WHEN 'pg_hello_worker_restarts_total' THEN s.value = i.worker_restarts
         WHEN 'pg_hello_worker_start_time_seconds' THEN abs(s.value - extract(epoch FROM i.worker_started)) < 1e-3
         WHEN 'pg_hello_build_info' THEN s.labels LIKE '{version="' || i.version || '",%"' || i.postgres_version || '"%'
       END AS same
FROM samples s, pg_hello_info() i
WHERE s.name ~ '^pg_hello_(postgres_in_rec|stats_reset|tracked_f|shared_mem|worker_restarts|worker_start_|build_info)'
ORDER BY s.name COLLATE "C";
-- One sample of it for each function with a row.
SELECT bool_and(c = (SELECT value FROM samples WHERE name = 'pg_hello_tracked_functions')) AS complete
FROM (SELECT name, count(*) AS c FROM samples
      WHERE name ~ '^pg_hello_function_(calls_total|errors_total|duration_seconds_count|info)$' GROUP BY name) t;

RESET pg_hello.track;
SET client_min_messages = warning;
DROP SCHEMA regress_metrics CASCADE;
