--
-- security_audit_log: who changed what, and nobody but the owner changes what stands there.
--

CREATE ROLE regress_pg_hello_admin IN ROLE hello_admins, pg_monitor;
CREATE VIEW recorded AS
SELECT session_username = session_user AS session_user, current_username, database_name = current_database() AS here, object, operation,
       old_row - 'updated_at' AS old_row, new_row - 'updated_at' AS new_row, client_addr IS NOT DISTINCT FROM inet_client_addr() AS client
FROM security_audit_log ORDER BY id;
SELECT pg_hello_trim_audit_log('0') >= 0 AS trimmed;
ALTER TABLE security_audit_log DISABLE TRIGGER ALL;
TRUNCATE security_audit_log;
ALTER TABLE security_audit_log ENABLE TRIGGER ALL;

-- Through the function, which has its owner's rights, it is still known who it was.
SET ROLE regress_pg_hello_admin;
SELECT update_greeting_config(3), update_greeting_config(4);
DELETE FROM app_config;
RESET ROLE;
SELECT * FROM recorded;
TRUNCATE security_audit_log;

-- What did not happen is not recorded.
BEGIN;
SELECT update_greeting_config(3);
ROLLBACK;
SELECT update_greeting_config(0);
-- A table as a whole; the log itself
TRUNCATE app_config;
UPDATE security_audit_log SET operation = operation;
SELECT * FROM recorded;
TRUNCATE security_audit_log;

-- Baselines, without what nobody would read
SELECT pg_hello('World');
SET ROLE regress_pg_hello_admin;
SELECT pg_hello_capture_baseline('audited') > 0 AS captured;
DELETE FROM pg_hello_performance_baseline WHERE label = 'audited';
RESET ROLE;
SELECT current_username, object, operation, count(*) > 0 AS some,
       bool_and(coalesce(new_row, old_row) ->> 'label' = 'audited') AS label, bool_or(coalesce(new_row, old_row) ? 'buckets') AS buckets
FROM security_audit_log WHERE object ~ 'baseline' GROUP BY 1, 2, 3 ORDER BY 3 DESC;

-- Append-only
SET ROLE regress_pg_hello_admin;
\set VERBOSITY terse
SELECT count(*) > 0 AS readable FROM security_audit_log;
INSERT INTO security_audit_log (session_username, current_username, database_name, object, operation) VALUES ('x', 'x', 'x', 'x', 'x');
UPDATE security_audit_log SET operation = 'NONE';
DELETE FROM security_audit_log;
TRUNCATE security_audit_log;
DROP TABLE security_audit_log;
ALTER TABLE app_config DISABLE TRIGGER ALL;
SELECT nextval('security_audit_log_id_seq');
SELECT pg_hello_trim_audit_log('0');
SELECT log_extension_usage();
CREATE TEMPORARY TABLE forged (key text);
CREATE TRIGGER forge AFTER INSERT ON forged FOR EACH ROW EXECUTE FUNCTION log_extension_usage();
-- Nobody passes for somebody who restores a dump, but the owner.
SET check_function_bodies = off;
SET row_security = off;
SELECT update_greeting_config(8);
RESET ROLE;
SELECT update_greeting_config(11);
RESET check_function_bodies;
RESET row_security;
SET SESSION AUTHORIZATION regress_pg_hello_admin;
SET check_function_bodies = off;
SET row_security = off;
SELECT update_greeting_config(9);
UPDATE app_config SET value = '10';
RESET SESSION AUTHORIZATION;
RESET check_function_bodies;
RESET row_security;
SELECT current_username, operation, new_row ->> 'value' AS value FROM security_audit_log WHERE object ~ 'app_config' ORDER BY id;

-- The function is for other tables, too.
CREATE TABLE regress_audited (a integer, b text, secret text);
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON regress_audited
    FOR EACH ROW EXECUTE FUNCTION log_extension_usage('secret');
INSERT INTO regress_audited VALUES (1, 'x', 's'), (2, NULL, 's');
UPDATE regress_audited SET b = 'y' WHERE a = 1;
DELETE FROM regress_audited WHERE a = 2;
SELECT operation, old_row, new_row FROM recorded WHERE object = 'public.regress_audited';
DROP TABLE regress_audited;

-- Retention
UPDATE security_audit_log SET recorded_at = now() - interval '100 days' WHERE object = 'public.regress_audited';
SELECT pg_hello_trim_audit_log('90 days');
SELECT pg_hello_trim_audit_log('90 days');
SELECT pg_hello_trim_audit_log(NULL);
SELECT pg_hello_trim_audit_log('-1 day');
SELECT operation, count(*) FROM security_audit_log WHERE object = 'public.security_audit_log' GROUP BY 1 ORDER BY 1;

TRUNCATE app_config;
ALTER TABLE security_audit_log DISABLE TRIGGER ALL;
TRUNCATE security_audit_log;
ALTER TABLE security_audit_log ENABLE TRIGGER ALL;
DROP VIEW recorded;
DROP OWNED BY regress_pg_hello_admin;
DROP ROLE regress_pg_hello_admin;
