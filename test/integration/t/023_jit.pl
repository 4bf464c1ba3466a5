# Compiled expressions call through the hook, too.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.track' => 'all');
create_test_functions($node);
my $jit = join ' ', map { "SET $_;" } 'jit = on', 'jit_above_cost = 0', 'jit_inline_above_cost = 0',
  'jit_optimize_above_cost = 0', 'max_parallel_workers_per_gather = 0';
if (quiet_sql($node, 'SET jit = on; SELECT pg_jit_available()') ne 't')
{
	$node->stop;
	plan skip_all => 'this server has no JIT';
}
$node->safe_psql('postgres', q{
	CREATE TABLE t AS SELECT i FROM generate_series(1, 2000) i; ANALYZE t;
	CREATE FUNCTION pl(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
});
my $plan = $node->safe_psql('postgres', "$jit EXPLAIN (ANALYZE, TIMING OFF) SELECT pl(i), noop_volatile(i) FROM t WHERE noop(i) > 0");
like($plan, qr/JIT:\s+Functions: [1-9]/, 'the query is compiled');
my $scrape = scrape($node);
is(calls_of($scrape, $_), 2000, "$_: every call is counted") foreach ('pl(integer)', 'noop(integer)', 'noop_volatile(integer)');
my ($status, undef, $stderr) = $node->psql('postgres', "$jit SELECT noop_volatile(i), raise('22012') FROM t");
like($stderr, qr/raised on request/, 'an error in a compiled expression');
$scrape = scrape($node);
is(calls_of($scrape, 'noop_volatile(integer)'), 2001, '... after one row');
is(metric($scrape, 'pg_hello_function_errors_total', function => 'raise(text)'), 1, '... is counted');
is(metric($scrape, 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');

finish();
