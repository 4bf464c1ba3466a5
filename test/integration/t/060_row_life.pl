# A row is its function's from the first call to the drop, under the name that the function has now.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PostgreSQL::Test::Utils ();

my $node = new_node('main', 'pg_hello.track' => 'all');
create_test_functions($node);
my $port = metrics_port($node);
my $body = q{LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};

# {function => calls} of a database and schema; all that is there must have been called.
sub rows_in
{
	my ($schema, $database) = @_;
	my %calls;
	foreach my $sample (@{ scrape($port)->{samples} })
	{
		my ($name, $labels) = @$sample{ 'name', 'labels' };
		next if $name ne 'pg_hello_function_calls_total' || $labels->{datname} ne ($database // 'postgres') || $labels->{schema} ne $schema;
		$calls{ $labels->{function} } = $sample->{value};
	}
	return \%calls;
}
sub sql { return $node->safe_psql('postgres', join ";\n", @_); }
sub make { my ($name) = @_; sql("CREATE FUNCTION $name() RETURNS int $body", "SELECT $name(), $name()"); return; }

# --- renamed, without another call -----------------------------------------------------------------

sql('CREATE SCHEMA s; CREATE SCHEMA t');
make('s.a');
sql('ALTER FUNCTION s.a() RENAME TO b');
is_deeply(rows_in('s'), { 'b()' => 2 }, 'renamed: shown so when that commits');
sql('BEGIN; ALTER FUNCTION s.b() RENAME TO c; ROLLBACK');
is_deeply(rows_in('s'), { 'b()' => 2 }, '... and not if it is rolled back');
sql('BEGIN; SAVEPOINT x; ALTER FUNCTION s.b() RENAME TO c; ROLLBACK TO x; ALTER FUNCTION s.b() RENAME TO d; COMMIT');
is_deeply(rows_in('s'), { 'd()' => 2 }, '... of several names the last');
sql('ALTER FUNCTION s.d() SET SCHEMA t');
is_deeply([ rows_in('s'), rows_in('t') ], [ {}, { 'd()' => 2 } ], 'moved to another schema');
make('s.stays');
sql('ALTER SCHEMA t RENAME TO u');
is_deeply([ rows_in('s'), rows_in('t'), rows_in('u') ], [ { 'stays()' => 2 }, {}, { 'd()' => 2 } ], 'the schema renamed');
sql('CREATE OR REPLACE FUNCTION u.d() RETURNS int LANGUAGE sql AS $$SELECT 2 LIMIT 1$$');
is_deeply(rows_in('u'), { 'd()' => 2 }, 'replaced in another language: the same row');
is(quiet_sql($node, q{SELECT language FROM pg_hello_stats WHERE schema = 'u'}), 'sql', '... that says so at once');
sql('SELECT u.d()');
is_deeply(rows_in('u'), { 'd()' => 3 }, '... and is counted on');
sql('BEGIN; CREATE OR REPLACE FUNCTION u.d() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 3; END$$; SELECT u.d(); ROLLBACK');
is_deeply(rows_in('u'), { 'd()' => 4 }, 'a replacement that is rolled back takes no row along');
sql('ALTER FUNCTION u.d() OWNER TO CURRENT_USER; ALTER FUNCTION u.d() RENAME TO e; DROP FUNCTION u.e()');
is_deeply(rows_in('u'), {}, 'dropped');

sql("CREATE TYPE s.it AS (i int); CREATE FUNCTION s.typed(s.it) RETURNS int $body; SELECT s.typed(NULL)", 'ALTER TYPE s.it RENAME TO other', 'SELECT 1');
sql('SELECT s.typed(NULL)');
is(rows_in('s')->{'typed(s.other)'}, 2, 'a type of its signature renamed, and called in another session');
sql('DROP FUNCTION s.typed(s.other)');

# --- made in a transaction that comes to nothing -----------------------------------------------------

my $tracked = metric(scrape($port), 'pg_hello_tracked_functions');
sub expect_nothing_left
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(metric(scrape($port), 'pg_hello_tracked_functions'), $tracked, $what);
	return;
}
my $create = "CREATE FUNCTION vain() RETURNS int $body; SELECT vain()";
sql("BEGIN; $create; ROLLBACK");
expect_nothing_left('made, called, rolled back: no row is left');
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query("BEGIN; $create");
	is_deeply(rows_in('public')->{'vain()'}, 1, '... while the transaction runs there is one');
	$session->query('SELECT 1/0');
	$session->query('COMMIT');
	expect_nothing_left('... an error');
	$session->query("BEGIN; SAVEPOINT x; $create; ROLLBACK TO x");
	expect_nothing_left('... a subtransaction, at once');
	$session->query('COMMIT');
	$session->query("DO \$do\$ BEGIN EXECUTE \$x\$$create\$x\$; RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN NULL; END \$do\$");
	expect_nothing_left('... a block with an exception handler');
	$session->query("BEGIN; SAVEPOINT x; SAVEPOINT y; $create; RELEASE y; ROLLBACK TO x; COMMIT");
	expect_nothing_left('... and one released into another');
	$session->query("BEGIN; $create");
	my ($pid) = $session->query('SELECT pg_backend_pid()') =~ /(\d+)/;
	sql("SELECT pg_terminate_backend($pid)");
	wait_until('the session is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' });
	expect_nothing_left('... a session that is terminated');
	eval { $session->quit };
}
sql("BEGIN; SAVEPOINT x; $create; RELEASE x; COMMIT");
is(rows_in('public')->{'vain()'}, 1, '... but one that is committed has its row');
sql('DROP FUNCTION vain()');
expect_nothing_left('... until it is dropped');
sql("BEGIN; CREATE FUNCTION vain() RETURNS int $body; SELECT vain(); DROP FUNCTION vain(); COMMIT");
expect_nothing_left('made, called and dropped in one transaction');

# --- all ways to drop --------------------------------------------------------------------------------

sql('CREATE ROLE owner_of_it; GRANT CREATE ON SCHEMA public TO owner_of_it; SET ROLE owner_of_it',
	"CREATE FUNCTION owned() RETURNS int $body", 'SELECT owned()');
sql('DROP OWNED BY owner_of_it');
expect_nothing_left('DROP OWNED');
sql("CREATE TYPE thing AS (i int); CREATE FUNCTION of_thing(thing) RETURNS int $body; SELECT of_thing(NULL); DROP TYPE thing CASCADE");
expect_nothing_left('DROP TYPE CASCADE');
sql("CREATE TABLE tab (i int); CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';",
	'CREATE TRIGGER trig BEFORE INSERT ON tab FOR EACH ROW EXECUTE FUNCTION trig(); INSERT INTO tab VALUES (1); DROP FUNCTION trig() CASCADE; DROP TABLE tab');
expect_nothing_left('DROP of a trigger\'s function');

# pg_restore --clean drops everything and makes it anew: rows begin at zero.
make('dumped');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'pg_dump');
$node->command_ok([ 'pg_restore', '--clean', '--if-exists', '-d', 'postgres', $dump ], 'pg_restore --clean');
is(rows_in('public')->{'dumped()'}, undef, '... whose drops leave no rows');
sql('SELECT dumped()');
is(rows_in('public')->{'dumped()'}, 1, '... and the function made anew has its own');
sql('DROP FUNCTION dumped()');

# An extension with two versions, and a schema of its own.
chomp(my $sharedir = `pg_config --sharedir`);
my $ext = "pg_hello_life_$$";
my $file = sub { my ($name, $text) = @_; PostgreSQL::Test::Utils::append_to_file("$sharedir/extension/$ext$name", $text); return; };
$file->('.control', "default_version = '1'\nrelocatable = true\n");
$file->('--1.sql', "CREATE FUNCTION kept() RETURNS int $body;\nCREATE FUNCTION dropped() RETURNS int $body;\n");
$file->('--1--2.sql', "CREATE OR REPLACE FUNCTION kept() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2; END';\n"
	  . "DROP FUNCTION dropped();\nALTER FUNCTION kept() RENAME TO kept_still;\nCREATE FUNCTION made() RETURNS int $body;\n");
sql('CREATE SCHEMA e; CREATE SCHEMA e2', "CREATE EXTENSION $ext SCHEMA e", 'SELECT e.kept(), e.kept(), e.dropped()');
is_deeply(rows_in('e'), { 'kept()' => 2, 'dropped()' => 1 }, 'functions of an extension');
sql("ALTER EXTENSION $ext UPDATE TO '2'");
is_deeply(rows_in('e'), { 'kept_still()' => 2 }, 'ALTER EXTENSION UPDATE: what is dropped leaves, what is replaced and renamed stays');
is(sql('SELECT e.kept_still(), e.made()'), '2|1', '... and works');
is_deeply(rows_in('e'), { 'kept_still()' => 3, 'made()' => 1 }, '... and is counted on');
is(quiet_sql($node, "SELECT DISTINCT extension FROM pg_hello_stats WHERE schema = 'e'"), $ext, '... as the extension\'s');
sql("ALTER EXTENSION $ext DROP FUNCTION e.made()");
is(quiet_sql($node, "SELECT string_agg(function || ' ' || coalesce(extension, '-'), ', ' ORDER BY function) FROM pg_hello_stats WHERE schema = 'e'"),
	"kept_still() $ext, made() -", '... as long as they belong to it');
sql("ALTER EXTENSION $ext ADD FUNCTION e.made()");
is(quiet_sql($node, "SELECT DISTINCT extension FROM pg_hello_stats WHERE schema = 'e'"), $ext, '... and again');
sql("ALTER EXTENSION $ext SET SCHEMA e2");
is_deeply([ rows_in('e'), rows_in('e2') ], [ {}, { 'kept_still()' => 3, 'made()' => 1 } ], 'ALTER EXTENSION SET SCHEMA');
sql("CREATE VIEW uses_it AS SELECT e2.made(); DROP EXTENSION $ext CASCADE");
is_deeply(rows_in('e2'), {}, 'DROP EXTENSION CASCADE');
unlink glob "$sharedir/extension/$ext*";

# pg_hello itself, from its first version to this one.
$node->safe_psql('postgres', q{DROP EXTENSION pg_hello; CREATE EXTENSION pg_hello VERSION '1.0'; SELECT pg_hello('x'), pg_hello('y')});
sql('ALTER EXTENSION pg_hello UPDATE', q{SELECT pg_hello('z')});
is(rows_in('public')->{'pg_hello(text)'}, 3, 'pg_hello\'s own update keeps its rows');

# --- the same oid again ------------------------------------------------------------------------------

make('first');
my $oid = sql(q{SELECT 'first()'::regprocedure::oid});
my $other = $node->background_psql('postgres');
$other->query_safe('SELECT first()');
sql('DROP FUNCTION first()');
# An oid is free when nothing of its last owner is left, not even a dead row.
sql('VACUUM pg_proc', "SELECT next_oid($oid)", "CREATE FUNCTION second(i int) RETURNS int LANGUAGE sql AS 'SELECT i LIMIT 1'");
is(sql(q{SELECT 'second(int)'::regprocedure::oid}), $oid, 'another function has the oid of a dropped one');
is_deeply([ @{ rows_in('public') }{ 'first()', 'second(integer)' } ], [ undef, undef ], '... and none of its row');
is($other->query_safe('SELECT second(5), second(6)'), '5|6', '... called in a session that knew the first');
is_deeply([ @{ rows_in('public') }{ 'first()', 'second(integer)' } ], [ undef, 2 ], '... counted as itself, from zero');
sql("DROP FUNCTION second(int); VACUUM pg_proc; SELECT next_oid($oid); CREATE FUNCTION third(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i'");
is(sql(q{SELECT 'third(int)'::regprocedure::oid}), $oid, 'a third one');
is($other->query_safe('SELECT third(7)'), '7', '... that is inlined');
is_deeply([ @{ rows_in('public') }{ 'second(integer)', 'third(integer)' } ], [ undef, undef ], '... has no row');
$other->quit;

# --- databases ---------------------------------------------------------------------------------------

$node->safe_psql('template1', "CREATE FUNCTION cloned() RETURNS int $body");
$node->safe_psql('template1', 'SELECT cloned()');
sql('CREATE DATABASE one', 'CREATE DATABASE two');
$node->safe_psql($_, 'SELECT cloned(), cloned()') foreach ('one', 'two');
is(join(' ', map { $node->safe_psql($_, q{SELECT 'cloned()'::regprocedure::oid}) } 'template1', 'one', 'two'),
	join(' ', ($node->safe_psql('one', q{SELECT 'cloned()'::regprocedure::oid})) x 3), 'three databases have a function of one oid');
is_deeply([ map { rows_in('public', $_)->{'cloned()'} } 'template1', 'one', 'two' ], [ 1, 2, 2 ], '... and each its row');
$node->safe_psql('one', 'DROP FUNCTION cloned()');
is_deeply([ map { rows_in('public', $_)->{'cloned()'} } 'template1', 'one', 'two' ], [ 1, undef, 2 ], '... dropped in one of them');
sql('ALTER DATABASE two RENAME TO "two renamed"');
is_deeply([ map { rows_in('public', $_)->{'cloned()'} } 'two', 'two renamed' ], [ undef, 2 ], 'a database renamed');
sql('DROP DATABASE "two renamed"', 'CREATE DATABASE two');
is_deeply([ map { rows_in('public', $_)->{'cloned()'} } 'two', 'two renamed' ], [ undef, undef ], '... and dropped');

# --- dropped while others call it --------------------------------------------------------------------

# A session that has not heard of a drop can go on calling the function. Tracking, which loses the row
# at once, must not tell it.
foreach my $track ('none', 'pl')
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query("SET pg_hello.track = $track");
	sql("CREATE FUNCTION cached() RETURNS int $body");
	$session->query('PREPARE p AS SELECT cached()');
	$session->query('BEGIN; SELECT cached(); EXECUTE p');
	sql('DROP FUNCTION cached()');
	is($session->query('EXECUTE p; SELECT cached();'), "1\n1", "track = $track: a function that was dropped can be called by who does not know it");
	is(rows_in('public')->{'cached()'}, undef, '... and has no row');
	$session->query('COMMIT');
	my $error = eval { $session->query('SELECT cached()'); $session->{stderr} };
	like($error, qr/function cached\(\) does not exist/, '... until the transaction ends');
	$session->quit;
}

# Whoever drops takes the row away; whoever has not heard of the drop yet must not make it anew.
my @callers = map {
	in_child(sub {
		my $calls = 'DO $$ BEGIN FOR i IN 1..200000 LOOP BEGIN PERFORM hot(), hot(), hot(); EXCEPTION WHEN others THEN NULL; END; END LOOP; END $$';
		exec 'psql', '-qX', '-d', $node->connstr('postgres'), '-c', $calls;
	})
} 1 .. 3;
foreach my $round (1 .. 60)
{
	sql("CREATE FUNCTION hot() RETURNS int $body", 'SELECT pg_sleep(0.01)', 'DROP FUNCTION hot()');
}
stop_child($_) foreach @callers;
sql('SELECT pg_sleep(0)');
is(rows_in('public')->{'hot()'}, undef, 'dropped under the eyes of its callers, sixty times: no row is left');

finish();
