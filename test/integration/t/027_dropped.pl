# What is dropped leaves /metrics when the drop commits, and not before.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);

sub calls { my ($function, %labels) = @_; return metric(scrape($port), 'pg_hello_function_calls_total', function => $function, %labels); }
sub make
{
	my ($name, $db) = @_;
	$node->safe_psql($db // 'postgres', "CREATE FUNCTION $name() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'");
	$node->safe_psql($db // 'postgres', "SELECT $name(), $name()");
	return;
}

make('plain');
is(calls('plain()'), 2, 'a function is there');
{
	my $session = $node->background_psql('postgres');
	$session->query('BEGIN; DROP FUNCTION plain()');
	is(calls('plain()'), 2, '... while its drop is not committed');
	$session->query('COMMIT');
	is(calls('plain()'), undef, '... and gone when it is');
	$session->query('CREATE TABLE after_drop ()');
	$session->quit;
}

make('kept');
$node->safe_psql('postgres', 'BEGIN; DROP FUNCTION kept(); ROLLBACK');
is(calls('kept()'), 2, 'a drop that is rolled back drops nothing');
$node->safe_psql('postgres', 'BEGIN; SAVEPOINT s; DROP FUNCTION kept(); ROLLBACK TO s; COMMIT');
is(calls('kept()'), 2, '... nor one in a subtransaction that is');
make('in_sub');
$node->safe_psql('postgres', 'BEGIN; SAVEPOINT s; DROP FUNCTION in_sub(); RELEASE s; COMMIT');
is(calls('in_sub()'), undef, 'one in a subtransaction that is released does');
make('two_levels');
$node->safe_psql('postgres', 'BEGIN; SAVEPOINT a; SAVEPOINT b; DROP FUNCTION two_levels(); RELEASE b; ROLLBACK TO a; COMMIT');
is(calls('two_levels()'), 2, '... but not if it is rolled back one level up');
is($node->safe_psql('postgres', 'SELECT kept() + two_levels()'), '2', 'what was kept can be called');
is(calls('kept()') + calls('two_levels()'), 6, '... and is counted on');

$node->safe_psql('postgres', 'CREATE SCHEMA doomed');
make("doomed.f$_") foreach 1 .. 50;
is(calls('f50()', schema => 'doomed'), 2, 'a schema full of functions is there');
$node->safe_psql('postgres', 'DROP SCHEMA doomed CASCADE');
is(scalar(grep { ($_->{labels}{schema} // '') eq 'doomed' } @{ scrape($port)->{samples} }), 0, '... and gone with DROP SCHEMA');

$node->safe_psql('postgres', 'CREATE DATABASE other');
make('g', 'other');
is(calls('g()', datname => 'other'), 2, 'a database is there');
$node->safe_psql('postgres', 'DROP DATABASE other');
is(scalar(grep { ($_->{labels}{datname} // '') eq 'other' } @{ scrape($port)->{samples} }), 0, '... and gone with DROP DATABASE, its overflow counter too');

# A dropped function's row serves the next one.
make('again');
$node->safe_psql('postgres', 'DROP FUNCTION again()');
make('again');
is(calls('again()'), 2, 'a function made anew begins at zero');

# Another session that has it in a plan meets an error, and nothing is counted for anybody.
make('planned');
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('PREPARE p AS SELECT planned()');
	$session->query('EXECUTE p');
	$node->safe_psql('postgres', 'DROP FUNCTION planned()');
	eval { $session->query('EXECUTE p'); };
	is(calls('planned()'), undef, 'a dropped function stays away');
	$session->quit;
}

$node->safe_psql('postgres', q{DO $$ BEGIN FOR i IN 1..2000 LOOP
	EXECUTE format('CREATE FUNCTION churn_%s() RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''', i);
	EXECUTE format('SELECT churn_%s()', i);
	EXECUTE format('DROP FUNCTION churn_%s()', i);
END LOOP; END $$});
is(scalar(grep { ($_->{labels}{function} // '') =~ /^churn_/ } @{ scrape($port)->{samples} }), 0, 'thousands come and go');
is(metric(scrape($port), 'pg_hello_overflow_calls_total', datname => 'postgres'), 0, '... and leave no overflow behind');

finish();
