--
-- What is not tracked, and why: by the rules that the hooks go by.
--

CREATE SCHEMA regress_skipped;
SET search_path = regress_skipped, public;

CREATE FUNCTION in_plpgsql() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION in_sql_inlinable(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION in_sql_rows_inlinable() RETURNS SETOF integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION in_sql(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1 LIMIT 1';
-- Another name for a function of the server's: the server calls it like one in C.
CREATE FUNCTION alias(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS 'upper';
CREATE FUNCTION handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION conversion(integer, integer, cstring, internal, integer, boolean) RETURNS integer
LANGUAGE c STRICT AS '$libdir/utf8_and_iso8859_1', 'iso8859_1_to_utf8';
CREATE FUNCTION add(integer, integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN $1 + $2; END';
CREATE AGGREGATE total(integer) (sfunc = add, stype = integer, initcond = '0');
CREATE FUNCTION pg_temp.temporary() RETURNS integer LANGUAGE sql AS 'SELECT 1 LIMIT 1';
CREATE PROCEDURE proc() LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

CREATE VIEW skipped AS
SELECT schema, function, language, reason FROM pg_hello_skipped
WHERE extension IS NULL ORDER BY schema COLLATE "C", function COLLATE "C";

SET pg_hello.track = 'none';
SELECT * FROM skipped;
SET pg_hello.track = 'own';
SELECT reason, count(*) FROM skipped GROUP BY reason ORDER BY reason;
SET pg_hello.track = 'pl';
SELECT * FROM skipped;
SET pg_hello.track = 'all';
SELECT * FROM skipped;
SET pg_hello.track_inlinable = on;
SELECT * FROM skipped;

-- Each function is either there or tracked: whoever is called gets a row.
RESET pg_hello.track_inlinable;
SELECT in_plpgsql(), in_sql_inlinable(1), in_sql(1), alias('x'), total(i), pg_temp.temporary() FROM (VALUES (1), (2)) v(i)
GROUP BY ();
SELECT * FROM in_sql_rows_inlinable();
CALL proc();
SELECT s.function, s.calls FROM pg_hello_stats s
WHERE s.datname = current_database() AND (s.schema = 'regress_skipped' OR s.function = 'temporary()')
ORDER BY s.function COLLATE "C";
SELECT s.function AS both FROM pg_hello_stats s JOIN pg_hello_skipped k USING (funcid)
WHERE s.datname = current_database() AND s.schema = 'regress_skipped';

-- The extension's own functions are tracked from "own" on; none is skipped.
SET pg_hello.track = 'own';
SELECT function, reason FROM pg_hello_skipped WHERE extension = 'pg_hello';

-- For members of pg_monitor.
CREATE ROLE regress_pg_hello_watcher IN ROLE pg_monitor;
CREATE ROLE regress_pg_hello_nobody;
GRANT USAGE ON SCHEMA regress_skipped TO regress_pg_hello_watcher, regress_pg_hello_nobody;
SET ROLE regress_pg_hello_watcher;
SELECT count(*) > 0 AS may_read FROM pg_hello_skipped;
SET ROLE regress_pg_hello_nobody;
SELECT count(*) FROM pg_hello_skipped;
SELECT count(*) FROM pg_hello_skipped_rows();
RESET ROLE;
DROP OWNED BY regress_pg_hello_watcher, regress_pg_hello_nobody;
DROP ROLE regress_pg_hello_watcher, regress_pg_hello_nobody;

RESET pg_hello.track;
DROP FUNCTION pg_temp.temporary();
SET client_min_messages = warning;
DROP SCHEMA regress_skipped CASCADE;
