--
-- Who may do what: hello_users are greeted, pg_monitor may look, hello_admins may reset and configure.
--

CREATE ROLE regress_pg_hello_plain;
CREATE ROLE regress_pg_hello_user IN ROLE hello_users;
CREATE ROLE regress_pg_hello_admin IN ROLE hello_admins;
CREATE ROLE regress_pg_hello_monitor IN ROLE pg_monitor;

-- What each may call
SELECT f.name,
       has_function_privilege('public', f.name, 'EXECUTE') AS public,
       has_function_privilege('regress_pg_hello_user', f.name, 'EXECUTE') AS "user",
       has_function_privilege('regress_pg_hello_admin', f.name, 'EXECUTE') AS admin,
       has_function_privilege('regress_pg_hello_monitor', f.name, 'EXECUTE') AS monitor
FROM (SELECT objid::regprocedure::text AS name FROM pg_depend
      WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_proc'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')) f
ORDER BY f.name COLLATE "C";
-- And what each may do to the views, tables and sequences
SELECT c.name,
       string_agg(p.privilege, ' ' ORDER BY p.ordinality)
           FILTER (WHERE has_table_privilege('public', c.name, p.privilege)) AS public,
       string_agg(p.privilege, ' ' ORDER BY p.ordinality)
           FILTER (WHERE has_table_privilege('regress_pg_hello_user', c.name, p.privilege)) AS "user",
       string_agg(p.privilege, ' ' ORDER BY p.ordinality)
           FILTER (WHERE has_table_privilege('regress_pg_hello_admin', c.name, p.privilege)) AS admin,
       string_agg(p.privilege, ' ' ORDER BY p.ordinality)
           FILTER (WHERE has_table_privilege('regress_pg_hello_monitor', c.name, p.privilege)) AS monitor
FROM (SELECT objid::regclass::text AS name FROM pg_depend
      WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_class'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')) c,
     unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) WITH ORDINALITY p(privilege)
GROUP BY c.name ORDER BY c.name COLLATE "C";

-- The roles can do nothing else, and nobody can log in as them.
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname IN ('hello_users', 'hello_admins') ORDER BY rolname;

SET ROLE regress_pg_hello_plain;
SELECT pg_hello('World');
SELECT now_ms();
SELECT spi_version();
SELECT * FROM pg_hello_stats;
SELECT * FROM pg_hello_stats_rows();
SELECT * FROM pg_hello_info();
SELECT pg_hello_metrics();
SELECT pg_hello_reset();
SELECT pg_hello_reset(current_database());
SELECT pg_hello_reset(NULL, 'pg_hello'::regproc);
SELECT update_greeting_config(2);
SELECT * FROM app_config;
SELECT * FROM security_audit_log;
RESET ROLE;

SET ROLE regress_pg_hello_user;
SELECT pg_hello('World');
SELECT now_ms() > 0 AS now_ms;
SELECT spi_version();
SELECT * FROM pg_hello_stats;
SELECT pg_hello_reset();
SELECT update_greeting_config(2);
RESET ROLE;

SET ROLE regress_pg_hello_admin;
SELECT pg_hello('World');
SELECT now_ms() > 0 AS now_ms, spi_version() = version() AS spi_version;
SELECT * FROM pg_hello_stats;
SELECT pg_hello_reset(NULL, 'pg_hello'::regproc) IS NOT NULL AS reset;
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
DROP ROLE regress_pg_hello_plain, regress_pg_hello_user, regress_pg_hello_admin, regress_pg_hello_monitor;
