--
-- Bodies in SQL-standard syntax: those that the planner never inlines are tracked like others.
--

CREATE SCHEMA regress_standard;
SET search_path = regress_standard, public;
SET pg_hello.track = 'all';

CREATE TABLE written (n integer);
CREATE FUNCTION inlined(a integer) RETURNS integer LANGUAGE sql RETURN a + 1;
CREATE FUNCTION inlined_block(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END;
CREATE FUNCTION definer(a integer) RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN a + 1;
CREATE FUNCTION two(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT a + 1; END;
CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM written; END;
CREATE FUNCTION writes(a integer) RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO written VALUES (a); END;

SELECT inlined(1), inlined_block(1), definer(1), two(1), reads(), writes(1);
EXPLAIN (VERBOSE, COSTS OFF)
SELECT inlined(n), inlined_block(n), definer(n), two(n), reads(), writes(n) FROM written;
SELECT function, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'regress_standard' ORDER BY function COLLATE "C";

RESET pg_hello.track;
SET client_min_messages = warning;
DROP SCHEMA regress_standard CASCADE;
