--
-- pg_hello(), now_ms(), spi_version()
--

SHOW pg_hello.repeat;
SELECT pg_hello('World');
SELECT pg_hello(name => 'World');
SELECT pg_hello('');
SELECT pg_hello(' ');
SELECT pg_hello(NULL) IS NULL AS is_null;
SELECT pg_hello(n) FROM (VALUES ('a'), (NULL), ('b')) names(n);

-- Any text.
SELECT pg_hello('Zoë'), pg_hello('世界'), pg_hello('👋🏽');
SELECT octet_length(pg_hello('世界')) - octet_length('世界') AS added_bytes;
SELECT pg_hello('it''s \ "quoted" %s %');
SELECT pg_hello(E'two\nlines\t!') = E'Hello, two\nlines\t!!' AS same;

-- Repeated.
SET pg_hello.repeat = 3;
SELECT pg_hello('World');
SELECT pg_hello('世界');
SELECT pg_hello('');
SET pg_hello.repeat = 1000;
SELECT length(pg_hello('World')) AS length,
       pg_hello('World') = rtrim(repeat('Hello, World! ', 1000)) AS same,
       right(pg_hello('World'), 14) AS ending;
SET pg_hello.repeat = 1001;
SET pg_hello.repeat = 0;
SET pg_hello.repeat = -1;
SET pg_hello.repeat = 'often';
SHOW pg_hello.repeat;

-- More than a value can hold.
SELECT pg_hello(repeat('x', 2000000));
RESET pg_hello.repeat;
SELECT length(pg_hello(repeat('x', 2000000))) AS length;

-- Stored out of line and compressed.
CREATE TEMP TABLE names (name text);
INSERT INTO names SELECT repeat('Abcdefgh', 100000);
INSERT INTO names SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i;
SELECT length(pg_hello(name)) - length(name) AS added, pg_hello(name) = 'Hello, ' || name || '!' AS same
FROM names;
DROP TABLE names;

-- The setting is of the transaction, the function, the session.
BEGIN;
SET LOCAL pg_hello.repeat = 2;
SELECT pg_hello('World');
COMMIT;
SELECT pg_hello('World');
CREATE FUNCTION greet_twice(text) RETURNS text LANGUAGE sql SET pg_hello.repeat = 2
AS 'SELECT pg_hello($1)';
SELECT greet_twice('World'), pg_hello('World');
DROP FUNCTION greet_twice(text);
-- A cached plan follows it.
PREPARE greet AS SELECT pg_hello('World');
EXECUTE greet;
SET pg_hello.repeat = 2;
EXECUTE greet;
RESET pg_hello.repeat;
DEALLOCATE greet;

-- In an index it has no place, being STABLE.
CREATE TEMP TABLE indexed (name text);
CREATE INDEX ON indexed (pg_hello(name));
DROP TABLE indexed;

-- now_ms() is the wall clock, also inside a transaction.
SELECT now_ms() BETWEEN floor(1000 * extract(epoch FROM statement_timestamp())) AND t.later AS in_time
FROM (SELECT ceil(1000 * extract(epoch FROM clock_timestamp() + interval '10 s')) AS later) t;
BEGIN;
SELECT now_ms() AS before \gset
SELECT pg_sleep(0.005);
SELECT now_ms() - :before >= 5 AS advanced;
COMMIT;

SELECT spi_version() = version() AS same;
-- Called from SPI itself, where other results are alive.
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT spi_version() AS v, i FROM generate_series(1, 3) i LOOP
        ASSERT r.v = version() AND spi_version() = r.v;
    END LOOP;
END
$$;
