--
-- What CREATE EXTENSION makes, and what DROP EXTENSION leaves behind: nothing.
--

-- pg_regress has made it in the database already.
SELECT extname, extversion, extrelocatable, extnamespace::regnamespace
FROM pg_extension WHERE extname = 'pg_hello';
SELECT default_version, installed_version, comment
FROM pg_available_extensions WHERE name = 'pg_hello';
SELECT version, superuser, trusted, relocatable
FROM pg_available_extension_versions WHERE name = 'pg_hello' ORDER BY version;

-- What \dx+ shows, without the row types of tables and views, which are the extension's in some
-- versions of PostgreSQL only.
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS object
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
ORDER BY 1;

-- Each of these has a comment.
SELECT o.identity, obj_description(d.objid, d.classid::regclass::name) AS comment
FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) o
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
ORDER BY o.identity;

-- Volatility and parallel safety: 'pg_hello' depends on a setting, the counters on the moment.
SELECT p.proname, l.lanname, p.provolatile, p.proisstrict, p.proparallel, p.prosecdef, p.proretset
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
ORDER BY p.proname;

-- The library that is loaded and the SQL objects are of one version.
SELECT i.version = e.extversion AS same_version
FROM pg_hello_info() i, pg_extension e WHERE e.extname = 'pg_hello';

-- What does not work.
CREATE EXTENSION pg_hello;
ALTER EXTENSION pg_hello SET SCHEMA pg_catalog;
CREATE ROLE regress_pg_hello_plain;
BEGIN;
DROP EXTENSION pg_hello;
SAVEPOINT dropped;
CREATE EXTENSION pg_hello VERSION '0.0';
ROLLBACK TO dropped;
SET LOCAL ROLE regress_pg_hello_plain;
CREATE EXTENSION pg_hello;
ROLLBACK;
DROP ROLE regress_pg_hello_plain;

-- A user's view is not dropped in passing.
CREATE VIEW my_stats AS SELECT function, calls FROM pg_hello_stats;
\set VERBOSITY terse
DROP EXTENSION pg_hello;
DROP VIEW my_stats;

-- Nothing is left behind.
DROP EXTENSION pg_hello;
SELECT count(*) AS functions FROM pg_proc WHERE probin LIKE '%pg_hello%';
SELECT count(*) AS relations FROM pg_class WHERE relname LIKE 'pg\_hello%';
SELECT pg_hello('World');
SELECT * FROM pg_hello_stats;

-- It works in any schema, whatever the search_path.
CREATE SCHEMA regress_elsewhere;
CREATE EXTENSION pg_hello SCHEMA regress_elsewhere;
SET search_path = '';
SELECT regress_elsewhere.pg_hello('World');
SELECT regress_elsewhere.spi_version() = version() AS is_version;
SELECT count(*) > 0 AS has_rows FROM regress_elsewhere.pg_hello_stats;
SELECT count(*) AS rows FROM regress_elsewhere.pg_hello_info();
SELECT regress_elsewhere.pg_hello_metrics() <> '' AS has_text;
RESET search_path;
DROP SCHEMA regress_elsewhere CASCADE;

-- And twice in one session.
CREATE EXTENSION pg_hello;
SELECT pg_hello('World');
