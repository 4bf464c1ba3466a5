--
-- pg_hello.track_roles: calls by role, on request, in SQL only.
--

CREATE ROLE regress_pg_hello_one;
CREATE ROLE "regress_pg_hello ""two""";
CREATE SCHEMA regress_roles;
GRANT USAGE ON SCHEMA regress_roles TO PUBLIC;
SET search_path = regress_roles, public;
SELECT pg_hello_reset() IS NOT NULL AS reset;

CREATE FUNCTION plain(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / n; END';
CREATE FUNCTION definer(n integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN regress_roles.plain(n); END';
CREATE FUNCTION set_of(n integer) RETURNS SETOF integer LANGUAGE sql VOLATILE SECURITY DEFINER AS 'SELECT generate_series(1, n)';
CREATE FUNCTION deep(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN n > 0 THEN deep(n - 1) ELSE 0 END; END';
CREATE VIEW by_role AS
SELECT rolname, function, calls FROM pg_hello_access_audit
WHERE datname = current_database() AND schema = 'regress_roles';

-- Nothing is counted by role that nobody asked for.
SELECT plain(1);
SELECT * FROM by_role;

SET pg_hello.track = 'all';
SET pg_hello.track_roles = on;
SELECT plain(1), plain(2);
SET ROLE regress_pg_hello_one;
SELECT count(plain(i)) FROM generate_series(1, 100) i;
-- The caller, not whose rights the function has; also when it ends in an error.
SELECT definer(1);
\set VERBOSITY terse
SELECT definer(0);
RESET ROLE;
SET ROLE "regress_pg_hello ""two""";
-- One call, however many rows, and also if it is abandoned
SELECT count(*) FROM (SELECT set_of(1000)) s;
SELECT set_of(1000) LIMIT 1;
SELECT deep(5);
DO $$
BEGIN
    PERFORM regress_roles.plain(0);
EXCEPTION WHEN division_by_zero THEN
    PERFORM regress_roles.plain(1);
END
$$;
RESET ROLE;
SET pg_hello.track_roles = off;
SELECT count(plain(i)) FROM generate_series(1, 10) i;
SELECT * FROM by_role ORDER BY function, rolname COLLATE "C";
-- All calls are counted as they always are, those by role among them.
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_roles' ORDER BY function COLLATE "C";
SELECT sum(calls) FROM by_role WHERE function = 'plain(integer)';

-- On and off in the middle of a call, and of many
CREATE FUNCTION switching() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET pg_hello.track_roles = on;
    PERFORM regress_roles.plain(1);
    SET pg_hello.track_roles = off;
    PERFORM regress_roles.plain(1);
    SET pg_hello.track_roles = on;
END
$$;
SELECT switching();
SELECT * FROM by_role WHERE function = 'switching()';
RESET pg_hello.track_roles;
SELECT sum(calls) FROM by_role WHERE function = 'plain(integer)';
SELECT calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_roles' AND function = 'plain(integer)';

-- Not on the metrics endpoint
SELECT pg_hello_metrics() LIKE '%regress_roles%' AS functions, pg_hello_metrics() LIKE '%regress\_pg\_hello\_one%' AS roles;

-- A function's reset, everything's reset, a dropped function, a dropped role
SELECT pg_hello_reset(current_database(), 'plain'::regproc) IS NOT NULL AS reset;
SELECT DISTINCT function FROM by_role ORDER BY 1;
DROP FUNCTION set_of(integer);
SELECT DISTINCT function FROM by_role ORDER BY 1;
REVOKE ALL ON SCHEMA regress_roles FROM regress_pg_hello_one;
DROP ROLE regress_pg_hello_one;
SELECT regexp_replace(rolname, '\d+', 'N') AS rolname, function, calls FROM by_role WHERE function = 'definer(integer)';
SELECT pg_hello_reset() IS NOT NULL AS reset;
SELECT * FROM by_role;

-- Who may
SET ROLE "regress_pg_hello ""two""";
SET pg_hello.track_roles = on;
SELECT * FROM pg_hello_access_audit;
SELECT * FROM pg_hello_role_rows();
RESET ROLE;

-- No room: the places are 4096. What finds none is counted without a role.
SET pg_hello.track_roles = on;
DO $$
BEGIN
    FOR i IN 1 .. 1200 LOOP
        EXECUTE format('CREATE FUNCTION regress_roles.f%s() RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''', i);
    END LOOP;
END
$$;
CREATE ROLE regress_pg_hello_r1;
CREATE ROLE regress_pg_hello_r2;
CREATE ROLE regress_pg_hello_r3;
CREATE ROLE regress_pg_hello_r4;
CREATE FUNCTION call_all(role name, last integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET ROLE %I', role);
    FOR i IN 1 .. last LOOP
        EXECUTE format('SELECT regress_roles.f%s(), regress_roles.f%s()', i, i);
    END LOOP;
    RESET ROLE;
END
$$;
SELECT count(call_all(r, 1200)) FROM unnest('{regress_pg_hello_r1, regress_pg_hello_r2, regress_pg_hello_r3, regress_pg_hello_r4}'::name[]) r;
RESET pg_hello.track_roles;
SELECT count(*) AS places FROM pg_hello_access_audit WHERE rolname IS NOT NULL;
SELECT rolname IS NULL AS no_room, sum(calls) > 0 AS calls FROM pg_hello_access_audit GROUP BY 1 ORDER BY 1;
SELECT sum(calls) AS all_calls FROM pg_hello_access_audit WHERE function ~ '^f\d+\(\)$' OR rolname IS NULL;
-- What is dropped makes room, and so does a reset.
DROP FUNCTION f1198(), f1199(), f1200();
SET pg_hello.track_roles = on;
SELECT deep(1);
SELECT plain(1);
RESET pg_hello.track_roles;
SELECT rolname = session_user AS here, function, calls FROM by_role WHERE function IN ('deep(integer)', 'plain(integer)') ORDER BY function;

SELECT pg_hello_reset() IS NOT NULL AS reset;
SET pg_hello.track_roles = on;
SELECT count(call_all('regress_pg_hello_r4', 1197));
RESET pg_hello.track_roles;
SELECT count(*) AS places, count(*) FILTER (WHERE calls <> 2) AS other_than_two FROM pg_hello_access_audit WHERE function ~ '^f\d+\(\)$';
SELECT pg_hello_reset() IS NOT NULL AS reset;
RESET pg_hello.track;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_roles CASCADE;
DROP ROLE "regress_pg_hello ""two""", regress_pg_hello_r1, regress_pg_hello_r2, regress_pg_hello_r3, regress_pg_hello_r4;
