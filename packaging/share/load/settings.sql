\set repeat random(1, 5)
BEGIN;
SET LOCAL pg_hello.repeat = :repeat;
SELECT :schema.pg_hello('Load Test');
COMMIT;
