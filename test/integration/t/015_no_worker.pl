# No room for a worker: the server starts, says so, and works. And none is wanted under pg_upgrade,
# which runs two servers on one machine.
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

my $upgrade = new_node('upgrade', -start => 0);
# The mode in which pg_upgrade starts both servers.
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', '-w', '-s', '-D', $upgrade->data_dir, '-l', $upgrade->logfile, '-o', '-b', 'start');
$upgrade->_update_pid(1);
is($upgrade->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'pg_hello.port'}), '1', 'under pg_upgrade the library is loaded');
unlike(log_text($upgrade), qr/serving metrics/, '... and there is no worker');
$upgrade->stop;

finish();
