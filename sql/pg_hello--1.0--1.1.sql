-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_hello UPDATE TO '1.1'" to load this file. \quit

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
