# Whatever a function is called, in whatever encoding: valid series, no two of them equal.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHello::Formats;

# Everything here is bytes of UTF-8, as it is for psql.
my $node = new_node('main');
my $port = metrics_port($node);
my $body = q{LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};

# The functions of a database, or of one of its schemas, with their calls; without the extension's own.
sub functions_in
{
	my ($datname, $schema) = @_;
	my $scrape = scrape($port);
	my %own = map { ($_->{labels}{function} => 1) }
	  grep { $_->{name} eq 'pg_hello_function_info' && $_->{labels}{extension} eq 'pg_hello' } @{ $scrape->{samples} };
	my %calls;
	foreach my $sample (grep { $_->{name} eq 'pg_hello_function_calls_total' } @{ $scrape->{samples} })
	{
		my %labels = %{ $sample->{labels} };
		next if $own{ $labels{function} };
		utf8::encode($_) foreach values %labels;
		$calls{ $labels{function} } = $sample->{value}
		  if $labels{datname} eq $datname && $labels{schema} eq ($schema // 'public');
	}
	return \%calls;
}

# Every reader refuses what is not UTF-8, and two equal series.
sub same_in_every_format
{
	my ($what) = @_;
	my $of_functions = qr/\Apg_hello_function_(?!active)/;
	my $expected = text_face_texts(scrape($port), $of_functions);
	foreach my $face (@faces)
	{
		my $read = read_face($port, @$face);
		is_deeply(face_texts($read, $of_functions), $expected, "$what: the same series as @$face");
		my @native = sort map { join "\0", @{ $_->{labels} }{qw(datname schema function)} } @{ $read->{native} };
		my @shown = sort map { join "\0", @{ $_->[1] }{qw(datname schema function)} }
		  grep { $_->[0] eq 'pg_hello_function_calls_total' } @{ $read->{samples} };
		is_deeply(\@native, \@shown, '... and of native histograms') if $face->[0] eq 'protobuf';
	}
	return;
}

# --- quoting, overloads, equal names ----------------------------------------------------------------

$node->safe_psql('postgres', qq{
	CREATE FUNCTION "Mixed Case"(i int) RETURNS int $body;
	CREATE FUNCTION "q""uote"() RETURNS int $body;
	CREATE FUNCTION "back\\slash"() RETURNS int $body;
	CREATE FUNCTION "new\nline"() RETURNS int $body;
	CREATE FUNCTION "{brace=""x""}"() RETURNS int $body;
	CREATE FUNCTION "select"() RETURNS int $body;
	CREATE FUNCTION "größe"() RETURNS int $body;
	CREATE FUNCTION o() RETURNS int $body;
	CREATE FUNCTION o(i int) RETURNS int $body;
	CREATE FUNCTION o(t text) RETURNS int $body;
	CREATE FUNCTION o(a numeric(5, 2), b timestamp with time zone, VARIADIC c int[]) RETURNS int $body;
	CREATE TYPE "My Type" AS (x int);
	CREATE FUNCTION o(m "My Type") RETURNS int $body;
	CREATE SCHEMA s2; CREATE SCHEMA "S 3";
	CREATE FUNCTION s2.o() RETURNS int $body;
	CREATE FUNCTION "S 3".o() RETURNS int $body;
});
$node->safe_psql('postgres', qq{
	SELECT "Mixed Case"(1), "q""uote"(), "back\\slash"(), "new\nline"(), "{brace=""x""}"(), "select"(), "größe"();
	SELECT o(), o(1), o(1), o('x'::text), o(1.5, now(), 1, 2), o(ROW(1)::"My Type"), s2.o(), s2.o(), s2.o(), "S 3".o();
});
is_deeply(
	functions_in('postgres'),
	{
		'"Mixed Case"(integer)' => 1, '"q""uote"()' => 1, '"back\\slash"()' => 1, "\"new\nline\"()" => 1,
		'"{brace=""x""}"()' => 1, '"select"()' => 1, '"größe"()' => 1,
		'o()' => 1, 'o(integer)' => 2, 'o(text)' => 1,
		'o(numeric,timestamp with time zone,integer[])' => 1, 'o(public."My Type")' => 1,
	},
	'names as regprocedure prints them, overloads apart, and types that are not pg_catalog\'s with their schema');
is_deeply([ functions_in('postgres', 's2'), functions_in('postgres', 'S 3') ], [ { 'o()' => 3 }, { 'o()' => 1 } ],
	'one name in three schemas');

# The same function in another database.
$node->safe_psql('postgres', 'CREATE DATABASE "second ""db"""');
$node->safe_psql('second "db"', "CREATE FUNCTION o() RETURNS int $body");
$node->safe_psql('second "db"', 'SELECT o(), o()');
is_deeply(functions_in('second "db"'), { 'o()' => 2 }, '... and in two databases');

# --- whoever calls ------------------------------------------------------------------------------------

$node->safe_psql('postgres', qq{
	CREATE SCHEMA seen; CREATE SCHEMA hidden;
	CREATE TYPE seen.pair AS (x int); CREATE TYPE hidden.pair AS (x int); CREATE DOMAIN seen.text AS int;
	CREATE FUNCTION seen.f(a seen.pair, b hidden.pair[], c pg_catalog.text, d seen.text, e "char") RETURNS int $body;
});
foreach my $setting ('search_path = public', 'search_path = seen, pg_catalog', 'search_path = hidden', 'quote_all_identifiers = on')
{
	$node->safe_psql('postgres', "SET $setting; SELECT seen.f(NULL, NULL, NULL, NULL, NULL)");
	is_deeply([ keys %{ functions_in('postgres', 'seen') } ], ['f(seen.pair,hidden.pair[],text,seen.text,"char")'],
		"a function is called the same in a session with $setting");
}

# --- 100 arguments, long names ----------------------------------------------------------------------

my $types = join ', ', ('timestamp with time zone') x 100;
$node->safe_psql('postgres', qq{
	CREATE SCHEMA long;
	CREATE FUNCTION long.hundred($types) RETURNS int $body;
	CREATE FUNCTION long.hundred(@{[ join ', ', ('timestamp with time zone') x 99 ]}) RETURNS int $body;
	CREATE FUNCTION long."@{[ 'ä' x 31 ]}"() RETURNS int $body;
	CREATE SCHEMA "@{[ 'é' x 31 ]}";
	CREATE FUNCTION "@{[ 'é' x 31 ]}"."@{[ 'x' x 63 ]}"() RETURNS int $body;
});
$node->safe_psql('postgres', qq{
	SELECT long.hundred(@{[ join ', ', ('NULL') x 100 ]}), long.hundred(@{[ join ', ', ('NULL') x 99 ]});
	SELECT long.hundred(@{[ join ', ', ('NULL') x 99 ]}), long."@{[ 'ä' x 31 ]}"();
	SELECT "@{[ 'é' x 31 ]}"."@{[ 'x' x 63 ]}"();
});
{
	my $long = functions_in('postgres', 'long');
	is(join(' ', sort values %$long), '1 1 2', 'signatures that are too long are two series all the same');
	is(scalar(grep { /\Ahundred\(timestamp with time zone,.*~\d+\z/ } keys %$long), 2, '... cut, with the oid at the end');
	is($long->{ '"' . 'ä' x 31 . '"()' }, 1, 'a name of full length');
	is_deeply(functions_in('postgres', 'é' x 31), { 'x' x 63 . '()' => 1 }, '... in a schema with one');
}

# --- other encodings --------------------------------------------------------------------------------

foreach my $encoding ('SQL_ASCII', 'LATIN1', 'EUC_JP')
{
	$node->safe_psql('postgres',
		"CREATE DATABASE \"db_$encoding\" ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
}

# ASCII only on the wire; the bytes come from escapes.
sub make
{
	my ($database, @names) = @_;
	foreach my $name (@names)
	{
		$node->safe_psql($database, qq{
			DO \$do\$ BEGIN EXECUTE 'CREATE FUNCTION ' || quote_ident(E'$name') || '() RETURNS int LANGUAGE plpgsql AS \$\$BEGIN RETURN 1; END\$\$'; END \$do\$;
			DO \$do\$ BEGIN EXECUTE 'SELECT ' || quote_ident(E'$name') || '()'; END \$do\$;});
	}
	return;
}
{
	local $ENV{PGCLIENTENCODING} = 'SQL_ASCII';
	make('db_SQL_ASCII', 'plain', 'gr\xc3\xb6\xc3\x9fe', 'bad_\xe9', 'bad_\xe8', 'bad_\xff\xfe', 'cut_\xc3',
		'q"uote', 'back\\\\slash', 'new\nline', 'over_\xc0\xaf', 'surrogate_\xed\xa0\x80');
	my $names = functions_in('db_SQL_ASCII');
	is(join(' ', values %$names), join(' ', (1) x 11), 'a database without an encoding: each function has its series');
	is($names->{'plain()'}, 1, '... those of ASCII by their names');
	is($names->{'"größe"()'}, 1, '... those that happen to be UTF-8, too');
	is(scalar(grep { /\A"bad_\xef\xbf\xbd"\(\)~\d+\z/ } keys %$names), 2,
		'... and where bytes had to be replaced, the oid keeps names apart');
	is($names->{"\"new\nline\"()"}, 1, '... a line break');

	make('db_LATIN1', 'caf\xe9', 'na\xefve_\xdf', 'plain');
	is_deeply(functions_in('db_LATIN1'), { '"café"()' => 1, '"naïve_ß"()' => 1, 'plain()' => 1 }, 'LATIN1 is converted');
	my $rows = quiet_sql($node, q{SELECT count(*) FROM pg_hello_stats WHERE function = E'"caf\u00e9"()' AND datname = 'db_LATIN1'});
	is($rows, '1', '... in SQL as well');

	make('db_EUC_JP', '\xc6\xfc\xcb\xdc', '\x8e\xb1', '\x8f\xb0\xa1', 'x' . '\xc6\xfc' x 31, 'plain');
	is_deeply(functions_in('db_EUC_JP'),
		{ '"日本"()' => 1, '"ｱ"()' => 1, '"丂"()' => 1, '"x' . '日' x 31 . '"()' => 1, 'plain()' => 1 },
		'EUC_JP, too, characters of one, two and three bytes');

	# 64 bytes are one too many: the server cuts after a character where it knows what one is.
	my %cut = (postgres => '\xc3\xa4', db_EUC_JP => '\xc6\xfc', db_SQL_ASCII => '\xc3\xa4');
	foreach my $database (sort keys %cut)
	{
		$node->safe_psql($database, 'CREATE SCHEMA cut');
		local $ENV{PGOPTIONS} = '-c search_path=cut -c client_min_messages=error';
		make($database, 'xx' . $cut{$database} x 31);
	}
	is_deeply(functions_in('postgres', 'cut'), { '"xx' . 'ä' x 30 . '"()' => 1 }, 'a name that is too long, in UTF-8');
	is_deeply(functions_in('db_EUC_JP', 'cut'), { '"xx' . '日' x 30 . '"()' => 1 }, '... in EUC_JP');
	is(scalar(grep { /\A"xx(?:ä){30}\xef\xbf\xbd"\(\)~\d+\z/ } keys %{ functions_in('db_SQL_ASCII', 'cut') }), 1,
		'... and without an encoding, inside a character');

	# Signatures that are too long here, by the argument types' names.
	my %letter = (postgres => '\xc3\xa4', db_EUC_JP => '\xc6\xfc', db_LATIN1 => '\xe4', db_SQL_ASCII => '\xe4');
	foreach my $database (sort keys %letter)
	{
		my $type = 'x' . $letter{$database} x 31;
		$node->safe_psql($database, qq{
			CREATE SCHEMA types;
			DO \$do\$
			DECLARE type text := 'types.' || quote_ident(E'$type');
			BEGIN
				EXECUTE 'CREATE TYPE ' || type || ' AS (x int)';
				EXECUTE 'CREATE FUNCTION types.hundred(' || repeat(type || ', ', 99) || 'int) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN RETURN 1; END\$\$';
				EXECUTE 'SELECT types.hundred(' || repeat('NULL, ', 99) || '1)';
			END \$do\$;});
		my ($name, @others) = keys %{ functions_in($database, 'types') };
		ok(!@others && $name =~ /\Ahundred\(types\."x.*~\d+\z/s && length $name <= 255,
			"100 arguments of a type with a long name in $database");
	}
}

# SQL in databases of those encodings shows all that it can.
{
	local $ENV{PGCLIENTENCODING} = 'SQL_ASCII';
	foreach my $database ('db_SQL_ASCII', 'db_LATIN1')
	{
		$node->safe_psql($database, 'CREATE EXTENSION pg_hello');
		is(quiet_sql($node, 'SELECT count(*) = count(function) AND count(*) > 25 FROM pg_hello_stats', $database), 't',
			"$database: pg_hello_stats shows functions of all databases");
	}
	is(quiet_sql($node, q{SELECT calls FROM pg_hello_stats WHERE function = E'"caf\xe9"()'}, 'db_LATIN1'), '1', '... in its own encoding');
	like(quiet_sql($node, 'SELECT pg_hello_metrics()', 'db_SQL_ASCII'), qr/pg_hello_function_calls_total/, '... pg_hello_metrics(), too');
}

same_in_every_format('names of all encodings');

# --- temporary functions -----------------------------------------------------------------------------

my @sessions = map { $node->background_psql('postgres') } 1 .. 5;
foreach my $session (@sessions)
{
	$session->query_safe("CREATE FUNCTION pg_temp.scratch(i int) RETURNS int $body");
	$session->query_safe("CREATE FUNCTION pg_temp.scratch(t text) RETURNS int $body");
	$session->query_safe(q{SELECT pg_temp.scratch(1), pg_temp.scratch(2), pg_temp.scratch('x')});
}
is_deeply(functions_in('postgres', 'pg_temp'), { 'scratch(integer)' => 10, 'scratch(text)' => 5 },
	'temporary functions of five sessions are one row by signature');
$sessions[0]->query_safe("DROP FUNCTION pg_temp.scratch(int); CREATE FUNCTION pg_temp.scratch(i int) RETURNS int $body");
$sessions[0]->query_safe('SELECT pg_temp.scratch(3)');
$_->quit foreach @sessions;
is_deeply(functions_in('postgres', 'pg_temp'), { 'scratch(integer)' => 11, 'scratch(text)' => 5 }, '... also made anew, and afterwards');

# --- renamed, moved, replaced -------------------------------------------------------------------------

my $session = $node->background_psql('postgres');
$session->query_safe("CREATE SCHEMA here; CREATE SCHEMA there; CREATE FUNCTION here.one() RETURNS int $body");
# A view knows its functions by oid, so that it goes on working whatever they are called.
$session->query_safe('CREATE VIEW calls_one AS SELECT here.one()');
$session->query_safe('PREPARE p AS SELECT * FROM calls_one');
$session->query_safe('EXECUTE p; EXECUTE p');
is_deeply(functions_in('postgres', 'here'), { 'one()' => 2 }, 'a function');
$node->safe_psql('postgres', 'ALTER FUNCTION here.one() RENAME TO two');
$session->query_safe('EXECUTE p');
is_deeply(functions_in('postgres', 'here'), { 'two()' => 3 }, '... renamed: shown so after the next call, counters kept');
$node->safe_psql('postgres', 'ALTER FUNCTION here.two() SET SCHEMA there');
$session->query_safe('EXECUTE p');
is_deeply([ functions_in('postgres', 'here'), functions_in('postgres', 'there') ], [ {}, { 'two()' => 4 } ], '... moved');
$node->safe_psql('postgres', 'ALTER SCHEMA there RENAME TO elsewhere');
$session->query_safe('EXECUTE p');
is_deeply(functions_in('postgres', 'elsewhere'), { 'two()' => 5 }, '... with its schema renamed');
$node->safe_psql('postgres', "CREATE OR REPLACE FUNCTION elsewhere.two() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 22; END'");
is($session->query_safe('EXECUTE p'), '22', '... replaced');
is_deeply(functions_in('postgres', 'elsewhere'), { 'two()' => 6 }, '... the same row');
$node->safe_psql('postgres', "DROP FUNCTION elsewhere.two() CASCADE; CREATE FUNCTION elsewhere.two() RETURNS int $body");
$node->safe_psql('postgres', 'SELECT elsewhere.two()');
is(scalar(grep { /\Atwo\(\)/ } keys %{ functions_in('postgres', 'elsewhere') }), 1, 'a new function of an old name takes its place');
is_deeply(functions_in('postgres', 'elsewhere'), { 'two()' => 1 }, '... and begins at zero');
$session->quit;

same_in_every_format('renamed and temporary functions');

# Every scrape on the way was checked by the reader: UTF-8, HELP and TYPE, no two equal series.
is(metric(scrape($port), 'pg_hello_stack_resyncs_total'), 0, 'the call stack was never out of step');

finish();
