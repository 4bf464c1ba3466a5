# One snapshot, many faces: /metrics in every format and coding, JSON, pg_hello_stats and
# pg_hello_metrics() say the same, to the last nanosecond.
use strict;
use warnings FATAL => 'all';

use JSON::PP ();
use POSIX ();
use Test::More;
use PgHello;
use PgHello::Formats;

my $node = new_node('main');
my $port = metrics_port($node);

# --- something of everything -----------------------------------------------------------------------

my $functions = q{
	CREATE FUNCTION inner_one(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 100 / i; END';
	CREATE FUNCTION outer_one(i int) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RETURN inner_one(i); EXCEPTION WHEN division_by_zero THEN RETURN 0; END';
	CREATE FUNCTION recursive(n int) RETURNS int LANGUAGE plpgsql AS
		'BEGIN IF n > 0 THEN PERFORM recursive(n - 1); END IF; RETURN n; END';
	CREATE FUNCTION recursive(n int, more text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN recursive(n); END';
	CREATE FUNCTION fail(sqlstate text) RETURNS int LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION USING ERRCODE = fail.sqlstate; END';
	CREATE FUNCTION rows(n int) RETURNS SETOF int LANGUAGE plpgsql AS
		'BEGIN FOR i IN 1..n LOOP RETURN NEXT i; END LOOP; END';
	CREATE FUNCTION slow(seconds float8) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(seconds); RETURN 1; END';
	CREATE FUNCTION "it's ""odd"" \ <é>"() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
};
$node->safe_psql('postgres', 'CREATE DATABASE other');
foreach my $database ('postgres', 'other')
{
	$node->safe_psql($database, $functions);
	$node->safe_psql($database, q{
		SELECT outer_one(i % 5), recursive(i % 7, 'x') FROM generate_series(1, 300) i;
		SELECT count(*) FROM rows(20) a, rows(3) b;
		SELECT slow(x) FROM unnest('{0.0001, 0.002, 0.03, 0.06}'::float8[]) x;
		SELECT "it's ""odd"" \ <é>"() FROM generate_series(1, 3);});
	$node->psql($database, "SELECT fail('$_')") foreach ('22012', '22003', 'P0001', '57014', 'XX000');
	$node->psql($database, q{SET statement_timeout = '20ms'; SELECT slow(5)});
}

# --- an idle moment --------------------------------------------------------------------------------

my $json = JSON::PP->new->utf8;
sub get { return $json->decode(http_get($port, "/api/v1/functions$_[0]")->{body}); }

my $before = scrape($port);
my @functions = @{ get('?limit=1000')->{functions} };
my %detail = map { ("$_->{datname} $_->{funcid}" => get("/$_->{datname}/$_->{funcid}")->{function}) } @functions;
my $in_sql_text = parse_exposition(quiet_sql($node, 'SELECT pg_hello_metrics()') . "\n");
my %row = map { ("$_->{datname} $_->{funcid}" => $_) } @{ $json->decode(quiet_sql($node, q{
	SELECT json_agg(s) FROM (SELECT *, (extract(epoch FROM stats_since) * 1000000)::bigint AS since_us FROM pg_hello_stats) s})) };
my %face = map { ("@$_" => read_face($port, @$_)) } @faces;
my $after = scrape($port);

my $of_functions = qr/\Apg_hello_(?:function|tracked|exported|suppressed|overflow|build|stats_reset)/;
my $series = series_texts($before, $of_functions);
is_deeply(series_texts($after, $of_functions), $series, 'nothing has happened meanwhile');
is_deeply(series_texts($in_sql_text, $of_functions), $series, 'pg_hello_metrics() is /metrics');

# --- the same in every format and coding -----------------------------------------------------------

# Doubles, which hold every number here exactly.
my $doubles = text_face_texts($before, $of_functions);
is_deeply(face_texts($face{"@$_"}, $of_functions), $doubles, "@$_: the same series, the same values") foreach @faces;

# Families under the names that OpenMetrics has for them; its info is a gauge elsewhere.
sub described
{
	my ($families, @with) = @_;
	my @texts;
	foreach my $name (grep { /$of_functions/ } keys %$families)
	{
		(my $base = $name) =~ s/_(?:total|info)\z//;
		(my $text = join ' ', $base, @{ $families->{$name} }{@with}) =~ s/\A(\S+) info /$1 gauge /;
		push @texts, $text;
	}
	return join "\n", sort @texts;
}
foreach my $face (@faces)
{
	is(described($face{"@$face"}{families}, 'type', 'help'), described($before->{families}, 'type', 'help'),
		"@$face: the same types and HELP");
	is(described($face{"@$face"}{families}, 'unit'), described($face{'openmetrics identity'}{families}, 'unit'),
		"@$face: the same units")
	  if $face->[0] ne 'text';
}
is_deeply($face{'protobuf gzip'}{native}, $face{'protobuf identity'}{native}, 'protobuf gzip: the same native histograms');

# Since when, where a format has it: of every series of a counter, and of every histogram.
my %since = map { (join("\0", @$_{qw(datname schema function)}) => sprintf '%.17g', $_->{stats_since_unix_us} / 1e6) } @functions;
foreach my $face (grep { $_->[0] ne 'text' } @faces)
{
	my @created = grep { $_->[0] =~ /\Apg_hello_function_.*_created\z/ } @{ $face{"@$face"}{samples} };
	my @wrong = grep { $_->[2] ne $since{ join "\0", @{ $_->[1] }{qw(datname schema function)} } } @created;
	my $countable = grep { /\Apg_hello_function_\w+_(?:total|count)\{/ } @{ face_texts($face{"@$face"}, qr/_(?:total|count)\z/) };
	is(scalar @created, $countable, "@$face: every counter and histogram says since when");
	is(scalar @wrong, 0, '... as JSON does');
}

# --- the same functions ----------------------------------------------------------------------------

my @with_calls = grep { $_->{name} eq 'pg_hello_function_calls_total' } @{ $before->{samples} };
is(join("\n", sort map { join ' ', @{ $_->{labels} }{qw(datname schema function)} } @with_calls),
	join("\n", sort map { join ' ', @$_{qw(datname schema function)} } @functions), 'JSON has the functions of /metrics');
is(join("\n", sort keys %row), join("\n", sort keys %detail), '... and of pg_hello_stats');
cmp_ok(scalar(grep { $_->{calls} } @functions), '>=', 16, '... and many of them have been called');

# --- the same numbers ------------------------------------------------------------------------------

sub ms_as_ns { my ($ms) = @_; return defined $ms ? sprintf('%.0f', $ms * 1e6) : 'null'; }

foreach my $function (@functions)
{
	my $key = "$function->{datname} $function->{funcid}";
	my $name = "$function->{datname} $function->{function}";
	my %labels = map { ($_ => $function->{$_}) } qw(datname schema function);
	my $metric = sub { my ($what, %more) = @_; return metric($before, "pg_hello_function_$what", %labels, %more); };
	my $row = $row{$key};
	my %alone = %{ $detail{$key} };
	my $histogram = delete $alone{histogram};
	is_deeply(\%alone, $function, "$name: alone as in the list");

	# Counters.
	my @counters = qw(calls errors canceled active);
	my $counters = join ' ', @$function{@counters};
	is(join(' ', map { $metric->($_) } qw(calls_total errors_total canceled_total active)), $counters, '... counters in /metrics');
	is(join(' ', @$row{@counters}), $counters, '... in SQL');
	is($metric->('iterations_total') // 0, $function->{iterations}, '... iterations in /metrics');
	is($row->{iterations}, $function->{iterations}, '... in SQL');
	is($row->{untimed_calls}, $function->{untimed_calls}, '... untimed calls in SQL');
	is($row->{since_us}, $function->{stats_since_unix_us}, '... since when');
	my %origins = map { ($_->{labels}{sqlstate_class} => $_->{value}) } grep {
		my $sample = $_;
		$sample->{name} eq 'pg_hello_function_error_origins_total' && !grep { $sample->{labels}{$_} ne $labels{$_} } keys %labels
	} @{ $before->{samples} };
	is_deeply(\%origins, $function->{error_origins}, '... origins of errors in /metrics');
	is_deeply($row->{error_origins}, $function->{error_origins}, '... in SQL');

	# Times.
	my @times = @$function{qw(inclusive_ns self_ns duration_ns)};
	is(join(' ', map { ns_of($metric->($_)) } qw(inclusive_seconds_total self_seconds_total duration_seconds_sum)), "@times",
		'... times in /metrics');
	is(join(' ', map { ms_as_ns($row->{$_}) } qw(total_time self_time)), "@times[0, 1]", '... in SQL');
	is($histogram->{sum_ns}, $times[2], '... the histogram\'s sum');
	is(join(' ', map { ms_as_ns($row->{$_}) } qw(min_time max_time)), join(' ', map { $_ // 'null' } @$function{qw(min_ns max_ns)}),
		'... extremes in SQL');
	foreach my $pair ([ mean_time => 'mean_ns' ], [ stddev_time => 'stddev_ns' ], map { [ $_ => "${_}_ns" ] } qw(p50 p90 p95 p99))
	{
		my ($ms, $ns) = ($row->{ $pair->[0] }, $function->{ $pair->[1] });
		ok(defined $ms == defined $ns && abs(($ms // 0) * 1e6 - ($ns // 0)) <= 1e-9 * ($ns // 0), "... $pair->[0] in SQL")
		  or diag $ms // 'null', ' ', $ns // 'null';
	}

	# Histograms. A classic bucket counts all stored ones up to its bound.
	my $timed = $function->{calls} - $function->{untimed_calls};
	is($metric->('duration_seconds_count'), $timed, '... timed calls');
	is($histogram->{count}, $timed, '... in JSON');
	my @classic = grep {
		my $sample = $_;
		$sample->{name} eq 'pg_hello_function_duration_seconds_bucket' && !grep { $sample->{labels}{$_} ne $labels{$_} } keys %labels
	} @{ $before->{samples} };
	is(scalar @classic, 24, '... classic buckets');
	my $stored = join ' ', map {
		my $bound = $_->{labels}{le} eq '+Inf' ? undef : sprintf('%.0f', $_->{labels}{le} * 1e9);
		my $count = 0;
		$count += $_->{count} foreach grep { !defined $bound || defined $_->{le_ns} && $_->{le_ns} <= $bound } @{ $histogram->{buckets} };
		$count;
	} @classic;
	is(join(' ', map { $_->{value} } @classic), $stored, '... each the sum of the stored ones');

	# A native bucket i ends at 2^(i/8) s, of which a stored bound is the whole nanoseconds.
	my ($native, @others) = grep {
		my $one = $_;
		!grep { $one->{labels}{$_} ne $labels{$_} } keys %labels
	} @{ $face{'protobuf identity'}{native} };
	is(scalar @others, 0, '... one native histogram');
	my %expected = (zero_count => 0, buckets => {});
	foreach my $bucket (@{ $histogram->{buckets} })
	{
		my $le_ns = $bucket->{le_ns};
		if (defined $le_ns && $le_ns <= 953) { $expected{zero_count} += $bucket->{count}; next; }
		my $index = defined $le_ns ? POSIX::ceil(8 * log($le_ns / 1e9) / log(2) - 1e-9) : 8193;
		$expected{buckets}{$index} += $bucket->{count};
	}
	is_deeply($native,
		{ %expected, name => 'pg_hello_function_duration_seconds', labels => \%labels, count => $timed,
			sum => sprintf('%.17g', $times[2] / 1e9), schema => 3, zero_threshold => sprintf('%.17g', 2**-20) },
		'... its buckets sums of the stored ones, and nothing left out');
}

finish();
