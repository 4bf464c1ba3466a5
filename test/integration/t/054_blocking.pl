# pg_hello_blocking: who waits for whom, in which functions, and for what.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', max_prepared_transactions => 2);
$node->safe_psql('postgres', q{
	CREATE TABLE t AS SELECT 1 AS a;
	CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE t SET a = a + 1; END';
	CREATE FUNCTION outer_change() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM change(); END';
	CREATE FUNCTION lock_table() RETURNS void LANGUAGE plpgsql AS 'BEGIN LOCK TABLE t; PERFORM pg_sleep(1000); END';
	CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
});
my $blocked_sql = q{
	SELECT blocked_pid, blocking_pid, lock_type, lock_mode, lock_relation, blocking_state, blocked_functions, blocking_functions,
		waiting >= '0', blocked_statement, current_statement_in_blocking_process
	FROM pg_hello_blocking};
sub blocked { return $node->safe_psql('postgres', $blocked_sql, extra_params => [ '-U', 'monitor' ]) }

is(blocked(), '', 'nobody waits');

my ($holder, $waiter) = map { $node->background_psql('postgres', on_error_stop => 0) } 1, 2;
my ($holder_pid, $waiter_pid) = map { $_->query_safe('SELECT pg_backend_pid()') } $holder, $waiter;

# A row that an open transaction has changed
$holder->query_safe('BEGIN; SELECT outer_change()');
$waiter->query_until(qr/begun/, "\\echo begun\nSELECT outer_change();\n");
my $found = wait_until('the second session waits', sub { blocked() });
like($found, qr/\A$waiter_pid\|$holder_pid\|transactionid\|ShareLock\|\|idle in transaction\|public\.outer_change\(\) > public\.change\(\)\|\|t\|SELECT outer_change\(\);\|/,
	'who waits for whom, and in which functions');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_hello_blocking'), '1', '... in one row');

# The holder ends as a prepared transaction, which has no process.
$holder->query_safe(q{PREPARE TRANSACTION 'holder'});
like(wait_until('a prepared transaction blocks', sub { my $now = blocked(); $now =~ /\|0\|/ ? $now : '' }),
	qr/\A$waiter_pid\|0\|transactionid\|ShareLock\|\|\|public\.outer_change\(\) > public\.change\(\)\|\|t\|/, 'a prepared transaction is process 0');
$holder->query_safe(q{COMMIT PREPARED 'holder'});
$waiter->query_safe('SELECT 1');
is(blocked(), '', 'nobody waits any more');

# A table that a running function has locked
$holder->query_until(qr/begun/, "\\echo begun\nSELECT lock_table();\n");
wait_until('the table is locked', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass}) });
$waiter->query_until(qr/begun/, "\\echo begun\nSELECT change();\n");
like(wait_until('the second session waits', sub { blocked() }),
	qr/\A$waiter_pid\|$holder_pid\|relation\|\w+\|t\|active\|public\.change\(\)\|public\.lock_table\(\)\|t\|SELECT change\(\);\|SELECT lock_table\(\);\z/,
	'... and what for');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($holder_pid)");
$waiter->query_safe('SELECT 1');
$_->quit foreach $holder, $waiter;

finish();
