# No room for a worker: the server starts, says so, and works.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'max_worker_processes' => 0);
like(log_text($node), qr/LOG:  too many background workers\b/, 'the log says that there is no room');
like(log_text($node), qr/HINT:  .*max_worker_processes/, '... and which setting gives it');

$node->safe_psql('postgres', q{CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'});
$node->safe_psql('postgres', 'SELECT f(), f()');
is(quiet_sql($node, q{
	SELECT worker_pid IS NULL, worker_started IS NULL, worker_heartbeat IS NULL, worker_restarts, listening,
		port IS NULL
	FROM pg_hello_info()}),
	't|t|t|0|f|t', 'SQL shows that there is no worker');
is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = 'f()'}), '2', '... and the numbers all the same');
is(calls_of(parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n"), 'f()'), 2, '... as metrics, too');
$node->restart;
is($node->safe_psql('postgres', 'SELECT f()'), '1', 'it starts again');

finish();
