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

-- Every function of the extension with nothing but nulls: a null, no rows, or a clear error.
CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    rows bigint;
    nulls boolean;
BEGIN
    EXECUTE format('SELECT count(*), bool_and(r IS NULL) FROM %s r', call) INTO rows, nulls;
    RETURN CASE WHEN rows = 0 THEN 'no rows' WHEN nulls THEN 'null' ELSE 'rows' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT p.proname, pg_temp.outcome(format('%s(%s)', p.oid::regproc,
           (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n)
            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(t, n)))) AS outcome
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND p.pronargs > 0
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
ORDER BY p.proname COLLATE "C";

-- Names with quotes, oids of nothing, numbers at their limits, huge arrays and texts
SELECT call, pg_temp.outcome(call) AS outcome
FROM (VALUES
    ('pg_hello_percentile(0, 0.5)'), ('pg_hello_percentile(4294967295, 1)'), ('pg_hello_percentile(''pg_class''::regclass, 0)'),
    ('pg_hello_percentile(1, ''Infinity'')'), ('pg_hello_percentile(1, ''-Infinity'')'), ('pg_hello_percentile(1, 1e308)'),
    ('pg_hello_percentile(1, 0.5, ''a"b'')'), ('pg_hello_percentile(1, 0.5, ''a''''b'')'),
    ('pg_hello_histogram(0)'), ('pg_hello_histogram(1, ''a%sb'')'),
    ('pg_hello_histogram(1, current_database(), -2147483648)'), ('pg_hello_histogram(1, current_database(), 2147483647)'),
    ('pg_hello_bucket_percentile(array_fill(0::bigint, ARRAY[1000000]), 0.5)'),
    ('pg_hello_bucket_percentile(array_fill(0::bigint, ARRAY[238]), 0.5)'),
    ('pg_hello_bucket_percentile(array_fill(1::bigint, ARRAY[238], ARRAY[-5]), 0.5, ''-Infinity'', ''Infinity'')'),
    ('pg_hello_database_oid(''no "such" database'')'), ('pg_hello_sqlstate_class_name(repeat(''x'', 1000000))'),
    ('pg_hello_capture_baseline(repeat(''x'', 1000000))'), ('pg_hello_compare_baseline(''a''''b"c\'')'),
    ('pg_hello_welch_test(0, 0, 0, 0, 0, 0)'), ('pg_hello_welch_test(-5, 1, -1, 2, ''NaN'', ''Infinity'')'),
    ('pg_hello_welch_test(9223372036854775807, 1e308, 1e308, 9223372036854775807, -1e308, 1e308)'),
    ('update_greeting_config(2147483647)'), ('pg_hello_trim_audit_log(''-178000000 years'')'),
    ('pg_hello_selftest_call(-1)'), ('pg_hello_is_restoring(0::oid::regclass)')
) c(call);

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
