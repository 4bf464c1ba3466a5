# /metrics shows so many functions and no more: who came first stays, own and pinned ones are always
# there, from the start, and what is left out is counted.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.metrics_max_functions' => 3, 'pg_hello.metrics_max_histograms' => 1);
allow_in_log($node, qr/was not properly shut down/);
my $port;

sub sql { my ($sql, $db) = @_; return $node->safe_psql($db // 'postgres', $sql); }
sub make
{
	my ($name, $db) = @_;
	return sql("CREATE FUNCTION $name() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'", $db);
}
sub set
{
	my (%settings) = @_;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") foreach keys %settings;
	$node->reload;
	foreach my $name (keys %settings)
	{
		wait_until("$name is set", sub { quiet_sql($node, "SHOW $name") eq $settings{$name} });
	}
	# The worker's own reload: it answers by the same settings as soon as it has seen the signal.
	return;
}

# Functions in /metrics beside the extension's own, in order.
sub shown
{
	my ($scrape, $series) = @_;
	my %own = map { ("$_->{labels}{datname} $_->{labels}{function}" => 1) }
	  grep { $_->{name} eq 'pg_hello_function_info' && $_->{labels}{extension} eq 'pg_hello' } @{ $scrape->{samples} };
	return join ' ', map { $_->{labels}{function} =~ s/\(\)\z//r }
	  grep { $_->{name} eq ($series // 'pg_hello_function_calls_total')
		  && !$own{"$_->{labels}{datname} $_->{labels}{function}"} } @{ $scrape->{samples} };
}
sub shows { my ($want, $what) = @_; return wait_until($what, sub { shown(scrape($port)) eq $want }) && pass($what); }
sub counts
{
	my ($scrape) = @_;
	return join ' ', map { metric($scrape, "pg_hello_$_") } ('exported_functions', 'suppressed_functions', 'exported_histograms');
}

# --- own functions ---------------------------------------------------------------------------------

$port = metrics_port($node);
my $own = sql(q{SELECT count(*) FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.classid = 'pg_proc'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')});
{
	my $scrape = scrape($port);
	is(calls_of($scrape, 'pg_hello(text)'), 0, 'CREATE EXTENSION: no function has been called');
	is(metric($scrape, 'pg_hello_function_calls_total', function => 'pg_hello(text)'), '0', '... but each is there');
	is(metric($scrape, 'pg_hello_function_duration_seconds_count', function => 'now_ms()'), '0', '... with its histogram');
	is(counts($scrape), "$own 0 $own", '... all of them');
}

# --- first come ------------------------------------------------------------------------------------

foreach my $i (1 .. 5)
{
	make("f$i");
	sql("SELECT f$i()");
}
is(shown(scrape($port)), 'f1 f2 f3', 'the first three are there');
is(shown(scrape($port), 'pg_hello_function_duration_seconds_count'), 'f1', '... the first with its histogram');
is(counts(scrape($port)), ($own + 3) . ' 2 ' . ($own + 1), '... and what is left out is counted');
sql('SELECT f5() FROM generate_series(1, 1000)');
is(shown(scrape($port)), 'f1 f2 f3', 'a busy latecomer pushes nobody out');
sql('DROP FUNCTION f2()');
is(shown(scrape($port)), 'f1 f3 f4', 'a drop lets the next one in');
make('f6');
sql('SELECT f6()');
is(shown(scrape($port)), 'f1 f3 f4', '... and not whoever gets its row');
is(quiet_sql($node, q{SELECT string_agg(function || ' ' || exported || ' ' || histogram || ' ' || reason, ', ' ORDER BY arrival)
		FROM pg_hello_exports WHERE reason <> 'own'}),
	'f1() true true budget, f3() true false budget, f4() true false budget, '
	  . 'f5() false false suppressed, f6() false false suppressed', 'the same in SQL');
{
	my $in_sql = parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n");
	is(shown($in_sql), 'f1 f3 f4', '... and in pg_hello_metrics()');
}
$node->restart;
$port = metrics_port($node);
is(shown(scrape($port)), 'f1 f3 f4', 'a restart changes nothing');
quiet_sql($node, q{SELECT pg_hello_reset('postgres', 'f1()'::regprocedure)});
is(shown(scrape($port)), 'f3 f4 f5', 'a function that is reset gives its place up');
quiet_sql($node, 'SELECT pg_hello_reset()');
is(shown(scrape($port)), 'f3 f4 f5', '... and a reset of everything changes nothing');

# --- settings, from the next scrape on -------------------------------------------------------------

set('pg_hello.metrics_max_functions' => 4);
shows('f3 f4 f5 f6', 'a larger budget');
set('pg_hello.metrics_max_functions' => 0);
shows('', 'none');
is(metric(scrape($port), 'pg_hello_suppressed_functions'), 5, '... and counted');
set('pg_hello.metrics_max_functions' => 3);
shows('f3 f4 f5', 'as before');

# --- pinned ----------------------------------------------------------------------------------------

make('unloved');
set('pg_hello.metrics_pinned' => 'public.f6, postgres:public.unl*, *.later');
sql('SELECT 1');
shows('f3 f4 f5 f6 unloved', 'pinned functions are there besides, also if nobody has called them');
is(metric(scrape($port), 'pg_hello_function_duration_seconds_count', function => 'f6()'), 0, '... with their histograms');
make('later');
is(metric(scrape($port), 'pg_hello_function_calls_total', function => 'later()'), '0', 'from the commit that makes them on');
sql('SELECT later()');
is(calls_of(scrape($port), 'later()'), 1, '... and they count');
sql('DROP FUNCTION later()');
is(shown(scrape($port)), 'f3 f4 f5 f6 unloved', '... until they are dropped');
sql(q{BEGIN; CREATE FUNCTION later() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; ROLLBACK});
is(shown(scrape($port)), 'f3 f4 f5 f6 unloved', 'not if they are rolled back');
sql(q{BEGIN; SAVEPOINT s; CREATE FUNCTION later() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; ROLLBACK TO s; COMMIT});
sql(q{BEGIN; CREATE FUNCTION later() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; DROP FUNCTION later(); COMMIT});
sql(q{CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'});
is(shown(scrape($port)), 'f3 f4 f5 f6 unloved', '... nor if they are not tracked');
sql('DROP FUNCTION later()');
make('former');
sql('ALTER FUNCTION former() RENAME TO later');
is(shown(scrape($port)), 'f3 f4 f5 f6 unloved later', 'one that is given such a name is');
{
	my $session = $node->background_psql('postgres');
	$session->query('BEGIN');
	$session->query("CREATE FUNCTION unlikely() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'");
	$session->query("CREATE FUNCTION unlit() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'");
	is(metric(scrape($port), 'pg_hello_function_calls_total', function => 'unlit()'), undef, 'not before the commit');
	$session->query('COMMIT');
	is(metric(scrape($port), 'pg_hello_function_calls_total', function => 'unlit()'), '0', '... but at once with it');
	$session->query('DROP FUNCTION unlit(), unlikely()');
	$session->quit;
}

# --- other databases, and a crash ------------------------------------------------------------------

sql('CREATE DATABASE other TEMPLATE postgres');
is(metric(scrape($port), 'pg_hello_function_calls_total', datname => 'other', function => 'pg_hello(text)'), undef,
	'a copy of a database: nothing has happened in it');
sql('SELECT 1', 'other');
{
	my $scrape = scrape($port);
	is(metric($scrape, 'pg_hello_function_calls_total', datname => 'other', function => 'pg_hello(text)'), '0',
		'its first statement brings its own functions');
	is(metric($scrape, 'pg_hello_function_calls_total', datname => 'other', function => 'f6()'), '0', '... and pinned ones');
	is(metric($scrape, 'pg_hello_function_calls_total', datname => 'other', function => 'unloved()'), undef,
		'... that are pinned in this database');
}
$node->stop('immediate');
$node->start;
$port = metrics_port($node);
is(shown(scrape($port)), '', 'after a crash there is nothing');
sql('SELECT 1');
is(shown(scrape($port)), 'f6 unloved later', '... until the first statement');
is(metric(scrape($port), 'pg_hello_function_calls_total', function => 'pg_hello(text)'), '0', '... own functions too');

# --- who tracks nothing makes nothing --------------------------------------------------------------

sql('CREATE DATABASE third TEMPLATE postgres');
{
	local $ENV{PGOPTIONS} = '-c pg_hello.track=none';
	sql('SELECT 1', 'third');
	my $third = grep { ($_->{labels}{datname} // '') eq 'third' } @{ scrape($port)->{samples} };
	is($third, 0, 'a session that tracks nothing makes no rows');
	$ENV{PGOPTIONS} = '-c pg_hello.track=own';
	sql('SELECT 1', 'third');
	is(metric(scrape($port), 'pg_hello_function_calls_total', datname => 'third', function => 'now_ms()'), '0',
		'... one that tracks own functions makes theirs');
	is(metric(scrape($port), 'pg_hello_function_calls_total', datname => 'third', function => 'f6()'), undef, '... only');
}
sql('SELECT 1', 'third');
is(metric(scrape($port), 'pg_hello_function_calls_total', datname => 'third', function => 'f6()'), '0',
	'... and one that tracks more the rest');

# --- filters ---------------------------------------------------------------------------------------

sub get
{
	my ($query) = @_;
	my $response = http_get($port, "/metrics?$query");
	return $response->{status} == 200 && $response->{body} ne '' ? parse_exposition($response->{body}) : $response;
}
my $all = scrape($port);
{
	my $parts = join '', map { "$_\n" } map { @{ series_texts(get($_), qr/\Apg_hello_function_(?:calls|duration)/) } }
	  ('datname=postgres', 'datname=other&datname=th%69rd');
	is_deeply([ sort split /\n/, $parts ], series_texts($all, qr/\Apg_hello_function_(?:calls|duration)/),
		'two jobs split a server');
	is(shown(get('datname=postgres&function=f*')), 'f6', 'filters');
	is(shown(get('datname=postgres&schema=nowhere')), '', '... without a match');
	is(counts(get('datname=nowhere')), counts($all), '... change nothing about what is exported');
	is(join(' ', families_of(get('name[]=pg_hello_tracked_functions&name%5B%5D=*_calls_total'))),
		'pg_hello_function_calls_total pg_hello_overflow_calls_total pg_hello_tracked_functions pg_hello_untimed_calls_total',
		'families by name');
	is(get('unknown=1&datname=nowhere&datname=*')->{families}{pg_hello_function_info}{type}, 'gauge', 'unknown ones are ignored');
	foreach my $bad ('function=', 'schema=%FF', 'name[]=', 'datname=%5C')
	{
		my $response = http_get($port, "/metrics?$bad");
		is($response->{status}, 400, "$bad is malformed");
		like($response->{body}, qr/\AThe value of the parameter \S+ [^\n]+\.\n\z/, '... which is said in a sentence');
	}
}

finish();
