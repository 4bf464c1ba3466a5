--
-- As an attacker: a role without any privilege but that to create objects in the schema in which the
-- extension lives.
--

CREATE ROLE regress_pg_hello_attacker;
CREATE ROLE regress_pg_hello_admin IN ROLE hello_admins, pg_monitor;
GRANT CREATE ON SCHEMA public TO regress_pg_hello_attacker;

-- Everything of the extension that PUBLIC may call or see: nothing. Its tables' row types do not
-- count: they show no rows, and are the extension's in some versions of PostgreSQL only.
SELECT d.classid::regclass AS catalog, o.identity AS open_to_public
FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) o
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
  AND CASE d.classid
          WHEN 'pg_proc'::regclass THEN has_function_privilege('public', d.objid, 'EXECUTE')
          WHEN 'pg_class'::regclass THEN
              CASE (SELECT relkind FROM pg_class WHERE oid = d.objid)
                  WHEN 'S' THEN has_sequence_privilege('public', d.objid, 'USAGE, SELECT, UPDATE')
                  ELSE has_table_privilege('public', d.objid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                       OR has_any_column_privilege('public', d.objid, 'SELECT, INSERT, UPDATE, REFERENCES')
              END
          ELSE true
      END
ORDER BY 1, 2;

-- With its owner's rights runs only what must, and nothing runs with the caller's search_path.
SELECT p.oid::regprocedure AS security_definer
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND p.prosecdef
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
ORDER BY p.proname;
SELECT p.oid::regprocedure AS unpinned
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND l.lanname <> 'c'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
  AND p.proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}';

-- Something to see in pg_hello_errors
\set VERBOSITY terse
SELECT pg_hello_percentile(1, 2);
\set VERBOSITY default

-- Functions and operators that would be taken for the server's own, in the extension's schema and in
-- the temporary one. Each tells who called it.
CREATE TABLE regress_caught (what text, who name);
GRANT INSERT, SELECT ON regress_caught TO PUBLIC;
SET ROLE regress_pg_hello_attacker;
CREATE FUNCTION public.caught(what text) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.regress_caught VALUES (what, current_user); RETURN true; END';
CREATE FUNCTION public.current_database() RETURNS name LANGUAGE sql AS
    'SELECT CASE WHEN public.caught(''current_database'') THEN ''template1''::name END';
CREATE FUNCTION public.format(text, name, text) RETURNS text LANGUAGE sql AS
    'SELECT CASE WHEN public.caught(''format'') THEN ''ALTER ROLE regress_pg_hello_attacker SUPERUSER'' END';
CREATE FUNCTION public.starts_with(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.caught(''starts_with'')';
CREATE FUNCTION public.jsonb_each_text(jsonb, OUT key text, OUT value text) RETURNS SETOF record LANGUAGE sql AS
    'SELECT ''23'', ''7'' WHERE public.caught(''jsonb_each_text'')';
CREATE FUNCTION public.int_between(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT public.caught(''<'')';
CREATE OPERATOR public.< (FUNCTION = public.int_between, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION public.text_name(text, name) RETURNS boolean LANGUAGE sql AS 'SELECT public.caught(''='')';
CREATE OPERATOR public.= (FUNCTION = public.text_name, LEFTARG = text, RIGHTARG = name);
CREATE FUNCTION public.text_text(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.caught(''='')';
CREATE OPERATOR public.= (FUNCTION = public.text_text, LEFTARG = text, RIGHTARG = text);
CREATE TEMPORARY TABLE app_config (key text, value text);
CREATE TEMPORARY TABLE security_audit_log (id integer);
CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
    'SELECT now() WHERE public.caught(''clock_timestamp'')';
RESET ROLE;
GRANT ALL ON app_config, security_audit_log TO PUBLIC;

SET search_path = pg_temp, public, pg_catalog;
SET ROLE regress_pg_hello_admin;
SELECT public.update_greeting_config(2);
UPDATE public.app_config SET value = '3' WHERE key OPERATOR(pg_catalog.=) 'pg_hello.repeat'::text;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS rows FROM public.pg_hello_errors;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS rows FROM public.pg_hello_usage;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS rows FROM public.pg_hello_config;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS rows FROM public.pg_hello_performance_report();
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.=) 0 AS rows FROM public.pg_hello_blocking;
SELECT public.pg_hello_capture_baseline('attacked') OPERATOR(pg_catalog.>) 0 AS captured;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS rows FROM public.pg_hello_compare_baseline('attacked');
SELECT pg_catalog.bool_and(passed) AS passed FROM public.pg_hello_selftest();
SELECT version_mismatch FROM public.pg_hello_version();
RESET ROLE;
RESET search_path;
SELECT * FROM regress_caught;
SELECT count(*) AS superusers FROM pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'regress_pg_hello_attacker'::name AND rolsuper;
SELECT value FROM public.app_config;

-- Who may read cannot hand on what he reads by a view: the functions in it ask who is looking.
GRANT CREATE ON SCHEMA public TO regress_pg_hello_admin;
SET ROLE regress_pg_hello_admin;
CREATE VIEW public.regress_leak AS SELECT s.function, s.calls FROM public.pg_hello_stats s;
CREATE VIEW public.regress_leak_errors AS SELECT e.function, e.errors FROM public.pg_hello_errors e;
CREATE VIEW public.regress_leak_roles AS SELECT a.rolname FROM public.pg_hello_access_audit a;
GRANT SELECT ON public.regress_leak, public.regress_leak_errors, public.regress_leak_roles TO PUBLIC;
SET ROLE regress_pg_hello_attacker;
\set VERBOSITY terse
SELECT * FROM public.regress_leak;
SELECT * FROM public.regress_leak_errors;
SELECT * FROM public.regress_leak_roles;
\set VERBOSITY default
RESET ROLE;
DROP VIEW public.regress_leak, public.regress_leak_errors, public.regress_leak_roles;
REVOKE CREATE ON SCHEMA public FROM regress_pg_hello_admin;

-- CREATE EXTENSION beside all of this takes nothing for its own either: not an object of a name that
-- it wants, and not an operator in the schema that it is told to use.
DELETE FROM public.app_config;
DELETE FROM public.pg_hello_performance_baseline;
DROP TABLE pg_temp.app_config, pg_temp.security_audit_log;
DROP FUNCTION pg_temp.clock_timestamp();
DROP EXTENSION pg_hello;
CREATE EXTENSION pg_hello SCHEMA public;
SELECT * FROM regress_caught;
DROP EXTENSION pg_hello;
\set VERBOSITY terse
SET ROLE regress_pg_hello_attacker;
CREATE TABLE public.app_config (key text, value text);
RESET ROLE;
CREATE EXTENSION pg_hello;
DROP TABLE public.app_config;
SET ROLE regress_pg_hello_attacker;
CREATE FUNCTION public.log_extension_usage() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
RESET ROLE;
CREATE EXTENSION pg_hello;
DROP FUNCTION public.log_extension_usage();
SET ROLE regress_pg_hello_attacker;
CREATE VIEW public.pg_hello_usage AS SELECT 1 AS a;
RESET ROLE;
CREATE EXTENSION pg_hello;
DROP VIEW public.pg_hello_usage;
SELECT count(*) AS left_behind FROM pg_extension WHERE extname OPERATOR(pg_catalog.=) 'pg_hello'::name;
CREATE SCHEMA "regress""; quoted";
CREATE EXTENSION pg_hello SCHEMA "regress""; quoted";
DROP SCHEMA "regress""; quoted";
CREATE SCHEMA "Regress Elsewhere";
CREATE EXTENSION pg_hello SCHEMA "Regress Elsewhere";
SELECT count(*) > 5 AS checks, bool_and(passed) AS passed FROM "Regress Elsewhere".pg_hello_selftest();
SELECT "Regress Elsewhere".update_greeting_config(2);
SELECT object, operation FROM "Regress Elsewhere".security_audit_log;
TRUNCATE "Regress Elsewhere".app_config;
DROP EXTENSION pg_hello;
DROP SCHEMA "Regress Elsewhere";
SELECT * FROM regress_caught;
CREATE EXTENSION pg_hello;

SET client_min_messages = warning;
DROP TABLE regress_caught;
DROP OWNED BY regress_pg_hello_attacker CASCADE;
DROP ROLE regress_pg_hello_attacker, regress_pg_hello_admin;
