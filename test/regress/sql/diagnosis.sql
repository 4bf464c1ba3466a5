--
-- Diagnosis: the self-test, versions, memory, who blocks whom.
--

-- Calls of known duration are where they should be, in SQL and in the text of /metrics.
SELECT check_name, passed FROM pg_hello_selftest();
-- Again, with counters that are not at zero; and for a member of pg_monitor.
CREATE ROLE regress_pg_hello_monitor IN ROLE pg_monitor;
SET ROLE regress_pg_hello_monitor;
SELECT count(*) AS checks, bool_and(passed) AS passed FROM pg_hello_selftest();
RESET ROLE;
-- It finds what is wrong.
SET pg_hello.track = none;
SELECT * FROM pg_hello_selftest();
RESET pg_hello.track;

-- The versions are one.
SELECT library_version = extversion AS library, extension_version = extversion AS extension, version_mismatch, advice
FROM pg_hello_version(), pg_extension WHERE extname = 'pg_hello';
-- As if the objects were older; then newer than what is installed.
BEGIN;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'pg_hello';
SELECT extension_version, version_mismatch, advice FROM pg_hello_version();
SELECT regexp_replace(version, '^\S+', 'N') AS version FROM pg_hello_info();
ROLLBACK;
SELECT version = library_version AS plain FROM pg_hello_info(), pg_hello_version();

-- What a backend keeps for itself has a name.
SELECT name, total_bytes > 0 AS bytes FROM pg_backend_memory_contexts WHERE name LIKE 'pg\_hello%' ORDER BY name;

-- Nobody waits here; its columns.
SELECT count(*) AS blocked FROM pg_hello_blocking WHERE blocked_database = current_database();
SELECT attname, format_type(atttypid, atttypmod) AS type
FROM pg_attribute WHERE attrelid = 'pg_hello_blocking'::regclass AND attnum > 0 ORDER BY attnum;

DROP ROLE regress_pg_hello_monitor;
