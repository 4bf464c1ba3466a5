--
-- Histograms and percentiles in SQL.
--

CREATE SCHEMA regress_distributions;
SET search_path = regress_distributions, public;

-- The bounds: ascending, without gaps, and each with the decimal bound that it is counted under.
SELECT count(*) AS buckets, min(lower_time) AS least, max(upper_time) AS greatest,
       count(DISTINCT decimal_upper_time) AS decimal_bounds,
       bool_and(lower_time < upper_time AND upper_time <= decimal_upper_time) AS ordered,
       count(*) FILTER (WHERE upper_time = decimal_upper_time) AS ends_at_decimal
FROM pg_hello_bucket_rows();
SELECT count(*) AS gaps
FROM (SELECT lower_time IS DISTINCT FROM lag(upper_time, 1, 0) OVER (ORDER BY bucket) AS gap
      FROM pg_hello_bucket_rows()) b WHERE gap;

-- A distribution that is known: calls in these buckets.
CREATE FUNCTION counts(VARIADIC at_ms double precision[]) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT array_agg(n ORDER BY bucket)
    FROM (SELECT b.bucket, (SELECT count(*) FROM unnest(at_ms) ms WHERE ms > b.lower_time AND ms <= b.upper_time) AS n
          FROM pg_hello_bucket_rows() b) c
$$;
-- Of 1 .. 1000 ms, one call each, every percentile is off by 9.1 % at most.
SELECT count(*) AS quantiles,
       max(abs(pg_hello_bucket_percentile(c.counts, q / 1000.0, 1, 1000) / q - 1)) <= 2 ^ (1.0 / 8) - 1 AS close_enough
FROM (SELECT counts(VARIADIC array_agg(i::double precision)) FROM generate_series(1, 1000) i) c(counts),
     generate_series(1, 1000) q;
-- Never below the least nor above the greatest; one call is all percentiles.
SELECT q, pg_hello_bucket_percentile(counts(7.3), q, 7.3, 7.3) AS one_call,
       pg_hello_bucket_percentile(counts(1, 100), q, 1, 100) AS two_calls
FROM unnest('{0, 0.5, 1}'::double precision[]) q;
-- Longer than the last bound
SELECT pg_hello_bucket_percentile(counts(500000), 0.5, 500000, 500000) AS known,
       pg_hello_bucket_percentile(counts(500000), 0.5) AS at_least;
SELECT pg_hello_bucket_percentile(counts(VARIADIC '{}'), 0.5) IS NULL AS no_calls;

-- What a function's calls look like: at least so long as they slept.
CREATE FUNCTION sleeping(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION never_called() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
SELECT sleeping(1), sleeping(1), sleeping(1), sleeping(30);
SELECT sum(calls) AS calls, min(lower_ms) >= 1 AS not_shorter, max(upper_ms) >= 50 AS longest,
       sum(percent) AS percent, max(cumulative_percent) AS cumulative_percent,
       max(length(bar)) AS longest_bar, bool_and((calls = 0) = (bar = '')) AS bars
FROM pg_hello_histogram('sleeping'::regproc);
-- The ranges are next to each other, also where there are no calls.
SELECT count(*) AS gaps FROM (
    SELECT lower_ms <> lag(upper_ms) OVER (ORDER BY lower_ms) AS gap
    FROM pg_hello_histogram('sleeping'::regproc)) h WHERE gap;
SELECT max(length(bar)) AS longest_bar FROM pg_hello_histogram('sleeping'::regproc, current_database(), 7);
-- It is the view's percentile, and the view's calls.
SELECT pg_hello_percentile(funcid, 0.5) = p50 AS p50, pg_hello_percentile(funcid, 0.95) = p95 AS p95,
       pg_hello_percentile(funcid, 0.99, current_database()) = p99 AS p99,
       pg_hello_percentile(funcid, 0) = min_time AS least, pg_hello_percentile(funcid, 1) = max_time AS greatest,
       calls = (SELECT sum(h.calls) FROM pg_hello_histogram(s.funcid) h) AS calls
FROM pg_hello_stats s
WHERE funcid = 'sleeping'::regproc AND datname = current_database();
SELECT d.timed_calls = s.calls AS calls, abs(d.sum_time / d.timed_calls - s.mean_time) < 1e-6 AS mean_time,
       d.sum_squares_time = s.sum_squares_time AS sum_squares, d.min_time = s.min_time AS least,
       d.stats_since = s.stats_since AS since, (SELECT sum(n) FROM unnest(d.buckets) n) = s.calls AS buckets
FROM pg_hello_stats s JOIN pg_hello_distribution_rows() d USING (dbid, funcid)
WHERE funcid = 'sleeping'::regproc AND s.datname = current_database();

-- No calls, no function, another database
SELECT pg_hello_percentile('never_called'::regproc, 0.5) IS NULL AS no_calls, pg_hello_percentile(0, 0.5) IS NULL AS no_function,
       pg_hello_percentile('sleeping'::regproc, 0.5, 'template1') IS NULL AS not_there;
SELECT count(*) AS rows FROM pg_hello_histogram('never_called'::regproc);
SELECT count(*) AS rows FROM pg_hello_histogram(4294967295);

-- What makes no sense
SELECT pg_hello_percentile('sleeping'::regproc, NULL) IS NULL AS is_null, pg_hello_percentile(NULL, 0.5) IS NULL AS is_null,
       pg_hello_percentile('sleeping'::regproc, 0.5, NULL) IS NULL AS is_null;
SELECT count(*) AS rows FROM pg_hello_histogram(NULL);
\set VERBOSITY terse
SELECT pg_hello_percentile('sleeping'::regproc, 95);
SELECT pg_hello_percentile('sleeping'::regproc, -0.1);
SELECT pg_hello_percentile('sleeping'::regproc, 'NaN');
SELECT pg_hello_percentile('sleeping'::regproc, 0.5, 'no such database');
SELECT pg_hello_histogram('sleeping'::regproc, '"; DROP');
SELECT pg_hello_histogram('sleeping'::regproc, current_database(), 0);
SELECT pg_hello_histogram('sleeping'::regproc, current_database(), 1001);
\set VERBOSITY default
SELECT pg_hello_bucket_percentile('{}', 0.5);
SELECT pg_hello_bucket_percentile('{1,2,3}', 0.5);
SELECT pg_hello_bucket_percentile(array_fill(1::bigint, ARRAY[238, 1]), 0.5);
SELECT pg_hello_bucket_percentile(array_fill(NULL::bigint, ARRAY[238]), 0.5);
SELECT pg_hello_bucket_percentile(array_fill(-1::bigint, ARRAY[238]), 0.5);
SELECT pg_hello_bucket_percentile(array_fill(9223372036854775807, ARRAY[238]), 0.5);
SELECT pg_hello_bucket_percentile(array_fill(1::bigint, ARRAY[100000]), 0.5);
SELECT pg_hello_bucket_percentile(counts(1), 2);
SELECT pg_hello_bucket_percentile(counts(1), 0.5, 'NaN', 'Infinity') > 0 AS positive;

SET client_min_messages = warning;
DROP SCHEMA regress_distributions CASCADE;
