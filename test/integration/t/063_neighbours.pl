# With everything preloaded that people preload for functions, in both orders: each does its work, and
# our numbers are the same as alone.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my @neighbours = ('plpgsql_check', 'plugin_debugger', 'pg_stat_statements', 'auto_explain', 'pg_hello_test');
chomp(my $libraries = `pg_config --pkglibdir`);
my @missing = grep { !-e "$libraries/$_.so" } @neighbours;
plan skip_all => "not installed: @missing" if @missing;

my $functions = q{
	CREATE TABLE t AS SELECT i FROM generate_series(1, 10) i;
	CREATE FUNCTION leaf(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 100 / noop_volatile(i); END';
	CREATE FUNCTION catcher(i int) RETURNS int LANGUAGE plpgsql AS
	'BEGIN RETURN leaf(i); EXCEPTION WHEN division_by_zero THEN RETURN -1; END';
	CREATE FUNCTION fact(n int) RETURNS numeric LANGUAGE plpgsql AS
	'BEGIN IF n < 2 THEN RETURN 1; END IF; RETURN n * fact(n - 1); END';
	CREATE FUNCTION rows_of(n int) RETURNS SETOF int LANGUAGE plpgsql AS
	'BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END';
	CREATE FUNCTION not_inlined(i int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1 LIMIT 1';
	CREATE FUNCTION waits() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM leaf(1); PERFORM pg_sleep(600); END';
	CREATE FUNCTION wrong() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT no_such_column FROM t); END';
	CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM leaf(1); RETURN new; END';
	CREATE TABLE audited (i int);
	CREATE TRIGGER on_insert BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION on_insert();
	CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN PERFORM leaf(1); COMMIT; PERFORM leaf(1); ROLLBACK; PERFORM leaf(1); END';
};
my @calls = ('leaf(integer)', 'catcher(integer)', 'fact(integer)', 'rows_of(integer)', 'srf(integer)', 'not_inlined(integer)',
	'waits()', 'on_insert()', 'commits()', 'noop_volatile(integer)');

# All kinds of calls, in a session that ends in FATAL. What the clients see.
sub work
{
	my ($node) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('PREPARE p AS SELECT leaf(1), catcher(0), fact(10), not_inlined(1), (SELECT count(*) FROM rows_of(3)),
		(SELECT count(*) FROM (SELECT srf(5) LIMIT 2) s)');
	my @seen = map { $session->query('EXECUTE p') } 1 .. 7;
	push @seen, $session->query('INSERT INTO audited SELECT i FROM t RETURNING i');
	push @seen, $session->query('CALL commits()');
	$session->query('SELECT leaf(0)');
	push @seen, $session->{stderr} =~ /ERROR:  (.*)/;
	$session->query(q{SET statement_timeout = '20ms'; SELECT waits(); RESET statement_timeout});
	push @seen, $session->{stderr} =~ /ERROR:  (.*)/;
	my $pid = $session->query('SELECT pg_backend_pid()');
	my $child = in_child(sub {
		wait_until('it waits', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'") eq '1' });
		quiet_sql($node, "SELECT pg_terminate_backend($pid)");
	});
	eval { $session->query('SELECT waits()') };
	waitpid($child, 0);
	wait_until('it is gone', sub { quiet_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' });
	return @seen;
}

# Everything of our numbers that does not depend on time.
sub numbers
{
	my ($node) = @_;
	my $scrape = scrape($node);
	my %numbers = (map({ $_ => calls_of($scrape, $_) } @calls), resyncs => metric($scrape, 'pg_hello_stack_resyncs_total'));
	foreach my $text (@{ series_texts($scrape, qr/\Apg_hello_function_(?:errors|error_origins|canceled|iterations)_total/) })
	{
		my ($series, $value) = $text =~ /(.*) (\d+)\z/;
		$numbers{$series} = $value if $value && $series !~ /function=pg_hello/;
	}
	return \%numbers;
}

my (%seen, %numbers);
foreach my $order ('alone', 'first', 'last', 'first_profiled', 'last_profiled')
{
	# plprofiler 4.2.1 breaks the chain of those who ask for shared memory, so it must always be first; and
	# it profiles nothing beside the debugger, which takes its place in PL/pgSQL.
	my @others = grep { $order !~ /profiled/ || $_ ne 'plugin_debugger' } @neighbours;
	my @libraries = $order eq 'alone' ? 'pg_hello' : ('plprofiler', $order =~ /first/ ? ('pg_hello', @others) : (reverse(@others), 'pg_hello'));
	my $node = new_node($order, 'shared_preload_libraries' => join(', ', @libraries), 'pg_hello.track' => 'all',
		$order eq 'alone' ? () : ('auto_explain.log_min_duration' => 0, 'auto_explain.log_nested_statements' => 'on',
			'pg_stat_statements.track' => 'all', 'plpgsql_check.mode' => 'by_function'));
	create_test_functions($node);
	$node->safe_psql('postgres', $functions);
	$seen{$order} = [ work($node) ];
	$numbers{$order} = numbers($node);
	next if $order eq 'alone';

	is_deeply($seen{$order}, $seen{alone}, "pg_hello loaded $order: clients see what they see without the others");
	is_deeply($numbers{$order}, $numbers{alone}, '... and our numbers are the same');
	is($numbers{$order}{resyncs}, 0, '... in step');

	# Each of the others at its own work, in one session after another.
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements; CREATE EXTENSION plpgsql_check; CREATE EXTENSION plprofiler; CREATE EXTENSION pldbgapi');
	is($node->safe_psql('postgres', q{SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'INSERT INTO audited%'}), '1', '... pg_stat_statements');
	like(log_text($node), qr/duration: .* plan:\n.*Query Text: .*EXECUTE p|duration: .* plan:\n.*Query Text: PREPARE p/, '... auto_explain');
	like($node->safe_psql('postgres', q{SELECT plpgsql_check_function('wrong()')}), qr/column "no_such_column" does not exist/, '... plpgsql_check, by call');
	is($node->safe_psql('postgres', q{SELECT plpgsql_check_function('leaf(int)')}), '', '... that finds nothing where nothing is');
	my $profiled = $node->safe_psql('postgres', q{SELECT pl_profiler_set_enabled_local(true); SELECT fact(5);
		SELECT max(exec_count) FROM pl_profiler_linestats_local() WHERE func_oid = 'fact'::regproc});
	is($profiled, $order =~ /profiled/ ? "t\n120\n15" : "t\n120\n", '... plprofiler');
	if ($order !~ /profiled/)
	{
		like($node->safe_psql('postgres', q{SELECT serverversionnum FROM pldbg_get_proxy_info(); SELECT pldbg_create_listener() > 0}), qr/\A1\d{5}\nt\z/, '... the debugger');
	}
	is(calls_of(scrape($node), 'fact(integer)'), $numbers{alone}{'fact(integer)'} + 5, '... whose calls are counted, too');
	is(metric(scrape($node), 'pg_hello_stack_resyncs_total'), 0, '... in step');

	my ($starts, $ends, $aborts, $strange) = $node->safe_psql('postgres', 'SELECT leaf(1), catcher(0), fact(9); SELECT events()')
	  =~ /starts=(\d+) ends=(\d+) aborts=(\d+) strange=(\d+)/;
	is("$aborts $strange", '1 0', '... the other user of the hook has seen what there was');
	is($starts, $ends + $aborts + 1, '... in pairs');
}

# Behind us, plprofiler 4.2.1 keeps any library from getting shared memory. 4.2.5 does not.
{
	my $node = new_node('behind', 'shared_preload_libraries' => 'pg_hello, plprofiler', -start => 0);
	if ($node->start(fail_ok => 1))
	{
		$node->safe_psql('postgres', q{CREATE EXTENSION pg_hello; SELECT pg_hello('x')});
		is(calls_of(scrape($node), 'pg_hello(text)'), 1, 'plprofiler behind pg_hello: calls are counted');
	}
	else
	{
		like(log_text($node), qr/FATAL:  pg_hello was not asked for its need of shared memory\n.*DETAIL:  .*\n.*HINT:  Put pg_hello last\./,
			'plprofiler behind pg_hello: the server does not start, and says what to do');
	}
}

finish();
