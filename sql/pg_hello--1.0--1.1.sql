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
