--
-- Functions of temporary schemas have a row, but no oid that could name it: pg_hello_reset() must
-- not take oid 0 for theirs.
--

CREATE FUNCTION pg_temp.temporary() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE VIEW pg_temp.counted AS
SELECT funcid, calls FROM pg_hello_stats
WHERE datname = current_database() AND schema = 'pg_temp' AND function = 'temporary()';

SELECT pg_temp.temporary();
SELECT * FROM counted;
SELECT pg_hello_reset(NULL, 0) IS NOT NULL AS reset;
SELECT * FROM counted;
SELECT pg_hello_reset(current_database(), 0) IS NOT NULL AS reset;
SELECT * FROM counted;
SELECT pg_hello_reset(current_database()) IS NOT NULL AS reset;
SELECT * FROM counted;
