# Functions called outside an ordinary session's own executor: parallel workers, compiled
# expressions, logical replication, the fast path, other processes.
use strict;
use warnings FATAL => 'all';

use IO::Socket::UNIX;
use Test::More;
use PgHello;
use CallingContexts;

my $node = contexts_node(
	-init => [ allows_streaming => 'logical' ], 'max_parallel_workers' => 4, 'max_worker_processes' => 12,
	'autovacuum' => 'off');

# --- parallel workers ------------------------------------------------------------------------------------

my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;};
my $setup = q{CREATE TABLE t AS SELECT i FROM generate_series(1, 2000) i; ANALYZE t;
	CREATE FUNCTION trans(state int, i int) RETURNS int LANGUAGE plpgsql STRICT PARALLEL SAFE AS 'BEGIN RETURN state + i; END';
	CREATE FUNCTION combines(a int, b int) RETURNS int LANGUAGE plpgsql STRICT PARALLEL SAFE AS 'BEGIN RETURN a + b; END';
	CREATE FUNCTION final(state int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN state; END';
	CREATE AGGREGATE total(int) (SFUNC = trans, STYPE = int, INITCOND = '0', COMBINEFUNC = combines, FINALFUNC = final,
		PARALLEL = SAFE);
	-- The state of sum(numeric), which workers have to serialize.
	CREATE FUNCTION big_trans(internal, numeric) RETURNS internal LANGUAGE internal PARALLEL SAFE AS 'numeric_avg_accum';
	CREATE FUNCTION big_combines(internal, internal) RETURNS internal LANGUAGE internal PARALLEL SAFE AS 'numeric_avg_combine';
	CREATE FUNCTION big_out(internal) RETURNS bytea LANGUAGE internal STRICT PARALLEL SAFE AS 'numeric_avg_serialize';
	CREATE FUNCTION big_in(bytea, internal) RETURNS internal LANGUAGE internal STRICT PARALLEL SAFE AS 'numeric_avg_deserialize';
	CREATE FUNCTION big_final(internal) RETURNS numeric LANGUAGE internal PARALLEL SAFE AS 'numeric_sum';
	CREATE AGGREGATE big(numeric) (SFUNC = big_trans, STYPE = internal, COMBINEFUNC = big_combines, SERIALFUNC = big_out,
		DESERIALFUNC = big_in, FINALFUNC = big_final, PARALLEL = SAFE);};
context('parallel workers', 'each call, wherever it runs',
	setup => $setup,
	sql => "$parallel SELECT sum(fixed(i)) FROM t",
	counts => 'fixed(integer) 2000');
context('parallel workers', 'an error in one of them begins where it begins, not in its leader',
	setup => q{CREATE FUNCTION bad(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS
		'BEGIN IF i = 1000 THEN RAISE EXCEPTION ''bad''; END IF; RETURN i; END';
		CREATE FUNCTION leads() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(bad(i)) FROM t); END';
		CREATE FUNCTION catches() RETURNS int LANGUAGE plpgsql AS
		'BEGIN PERFORM leads(); EXCEPTION WHEN raise_exception THEN RETURN 1 / 0; END'},
	sql => "$parallel SELECT catches()", fails => qr/division by zero/,
	counts => qr/\Abad\(integer\) \d+\/\d+ catches\(\) 1\/1 leads\(\) 1\/1\z/);
is(quiet_sql($node, q{SELECT string_agg(function || ' ' || error_origins, ', ' ORDER BY function) FROM pg_hello_stats
	WHERE function IN ('catches()', 'leads()')}), 'catches() {"22": 1}, leads() {}', '... by class');
context('parallel workers', 'also of those that build an index',
	sql => 'SET max_parallel_maintenance_workers = 2; SET min_parallel_table_scan_size = 0; SET log_min_messages = debug1;
		CREATE INDEX ON t ((fixed(i)))',
	counts => 'fixed(integer) 2000');
is(count_in_log($node, qr/building index .* with request for 1 parallel worker/), 1, '... of which there was one');
context('aggregates', 'combine, once for each worker',
	sql => "$parallel SELECT total(i) FROM t",
	counts => 'combines(integer,integer) 2 final(integer) 1 trans(integer,integer) 2000');
context('aggregates', 'and serialize and deserialize, if their state needs it',
	sql => "$parallel SELECT big(i) FROM t",
	counts => qr/\Abig_combines\(internal,internal\) ([12]) big_final\(internal\) 1 big_in\(bytea,internal\) \1 big_out\(internal\) \1 big_trans\(internal,numeric\) 2000\z/);

# --- compiled expressions ----------------------------------------------------------------------------------

SKIP: {
	skip 'this server has no JIT', 1 if quiet_sql($node, 'SET jit = on; SELECT pg_jit_available()') ne 't';
	context('compiled expressions (JIT)', 'each call',
		sql => 'SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;
			SET max_parallel_workers_per_gather = 0; SELECT sum(f(i)), count(fixed(i)) FROM t',
		counts => 'f(integer) 2000 fixed(integer) 2000');
}

# --- logical replication -------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
quiet_sql($node, q{CREATE TABLE replicated (i int PRIMARY KEY, j int); CREATE PUBLICATION pub FOR TABLE replicated});
quiet_sql($node, q{
	CREATE FUNCTION fixed(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i; END';
	CREATE FUNCTION always() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE FUNCTION replica() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE FUNCTION ordinary() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TABLE replicated (i int PRIMARY KEY, j int CHECK (fixed(j) > 0), k int DEFAULT fixed(1));
	CREATE INDEX ON replicated ((fixed(j)));
	CREATE TRIGGER a BEFORE INSERT OR UPDATE ON replicated FOR EACH ROW EXECUTE FUNCTION always();
	CREATE TRIGGER b BEFORE INSERT OR UPDATE ON replicated FOR EACH ROW EXECUTE FUNCTION replica();
	CREATE TRIGGER c BEFORE INSERT OR UPDATE ON replicated FOR EACH ROW EXECUTE FUNCTION ordinary();
	ALTER TABLE replicated ENABLE ALWAYS TRIGGER a;
	ALTER TABLE replicated ENABLE REPLICA TRIGGER b}, 'subscriber');
# In one server the slot has to be made apart from the subscription.
quiet_sql($node, q{SELECT pg_create_logical_replication_slot('sub', 'pgoutput')});
quiet_sql($node, sprintf(q{CREATE SUBSCRIPTION sub CONNECTION '%s'
	PUBLICATION pub WITH (create_slot = off, copy_data = off)}, $node->connstr('postgres') =~ s/'/''/gr), 'subscriber');
context('logical replication', 'where changes are applied: triggers that are ENABLE REPLICA or ALWAYS, constraints, defaults, index expressions',
	sql => 'INSERT INTO replicated VALUES (1, 1), (2, 2); UPDATE replicated SET j = 3 WHERE i = 1; DELETE FROM replicated WHERE i = 2',
	then => sub { $node->wait_for_catchup('sub') },
	counts => 'always() 3 fixed(integer) 8 replica() 3');
$node->safe_psql('subscriber', 'ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub');

# --- around statements ------------------------------------------------------------------------------------------

# Calls a function of one integer by its oid, without SQL: the result.
sub call_fast
{
	my ($oid, $argument) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "could not connect: $!";
	my $hear = sub {
		my ($wanted) = @_;
		while (1)
		{
			read($socket, my $head, 5) == 5 or die 'the server hung up';
			my ($type, $length) = unpack 'aN', $head;
			read($socket, my $body, $length - 4) if $length > 4;
			die "unexpected: $body" if $type eq 'E';
			return $body if $type eq $wanted;
		}
	};
	my $startup = pack 'N Z*Z* Z*Z* x', 196608, user => scalar getpwuid $<, database => 'postgres';
	print $socket pack('N', 4 + length $startup) . $startup;
	$socket->flush;
	$hear->('Z');
	my $call = pack 'N nn n N/a* n', $oid, 1, 0, 1, $argument, 0;
	print $socket 'F' . pack('N', 4 + length $call) . $call;
	$socket->flush;
	my $result = unpack 'N/a*', $hear->('V');
	$hear->('Z');
	return $result;
}
my $oid = quiet_sql($node, q{SELECT 'f(integer)'::regprocedure::oid});
context('function calls of the protocol', 'like calls in SQL',
	sql => '', then => sub { is(call_fast($oid, 42), 42, 'a function is called without SQL') },
	counts => 'f(integer) 1');

my $arguments = 'integer, integer, cstring, internal, integer, boolean';
context('encoding conversions', 'never',
	setup => qq{CREATE SCHEMA conv;
		CREATE FUNCTION conv.to_server($arguments) RETURNS integer
			AS '\$libdir/utf8_and_iso8859_1', 'iso8859_1_to_utf8' LANGUAGE C STRICT;
		CREATE FUNCTION conv.to_client($arguments) RETURNS integer
			AS '\$libdir/utf8_and_iso8859_1', 'utf8_to_iso8859_1' LANGUAGE C STRICT;
		CREATE DEFAULT CONVERSION conv.to_server FOR 'LATIN1' TO 'UTF8' FROM conv.to_server;
		CREATE DEFAULT CONVERSION conv.to_client FOR 'UTF8' TO 'LATIN1' FROM conv.to_client},
	sql => q{SET search_path = conv, pg_catalog, public; SET client_encoding = 'LATIN1'; SELECT f(1)},
	counts => 'f(integer) 1');

is(metric(scrape($node), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');

finish();
