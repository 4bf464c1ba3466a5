--
-- Arguments that make no sense.
--

-- Wrong numbers and types of arguments
SELECT pg_hello();
SELECT pg_hello(1);
SELECT pg_hello('a', 'b');
SELECT now_ms(1);
SELECT pg_hello_reset(1, 2, 3);
SELECT pg_hello_reset('x', 'y');
SELECT pg_hello_reset(funcid => -2147483649);

-- NULLs
SELECT pg_hello(NULL) IS NULL AS is_null;
SELECT pg_hello_reset(NULL) IS NOT NULL AS reset;
SELECT pg_hello_reset(NULL, NULL) IS NOT NULL AS reset;
SELECT pg_hello_reset(current_database(), NULL) IS NOT NULL AS reset;

-- Oids of nothing, of something else, at the limits
SELECT pg_hello_reset(NULL, o) IS NOT NULL AS reset
FROM (VALUES (0::oid), (1), (2147483648), (4294967295), ('pg_class'::regclass::oid), ('lower(text)'::regprocedure::oid)) oids(o);
SELECT pg_hello_reset(NULL, 4294967296);
SELECT pg_hello_reset(NULL, 'no_such_function'::regproc);

-- Names of databases
SELECT pg_hello_reset('no such database');
SELECT pg_hello_reset('REGRESS_PG_HELLO');
SELECT pg_hello_reset(repeat('x', 1000)::name);
SELECT pg_hello_reset('''; DROP TABLE x; --');
SELECT pg_hello_reset('世界');
SELECT pg_hello_reset('%s%n');

-- Set-returning functions where they do not belong
SELECT count(*) > 0 AS rows FROM (SELECT pg_hello_stats_rows()) t;
SELECT 1 FROM pg_hello_info() LIMIT 1;
SELECT count(*) AS rows FROM (SELECT pg_hello_info()) t;
SELECT CASE WHEN true THEN pg_hello_info() END;
SELECT 1 WHERE pg_hello_stats_rows() IS NOT NULL;

-- Entry points that are none
DO $$
BEGIN
    CREATE FUNCTION no_such_symbol() RETURNS text LANGUAGE c AS '$libdir/pg_hello', 'no_such_symbol';
EXCEPTION WHEN undefined_function THEN
    RAISE NOTICE 'undefined function';
END
$$;

-- All of it at once, cut short, and in a cursor
SELECT count(*) AS rows FROM (SELECT * FROM pg_hello_stats LIMIT 1) s;
BEGIN;
DECLARE c CURSOR FOR SELECT calls >= 0 AS counted FROM pg_hello_stats;
FETCH 1 FROM c;
MOVE ALL FROM c;
COMMIT;
SELECT count(*) AS readings FROM generate_series(1, 200) i WHERE length(pg_hello_metrics()) > 0;

-- Still there.
SELECT pg_hello('World');
SELECT worker_pid IS NOT NULL AS worker, worker_restarts, listening, stack_resyncs FROM pg_hello_info();
