--
-- pg_hello_memory(): what it says is what there is.
--

SELECT memory, part FROM pg_hello_memory();

-- Shared: each row and backend, and the whole as the server accounts for it.
SELECT part, number = CASE part WHEN 'functions' THEN max_functions
                                WHEN 'function index' THEN 16384 ELSE number END AS is_number,
       bytes_each, bytes = number * bytes_each AS adds_up
FROM pg_hello_memory(), pg_hello_info()
WHERE memory = 'shared' AND part IN ('function index', 'functions', 'backends');
SELECT number >= current_setting('max_connections')::integer AS is_enough
FROM pg_hello_memory() WHERE memory = 'shared' AND part = 'backends';
SELECT sum(bytes) = (SELECT size FROM pg_shmem_allocations WHERE name = 'pg_hello') AS is_allocated,
       sum(bytes) FILTER (WHERE part <> 'alignment')
         = (SELECT shared_memory_bytes FROM pg_hello_info()) AS is_shown
FROM pg_hello_memory() WHERE memory = 'shared';

-- A backend that calls no tracked function pays nothing; one that does, what it was said to pay.
SELECT bool_and(bytes = number * bytes_each) AS adds_up FROM pg_hello_memory() WHERE memory = 'backend';
CREATE FUNCTION regress_memory() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
\c -
SELECT name, total_bytes FROM pg_backend_memory_contexts WHERE name LIKE 'pg_hello%';
SELECT regress_memory();
SELECT c.name, c.total_bytes BETWEEN f.bytes AND f.bytes + i.bytes + 64 * 1024 AS is_as_said
FROM pg_backend_memory_contexts c, pg_hello_memory() f, pg_hello_memory() i
WHERE c.name LIKE 'pg_hello%' AND f.memory = 'backend' AND f.part = 'functions'
  AND i.memory = 'backend' AND i.part = 'function index';
DROP FUNCTION regress_memory();
