--
-- Baselines: what got slower, by how much, and is it more than noise?
--

CREATE SCHEMA regress_baselines;
SET search_path = regress_baselines, public;
-- Of what follows only these functions matter.
CREATE VIEW compared AS
SELECT replace(function_name, 'regress_baselines.', '') AS function, verdict, baseline_calls, current_calls,
       time_ratio, t_statistic, degrees_of_freedom, significant, baseline_avg_ms, current_avg_ms, baseline_p95_ms, current_p95_ms
FROM pg_hello_compare_baseline('before') WHERE function_name LIKE 'regress\_baselines.%';

CREATE FUNCTION worse(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION better(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION same() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION seldom(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION later() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION no_more() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';

SELECT count(worse(0)), count(better(8)), count(same()), count(no_more()) FROM generate_series(1, 40);
SELECT seldom(0);

SELECT pg_hello_capture_baseline('before') >= 5 AS captured;
SELECT function_name, calls_total, errors_total, timed_calls, calls_per_second > 0 AS rate, mean_time_ms >= 0 AS mean,
       p95_time_ms > 0 AS p95, array_length(buckets, 1) AS buckets, (SELECT sum(n) FROM unnest(buckets) n) AS in_buckets
FROM pg_hello_performance_baseline
WHERE label = 'before' AND function_name LIKE 'regress\_baselines.%' ORDER BY function_name COLLATE "C";

-- Nothing has been called since.
SELECT DISTINCT verdict FROM compared;

SELECT count(worse(8)), count(better(0)), count(same()) FROM generate_series(1, 40);
SELECT seldom(5);
SELECT later();
SELECT function, verdict, baseline_calls, current_calls, significant,
       time_ratio > 1 AS slower, current_avg_ms > baseline_avg_ms AS avg, current_p95_ms > baseline_p95_ms AS p95
FROM compared WHERE function NOT IN ('same()') ORDER BY function COLLATE "C";

-- Counters that were reset go on from nothing: all calls since then count.
SELECT pg_hello_reset(current_database(), 'worse'::regproc) IS NOT NULL AS reset;
SELECT count(worse(9)) FROM generate_series(1, 35);
SELECT function, verdict, baseline_calls, current_calls, current_avg_ms >= 9 AS only_the_new_ones
FROM compared WHERE function = 'worse(double precision)';
-- A function that was replaced is the same one; one that was dropped is gone.
CREATE OR REPLACE FUNCTION better(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 500); END';
DROP FUNCTION no_more();
SELECT function, verdict FROM compared WHERE function LIKE 'better%' OR function LIKE 'no_more%' ORDER BY 1;

-- The test itself, against worked examples (two of them those of textbooks) and against tables of t.
SELECT round(t::numeric, 2) AS t, round(degrees_of_freedom::numeric, 1) AS df, abs(t) > critical_t AS significant
FROM (VALUES (15, 20.8, 7.9, 15, 23.0, 3.8), (10, 20.6, 9.0, 20, 22.1, 0.9),
             (40, 2, 1, 50, 3, 4), (40, 2, 1, 500, 3, 4)) s(n1, m1, v1, n2, m2, v2),
     pg_hello_welch_test(n1, m1, v1, n2, m2, v2);
SELECT df, round(critical_t::numeric, 2) AS critical_t, abs(critical_t - in_tables) < 0.005 AS as_in_tables
FROM (VALUES (30, 3.646), (60, 3.460), (120, 3.373), (1000000000, 3.291)) t(df, in_tables),
     pg_hello_welch_test(df / 2 + 1, 0, 1, df / 2 + 1, 1, 1);
-- Without variance, or with a single call, there is nothing to test by.
SELECT * FROM pg_hello_welch_test(40, 1, 0, 40, 2, 0);
SELECT * FROM pg_hello_welch_test(1, 1, 1, 40, 2, 1);
SELECT * FROM pg_hello_welch_test(0, 1, 1, NULL, 2, 1);

-- The same numbers, put in place of a baseline: before, 40 calls; and after, those of "same".
CREATE FUNCTION expected_t(n1 bigint, mean1 double precision, variance1 double precision, n2 bigint, mean2 double precision, variance2 double precision)
RETURNS numeric LANGUAGE sql AS $$
    SELECT round(((mean2 - mean1) / sqrt(variance1 / n1 + variance2 / n2))::numeric, 2)
$$;
UPDATE pg_hello_performance_baseline
SET stats_since = 'epoch', timed_calls = 40, sum_time_ms = 80, sum_squares_time_ms2 = 39 * 1 + 40 * 4
WHERE label = 'before' AND function_name = 'regress_baselines.same()';
SELECT c.baseline_calls, c.current_calls, c.baseline_avg_ms, c.verdict,
       c.t_statistic = expected_t(40, 2, 1, d.timed_calls, d.sum_time / d.timed_calls,
           (d.sum_squares_time - d.sum_time ^ 2 / d.timed_calls) / (d.timed_calls - 1)) AS t,
       c.degrees_of_freedom BETWEEN 38 AND 41 AS df, c.significant
FROM compared c, pg_hello_distribution_rows() d
WHERE c.function = 'same()' AND d.function = 'same()' AND d.schema = 'regress_baselines' AND d.datname = current_database();

-- A difference that is large but can be noise is none: two calls in a hundred were slow.
UPDATE pg_hello_performance_baseline
SET timed_calls = 100, sum_time_ms = 100 * d.mean, sum_squares_time_ms2 = 100 * 10000 * d.mean ^ 2
FROM (SELECT 1.5 * sum_time / timed_calls AS mean FROM pg_hello_distribution_rows()
      WHERE function = 'same()' AND schema = 'regress_baselines' AND datname = current_database()) d
WHERE label = 'before' AND function_name = 'regress_baselines.same()';
SELECT function, verdict, round(time_ratio, 1) AS time_ratio, significant FROM compared WHERE function = 'same()';

-- Labels
\set VERBOSITY terse
SELECT pg_hello_capture_baseline('before');
SELECT pg_hello_capture_baseline('');
SELECT pg_hello_capture_baseline(NULL);
SELECT pg_hello_capture_baseline(repeat('x', 201));
SELECT pg_hello_compare_baseline('no such baseline');
SELECT pg_hello_compare_baseline(NULL);
SELECT pg_hello_capture_baseline(E'it''s "quoted"; \\ % \n 世界') > 0 AS captured;
SELECT count(*) > 0 AS rows FROM pg_hello_compare_baseline(E'it''s "quoted"; \\ % \n 世界');
DELETE FROM pg_hello_performance_baseline WHERE label = 'before';
SELECT pg_hello_capture_baseline('before') > 0 AS again;

DELETE FROM pg_hello_performance_baseline;
SET client_min_messages = warning;
DROP SCHEMA regress_baselines CASCADE;
