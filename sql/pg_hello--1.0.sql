-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_hello" to load this file. \quit

--
-- Greeting functions: they work wherever the library can be loaded.
--

CREATE FUNCTION @extschema@.pg_hello(name text)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_hello_greet'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello(text) IS
'greets, as many times as pg_hello.repeat says';

CREATE FUNCTION @extschema@.now_ms()
RETURNS bigint
AS 'MODULE_PATHNAME', 'pg_hello_now_ms'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.now_ms() IS
'wall clock in milliseconds since the Unix epoch, advancing inside a transaction';

CREATE FUNCTION @extschema@.spi_version()
RETURNS text
AS 'MODULE_PATHNAME', 'pg_hello_spi_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.spi_version() IS
'the server''s version(), fetched through SPI';

--
-- Statistics: they need the library in shared_preload_libraries, and are for pg_monitor.
--

CREATE FUNCTION @extschema@.pg_hello_stats_rows(
    OUT dbid oid,
    OUT datname text,
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT language text,
    OUT kind text,
    OUT extension text,
    OUT calls bigint,
    OUT errors bigint,
    OUT canceled bigint,
    OUT error_origins text,
    OUT iterations bigint,
    OUT untimed_calls bigint,
    OUT active bigint,
    OUT total_time double precision,
    OUT self_time double precision,
    OUT mean_time double precision,
    OUT stddev_time double precision,
    OUT min_time double precision,
    OUT max_time double precision,
    OUT p50 double precision,
    OUT p90 double precision,
    OUT p95 double precision,
    OUT p99 double precision,
    OUT sum_squares_time double precision,
    OUT stats_since timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_stats_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_stats_rows() IS
'what pg_hello_stats shows';

CREATE VIEW @extschema@.pg_hello_stats AS
SELECT
    dbid,
    datname,
    funcid,
    schema,
    function,
    language,
    kind,
    extension,
    calls,
    errors,
    canceled,
    error_origins::pg_catalog.jsonb AS error_origins,
    iterations,
    untimed_calls,
    active,
    total_time,
    self_time,
    mean_time,
    stddev_time,
    min_time,
    max_time,
    p50,
    p90,
    p95,
    p99,
    sum_squares_time,
    stats_since
FROM @extschema@.pg_hello_stats_rows();

COMMENT ON VIEW @extschema@.pg_hello_stats IS
'calls, errors and times of every tracked function in every database; times in milliseconds';

CREATE FUNCTION @extschema@.pg_hello_active_rows(
    OUT pid integer,
    OUT dbid oid,
    OUT datname text,
    OUT funcid oid,
    OUT schema text,
    OUT function text,
    OUT depth integer,
    OUT call_start timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_active_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_active_rows() IS
'what pg_hello_active shows';

CREATE VIEW @extschema@.pg_hello_active AS
SELECT pid, dbid, datname, funcid, schema, function, depth, call_start
FROM @extschema@.pg_hello_active_rows();

COMMENT ON VIEW @extschema@.pg_hello_active IS
'the tracked calls that run now, in every database; of each backend, the outermost 64';

CREATE FUNCTION @extschema@.pg_hello_reset(
    datname name DEFAULT NULL,
    funcid oid DEFAULT NULL
)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_hello_reset'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_reset(name, oid) IS
'sets the counters of everything, of one database or of one function to zero';

CREATE FUNCTION @extschema@.pg_hello_info(
    OUT version text,
    OUT postgres_version text,
    OUT in_recovery boolean,
    OUT stats_reset timestamptz,
    OUT tracked_functions integer,
    OUT max_functions integer,
    OUT overflow_calls bigint,
    OUT shared_memory_bytes bigint,
    OUT clock_source text,
    OUT stack_resyncs bigint,
    OUT worker_pid integer,
    OUT worker_started timestamptz,
    OUT worker_heartbeat timestamptz,
    OUT worker_restarts integer,
    OUT listening boolean,
    OUT listen_addresses text,
    OUT port integer,
    OUT listen_error text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_hello_info'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
ROWS 1;

COMMENT ON FUNCTION @extschema@.pg_hello_info() IS
'state of the collector and of the worker that serves metrics; worker_pid is null if none runs';

CREATE FUNCTION @extschema@.pg_hello_metrics()
RETURNS text
AS 'MODULE_PATHNAME', 'pg_hello_metrics'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION @extschema@.pg_hello_metrics() IS
'the text that /metrics serves';

REVOKE ALL ON FUNCTION @extschema@.pg_hello_stats_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_active_rows() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_reset(name, oid) FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_info() FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.pg_hello_metrics() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_stats_rows() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_active_rows() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_info() TO pg_monitor;
GRANT EXECUTE ON FUNCTION @extschema@.pg_hello_metrics() TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_stats TO pg_monitor;
GRANT SELECT ON @extschema@.pg_hello_active TO pg_monitor;
