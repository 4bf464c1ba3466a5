--
-- pg_hello.track: which functions are counted.
--

CREATE SCHEMA regress_track;
SET search_path = regress_track, public;

CREATE FUNCTION in_plpgsql(integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION in_sql(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT $1';
CREATE FUNCTION in_sql_inlinable(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION in_c(text) RETURNS text LANGUAGE c AS '$libdir/pg_hello', 'pg_hello_greet';
CREATE FUNCTION in_internal(integer, integer) RETURNS integer LANGUAGE internal AS 'int4pl';

-- Calls of each since the last look.
CREATE TEMP TABLE seen (function text PRIMARY KEY, calls bigint);
CREATE VIEW counted AS
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database()
  AND (schema = 'regress_track' OR schema = 'public' AND function IN ('pg_hello(text)', 'now_ms()'));
CREATE FUNCTION pg_temp.news(OUT function text, OUT calls bigint) RETURNS SETOF record LANGUAGE sql
BEGIN ATOMIC
    SELECT c.function, c.calls - coalesce(s.calls, 0)
    FROM counted c LEFT JOIN seen s USING (function)
    WHERE c.calls > coalesce(s.calls, 0)
    ORDER BY c.function COLLATE "C";
END;
CREATE PROCEDURE pg_temp.remember() LANGUAGE sql
BEGIN ATOMIC
    DELETE FROM seen;
    INSERT INTO seen SELECT function, calls FROM counted;
END;

PREPARE work AS
SELECT count(in_plpgsql(i)) AS plpgsql, count(in_sql(i)) AS sql, count(in_sql_inlinable(i)) AS inlinable,
       count(in_c(i::text)) AS c, count(in_internal(i, i)) AS internal, count(pg_hello(i::text)) AS own,
       count(now_ms()) AS own2, count(lower(i::text)) AS builtin
FROM generate_series(1, 10) i;

CALL pg_temp.remember();

SET pg_hello.track = 'none';
EXECUTE work;
SELECT * FROM pg_temp.news();

SET pg_hello.track = 'own';
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

SET pg_hello.track = 'pl';
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

SET pg_hello.track = 'all';
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

-- And back.
SET pg_hello.track = 'none';
EXECUTE work;
SELECT * FROM pg_temp.news();
RESET pg_hello.track;
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

-- Functions that would be inlined, if asked for.
SET pg_hello.track = 'all';
SET pg_hello.track_inlinable = on;
-- A plan that was made before stays as it is.
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();
DISCARD PLANS;
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();
SET pg_hello.track_inlinable = off;
DISCARD PLANS;
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();
-- "all" is needed for it.
SET pg_hello.track = 'pl';
SET pg_hello.track_inlinable = on;
DISCARD PLANS;
EXECUTE work;
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();
RESET pg_hello.track_inlinable;
RESET pg_hello.track;

-- Changed by the function that is running: its own call is counted if it began while it was tracked.
CREATE FUNCTION switches_off() RETURNS text LANGUAGE plpgsql
AS 'BEGIN PERFORM in_plpgsql(1); SET LOCAL pg_hello.track = none; PERFORM in_plpgsql(2); RETURN ''done''; END';
SELECT switches_off();
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

-- For one function.
ALTER FUNCTION in_plpgsql(integer) SET pg_hello.track = 'none';
SELECT in_plpgsql(1);
SELECT * FROM pg_temp.news();
ALTER FUNCTION in_plpgsql(integer) RESET ALL;
SELECT in_plpgsql(1);
SELECT * FROM pg_temp.news();
CALL pg_temp.remember();

-- For a role, which cannot change it itself.
CREATE ROLE regress_pg_hello_untracked;
ALTER ROLE regress_pg_hello_untracked SET pg_hello.track = 'none';
GRANT USAGE ON SCHEMA regress_track TO regress_pg_hello_untracked;
ALTER ROLE regress_pg_hello_untracked LOGIN;
\c - regress_pg_hello_untracked
SHOW pg_hello.track;
SELECT regress_track.in_plpgsql(1);
SET pg_hello.track = 'all';
\c - postgres
SELECT calls AS unchanged FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_track' AND function = 'in_plpgsql(integer)';

SET client_min_messages = warning;
DROP SCHEMA regress_track CASCADE;
DROP ROLE regress_pg_hello_untracked;
