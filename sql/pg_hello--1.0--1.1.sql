-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_hello UPDATE TO '1.1'" to load this file. \quit

-- Others may be able to create objects in the extension's schema: nothing below is looked up there.
SET LOCAL search_path = pg_catalog, pg_temp;

--
-- What it takes of memory.
--

CREATE FUNCTION @extschema@.pg_hello_memory(
    OUT memory text,
    OUT part text,
    OUT number bigint,
    OUT bytes_each bigint,
    OUT bytes bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_memory'
LANGUAGE C STABLE STRICT PARALLEL SAFE
ROWS 10;

COMMENT ON FUNCTION @extschema@.pg_hello_memory() IS
'memory that the counters take: shared, and at most in each backend that calls functions';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_memory() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_memory() TO pg_monitor;

--
-- What is not tracked, and why.
--

CREATE FUNCTION @extschema@.pg_hello_skipped_rows(
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT language text,
    OUT extension text,
    OUT reason text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_skipped_rows'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION @extschema@.pg_hello_skipped_rows() IS
'what pg_hello_skipped shows';

CREATE VIEW @extschema@.pg_hello_skipped AS
SELECT funcid, schema, function, language, extension, reason
FROM @extschema@.pg_hello_skipped_rows();

COMMENT ON VIEW @extschema@.pg_hello_skipped IS
'functions of the current database that are not tracked by this session''s settings, and why; without the server''s own';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_skipped_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_skipped_rows() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_skipped TO pg_monitor;

--
-- What /metrics shows
--

CREATE FUNCTION @extschema@.pg_hello_exports_rows(
    OUT dbid oid,
    OUT datname text,
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT exported boolean,
    OUT histogram boolean,
    OUT reason text,
    OUT arrival bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_exports_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_exports_rows() IS
'what pg_hello_exports shows';

CREATE VIEW @extschema@.pg_hello_exports AS
SELECT dbid, datname, funcid, schema, function, exported, histogram, reason, arrival
FROM @extschema@.pg_hello_exports_rows();

COMMENT ON VIEW @extschema@.pg_hello_exports IS
'which tracked functions /metrics shows, which of them with a classic histogram, and why: own, pinned, budget or suppressed';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_exports_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_exports_rows() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_exports TO pg_monitor;

--
-- Objectives
--

CREATE FUNCTION @extschema@.pg_hello_slo_rows(
    OUT slo text,
    OUT functions text,
    OUT objective float8,
    OUT threshold_ms float8,
    OUT stats_since timestamptz,
    OUT events bigint,
    OUT bad_events bigint,
    OUT budget_left float8,
    OUT events_5m bigint,
    OUT bad_events_5m bigint,
    OUT burn_rate_5m float8,
    OUT events_1h bigint,
    OUT bad_events_1h bigint,
    OUT burn_rate_1h float8,
    OUT status text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_slo_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_slo_rows() IS
'what pg_hello_slo shows';

CREATE VIEW @extschema@.pg_hello_slo AS
SELECT slo, functions, objective, threshold_ms, stats_since, events, bad_events, budget_left,
       events_5m, bad_events_5m, burn_rate_5m, events_1h, bad_events_1h, burn_rate_1h, status
FROM @extschema@.pg_hello_slo_rows();

COMMENT ON VIEW @extschema@.pg_hello_slo IS
'objectives of pg_hello.slo: calls and bad ones among them, since they are counted and in the last minutes, and what that is of the error budget';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_slo_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_slo_rows() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_slo TO pg_monitor;

--
-- Probes of databases
--

CREATE FUNCTION @extschema@.pg_hello_probe_rows(
    OUT dbid oid,
    OUT datname text,
    OUT probe text,
    OUT success boolean,
    OUT status text,
    OUT duration double precision,
    OUT last_probe timestamptz,
    OUT last_success timestamptz,
    OUT since timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_probe_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_probe_rows() IS
'what pg_hello_probes shows';

CREATE VIEW @extschema@.pg_hello_probes AS
SELECT dbid, datname, probe, success, status, duration, last_probe, last_success, since
FROM @extschema@.pg_hello_probe_rows();

COMMENT ON VIEW @extschema@.pg_hello_probes IS
'what the worker''s last probes of each database have come to; success is null if a probe was not made, duration is in milliseconds';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_probe_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_probe_rows() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_probes TO pg_monitor;

--
-- Versions
--

CREATE FUNCTION @extschema@.pg_hello_library_version()
RETURNS text
AS 'MODULE_PATHNAME', 'pg_hello_library_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_library_version() IS
'version of the library that this session has loaded';

CREATE FUNCTION @extschema@.pg_hello_version(
    OUT library_version text,
    OUT extension_version text,
    OUT version_mismatch boolean,
    OUT advice text
)
RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.version, e.extversion, l.version <> e.extversion,
           CASE
               WHEN l.version = e.extversion THEN NULL
               WHEN l.version = a.default_version THEN 'ALTER EXTENSION pg_hello UPDATE'
               ELSE 'restart the server: it has loaded another library than the one that is installed'
           END
    FROM @extschema@.pg_hello_library_version() l(version), pg_extension e
    LEFT JOIN pg_available_extensions a ON a.name = e.extname
    WHERE e.extname = 'pg_hello'
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_version() IS
'versions of the library and of this database''s SQL objects, and what to do if they differ';

--
-- Distributions. Buckets are numbered from 0; arrays of their counts begin with bucket 0.
--

CREATE FUNCTION @extschema@.pg_hello_bucket_rows(
    OUT bucket integer,
    OUT lower_time double precision,
    OUT upper_time double precision,
    OUT decimal_upper_time double precision
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_bucket_rows'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
ROWS 238;

COMMENT ON FUNCTION @extschema@.pg_hello_bucket_rows() IS
'bounds of the stored buckets, in milliseconds, and the decimal bound up to which each counts';

CREATE FUNCTION @extschema@.pg_hello_distribution_rows(
    OUT dbid oid,
    OUT datname text,
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT calls bigint,
    OUT errors bigint,
    OUT timed_calls bigint,
    OUT sum_time double precision,
    OUT sum_squares_time double precision,
    OUT min_time double precision,
    OUT max_time double precision,
    OUT stats_since timestamptz,
    OUT buckets bigint[]
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_distribution_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_distribution_rows() IS
'durations of every tracked function''s calls: moments in milliseconds, and how many calls are in each bucket';

CREATE FUNCTION @extschema@.pg_hello_bucket_percentile(
    buckets bigint[],
    q double precision,
    min_time double precision DEFAULT NULL,
    max_time double precision DEFAULT NULL
)
RETURNS double precision
AS 'MODULE_PATHNAME', 'pg_hello_bucket_percentile'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_bucket_percentile(bigint[], double precision, double precision, double precision) IS
'q-quantile in milliseconds of calls that are counted in buckets; null if there are none';

CREATE FUNCTION @extschema@.pg_hello_database_oid(datname name)
RETURNS oid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_oid oid := (SELECT d.oid FROM pg_database d WHERE d.datname = pg_hello_database_oid.datname);
BEGIN
    IF found_oid IS NULL THEN
        RAISE EXCEPTION 'database "%" does not exist', datname
            USING ERRCODE = 'invalid_catalog_name';
    END IF;
    RETURN found_oid;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_database_oid(name) IS
'the database''s oid; an error if there is none of this name';

CREATE FUNCTION @extschema@.pg_hello_percentile(
    funcid oid,
    q double precision,
    datname name DEFAULT current_database()
)
RETURNS double precision
LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_database oid := @extschema@.pg_hello_database_oid(datname);
BEGIN
    -- Not a number is greater than all numbers.
    IF q < 0 OR q > 1 THEN
        RAISE EXCEPTION 'quantile % is not between 0 and 1', q
            USING ERRCODE = 'numeric_value_out_of_range',
                  HINT = 'For the 95th percentile, write 0.95.';
    END IF;
    RETURN (SELECT @extschema@.pg_hello_bucket_percentile(r.buckets, q, r.min_time, r.max_time)
            FROM @extschema@.pg_hello_distribution_rows() r
            WHERE r.dbid = wanted_database AND r.funcid = pg_hello_percentile.funcid
              AND r.funcid <> 0);
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_percentile(oid, double precision, name) IS
'q-quantile of a function''s call durations in milliseconds, off by 9.1 % at most; null if it has no calls';

CREATE FUNCTION @extschema@.pg_hello_histogram(
    funcid oid,
    datname name DEFAULT current_database(),
    bar_width integer DEFAULT 40
)
RETURNS TABLE (
    lower_ms double precision,
    upper_ms double precision,
    calls bigint,
    percent numeric,
    cumulative_percent numeric,
    bar text
)
LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_database oid := @extschema@.pg_hello_database_oid(datname);
BEGIN
    IF bar_width NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'bar width % is not between 1 and 1000', bar_width
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    RETURN QUERY
    WITH counted AS (
        SELECT min(b.lower_time) AS low, b.decimal_upper_time AS high,
               coalesce(sum(r.buckets[b.bucket + 1]), 0)::bigint AS n
        FROM @extschema@.pg_hello_distribution_rows() r, @extschema@.pg_hello_bucket_rows() b
        WHERE r.dbid = wanted_database AND r.funcid = pg_hello_histogram.funcid AND r.funcid <> 0
        GROUP BY b.decimal_upper_time
    ), used AS (
        SELECT min(c.high) AS first, max(c.high) AS last, max(c.n) AS most, sum(c.n) AS total
        FROM counted c WHERE c.n > 0
    )
    SELECT c.low, c.high, c.n,
           round(100 * c.n / u.total, 2),
           round(100 * sum(c.n) OVER (ORDER BY c.high) / u.total, 2),
           CASE WHEN c.n > 0 THEN repeat('#', greatest(1, round(bar_width * c.n::numeric / u.most)::integer))
                ELSE '' END
    FROM counted c, used u
    WHERE c.high BETWEEN u.first AND u.last
    ORDER BY c.high;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_histogram(oid, name, integer) IS
'how a function''s call durations are distributed, with a bar for each range; no rows if it has no calls';

--
-- Views
--

CREATE VIEW @extschema@.pg_hello_usage AS
SELECT
    datname,
    schema,
    function,
    calls,
    total_time,
    self_time,
    mean_time AS avg_time_ms,
    round(100 * calls / nullif(sum(calls) OVER (), 0), 2) AS call_percentage,
    round((100 * self_time / nullif(sum(self_time) OVER (), 0))::numeric, 2) AS self_time_percentage
FROM @extschema@.pg_hello_stats
ORDER BY calls DESC, datname, schema, function;

COMMENT ON VIEW @extschema@.pg_hello_usage IS
'how often each function is called, how long it takes, and its share of all calls and of all time';

CREATE FUNCTION @extschema@.pg_hello_sqlstate_class_name(sqlstate_class text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE sqlstate_class
        WHEN '00' THEN 'Successful Completion'
        WHEN '01' THEN 'Warning'
        WHEN '02' THEN 'No Data'
        WHEN '03' THEN 'SQL Statement Not Yet Complete'
        WHEN '08' THEN 'Connection Exception'
        WHEN '09' THEN 'Triggered Action Exception'
        WHEN '0A' THEN 'Feature Not Supported'
        WHEN '0B' THEN 'Invalid Transaction Initiation'
        WHEN '0F' THEN 'Locator Exception'
        WHEN '0L' THEN 'Invalid Grantor'
        WHEN '0P' THEN 'Invalid Role Specification'
        WHEN '0Z' THEN 'Diagnostics Exception'
        WHEN '10' THEN 'XQuery Error'
        WHEN '20' THEN 'Case Not Found'
        WHEN '21' THEN 'Cardinality Violation'
        WHEN '22' THEN 'Data Exception'
        WHEN '23' THEN 'Integrity Constraint Violation'
        WHEN '24' THEN 'Invalid Cursor State'
        WHEN '25' THEN 'Invalid Transaction State'
        WHEN '26' THEN 'Invalid SQL Statement Name'
        WHEN '27' THEN 'Triggered Data Change Violation'
        WHEN '28' THEN 'Invalid Authorization Specification'
        WHEN '2B' THEN 'Dependent Privilege Descriptors Still Exist'
        WHEN '2D' THEN 'Invalid Transaction Termination'
        WHEN '2F' THEN 'SQL Routine Exception'
        WHEN '34' THEN 'Invalid Cursor Name'
        WHEN '38' THEN 'External Routine Exception'
        WHEN '39' THEN 'External Routine Invocation Exception'
        WHEN '3B' THEN 'Savepoint Exception'
        WHEN '3D' THEN 'Invalid Catalog Name'
        WHEN '3F' THEN 'Invalid Schema Name'
        WHEN '40' THEN 'Transaction Rollback'
        WHEN '42' THEN 'Syntax Error or Access Rule Violation'
        WHEN '44' THEN 'WITH CHECK OPTION Violation'
        WHEN '53' THEN 'Insufficient Resources'
        WHEN '54' THEN 'Program Limit Exceeded'
        WHEN '55' THEN 'Object Not In Prerequisite State'
        WHEN '57' THEN 'Operator Intervention'
        WHEN '58' THEN 'System Error'
        WHEN '72' THEN 'Snapshot Failure'
        WHEN 'F0' THEN 'Configuration File Error'
        WHEN 'HV' THEN 'Foreign Data Wrapper Error'
        WHEN 'P0' THEN 'PL/pgSQL Error'
        WHEN 'XX' THEN 'Internal Error'
    END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_sqlstate_class_name(text) IS
'name of a SQLSTATE class by appendix A of PostgreSQL''s documentation; null if it is not in there';

CREATE VIEW @extschema@.pg_hello_errors AS
SELECT
    s.datname,
    s.schema,
    s.function,
    o.key AS sqlstate_class,
    @extschema@.pg_hello_sqlstate_class_name(o.key) AS class_name,
    o.value::bigint AS errors
FROM @extschema@.pg_hello_stats s, jsonb_each_text(s.error_origins) o
ORDER BY 6 DESC, 1, 2, 3, 4;

COMMENT ON VIEW @extschema@.pg_hello_errors IS
'errors by the function in which they were raised and by SQLSTATE class; class ?? is what found no place of its own';

CREATE VIEW @extschema@.pg_hello_config AS
SELECT
    name,
    setting,
    unit,
    context,
    source,
    boot_val AS default_setting,
    pending_restart,
    concat_ws(' ', short_desc, extra_desc) AS description
FROM pg_settings
WHERE starts_with(name, 'pg_hello.')
ORDER BY name;

COMMENT ON VIEW @extschema@.pg_hello_config IS
'the extension''s settings: value, unit, who may change it, where it comes from, and what it means';

CREATE VIEW @extschema@.pg_hello_blocking AS
SELECT
    blocked.pid AS blocked_pid,
    blocked.usename AS blocked_user,
    blocked.datname AS blocked_database,
    blocked.application_name AS blocked_application,
    clock_timestamp() - l.waitstart AS waiting,
    l.locktype AS lock_type,
    l.mode AS lock_mode,
    CASE WHEN l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         THEN l.relation::regclass END AS lock_relation,
    blocker.pid AS blocking_pid,
    blocking.usename AS blocking_user,
    blocking.application_name AS blocking_application,
    blocking.state AS blocking_state,
    clock_timestamp() - blocking.xact_start AS blocking_transaction_age,
    (SELECT string_agg(concat_ws('.', a.schema, a.function), ' > ' ORDER BY a.depth)
     FROM @extschema@.pg_hello_active a WHERE a.pid = blocked.pid) AS blocked_functions,
    (SELECT string_agg(concat_ws('.', a.schema, a.function), ' > ' ORDER BY a.depth)
     FROM @extschema@.pg_hello_active a WHERE a.pid = blocker.pid) AS blocking_functions,
    blocked.query AS blocked_statement,
    blocking.query AS current_statement_in_blocking_process
FROM pg_stat_activity blocked
CROSS JOIN LATERAL (SELECT DISTINCT unnest(pg_blocking_pids(blocked.pid))) blocker(pid)
LEFT JOIN pg_stat_activity blocking ON blocking.pid = nullif(blocker.pid, 0)
LEFT JOIN pg_locks l ON l.pid = blocked.pid AND NOT l.granted
WHERE blocked.wait_event_type = 'Lock';

COMMENT ON VIEW @extschema@.pg_hello_blocking IS
'who waits for a lock, for whom, and in which tracked functions both are; blocking process 0 is a prepared transaction';

--
-- Reports
--

CREATE FUNCTION @extschema@.pg_hello_performance_report()
RETURNS TABLE (
    function_name text,
    calls_per_second numeric,
    avg_time_ms numeric,
    total_calls bigint,
    performance_trend text,
    p95_time_ms numeric,
    error_percentage numeric,
    p95_slo_met boolean,
    error_slo_met boolean
)
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat_ws('.', s.schema, s.function),
           round((s.calls / nullif(extract(epoch FROM clock_timestamp() - s.stats_since), 0))::numeric, 2),
           round(s.mean_time::numeric, 3),
           s.calls,
           CASE
               WHEN s.mean_time < 5 THEN 'Excellent'
               WHEN s.mean_time < 10 THEN 'Good'
               WHEN s.mean_time < 20 THEN 'Acceptable'
               WHEN s.mean_time IS NOT NULL THEN 'Poor'
           END,
           round(s.p95::numeric, 3),
           round(100 * s.errors::numeric / nullif(s.calls, 0), 3),
           s.p95 < 10,
           s.errors::numeric / nullif(s.calls, 0) < 0.001
    FROM @extschema@.pg_hello_stats s
    WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ORDER BY 2 DESC NULLS LAST, 1
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_performance_report() IS
'this database''s functions: rate since their statistics began, mean, p95, errors, and whether p95 < 10 ms and errors < 0.1 %';

CREATE TABLE @extschema@.pg_hello_performance_baseline (
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    function_name text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    stats_since timestamptz NOT NULL,
    calls_total bigint NOT NULL,
    errors_total bigint NOT NULL,
    timed_calls bigint NOT NULL,
    calls_per_second numeric,
    mean_time_ms double precision,
    p95_time_ms double precision,
    sum_time_ms double precision NOT NULL,
    sum_squares_time_ms2 double precision NOT NULL,
    buckets bigint[] NOT NULL,
    PRIMARY KEY (label, function_name)
);

COMMENT ON TABLE @extschema@.pg_hello_performance_baseline IS
'counters of this database''s functions at certain moments, to compare later ones with';

CREATE FUNCTION @extschema@.pg_hello_capture_baseline(label text)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    captured bigint;
BEGIN
    IF label IS NULL THEN
        RAISE EXCEPTION 'label of a baseline must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(label) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'label of a baseline must have between 1 and 200 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM @extschema@.pg_hello_performance_baseline b
               WHERE b.label = pg_hello_capture_baseline.label) THEN
        RAISE EXCEPTION 'baseline "%" already exists', label
            USING ERRCODE = 'duplicate_object',
                  HINT = format('Choose another label, or first DELETE FROM @extschema@.pg_hello_performance_baseline WHERE label = %L.', label);
    END IF;
    INSERT INTO @extschema@.pg_hello_performance_baseline (
        label, function_name, stats_since, calls_total, errors_total, timed_calls, calls_per_second,
        mean_time_ms, p95_time_ms, sum_time_ms, sum_squares_time_ms2, buckets)
    SELECT pg_hello_capture_baseline.label, concat_ws('.', r.schema, r.function), r.stats_since, r.calls,
           r.errors, r.timed_calls,
           round((r.calls / nullif(extract(epoch FROM clock_timestamp() - r.stats_since), 0))::numeric, 2),
           r.sum_time / nullif(r.timed_calls, 0),
           @extschema@.pg_hello_bucket_percentile(r.buckets, 0.95, r.min_time, r.max_time),
           r.sum_time, r.sum_squares_time, r.buckets
    FROM @extschema@.pg_hello_distribution_rows() r
    WHERE r.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND r.funcid <> 0;
    GET DIAGNOSTICS captured = ROW_COUNT;
    IF captured = 0 THEN
        RAISE EXCEPTION 'no function has been called in this database yet'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'See pg_hello_config for "pg_hello.track".';
    END IF;
    RETURN captured;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_capture_baseline(text) IS
'keeps the counters of this database''s functions under a label; returns how many functions there were';

-- B. L. Welch, "The generalization of 'Student's' problem when several different population variances
-- are involved", Biometrika 34 (1947); degrees of freedom by Welch and Satterthwaite. The critical
-- value by M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 26.7.5, with the
-- first two corrections to the normal distribution's: off by 0.1 % at 30 degrees of freedom.
CREATE FUNCTION @extschema@.pg_hello_welch_test(
    n1 bigint,
    mean1 double precision,
    variance1 double precision,
    n2 bigint,
    mean2 double precision,
    variance2 double precision,
    OUT t double precision,
    OUT degrees_of_freedom double precision,
    OUT critical_t double precision
)
RETURNS record
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    z constant double precision := 3.290527;  -- of the normal distribution, two-sided, at 0.001
    e1 double precision;
    e2 double precision;
BEGIN
    IF n1 <= 1 OR n2 <= 1 THEN
        RETURN;
    END IF;
    e1 := variance1 / n1;
    e2 := variance2 / n2;
    IF e1 + e2 > 0 THEN
        t := (mean2 - mean1) / sqrt(e1 + e2);
        degrees_of_freedom := (e1 + e2) ^ 2 / (e1 ^ 2 / (n1 - 1) + e2 ^ 2 / (n2 - 1));
        critical_t := z + (z ^ 3 + z) / (4 * degrees_of_freedom)
                      + (5 * z ^ 5 + 16 * z ^ 3 + 3 * z) / (96 * degrees_of_freedom ^ 2);
    END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_welch_test(bigint, double precision, double precision, bigint, double precision, double precision) IS
'Welch''s t-test of two means: above critical_t the difference is noise with a probability below 0.001';

CREATE FUNCTION @extschema@.pg_hello_compare_baseline(label text)
RETURNS TABLE (
    function_name text,
    verdict text,
    time_ratio numeric,
    baseline_avg_ms numeric,
    current_avg_ms numeric,
    baseline_p95_ms numeric,
    current_p95_ms numeric,
    baseline_calls bigint,
    current_calls bigint,
    t_statistic numeric,
    degrees_of_freedom numeric,
    significant boolean
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    min_calls constant bigint := 30;
    min_ratio constant double precision := 1.05;
BEGIN
    IF label IS NULL THEN
        RAISE EXCEPTION 'label of a baseline must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF NOT EXISTS (SELECT FROM @extschema@.pg_hello_performance_baseline b
                   WHERE b.label = pg_hello_compare_baseline.label) THEN
        RAISE EXCEPTION 'baseline "%" does not exist', label
            USING ERRCODE = 'undefined_object',
                  HINT = 'See pg_hello_performance_baseline for the labels there are, or call pg_hello_capture_baseline().';
    END IF;
    RETURN QUERY
    WITH base AS (
        SELECT * FROM @extschema@.pg_hello_performance_baseline b
        WHERE b.label = pg_hello_compare_baseline.label
    ), now AS (
        SELECT concat_ws('.', r.schema, r.function) AS function_name, r.*
        FROM @extschema@.pg_hello_distribution_rows() r
        WHERE r.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
          AND r.funcid <> 0
    ), both_sides AS (
        -- Counters go on from the baseline's, unless they were reset since: what is compared are
        -- the calls before the baseline and the calls after it.
        SELECT coalesce(b.function_name, n.function_name) AS function_name,
               b.label IS NULL AS is_new,
               b.timed_calls AS n1, b.sum_time_ms AS s1, b.sum_squares_time_ms2 AS q1, b.p95_time_ms AS p1,
               n.timed_calls - g.timed_calls AS n2,
               n.sum_time - g.sum_time AS s2,
               n.sum_squares_time - g.sum_squares_time AS q2,
               CASE WHEN g.buckets IS NULL
                    THEN @extschema@.pg_hello_bucket_percentile(n.buckets, 0.95, n.min_time, n.max_time)
                    ELSE @extschema@.pg_hello_bucket_percentile(
                        (SELECT array_agg(greatest(x.later - x.earlier, 0) ORDER BY x.bucket)
                         FROM unnest(n.buckets, g.buckets) WITH ORDINALITY x(later, earlier, bucket)),
                        0.95, NULL, n.max_time)
               END AS p2
        FROM base b
        FULL JOIN now n ON n.function_name = b.function_name
        CROSS JOIN LATERAL (
            SELECT CASE WHEN b.stats_since = n.stats_since THEN b.timed_calls ELSE 0 END AS timed_calls,
                   CASE WHEN b.stats_since = n.stats_since THEN b.sum_time_ms ELSE 0 END AS sum_time,
                   CASE WHEN b.stats_since = n.stats_since THEN b.sum_squares_time_ms2 ELSE 0 END AS sum_squares_time,
                   CASE WHEN b.stats_since = n.stats_since THEN b.buckets END AS buckets) g
    ), moments AS (
        SELECT m.*,
               m.s1 / nullif(m.n1, 0) AS mean1,
               m.s2 / nullif(m.n2, 0) AS mean2,
               greatest(m.q1 - m.s1 * m.s1 / nullif(m.n1, 0), 0) / nullif(m.n1 - 1, 0) AS variance1,
               greatest(m.q2 - m.s2 * m.s2 / nullif(m.n2, 0), 0) / nullif(m.n2 - 1, 0) AS variance2
        FROM both_sides m
    ), judged AS (
        SELECT v.*, v.mean2 / nullif(v.mean1, 0) AS ratio, w.t, w.degrees_of_freedom AS df,
               v.n1 >= min_calls AND v.n2 >= min_calls AS enough,
               CASE WHEN v.n1 >= min_calls AND v.n2 >= min_calls
                    THEN coalesce(abs(w.t) > w.critical_t, v.mean1 <> v.mean2) END AS is_significant
        FROM moments v
        CROSS JOIN LATERAL @extschema@.pg_hello_welch_test(
            v.n1, v.mean1, v.variance1, v.n2, v.mean2, v.variance2) w
    ), named AS (
        SELECT v.*,
               CASE
                   WHEN v.is_new THEN 'new'
                   WHEN coalesce(v.n2, 0) = 0 THEN 'not called since'
                   WHEN NOT v.enough THEN 'too few calls'
                   WHEN v.is_significant AND v.ratio >= min_ratio THEN 'slower'
                   WHEN v.is_significant AND v.ratio <= 1 / min_ratio THEN 'faster'
                   ELSE 'no change'
               END AS word
        FROM judged v
    )
    SELECT r.function_name, r.word, round(r.ratio::numeric, 3),
           round(r.mean1::numeric, 6), round(r.mean2::numeric, 6),
           round(r.p1::numeric, 6), round(r.p2::numeric, 6),
           r.n1, coalesce(r.n2, 0), round(r.t::numeric, 2), round(r.df::numeric, 1), r.is_significant
    FROM named r
    ORDER BY array_position('{slower,faster,"no change","too few calls","not called since",new}'::text[], r.word),
             abs(ln(nullif(r.ratio, 0))) DESC NULLS LAST, r.function_name;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_compare_baseline(text) IS
'this database''s calls since a baseline compared with those before it: what got slower, by how much, and whether it is more than noise';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_library_version() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_version() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_bucket_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_distribution_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_bucket_percentile(bigint[], double precision, double precision, double precision) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_database_oid(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_percentile(oid, double precision, name) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_histogram(oid, name, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_sqlstate_class_name(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_performance_report() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_capture_baseline(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_welch_test(bigint, double precision, double precision, bigint, double precision, double precision) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_compare_baseline(text) FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_usage FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_errors FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_config FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_blocking FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_performance_baseline FROM PUBLIC;

GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_library_version() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_version() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_bucket_rows() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_distribution_rows() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_bucket_percentile(bigint[], double precision, double precision, double precision) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_database_oid(name) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_percentile(oid, double precision, name) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_histogram(oid, name, integer) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_sqlstate_class_name(text) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_performance_report() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_welch_test(bigint, double precision, double precision, bigint, double precision, double precision) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_compare_baseline(text) TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_usage TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_errors TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_config TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_blocking TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_performance_baseline TO pg_monitor;

SELECT pg_extension_config_dump('@extschema@.pg_hello_performance_baseline', '');

--
-- Self-test
--

CREATE FUNCTION @extschema@.pg_hello_selftest_call(duration_ms double precision)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_sleep(duration_ms / 1000);
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_selftest_call(double precision) IS
'takes a known time, for pg_hello_selftest()';

CREATE FUNCTION @extschema@.pg_hello_selftest()
RETURNS TABLE (
    check_name text,
    passed boolean,
    detail text
)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    test_calls constant integer := 10;
    least_ms constant double precision := 2;
    -- Who measures from outside takes longer than the call, but not always by a whole microsecond,
    -- and two clocks are compared.
    clock_tolerance constant double precision := 0.01;
    bucket_width constant double precision := 2 ^ (1.0 / 8);
    before record;
    after record;
    began timestamptz;
    elapsed_ms double precision;
    greatest_ms double precision := 0;
    outside_ms double precision := 0;
    counts bigint[];
    outliers bigint;
    total_ms double precision;
    p50 double precision;
    lines text;
    labels text;
BEGIN
    IF NOT pg_try_advisory_xact_lock('@extschema@.pg_hello_selftest()'::regprocedure::oid::bigint) THEN
        RETURN QUERY SELECT 'alone', NULL::boolean, 'another self-test is running in this database';
        RETURN;
    END IF;

    SELECT * INTO before FROM @extschema@.pg_hello_distribution_rows() r
    WHERE r.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND r.funcid = '@extschema@.pg_hello_selftest_call(double precision)'::regprocedure;
    FOR i IN 1 .. test_calls LOOP
        began := clock_timestamp();
        PERFORM @extschema@.pg_hello_selftest_call(least_ms);
        elapsed_ms := 1000 * extract(epoch FROM clock_timestamp() - began);
        outside_ms := outside_ms + elapsed_ms;
        greatest_ms := greatest(greatest_ms, elapsed_ms);
    END LOOP;
    SELECT * INTO after FROM @extschema@.pg_hello_distribution_rows() r
    WHERE r.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND r.funcid = '@extschema@.pg_hello_selftest_call(double precision)'::regprocedure;
    lines := @extschema@.pg_hello_metrics();

    check_name := 'tracked';
    passed := after.dbid IS NOT NULL
              AND after.calls IS DISTINCT FROM coalesce(before.calls, 0);
    detail := CASE WHEN NOT passed THEN
        format('calls are not counted: "pg_hello.track" is %L; or the table is full, see pg_hello_info()',
               current_setting('pg_hello.track')) END;
    RETURN NEXT;
    IF NOT passed THEN
        RETURN;
    END IF;

    check_name := 'counter';
    passed := after.calls - coalesce(before.calls, 0) = test_calls;
    detail := format('%s calls made, %s counted', test_calls, after.calls - coalesce(before.calls, 0));
    RETURN NEXT;

    check_name := 'duration';
    total_ms := after.sum_time - coalesce(before.sum_time, 0);
    passed := total_ms BETWEEN test_calls * least_ms * (1 - clock_tolerance)
                       AND outside_ms * (1 + clock_tolerance);
    detail := format('%s ms asked for, %s ms counted, %s ms by the system clock', test_calls * least_ms,
                     round(total_ms::numeric, 3), round(outside_ms::numeric, 3));
    RETURN NEXT;

    check_name := 'bucket';
    counts := ARRAY(SELECT x.later - coalesce(x.earlier, 0)
                    FROM unnest(after.buckets, before.buckets) WITH ORDINALITY x(later, earlier, bucket)
                    ORDER BY x.bucket);
    SELECT coalesce(sum(counts[b.bucket + 1]) FILTER (
               WHERE b.upper_time < least_ms * (1 - clock_tolerance)
                  OR b.lower_time > greatest_ms * (1 + clock_tolerance)), 0)
    INTO outliers FROM @extschema@.pg_hello_bucket_rows() b;
    passed := outliers = 0 AND (SELECT sum(c) FROM unnest(counts) c) = test_calls;
    detail := format('%s calls in buckets between %s ms and %s ms, %s elsewhere',
                     (SELECT sum(c) FROM unnest(counts) c) - outliers, least_ms, round(greatest_ms::numeric, 3), outliers);
    RETURN NEXT;

    check_name := 'percentile';
    p50 := @extschema@.pg_hello_bucket_percentile(counts, 0.5);
    passed := p50 BETWEEN least_ms * (1 - clock_tolerance) / bucket_width
                  AND greatest_ms * (1 + clock_tolerance) * bucket_width;
    detail := format('median %s ms', round(p50::numeric, 3));
    RETURN NEXT;

    labels := format('datname="%s",schema="%s",function="%s"',
        replace(replace(replace(after.datname, '\', '\\'), '"', '\"'), E'\n', '\n'),
        replace(replace(replace(after.schema, '\', '\\'), '"', '\"'), E'\n', '\n'),
        after.function);
    FOR check_name, passed, detail IN
        SELECT m.name, l.found::numeric = m.expected,
               CASE WHEN l.found IS NULL THEN 'not exported'
                    ELSE format('%s in the text, %s in SQL', l.found, m.expected) END
        FROM (VALUES ('metrics: calls', 'pg_hello_function_calls_total{' || labels || '} ', after.calls::numeric),
                     ('metrics: count', 'pg_hello_function_duration_seconds_count{' || labels || '} ',
                      after.timed_calls::numeric),
                     ('metrics: bucket', 'pg_hello_function_duration_seconds_bucket{' || labels || ',le="0.0025"} ',
                      (SELECT sum(after.buckets[b.bucket + 1])
                       FROM @extschema@.pg_hello_bucket_rows() b WHERE b.decimal_upper_time <= 2.5))
             ) m(name, series, expected)
        CROSS JOIN LATERAL (
            SELECT split_part(substr(lines, nullif(strpos(lines, E'\n' || m.series), 0) + length(m.series) + 1),
                              E'\n', 1) AS found) l
    LOOP
        RETURN NEXT;
    END LOOP;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_selftest() IS
'makes calls of known duration and checks that counter, buckets, percentile and metrics agree; passed is null for what could not be checked';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_selftest_call(double precision) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_selftest() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_selftest_call(double precision) TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_selftest() TO pg_monitor;

--
-- Roles. They belong to the whole cluster: other databases may have made them already, and they stay
-- when the extension goes. Their names lack the extension's prefix, which the server reserves.
--

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY '{hello_users,hello_admins}'::text[] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION
            -- The second is what a role that another database makes at this moment ends in.
            WHEN duplicate_object OR unique_violation THEN
                NULL;
        END;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION @extschema@.pg_hello(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.now_ms() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.spi_version() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION @extschema@.pg_hello(text) TO hello_users, hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.now_ms() TO hello_users, hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.spi_version() TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_reset(name, oid) TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_library_version() TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_version() TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_capture_baseline(text) TO hello_admins;
GRANT SELECT ON @extschema@.pg_hello_config TO hello_admins;
GRANT SELECT, INSERT, DELETE ON @extschema@.pg_hello_performance_baseline TO hello_admins;

--
-- Who writes
--

CREATE FUNCTION @extschema@.pg_hello_outer_role()
RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_outer_role() IS
'the role that SET ROLE has chosen, also inside a SECURITY DEFINER function';

-- A dump begins with these two settings. With row security off, only those can write who are not
-- subject to it, and of these only the owner is believed, who could do anything anyway.
CREATE FUNCTION @extschema@.pg_hello_is_restoring(restored regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT current_setting('row_security') = 'off' AND current_setting('check_function_bodies') = 'off'
           AND pg_has_role(@extschema@.pg_hello_outer_role(), c.relowner, 'USAGE')
    FROM pg_class c WHERE c.oid = restored
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_is_restoring(regclass) IS
'whether the table''s owner restores a dump in this session: rows are then taken as they are, and not audited';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_outer_role() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_is_restoring(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_outer_role() TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_is_restoring(regclass) TO hello_admins;

--
-- Auditing
--

CREATE TABLE @extschema@.security_audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    session_username name NOT NULL,
    current_username name NOT NULL,
    database_name name NOT NULL,
    object text NOT NULL,
    operation text NOT NULL,
    old_row jsonb,
    new_row jsonb,
    client_addr inet
);

COMMENT ON TABLE @extschema@.security_audit_log IS
'who changed what in the extension''s tables; only the owner can change or delete what stands here';

COMMENT ON SEQUENCE @extschema@.security_audit_log_id_seq IS
'numbers the records of security_audit_log';

CREATE FUNCTION @extschema@.log_extension_usage()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF @extschema@.pg_hello_is_restoring(TG_RELID) THEN
        RETURN NULL;
    END IF;
    -- Arguments name columns that are not worth their room.
    INSERT INTO @extschema@.security_audit_log (
        session_username, current_username, database_name, object, operation, old_row, new_row, client_addr)
    VALUES (
        session_user, @extschema@.pg_hello_outer_role(), current_database(),
        format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), TG_OP,
        CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'INSERT' THEN to_jsonb(OLD) - coalesce(TG_ARGV::text[], '{}') END,
        CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'DELETE' THEN to_jsonb(NEW) - coalesce(TG_ARGV::text[], '{}') END,
        inet_client_addr());
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION @extschema@.log_extension_usage() IS
'trigger function: records the change of a table''s row, or of a table as a whole, in security_audit_log';

CREATE FUNCTION @extschema@.pg_hello_trim_audit_log(keep interval)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    IF keep IS NULL THEN
        RAISE EXCEPTION 'time for which audit records are kept must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF keep < '0'::interval THEN
        RAISE EXCEPTION 'time for which audit records are kept must not be negative'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM @extschema@.security_audit_log WHERE recorded_at < clock_timestamp() - keep;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_trim_audit_log(interval) IS
'deletes audit records that are older, and leaves a record of having done so; returns how many they were';

CREATE TRIGGER security_audit_log_audit
    AFTER UPDATE OR DELETE OR TRUNCATE ON @extschema@.security_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.log_extension_usage();

CREATE TRIGGER pg_hello_performance_baseline_audit
    AFTER INSERT OR UPDATE OR DELETE ON @extschema@.pg_hello_performance_baseline
    FOR EACH ROW EXECUTE FUNCTION @extschema@.log_extension_usage('buckets');
CREATE TRIGGER pg_hello_performance_baseline_audit_truncate
    AFTER TRUNCATE ON @extschema@.pg_hello_performance_baseline
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.log_extension_usage();

REVOKE ALL ON @extschema@.security_audit_log FROM PUBLIC;
REVOKE ALL ON SEQUENCE @extschema@.security_audit_log_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.log_extension_usage() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_trim_audit_log(interval) FROM PUBLIC;
GRANT SELECT ON @extschema@.security_audit_log TO hello_admins;

SELECT pg_extension_config_dump('@extschema@.security_audit_log', '');
SELECT pg_extension_config_dump('@extschema@.security_audit_log_id_seq', '');

CREATE FUNCTION @extschema@.pg_hello_role_rows(
    OUT roleid oid,
    OUT dbid oid,
    OUT datname text,
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT calls bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_role_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_role_rows() IS
'what pg_hello_access_audit shows';

CREATE VIEW @extschema@.pg_hello_access_audit AS
SELECT
    CASE WHEN roleid IS NOT NULL THEN pg_get_userbyid(roleid) END AS rolname,
    datname,
    schema,
    function,
    calls,
    roleid,
    dbid,
    funcid
FROM @extschema@.pg_hello_role_rows()
ORDER BY calls DESC, 1, datname, schema, function;

COMMENT ON VIEW @extschema@.pg_hello_access_audit IS
'how often each role has called each function while pg_hello.track_roles was on; without a role: calls for which there was no room';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_role_rows() FROM PUBLIC;
REVOKE ALL ON @extschema@.pg_hello_access_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_role_rows() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_access_audit TO pg_monitor;

--
-- Configuration
--

CREATE TABLE @extschema@.app_config (
    key text PRIMARY KEY,
    value text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by name NOT NULL DEFAULT session_user,
    CONSTRAINT app_config_key_check
        CHECK (length(key) BETWEEN 1 AND 200 AND (NOT starts_with(key, 'pg_hello.') OR key = 'pg_hello.repeat')),
    CONSTRAINT app_config_repeat_check
        CHECK (CASE WHEN key <> 'pg_hello.repeat' THEN true
                    WHEN value ~ '^[1-9][0-9]{0,3}$' THEN value::integer <= 1000
                    ELSE false END)
);

COMMENT ON TABLE @extschema@.app_config IS
'settings that are kept in the database: pg_hello.repeat, which is also the default for its new sessions, and keys of the application''s own';

ALTER TABLE @extschema@.app_config ENABLE ROW LEVEL SECURITY;

CREATE POLICY app_config_read ON @extschema@.app_config
    FOR SELECT TO hello_users
    USING (starts_with(key, 'pg_hello.'));
CREATE POLICY app_config_change ON @extschema@.app_config
    FOR ALL TO hello_admins
    USING (starts_with(key, 'pg_hello.'))
    WITH CHECK (starts_with(key, 'pg_hello.'));

COMMENT ON POLICY app_config_read ON @extschema@.app_config IS
'hello_users see the extension''s own keys';
COMMENT ON POLICY app_config_change ON @extschema@.app_config IS
'hello_admins see and change the extension''s own keys';

CREATE FUNCTION @extschema@.pg_hello_stamp_config()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT @extschema@.pg_hello_is_restoring(TG_RELID) THEN
        NEW.updated_at := now();
        NEW.updated_by := @extschema@.pg_hello_outer_role();
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_stamp_config() IS
'trigger function: says in a row of app_config when and by whom it was changed';

-- With its owner's rights: setting a database's defaults takes the database's owner.
CREATE FUNCTION @extschema@.pg_hello_apply_config()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    repeat_value text;
BEGIN
    IF TG_LEVEL = 'ROW' AND 'pg_hello.repeat' NOT IN (coalesce(OLD.key, ''), coalesce(NEW.key, '')) THEN
        RETURN NULL;
    END IF;
    SELECT c.value INTO repeat_value FROM @extschema@.app_config c WHERE c.key = 'pg_hello.repeat';
    IF repeat_value IS NOT NULL THEN
        EXECUTE format('ALTER DATABASE %I SET pg_hello.repeat = %L', current_database(), repeat_value);
    ELSE
        EXECUTE format('ALTER DATABASE %I RESET pg_hello.repeat', current_database());
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION @extschema@.pg_hello_apply_config() IS
'trigger function: makes what app_config says of pg_hello.repeat the database''s default';

CREATE TRIGGER app_config_stamp
    BEFORE INSERT OR UPDATE ON @extschema@.app_config
    FOR EACH ROW EXECUTE FUNCTION @extschema@.pg_hello_stamp_config();
CREATE TRIGGER app_config_audit
    AFTER INSERT OR UPDATE OR DELETE ON @extschema@.app_config
    FOR EACH ROW EXECUTE FUNCTION @extschema@.log_extension_usage();
CREATE TRIGGER app_config_audit_truncate
    AFTER TRUNCATE ON @extschema@.app_config
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.log_extension_usage();
CREATE TRIGGER app_config_apply
    AFTER INSERT OR UPDATE OR DELETE ON @extschema@.app_config
    FOR EACH ROW EXECUTE FUNCTION @extschema@.pg_hello_apply_config();
CREATE TRIGGER app_config_apply_truncate
    AFTER TRUNCATE ON @extschema@.app_config
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.pg_hello_apply_config();

CREATE FUNCTION @extschema@.update_greeting_config(repeat integer)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF repeat IS NULL THEN
        RAISE EXCEPTION 'value of "pg_hello.repeat" must not be null'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF repeat NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION '% is outside the valid range for parameter "pg_hello.repeat" (1 .. 1000)', repeat
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO @extschema@.app_config (key, value) VALUES ('pg_hello.repeat', repeat)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;
    -- What new sessions will read.
    RETURN (SELECT split_part(c.setting, '=', 2)::integer
            FROM pg_db_role_setting s, unnest(s.setconfig) c(setting)
            WHERE s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
              AND s.setrole = 0 AND starts_with(c.setting, 'pg_hello.repeat='));
END
$$;

COMMENT ON FUNCTION @extschema@.update_greeting_config(integer) IS
'stores how often a greeting is repeated and makes it the database''s default for new sessions; returns what is now in force for them';

REVOKE ALL ON @extschema@.app_config FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_stamp_config() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_apply_config() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.update_greeting_config(integer) FROM PUBLIC;
GRANT SELECT ON @extschema@.app_config TO hello_users;
GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.app_config TO hello_admins;
GRANT EXECUTE ON FUNCTION @extschema@.update_greeting_config(integer) TO hello_admins;

SELECT pg_extension_config_dump('@extschema@.app_config', '');
