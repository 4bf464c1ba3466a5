--
-- Set-returning functions: one call per call as the user wrote it, also when it is abandoned half
-- way; iterations are the times that the function was entered.
--

CREATE SCHEMA regress_sets;
SET search_path = regress_sets, public;
SET pg_hello.track = 'all';

-- One value per call, until there are no more.
CREATE FUNCTION by_value(n integer) RETURNS SETOF integer
AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C STRICT;
-- A query that is run on as rows are asked for. VOLATILE and STRICT: never inlined.
CREATE FUNCTION by_query(n integer) RETURNS SETOF integer LANGUAGE sql STRICT AS
'SELECT generate_series(1, n)';
-- All rows at once.
CREATE FUNCTION all_at_once(n integer) RETURNS SETOF integer LANGUAGE plpgsql AS
$$ BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END $$;
CREATE FUNCTION by_return_query(n integer) RETURNS SETOF integer LANGUAGE plpgsql AS
$$ BEGIN RETURN QUERY SELECT generate_series(1, n); END $$;

-- What has been counted since the last look.
CREATE FUNCTION counted(OUT function text, OUT calls bigint, OUT iterations bigint, OUT errors bigint)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT s.function, s.calls, s.iterations, s.errors FROM pg_hello_stats s
        WHERE s.datname = current_database() AND s.schema = 'regress_sets' AND s.calls > 0
          AND s.function <> 'counted()' ORDER BY s.function COLLATE "C";
    PERFORM pg_hello_reset(current_database());
END $$;

-- In the select list.
SELECT by_value(3), by_query(3), all_at_once(3), by_return_query(3);
SELECT * FROM counted();

-- In FROM.
SELECT count(*) FROM by_value(3), by_query(3), all_at_once(3), by_return_query(3);
SELECT * FROM counted();

-- No rows at all, and NULL for which a strict function is not even entered.
SELECT by_value(0), by_query(0), all_at_once(0);
SELECT by_value(NULL), by_query(NULL);
SELECT * FROM counted();

-- Abandoned by LIMIT.
SELECT by_value(100), by_query(100) LIMIT 2;
SELECT * FROM counted();

-- Abandoned by a cursor.
BEGIN;
DECLARE c CURSOR FOR SELECT by_value(100);
FETCH 3 FROM c;
-- Still open: not a finished call yet.
SELECT * FROM counted();
CLOSE c;
COMMIT;
SELECT * FROM counted();

-- A set for each of three rows, each complete; and each abandoned.
SELECT sum(v) FROM (SELECT by_value(i) AS v FROM generate_series(1, 3) i) t;
SELECT * FROM counted();
SELECT i, (SELECT by_value(10) + i LIMIT 1) FROM generate_series(1, 3) i;
SELECT * FROM counted();
SELECT count(*) FROM generate_series(1, 3) i, LATERAL by_value(i) v;
SELECT * FROM counted();

-- An error elsewhere while a set is open; and one inside the set-returning function.
SELECT 1 / (2 - by_value(5));
SELECT * FROM counted();
CREATE FUNCTION fails_at(n integer) RETURNS SETOF integer LANGUAGE sql AS
'SELECT 1 / (n - i) FROM generate_series(1, 10) i';
SELECT fails_at(3);
SELECT * FROM counted();
DO $$
BEGIN
    PERFORM fails_at(3);
EXCEPTION WHEN division_by_zero THEN
    PERFORM count(*) FROM by_value(2);
END $$;
SELECT * FROM counted();

-- After some rows, in a function that gives one value per call.
SELECT by_value(-3);
SELECT count(*) FROM by_value(-3);
SELECT * FROM counted();

-- Sets of different lengths side by side; sets in the arguments of sets; sets of sets.
SELECT by_value(1), by_value(3), by_query(2);
SELECT * FROM counted();
SELECT by_value(by_value(3));
SELECT * FROM counted();
SELECT by_value(by_value(10)) LIMIT 4;
SELECT * FROM counted();
CREATE FUNCTION countdown(n integer) RETURNS SETOF integer LANGUAGE sql AS
'SELECT n UNION ALL SELECT countdown(n - 1) WHERE n > 0';
SELECT countdown(3);
SELECT * FROM counted();
SELECT countdown(10) LIMIT 3;
SELECT * FROM counted();

-- In FROM all rows are fetched, whatever the query wants of them.
SELECT * FROM by_value(10) LIMIT 2;
SELECT * FROM ROWS FROM (by_value(2), by_query(3)) WITH ORDINALITY;
SELECT * FROM counted();

-- Rescans: of a result that is kept, no call; with other arguments, a call for each.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT count(*) FROM generate_series(1, 3) i JOIN by_value(4) v ON v < i;
SELECT count(*) FROM generate_series(1, 3) i JOIN all_at_once(4) v ON v < i;
SELECT * FROM counted();
SELECT count(*) FROM generate_series(1, 3) i, LATERAL all_at_once(i) v;
SELECT count(*) FROM generate_series(1, 3) i, LATERAL by_query(i) v;
SELECT * FROM counted();
SELECT i, v FROM generate_series(1, 3) i, LATERAL (SELECT by_value(i + 1) LIMIT 2) l(v);
SELECT * FROM counted();
SELECT count(*) FROM generate_series(1, 3) i WHERE EXISTS (SELECT by_value(5) + i);
SELECT * FROM counted();
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;

-- Where rows go.
CREATE TABLE rows AS SELECT by_value(3) AS v;
INSERT INTO rows SELECT by_query(2);
SELECT * FROM counted();

-- PL/pgSQL that loops over a set and leaves the loop, or fails in it; a cursor that a transaction's end closes.
DO $$
DECLARE
    v integer;
BEGIN
    FOR v IN SELECT by_value(100) LOOP EXIT WHEN v = 3; END LOOP;
    BEGIN
        FOR v IN SELECT by_value(7) LOOP PERFORM 1 / (5 - v); END LOOP;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM by_value(1);
    END;
END $$;
SELECT * FROM counted();
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT by_query(100);
FETCH 2 FROM c;
ROLLBACK;
SELECT * FROM counted();
BEGIN;
SAVEPOINT s;
DECLARE c NO SCROLL CURSOR FOR SELECT by_value(100);
MOVE 2 FROM c;
ROLLBACK TO s;
SELECT * FROM counted();
COMMIT;
SELECT * FROM counted();

-- A set's duration is the sum over its iterations, and its callees' time is not its own.
CREATE FUNCTION slow_row(i integer) RETURNS integer LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.01); RETURN i; END $$;
CREATE FUNCTION slow_rows() RETURNS SETOF integer LANGUAGE sql AS
'SELECT slow_row(i) FROM generate_series(1, 3) i';
SELECT slow_rows() LIMIT 2;
SELECT function, calls, iterations, total_time > 18 AS as_long_as_both, total_time < 1000 AS no_longer,
       self_time < total_time / 2 AS not_its_own, min_time = max_time AS one_duration, p50 = min_time AS p50
FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_sets' AND function = 'slow_rows()';

-- Results do not change: materialized when needed, also by a scrollable cursor.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT by_value(3) AS v, by_query(2) AS q;
FETCH ALL FROM c;
FETCH BACKWARD 2 FROM c;
COMMIT;

RESET pg_hello.track;
SET client_min_messages = warning;
DROP SCHEMA regress_sets CASCADE;
