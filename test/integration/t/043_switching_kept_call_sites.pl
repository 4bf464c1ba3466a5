# What call sites that are kept do when pg_hello.track changes: off means off at once, on reaches
# them when they are made anew. The cases of the second table in docs/tracking.md.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use CallingContexts;

my $node = contexts_node('pg_hello.track' => 'none');
quiet_sql($node, q{
	CREATE FUNCTION calls_f() RETURNS int LANGUAGE plpgsql AS 'DECLARE x int; BEGIN x := f(1); RETURN x; END';
	CREATE FUNCTION set_c(n int) RETURNS SETOF int AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C STRICT;
	CREATE FUNCTION inlined(i int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
	CREATE FUNCTION compares(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
	CREATE OPERATOR CLASS ints FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
		OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compares(int, int);
	CREATE TABLE classed (i int); CREATE INDEX classed_i ON classed (i ints); INSERT INTO classed VALUES (1);
	CREATE FUNCTION my_lexize(internal, internal, internal, internal) RETURNS internal LANGUAGE internal AS 'dsimple_lexize';
	CREATE TEXT SEARCH TEMPLATE my_template (INIT = dsimple_init, LEXIZE = my_lexize);
	CREATE TEXT SEARCH DICTIONARY my_dictionary (TEMPLATE = my_template);
	CREATE TABLE t (i int); CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fires();
});

# In one session, each step is a statement and what it counts.
sub kept
{
	my ($name, $what, @steps) = @_;
	my $session = $node->background_psql('postgres');
	counted_since();
	my @got;
	for (my $i = 0; $i < @steps; $i += 2)
	{
		$session->query_safe($steps[$i]);
		# How often an index compares is its own business.
		push @got, counted_since() =~ s/(compares\S+) [1-9]\d*/$1 N/r;
	}
	$session->quit;
	is(join('; ', @got), join('; ', map { $steps[ 2 * $_ + 1 ] } 0 .. $#steps / 2), "$name: $what");
	return;
}
my ($on, $off) = (q{SET pg_hello.track = 'all'}, 'SET pg_hello.track = none');

kept('prepared statements and cached plans', 'follow with their next execution',
	'PREPARE p AS SELECT f(g) FROM generate_series(1, 2) g; SET plan_cache_mode = force_generic_plan; EXECUTE p' => '',
	"$on; EXECUTE p" => 'f(integer) 2',
	"$off; EXECUTE p" => '',
	"$on; EXECUTE p" => 'f(integer) 2');
kept('prepared statements and cached plans', 'in a transaction, too',
	'PREPARE p AS SELECT f(1); BEGIN; EXECUTE p' => '',
	"$on; EXECUTE p" => 'f(integer) 1',
	"$off; EXECUTE p" => '',
	"SAVEPOINT s; $on; EXECUTE p" => 'f(integer) 1',
	'ROLLBACK TO s; EXECUTE p' => '');
kept('inlining', 'stay inlined in a plan that is kept',
	'PREPARE p AS SELECT inlined(g) FROM generate_series(1, 2) g; SET plan_cache_mode = force_generic_plan; EXECUTE p' => '',
	"SET pg_hello.track_inlinable = on; $on; EXECUTE p" => '',
	'DISCARD PLANS; EXECUTE p' => 'inlined(integer) 2');
kept('inlining', 'and those that were not, are called until it is made anew',
	"SET pg_hello.track_inlinable = on; $on; PREPARE p AS SELECT inlined(1); EXECUTE p" => 'inlined(integer) 1',
	"$off; EXECUTE p" => '',
	"$on; EXECUTE p" => 'inlined(integer) 1');
kept('open cursors', 'off at once; on, if they were opened while on',
	"$on; BEGIN; DECLARE c CURSOR FOR SELECT f(g) FROM generate_series(1, 10) g; FETCH 2 FROM c" => 'f(integer) 2',
	"$off; FETCH 2 FROM c" => '',
	"$on; FETCH 2 FROM c" => 'f(integer) 2');
kept('open cursors', 'not, if they were opened while off',
	'BEGIN; DECLARE c CURSOR FOR SELECT f(g) FROM generate_series(1, 10) g; FETCH 2 FROM c' => '',
	"$on; FETCH 2 FROM c" => '',
	'COMMIT; SELECT f(1)' => 'f(integer) 1');
kept('expressions in PL/pgSQL', 'off at once; on, if they were first evaluated in this transaction while on',
	"$on; BEGIN; SELECT calls_f()" => 'calls_f() 1 f(integer) 1',
	"$off; SELECT calls_f()" => '',
	"$on; SELECT calls_f()" => 'calls_f() 1 f(integer) 1');
kept('expressions in PL/pgSQL', 'else from the next transaction on',
	'BEGIN; SELECT calls_f()' => '',
	"$on; SELECT calls_f()" => 'calls_f() 1',
	'COMMIT; SELECT calls_f()' => 'calls_f() 1 f(integer) 1');
kept('support functions of indexes', 'off at once; on in sessions that have not yet used the index',
	'INSERT INTO classed VALUES (1)' => '',
	"$on; INSERT INTO classed VALUES (1)" => '');
kept('support functions of indexes', 'and in those that used it while on',
	"$on; INSERT INTO classed VALUES (1)" => 'compares(integer,integer) N',
	"$off; INSERT INTO classed VALUES (1)" => '',
	"$on; INSERT INTO classed VALUES (1)" => 'compares(integer,integer) N');
kept('text search dictionaries', 'off at once; on in sessions that have not yet used them',
	q{SELECT ts_lexize('my_dictionary', 'rat')} => '',
	qq{$on; SELECT ts_lexize('my_dictionary', 'rat')} => '');
kept('text search dictionaries', 'and in those that used them while on',
	qq{$on; SELECT ts_lexize('my_dictionary', 'rat')} => 'my_lexize(internal,internal,internal,internal) 1',
	qq{$off; SELECT ts_lexize('my_dictionary', 'rat')} => '',
	qq{$on; SELECT ts_lexize('my_dictionary', 'rat')} => 'my_lexize(internal,internal,internal,internal) 1');
kept('triggers', 'follow with the next statement',
	'INSERT INTO t VALUES (1)' => '',
	"BEGIN; $on; INSERT INTO t VALUES (1)" => 'fires() 1',
	"$off; INSERT INTO t VALUES (1)" => '');
kept('open sets', 'one call, with what was measured while on',
	"$on; BEGIN; DECLARE c CURSOR FOR SELECT set_c(3) FROM generate_series(1, 3); FETCH 2 FROM c" => '',
	"$off; FETCH 3 FROM c" => 'set_c(integer) 1',
	"$on; FETCH 3 FROM c" => 'set_c(integer) 1',
	'FETCH 5 FROM c' => 'set_c(integer) 1');
kept('calls that run', 'are counted when they end, if they began while on',
	q{CREATE FUNCTION switches() RETURNS int LANGUAGE plpgsql AS
	'BEGIN SET pg_hello.track = none; PERFORM f(1); RETURN 1; END'} => '',
	"$on; SELECT switches()" => 'switches() 1',
	'SELECT switches()' => '');

# --- other sessions, by what they change -------------------------------------------------------------------

sub switched
{
	my ($name, $what, $counts) = @_;
	is(counted_since(), $counts, "$name: $what");
	return;
}

my %body = (
	inlined => q{LANGUAGE sql AS 'SELECT $1 + 1'},
	'not inlined' => q{LANGUAGE sql AS 'SELECT $1 + 1 LIMIT 1'},
	'in PL/pgSQL' => q{LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END'});
sub change { quiet_sql($node, "CREATE OR REPLACE FUNCTION changes(i int) RETURNS int $body{$_[0]}"); counted_since(); return; }
change('inlined');
my $meets_it = $node->background_psql('postgres');
$meets_it->query_safe("$on; SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT changes(1); EXECUTE p");
foreach my $how ('in PL/pgSQL', 'inlined', 'not inlined', 'inlined', 'in PL/pgSQL')
{
	change($how);
	$meets_it->query_safe('EXECUTE p; SELECT changes(2)');
	switched('functions that are changed', "by another session: $how", $how eq 'inlined' ? '' : 'changes(integer) 2');
}
$meets_it->quit;

# --- other sessions, by reload -----------------------------------------------------------------------------

sub switch_by_reload
{
	my ($level, @idle) = @_;
	$node->append_conf('postgresql.conf', "pg_hello.track = $level");
	$node->reload;
	foreach my $session (@idle)
	{
		wait_until('the session sees it', sub { $session->query_safe('SHOW pg_hello.track') eq $level });
	}
	counted_since();
	return;
}

my $waits = $node->background_psql('postgres');
my ($idle, $in_transaction, $runs) = map { $node->background_psql('postgres') } 1 .. 3;
$waits->query_safe('SELECT pg_advisory_lock(1)');
switch_by_reload('all', $idle, $in_transaction, $runs);
$idle->query_safe('PREPARE p AS SELECT f(1); EXECUTE p');
$in_transaction->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT f(g) FROM generate_series(1, 10) g; FETCH 1 FROM c');
$runs->query_until(qr/runs/, "\\echo runs\nSELECT f(1), pg_advisory_xact_lock(1), calls_f();\n");
wait_until('it waits', sub { quiet_sql($node, 'SELECT count(*) FROM pg_locks WHERE NOT granted') eq '1' });
is(counted_since(), 'f(integer) 3', 'three sessions call');
switch_by_reload('none', $idle, $in_transaction);
$idle->query_safe('EXECUTE p; SELECT calls_f()');
$in_transaction->query_safe('FETCH 1 FROM c; SELECT f(1)');
switched('other sessions', 'off with their next statement, also in a transaction', '');
$waits->query_safe('SELECT pg_advisory_unlock(1)');
wait_until('it has ended', sub { quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT f' AND state = 'active' AND pid <> pg_backend_pid()}) eq '0' });
switched('other sessions', 'a statement that runs ends as it began', 'calls_f() 1 f(integer) 1');
$runs->query_safe('SELECT f(1)');
switched('other sessions', '... and is the last one', '');
switch_by_reload('all', $idle, $in_transaction);
$idle->query_safe('EXECUTE p; SELECT calls_f()');
$in_transaction->query_safe('FETCH 1 FROM c; SELECT f(1)');
switched('other sessions', 'on with their next statement', 'calls_f() 1 f(integer) 4');
$_->quit foreach $waits, $idle, $in_transaction, $runs;

is(metric(scrape($node), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');
finish();
