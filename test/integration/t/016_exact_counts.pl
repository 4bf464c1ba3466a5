# Every call is counted, once: 8 clients, functions in three languages, some calls failing.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils ();
use Test::More;
use PgHello;

my $clients = 8;
my $node = new_node('main',
	'pg_hello.track' => 'all', 'track_functions' => 'all', 'max_connections' => 30, 'synchronous_commit' => 'off');
create_test_functions($node);
my $port = metrics_port($node);

# Each of the three fails if asked to. guarded() asks each once, and catches the error.
$node->safe_psql('postgres', q{
	CREATE FUNCTION f_pl(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i; END';
	CREATE FUNCTION f_sql(i int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 / $1 LIMIT 1';
	ALTER FUNCTION raise(text) RENAME TO f_c;
	CREATE FUNCTION guarded() RETURNS int LANGUAGE plpgsql AS $$
	DECLARE caught int := 0;
	BEGIN
		BEGIN PERFORM f_pl(0); EXCEPTION WHEN OTHERS THEN caught := caught + 1; END;
		BEGIN PERFORM f_c('55P03'); EXCEPTION WHEN OTHERS THEN caught := caught + 1; END;
		BEGIN PERFORM f_sql(0); EXCEPTION WHEN OTHERS THEN caught := caught + 1; END;
		RETURN caught;
	END $$;
});
my @functions = ('f_pl(integer)', 'f_c(text)', 'f_sql(integer)', 'guarded()');
my (%calls, %errors);
$calls{$_} = $errors{$_} = 0 foreach @functions;

my $script = $node->basedir . '/calls.sql';
PostgreSQL::Test::Utils::append_to_file($script, q{
	SELECT f_pl(1), f_c(''), f_sql(1) FROM generate_series(1, 9);
	SELECT guarded();
});

sub run_pgbench
{
	my ($transactions, @options) = @_;
	my $scraping = in_child(sub { while (1) { scrape($port); select(undef, undef, undef, 0.05) } });
	$node->command_ok([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $transactions, '-f', $script, @options, 'postgres' ],
		"pgbench @options");
	is(stop_child($scraping), 0, '... under scrapes');
	foreach my $function (@functions)
	{
		my $guarded = $function eq 'guarded()';
		$calls{$function} += $clients * $transactions * ($guarded ? 1 : 10);
		$errors{$function} += $clients * $transactions * ($guarded ? 0 : 1);
	}
	compare("@options");
	return;
}

sub compare
{
	my ($when) = @_;
	my $scrape = scrape($port);
	foreach my $function (@functions)
	{
		my $of = sub { metric($scrape, "pg_hello_function_$_[0]", function => $function) };
		is(join(' ', map { $of->($_) } qw(calls_total duration_seconds_count errors_total canceled_total active)),
			"$calls{$function} $calls{$function} $errors{$function} 0 0",
			"$function: calls, durations, errors, cancels, active; $when");
		(my $name = $function) =~ s/\(.*//;
		my $core;
		my $expected = $calls{$function} - $errors{$function};
		eval {
			wait_until("core's statistics have arrived", sub {
				$core = quiet_sql($node, "SELECT calls FROM pg_stat_user_functions WHERE funcname = '$name'");
				return $core eq $expected }, 15);
		};
		is($core, $expected, '... calls less errors are what core counted');
	}
	my $bounds = scalar grep { $_->{name} eq 'pg_hello_function_duration_seconds_bucket' && $_->{labels}{le} eq '+Inf'
		&& ($calls{ $_->{labels}{function} } // -1) == $_->{value} } @{ $scrape->{samples} };
	is($bounds, scalar @functions, '... and the histograms end there');
	return;
}

run_pgbench(450);
run_pgbench(60, '-C');
run_pgbench(30, '-M', 'prepared');
cmp_ok($calls{'f_pl(integer)'} + $calls{'f_c(text)'} + $calls{'f_sql(integer)'}, '>=', 100_000, 'enough calls');

# Errors that nobody catches, each the end of its session's statement.
foreach my $round (1 .. 5)
{
	$node->psql('postgres', 'SELECT f_pl(0)');
	$node->psql('postgres', q{SELECT f_c('22012')});
	$node->psql('postgres', 'SELECT f_sql(0)');
	foreach my $function (grep { $_ ne 'guarded()' } @functions)
	{
		$calls{$function}++;
		$errors{$function}++;
	}
}
compare('uncaught errors');
{
	my $scrape = scrape($port);
	my $origin = sub { metric($scrape, 'pg_hello_function_error_origins_total', function => $_[0], sqlstate_class => $_[1]) };
	is($origin->('f_pl(integer)', '22'), $errors{'f_pl(integer)'}, 'origins of the errors in plpgsql');
	is($origin->('f_c(text)', '55'), $errors{'f_c(text)'} - 5, '... in C');
	is($origin->('f_c(text)', '22'), 5, '... of each class');
	is($origin->('f_sql(integer)', '22'), $errors{'f_sql(integer)'}, '... in SQL');
	is($origin->('guarded()', '22'), undef, '... and none where they were caught');
	is(metric($scrape, 'pg_hello_stack_resyncs_total'), 0, 'call stacks were never out of step');
	is(metric($scrape, 'pg_hello_untimed_calls_total'), 0, '... nor too deep');
}

finish();
