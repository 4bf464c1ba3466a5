--
-- Views and reports for people: shares, errors by class, settings, the performance report.
--

CREATE SCHEMA regress_reports;
SET search_path = regress_reports, public;

CREATE FUNCTION fast() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION slow(ms double precision) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(ms / 1000); END';
CREATE FUNCTION failing(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / n; END';
CREATE FUNCTION raising(state text) RETURNS void LANGUAGE plpgsql
AS 'BEGIN RAISE EXCEPTION ''for the test'' USING ERRCODE = state; END';

SELECT count(fast()) FROM generate_series(1, 30);
SELECT slow(6), slow(45);
\set VERBOSITY terse
SELECT failing(0);
SELECT failing(1);
SELECT raising('23505');
SELECT raising('ZZ001');

-- Shares add up, over all databases.
SELECT abs(sum(call_percentage) - 100) < 1 AS calls, abs(sum(self_time_percentage) - 100) < 1 AS self_time FROM pg_hello_usage;
SELECT function, calls, avg_time_ms >= 6 AS at_least_6_ms, call_percentage > 0 AS call_percentage
FROM pg_hello_usage WHERE datname = current_database() AND schema = 'regress_reports' ORDER BY function COLLATE "C";

-- Errors, with the names that the manual gives their classes.
SELECT function, sqlstate_class, class_name, errors
FROM pg_hello_errors WHERE datname = current_database() AND schema = 'regress_reports' ORDER BY 1, 2;
-- Every class that this server knows has the manual's name.
SELECT m[1] AS sqlstate_class, m[2] AS in_the_manual, pg_hello_sqlstate_class_name(m[1]) AS here
FROM regexp_split_to_table(pg_read_file((SELECT setting FROM pg_config() WHERE name = 'SHAREDIR') || '/errcodes.txt'), '\n') line,
     regexp_match(line, '^Section: Class (..) - ([^(]*[^( ])') m
WHERE m IS NOT NULL AND m[2] IS DISTINCT FROM pg_hello_sqlstate_class_name(m[1]);
SELECT count(*) > 40 AS many
FROM regexp_split_to_table(pg_read_file((SELECT setting FROM pg_config() WHERE name = 'SHAREDIR') || '/errcodes.txt'), '\n') line
WHERE line LIKE 'Section: Class __ - %';
SELECT pg_hello_sqlstate_class_name('??') IS NULL AS unknown, pg_hello_sqlstate_class_name(NULL) IS NULL AS is_null;

-- Settings: all of them, each with a meaning.
SELECT count(*) = (SELECT count(*) FROM pg_settings WHERE name LIKE 'pg\_hello.%') AS complete,
       bool_and(description ~ '^[A-Z].*\.$') AS described, bool_or(pending_restart) AS pending_restart
FROM pg_hello_config;
SET pg_hello.repeat = 3;
SELECT name, setting, context, source, default_setting, description FROM pg_hello_config WHERE name = 'pg_hello.repeat';
RESET pg_hello.repeat;

-- The report, with the guide's limits.
SELECT function_name, total_calls, avg_time_ms >= 0 AS avg, calls_per_second > 0 AS rate,
       p95_time_ms > 0 AS p95, error_percentage, p95_slo_met = (p95_time_ms < 10) AS p95_slo, error_slo_met
FROM pg_hello_performance_report() WHERE function_name LIKE 'regress\_reports.%' ORDER BY function_name COLLATE "C";
SELECT count(*) AS wrong
FROM pg_hello_performance_report()
WHERE performance_trend IS DISTINCT FROM CASE WHEN avg_time_ms < 5 THEN 'Excellent' WHEN avg_time_ms < 10 THEN 'Good'
                                              WHEN avg_time_ms < 20 THEN 'Acceptable' WHEN avg_time_ms >= 20 THEN 'Poor' END
  AND avg_time_ms NOT IN (5, 10, 20);
SELECT performance_trend, p95_slo_met FROM pg_hello_performance_report() WHERE function_name LIKE 'regress\_reports.slow%';
-- After a reset there is nothing to divide by.
SELECT pg_hello_reset(current_database(), 'fast'::regproc) IS NOT NULL AS reset;
SELECT total_calls, calls_per_second, avg_time_ms, performance_trend, p95_time_ms, error_percentage, p95_slo_met, error_slo_met
FROM pg_hello_performance_report() WHERE function_name = 'regress_reports.fast()';
SELECT calls, avg_time_ms FROM pg_hello_usage WHERE function = 'fast()' AND schema = 'regress_reports';
-- The rate counts from there on.
SELECT count(fast()) FROM generate_series(1, 10);
SELECT total_calls, calls_per_second > 0.1 AS rate
FROM pg_hello_performance_report() WHERE function_name = 'regress_reports.fast()';

-- Who looks does not change what is seen of others.
SELECT calls FROM pg_hello_stats WHERE function = 'fast()' AND schema = 'regress_reports';

SET client_min_messages = warning;
DROP SCHEMA regress_reports CASCADE;
