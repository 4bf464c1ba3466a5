--
-- Who may do what: everybody may be greeted, pg_monitor may look, only the owner may reset.
--

CREATE ROLE regress_pg_hello_plain;
CREATE ROLE regress_pg_hello_monitor IN ROLE pg_monitor;

SELECT f.name,
       has_function_privilege('regress_pg_hello_plain', f.name, 'EXECUTE') AS plain,
       has_function_privilege('regress_pg_hello_monitor', f.name, 'EXECUTE') AS monitor
FROM (SELECT objid::regprocedure::text AS name FROM pg_depend
      WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_proc'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')) f
ORDER BY f.name COLLATE "C";
SELECT r.role, p.privilege
FROM (VALUES ('regress_pg_hello_plain'), ('regress_pg_hello_monitor')) r(role),
     (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p(privilege)
WHERE has_table_privilege(r.role, 'pg_hello_stats', p.privilege);

-- Nothing here runs with its owner's rights.
SELECT count(*) AS security_definers FROM pg_proc WHERE probin LIKE '%pg_hello' AND prosecdef;

SET ROLE regress_pg_hello_plain;
SELECT pg_hello('World');
SELECT now_ms() > 0 AS now_ms, spi_version() = version() AS spi_version;
SELECT * FROM pg_hello_stats;
SELECT * FROM pg_hello_stats_rows();
SELECT * FROM pg_hello_info();
SELECT pg_hello_metrics();
SELECT pg_hello_reset();
SELECT pg_hello_reset(current_database());
SELECT pg_hello_reset(NULL, 'pg_hello'::regproc);
RESET ROLE;

SET ROLE regress_pg_hello_monitor;
SELECT pg_hello('World');
SELECT count(*) > 0 AS rows FROM pg_hello_stats;
SELECT count(*) AS rows FROM pg_hello_info();
SELECT pg_hello_metrics() LIKE '# HELP %' AS text;
SELECT pg_hello_reset();
SELECT pg_hello_reset(current_database());
SELECT pg_hello_reset(NULL, 'pg_hello'::regproc);
RESET ROLE;

-- Given away, it works.
GRANT EXECUTE ON FUNCTION pg_hello_reset(name, oid) TO regress_pg_hello_monitor;
SET ROLE regress_pg_hello_monitor;
SELECT pg_hello_reset(NULL, 'pg_hello'::regproc) IS NOT NULL AS reset;
RESET ROLE;

-- Tracking needs no privileges of the one who is tracked, nor of the function's owner.
CREATE SCHEMA regress_privileges;
CREATE FUNCTION regress_privileges.f() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END';
ALTER FUNCTION regress_privileges.f() OWNER TO regress_pg_hello_plain;
GRANT USAGE ON SCHEMA regress_privileges TO regress_pg_hello_plain, regress_pg_hello_monitor;
SET ROLE regress_pg_hello_plain;
SELECT regress_privileges.f();
RESET ROLE;
REVOKE EXECUTE ON FUNCTION regress_privileges.f() FROM PUBLIC;
SET ROLE regress_pg_hello_monitor;
SELECT regress_privileges.f();
RESET ROLE;
-- A call that was refused is none.
SELECT function, calls, errors FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_privileges';

SET client_min_messages = warning;
DROP SCHEMA regress_privileges CASCADE;
DROP OWNED BY regress_pg_hello_plain, regress_pg_hello_monitor;
DROP ROLE regress_pg_hello_plain, regress_pg_hello_monitor;
