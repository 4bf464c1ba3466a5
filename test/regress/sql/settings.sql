--
-- The settings: names, limits, defaults, who may set them, and what is said when they are wrong.
--

SELECT name, context, vartype, unit, min_val, max_val, enumvals, boot_val
FROM pg_settings WHERE name LIKE 'pg\_hello.%' ORDER BY name;

SELECT name, short_desc, extra_desc
FROM pg_settings WHERE name LIKE 'pg\_hello.%' ORDER BY name;

-- What differs from the default here was set by the test's runner.
SELECT name, setting, source FROM pg_settings
WHERE name LIKE 'pg\_hello.%' AND setting <> boot_val ORDER BY name;

-- Enumerations
SET pg_hello.track = 'everything';
SET pg_hello.track = 'ALL';
SHOW pg_hello.track;
SET pg_hello.track = off;
SHOW pg_hello.track;
RESET pg_hello.track;
SHOW pg_hello.track;
SET pg_hello.clock = 'sundial';
SET pg_hello.clock = 'monotonic';
SHOW pg_hello.clock;
RESET pg_hello.clock;
SET pg_hello.track_inlinable = 'maybe';

-- Numbers
SET pg_hello.repeat = 1001;
SET pg_hello.repeat = 0;
SET pg_hello.repeat = '1 h';
SET pg_hello.repeat = 7;
SHOW pg_hello.repeat;
RESET pg_hello.repeat;

-- Those of the server
SET pg_hello.port = 9798;
SET pg_hello.listen_addresses = '127.0.0.1';
SET pg_hello.max_functions = 10;
SET pg_hello.ssl = on;
SET pg_hello.ssl_cert_file = 'x';
ALTER SYSTEM SET pg_hello.port = 65536;
ALTER SYSTEM SET pg_hello.port = -1;
ALTER SYSTEM SET pg_hello.max_functions = 0;
ALTER SYSTEM SET pg_hello.max_functions = 1000001;
ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1,,::1';
ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1, ';
ALTER SYSTEM SET pg_hello.allowed_hosts = 'db1,';
ALTER SYSTEM SET pg_hello.allowed_hosts = 'http://db1:9797';
ALTER SYSTEM SET pg_hello.unix_socket_permissions = 01000;
ALTER SYSTEM SET pg_hello.metrics_max_functions = -1;
ALTER SYSTEM SET pg_hello.metrics_pinned = 'public.transfer, fee';
ALTER SYSTEM SET pg_hello.metrics_pinned = 'public.transfer,,x.y';
ALTER SYSTEM SET pg_hello.metrics_pinned = 'shop:.fee';
ALTER SYSTEM SET pg_hello.metrics_pinned = E'public.\\';
-- Accepted, and never read again: no reload follows.
ALTER SYSTEM SET pg_hello.metrics_pinned = 'public.transfer(integer,text), shop:*.fee, a\.b.c';
ALTER SYSTEM RESET pg_hello.metrics_pinned;

-- Objectives: refused with the reason.
SHOW pg_hello.slo;
SET pg_hello.slo = '';
ALTER SYSTEM SET pg_hello.slo = 'checkout';
ALTER SYSTEM SET pg_hello.slo = 'checkout = 101%: shop.*';
ALTER SYSTEM SET pg_hello.slo = 'checkout = 99.9% < 250: shop.*';
ALTER SYSTEM SET pg_hello.slo = 'checkout = 99.9% < 250ms: shop';
ALTER SYSTEM SET pg_hello.slo = 'checkout = 99.9%: shop.*; checkout = 99%: *.*';
ALTER SYSTEM SET pg_hello.slo = 'checkout = 99.9% < 250ms: shop:billing.*, public.transfer; reports = 95% < 5s: *.report_*';
ALTER SYSTEM RESET pg_hello.slo;
ALTER SYSTEM SET pg_hello.listen_addresses = '';
ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1, ::1';
ALTER SYSTEM RESET pg_hello.listen_addresses;

-- A typing error is not taken for a setting.
SET pg_hello.tarck = 'all';
ALTER DATABASE regress_pg_hello SET pg_hello.tarck = 'all';

-- Who may set what
CREATE ROLE regress_pg_hello_plain;
SET ROLE regress_pg_hello_plain;
SET pg_hello.repeat = 2;
SET pg_hello.track = 'none';
SET pg_hello.track_inlinable = on;
SET pg_hello.clock = 'monotonic';
SET pg_hello.port = 1;
SET pg_hello.max_functions = 10;
ALTER SYSTEM SET pg_hello.port = 1;
ALTER ROLE regress_pg_hello_plain SET pg_hello.track = 'none';
SHOW pg_hello.track;
SHOW pg_hello.listen_addresses;
SHOW pg_hello.ssl_cert_file;
\set VERBOSITY sqlstate
SHOW pg_hello.ssl_key_file;
SHOW pg_hello.auth_token_file;
SHOW pg_hello.unix_socket_path;
\set VERBOSITY default
RESET ROLE;
RESET pg_hello.repeat;
GRANT SET ON PARAMETER pg_hello.track TO regress_pg_hello_plain;
SET ROLE regress_pg_hello_plain;
SET pg_hello.track = 'none';
SHOW pg_hello.track;
RESET pg_hello.track;
RESET ROLE;
DROP OWNED BY regress_pg_hello_plain;
DROP ROLE regress_pg_hello_plain;

-- By database; a new session shows it.
ALTER DATABASE regress_pg_hello SET pg_hello.track = 'all';
ALTER DATABASE regress_pg_hello SET pg_hello.repeat = 2;
\c -
SHOW pg_hello.track;
SELECT pg_hello('World');
ALTER DATABASE regress_pg_hello RESET pg_hello.track;
ALTER DATABASE regress_pg_hello RESET pg_hello.repeat;
\c -
SHOW pg_hello.track;
SELECT pg_hello('World');

-- pg_hello_info() shows what is in force.
SELECT max_functions = current_setting('pg_hello.max_functions')::integer AS max_functions,
       listening, listen_error,
       listen_addresses = '127.0.0.1:' || port AS listen_addresses,
       port BETWEEN 1 AND 65535 AS port,
       clock_source IN ('tsc', 'monotonic') AS clock_source,
       shared_memory_bytes > max_functions * 1000 AS shared_memory_bytes
FROM pg_hello_info();
