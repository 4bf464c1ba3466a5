# Rows follow transactions that are prepared: also into another session, and over a restart.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'max_prepared_transactions' => 10);
my $body = q{LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};

sub sql { return $node->safe_psql('postgres', join ";\n", @_); }
sub calls { my ($name) = @_; return metric(scrape($node), 'pg_hello_function_calls_total', function => "$name()", datname => 'postgres'); }
sub make { foreach my $name (@_) { sql("CREATE FUNCTION $name() RETURNS int $body", "SELECT $name(), $name()"); } return; }

make('a', 'b', 'c', 'bystander');
sql("BEGIN; DROP FUNCTION a(); PREPARE TRANSACTION 'drop'");
is(calls('a'), 2, 'a drop that is only prepared takes nothing away');
is(sql('SELECT a()'), '1', '... the function can be called');
sql("COMMIT PREPARED 'drop'");
is(calls('a'), undef, '... until it is committed');
is(calls('bystander'), 2, '... and no other row goes');

sql("BEGIN; DROP FUNCTION b(); PREPARE TRANSACTION 'drop'");
sql("ROLLBACK PREPARED 'drop'");
is(calls('b'), 2, 'a prepared drop that is rolled back takes nothing away');
is(sql('SELECT b()'), '1', '... the function is there');
is(calls('b'), 3, '... and is counted on');

# Prepared, and the server restarted; there is a row that is younger than the drop, too.
make('never_called_before');
sql("SELECT pg_hello_reset()");
sql("CREATE FUNCTION late() RETURNS int $body");
sql("BEGIN; DROP FUNCTION b(); DROP FUNCTION late(); PREPARE TRANSACTION 'drop'");
$node->restart;
is(sql('SELECT late()'), '1', 'a prepared drop, a restart: still callable');
is(calls('late'), 1, '... and counted');
sql("COMMIT PREPARED 'drop'");
is_deeply([ calls('b'), calls('late') ], [ undef, undef ], '... and committed after it: both rows are gone');

# A session that has the function in a plan, and calls it on.
make('planned');
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('PREPARE p AS SELECT planned()');
	$session->query('EXECUTE p');
	sql("BEGIN; DROP FUNCTION planned(); PREPARE TRANSACTION 'drop'");
	$session->query('EXECUTE p');
	is(calls('planned'), 4, 'a session that knows it goes on');
	sql("COMMIT PREPARED 'drop'");
	eval { $session->query('EXECUTE p') };
	is(calls('planned'), undef, '... and makes no row after the commit');
	$session->quit;
}

# Made, called and prepared: what happened in the transaction is not kept.
sql("BEGIN; CREATE FUNCTION new() RETURNS int $body; SELECT new(); PREPARE TRANSACTION 'create'");
is(calls('new'), undef, 'a function made by a prepared transaction has no row');
sql("ROLLBACK PREPARED 'create'");
is(calls('new'), undef, '... nor when that is rolled back');
sql("BEGIN; CREATE FUNCTION new() RETURNS int $body; SELECT new(); PREPARE TRANSACTION 'create'", "COMMIT PREPARED 'create'", 'SELECT new()');
is(calls('new'), 1, '... and if it is committed, one from its next call');

# Renamed: known at the next call.
sql("BEGIN; ALTER FUNCTION c() RENAME TO d; PREPARE TRANSACTION 'rename'", "COMMIT PREPARED 'rename'", 'SELECT d()');
is(calls('d'), 1, 'a prepared rename is shown at the next call');
is(calls('c'), undef, '... and the old name no longer');

# Many in one transaction: more than are kept apart.
make(map { "many$_" } 1 .. 50);
sql('BEGIN', (map { "DROP FUNCTION many$_()" } 1 .. 49), "PREPARE TRANSACTION 'many'", "COMMIT PREPARED 'many'");
is(scalar(grep { ($_->{labels}{function} // '') =~ /^many/ && $_->{name} eq 'pg_hello_function_calls_total' } @{ scrape($node)->{samples} }),
	1, 'forty-nine of fifty dropped: one row is left');

# Errors of COMMIT PREPARED are the server's.
my ($code, undef, $error) = $node->psql('postgres', "COMMIT PREPARED 'nothing'");
like($error, qr/prepared transaction with identifier "nothing" does not exist/, 'an unknown transaction');
($code, undef, $error) = $node->psql('postgres', "BEGIN; COMMIT PREPARED 'nothing'");
like($error, qr/COMMIT PREPARED cannot run inside a transaction block/, '... and one in a block');

finish();
