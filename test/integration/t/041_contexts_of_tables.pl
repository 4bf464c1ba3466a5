# Functions called by what a table's definition says: its columns, constraints, indexes, triggers,
# policies, and what is defined over it.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use CallingContexts;

my $node = contexts_node();

# --- columns and constraints ---------------------------------------------------------------------------

context('column defaults', 'each row that needs one',
	setup => 'CREATE TABLE with_default (i int, d int DEFAULT f(7))',
	sql => 'INSERT INTO with_default (i) SELECT generate_series(1, 3); INSERT INTO with_default VALUES (1, 1), (2, DEFAULT)',
	counts => 'f(integer) 4');
context('column defaults', 'a new column: once for a STABLE or IMMUTABLE one, once for each row for a VOLATILE one',
	sql => 'ALTER TABLE with_default ADD COLUMN e int DEFAULT fixed(1); ALTER TABLE with_default ADD COLUMN g int DEFAULT f(1)',
	counts => 'f(integer) 5 fixed(integer) 1');
context('generated columns', 'each row written, if what they depend on may have changed',
	setup => 'CREATE TABLE generated (i int, j int, g int GENERATED ALWAYS AS (fixed(i)) STORED)',
	sql => 'INSERT INTO generated VALUES (1, 1), (2, 2); UPDATE generated SET i = i + 1 WHERE j = 1;
		UPDATE generated SET j = 3; SELECT g FROM generated',
	counts => 'fixed(integer) 3');
context('check constraints', 'each row written',
	setup => 'CREATE TABLE checked (i int CHECK (fixed(i) > 0)); CREATE TABLE unchecked AS SELECT i FROM generate_series(1, 4) i',
	sql => 'INSERT INTO checked VALUES (1), (2); UPDATE checked SET i = i + 1; ALTER TABLE unchecked ADD CHECK (fixed(i) > 0)',
	counts => 'fixed(integer) 8');
context('check constraints', 'a row that is refused',
	sql => 'INSERT INTO checked VALUES (1), (0), (2)', fails => qr/violates check constraint/,
	counts => 'fixed(integer) 2');
context('domains', 'each value',
	setup => 'CREATE DOMAIN positive AS int CHECK (fixed(VALUE) > 0); CREATE TABLE with_domain (p positive)',
	sql => 'SELECT g::positive FROM generate_series(1, 2) g; INSERT INTO with_domain VALUES (1), (2)',
	counts => 'fixed(integer) 4');
context('domains', 'in COPY and in PL/pgSQL',
	sql => "COPY with_domain FROM STDIN;\n5\n6\n\\.\nDO 'DECLARE p positive := 1; BEGIN p := 2; END'",
	counts => 'fixed(integer) 4');
context('partition keys', 'each row that is routed',
	setup => 'CREATE TABLE parted (i int) PARTITION BY RANGE ((fixed(i)));
		CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
		CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)',
	sql => 'INSERT INTO parted VALUES (1), (11), (2)',
	counts => 'fixed(integer) 3');
context('rewritten tables', 'each row',
	setup => 'CREATE TABLE rewritten AS SELECT i FROM generate_series(1, 4) i',
	sql => 'ALTER TABLE rewritten ALTER i TYPE bigint USING f(i)',
	counts => 'f(integer) 4');

# --- indexes -------------------------------------------------------------------------------------------

context('index expressions', 'each row indexed, when it is written and when the index is built',
	setup => 'CREATE TABLE indexed (i int); CREATE INDEX indexed_fixed ON indexed ((fixed(i)))',
	sql => 'INSERT INTO indexed SELECT generate_series(1, 4); REINDEX INDEX indexed_fixed;
		UPDATE indexed SET i = 5 WHERE i = 4',
	counts => 'fixed(integer) 9');
context('index expressions', 'not when the index is searched: a scan compares what it finds there',
	setup => 'INSERT INTO indexed SELECT 100; ANALYZE indexed',
	sql => 'SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT i FROM indexed WHERE fixed(i) = 100',
	counts => '');
context('index expressions', 'the sampled rows in ANALYZE',
	sql => 'ANALYZE indexed',
	counts => 'fixed(integer) 5');
context('index predicates', 'each row',
	setup => 'CREATE TABLE partly (i int); CREATE INDEX partly_i ON partly (i) WHERE fixed(i) > 2',
	sql => 'INSERT INTO partly SELECT generate_series(1, 4)',
	counts => 'fixed(integer) 4');
context('operator classes', 'each comparison',
	setup => q{
		CREATE SEQUENCE comparisons;
		CREATE FUNCTION compares(a int, b int) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS
		'BEGIN PERFORM nextval(''public.comparisons''); RETURN btint4cmp(a, b); END';
		CREATE OPERATOR CLASS ints FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
			OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compares(int, int);
		CREATE TABLE classed AS SELECT i FROM generate_series(1, 100) i},
	sql => 'CREATE INDEX classed_i ON classed (i ints); INSERT INTO classed VALUES (50);
		SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT i FROM classed WHERE i = 70',
	counts => qr/\Acompares\(integer,integer\) (\d+)\z/);
is(quiet_sql($node, q{SELECT last_value FROM comparisons}),
	calls_of(scrape($node), 'compares(integer,integer)'), '... by their own count');

context('handlers of access methods', 'whenever the server asks for them, also while it builds its caches',
	setup => q{CREATE FUNCTION my_heap(internal) RETURNS table_am_handler LANGUAGE internal AS 'heap_tableam_handler';
		CREATE ACCESS METHOD my_am TYPE TABLE HANDLER my_heap; CREATE TABLE of_my_am (i int) USING my_am},
	sql => 'INSERT INTO of_my_am SELECT generate_series(1, 5); DISCARD ALL; SELECT * FROM of_my_am; VACUUM of_my_am',
	counts => qr/\Amy_heap\(internal\) [1-9]\d*\z/);

# --- triggers ------------------------------------------------------------------------------------------

context('row triggers', 'BEFORE and AFTER, each row',
	setup => 'CREATE TABLE rows (i int);
		CREATE TRIGGER b BEFORE INSERT OR UPDATE ON rows FOR EACH ROW EXECUTE FUNCTION fires();
		CREATE TRIGGER a AFTER INSERT OR DELETE ON rows FOR EACH ROW EXECUTE FUNCTION fires()',
	sql => 'INSERT INTO rows VALUES (1), (2); UPDATE rows SET i = 3 WHERE i = 1; DELETE FROM rows',
	counts => 'fires() 7');
context('row triggers', 'WHEN conditions that do not hold',
	setup => 'CREATE TABLE whens (i int);
		CREATE TRIGGER w BEFORE INSERT ON whens FOR EACH ROW WHEN (fixed(NEW.i) > 1) EXECUTE FUNCTION fires()',
	sql => 'INSERT INTO whens VALUES (1), (2), (3)',
	counts => 'fires() 2 fixed(integer) 3');
context('row triggers', 'INSTEAD OF, on a view',
	setup => 'CREATE VIEW instead AS SELECT 1 AS i;
		CREATE TRIGGER i INSTEAD OF INSERT ON instead FOR EACH ROW EXECUTE FUNCTION fires()',
	sql => 'INSERT INTO instead VALUES (1), (2)',
	counts => 'fires() 2');
context('statement triggers', 'each statement, also without rows; TRUNCATE',
	setup => 'CREATE TABLE statements (i int);
		CREATE TRIGGER b BEFORE INSERT OR UPDATE OR TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION fires();
		CREATE TRIGGER a AFTER INSERT OR UPDATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION fires()',
	sql => 'INSERT INTO statements VALUES (1), (2); UPDATE statements SET i = 1 WHERE i > 5; TRUNCATE statements',
	counts => 'fires() 5');
context('deferred triggers', 'when they fire, at COMMIT or SET CONSTRAINTS; not if there is none',
	setup => 'CREATE TABLE deferred (i int);
		CREATE CONSTRAINT TRIGGER d AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fires()',
	sql => 'BEGIN; INSERT INTO deferred VALUES (1), (2); COMMIT; BEGIN; INSERT INTO deferred VALUES (3);
		SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK; BEGIN; INSERT INTO deferred VALUES (4); ROLLBACK',
	counts => 'fires() 3');
context('deferred triggers', 'an error at COMMIT',
	setup => q{CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN IF NEW.i = 13 THEN RAISE integrity_constraint_violation; END IF; RETURN NULL; END';
		CREATE TABLE refused (i int);
		CREATE CONSTRAINT TRIGGER d AFTER INSERT ON refused DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuses()},
	sql => 'BEGIN; INSERT INTO refused VALUES (1), (13), (3); COMMIT; SELECT f(1)', fails => qr/integrity_constraint_violation/,
	counts => 'f(integer) 1 refuses() 2/1');
context('event triggers', 'each command',
	setup => q{CREATE FUNCTION on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
		CREATE EVENT TRIGGER starts ON ddl_command_start EXECUTE FUNCTION on_event();
		CREATE EVENT TRIGGER ends ON ddl_command_end EXECUTE FUNCTION on_event();
		CREATE EVENT TRIGGER drops ON sql_drop EXECUTE FUNCTION on_event()},
	sql => 'CREATE TABLE event (i int); DROP TABLE event',
	counts => 'on_event() 5');
quiet_sql($node, 'DROP EVENT TRIGGER starts; DROP EVENT TRIGGER ends; DROP EVENT TRIGGER drops');
context('foreign keys', 'not their own triggers; the triggers of the rows that their actions change',
	setup => 'CREATE TABLE parent (i int PRIMARY KEY);
		CREATE TABLE child (i int REFERENCES parent ON DELETE CASCADE ON UPDATE SET NULL);
		CREATE TRIGGER t AFTER UPDATE OR DELETE ON child FOR EACH ROW EXECUTE FUNCTION fires();
		INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1), (1), (2)',
	sql => 'INSERT INTO child VALUES (2); DELETE FROM parent WHERE i = 1; UPDATE parent SET i = 3 WHERE i = 2',
	counts => 'fires() 4');

# --- policies, views, rules ------------------------------------------------------------------------------

context('row-level security', 'USING for each row that other conditions leave, WITH CHECK for each row written',
	setup => 'CREATE ROLE plain LOGIN; CREATE TABLE secured (i int); GRANT ALL ON secured TO plain;
		ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
		CREATE POLICY p ON secured USING (f(i) > 1) WITH CHECK (fixed(i) > 0);
		INSERT INTO secured VALUES (1), (2), (3)',
	sql => 'SET ROLE plain; SELECT * FROM secured; INSERT INTO secured VALUES (4); UPDATE secured SET i = 5 WHERE i = 4',
	counts => 'f(integer) 5 fixed(integer) 2');
context('views', 'each row, when the view is read, if the column is; a VOLATILE one always',
	setup => 'CREATE TABLE viewed AS SELECT i FROM generate_series(1, 3) i;
		CREATE VIEW v AS SELECT i, f(i) AS x, fixed(i) AS y FROM viewed',
	sql => 'SELECT * FROM v; SELECT i FROM v; CREATE VIEW w AS SELECT * FROM v',
	counts => 'f(integer) 6 fixed(integer) 3');
context('views', 'materialized: when they are refreshed',
	sql => 'CREATE MATERIALIZED VIEW m AS SELECT * FROM v; SELECT * FROM m; REFRESH MATERIALIZED VIEW m',
	counts => 'f(integer) 6 fixed(integer) 6');
context('rules', 'what the rewritten query calls',
	setup => 'CREATE TABLE ruled (i int); CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT f(NEW.i)',
	sql => 'INSERT INTO ruled VALUES (1), (2)',
	counts => 'f(integer) 2');

is(metric(scrape($node), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');

finish();
