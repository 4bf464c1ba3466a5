--
-- app_config and update_greeting_config(): stored, applied, validated, and only by those who may.
--

CREATE ROLE regress_pg_hello_user IN ROLE hello_users;
CREATE ROLE regress_pg_hello_admin IN ROLE hello_admins;
CREATE ROLE regress_pg_hello_plain;
CREATE VIEW database_default AS
SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname = current_database() AND s.setrole = 0;

SET ROLE regress_pg_hello_admin;
SELECT update_greeting_config(3);
SELECT key, value, updated_by, updated_at <= now() AS updated FROM app_config;
-- For new sessions; this one goes on as it was.
SELECT pg_hello('World');
\c -
SELECT pg_hello('World');
SELECT array_to_string(array(SELECT c FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%'), ' ') AS stored;

-- Out of range is an error, and stores nothing.
SET ROLE regress_pg_hello_admin;
SELECT update_greeting_config(0);
SELECT update_greeting_config(1001);
SELECT update_greeting_config(-2147483648);
SELECT update_greeting_config(NULL);
SELECT update_greeting_config('3; DROP TABLE app_config');
SELECT value FROM app_config;
-- The limits themselves
SELECT update_greeting_config(1000), update_greeting_config(1), update_greeting_config(2);

-- What is rolled back was not done.
BEGIN;
SELECT update_greeting_config(7);
ROLLBACK;
SELECT value FROM app_config;
RESET ROLE;
SELECT c FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%';

-- A row that is changed by hand is applied and validated in the same way.
SET ROLE regress_pg_hello_admin;
UPDATE app_config SET value = '5' WHERE key = 'pg_hello.repeat';
RESET ROLE;
SELECT c FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%';
SET ROLE regress_pg_hello_admin;
\set VERBOSITY terse
UPDATE app_config SET value = '1001';
UPDATE app_config SET value = '0';
UPDATE app_config SET value = '007';
UPDATE app_config SET value = 'five';
UPDATE app_config SET value = '5''; DROP TABLE app_config; --';
UPDATE app_config SET value = NULL;
INSERT INTO app_config (key, value) VALUES ('pg_hello.track', 'none');
INSERT INTO app_config (key, value) VALUES ('', '');
INSERT INTO app_config (key, value) VALUES (NULL, '1');
-- Who and when cannot be made up.
UPDATE app_config SET value = '6', updated_by = 'postgres', updated_at = 'epoch';
SELECT key, value, updated_by, updated_at > 'epoch' AS updated FROM app_config;
DELETE FROM app_config;
RESET ROLE;
SELECT count(*) AS defaults FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%';

-- Other keys are the owner's, unless there are further policies; they change no default.
ALTER DATABASE regress_pg_hello SET pg_hello.repeat = 9;
INSERT INTO app_config (key, value) VALUES ('color', 'blue');
UPDATE app_config SET value = 'red' WHERE key = 'color';
SELECT c FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%';
SELECT update_greeting_config(4);

-- Row-level security: users read the extension's keys and change none, admins change them.
SET ROLE regress_pg_hello_user;
SELECT key, value FROM app_config ORDER BY key;
UPDATE app_config SET value = '1';
INSERT INTO app_config (key, value) VALUES ('x', 'y');
DELETE FROM app_config;
SELECT update_greeting_config(1);
RESET ROLE;
SET ROLE regress_pg_hello_admin;
SELECT key, value FROM app_config ORDER BY key;
UPDATE app_config SET value = 'green' WHERE key = 'color';
UPDATE app_config SET key = 'color2' WHERE key = 'pg_hello.repeat';
INSERT INTO app_config (key, value) VALUES ('x', 'y');
DELETE FROM app_config WHERE key = 'color';
TRUNCATE app_config;
-- Nor by guessing, with a function that is cheap and tells what it sees.
CREATE FUNCTION pg_temp.tell(key text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS 'BEGIN RAISE NOTICE ''%'', key; RETURN true; END';
SELECT key FROM app_config WHERE pg_temp.tell(key);
RESET ROLE;
SET ROLE regress_pg_hello_plain;
SELECT * FROM app_config;
SELECT update_greeting_config(1);
RESET ROLE;

-- Emptied, the default is gone.
TRUNCATE app_config;
SELECT count(*) AS defaults FROM database_default, unnest(setconfig) c WHERE c LIKE 'pg_hello.%';

DROP VIEW database_default;
DROP OWNED BY regress_pg_hello_admin;
DROP ROLE regress_pg_hello_user, regress_pg_hello_admin, regress_pg_hello_plain;
