# ALTER EXTENSION pg_hello UPDATE: from every version to what CREATE EXTENSION makes, or not at all;
# and the library with objects that are older than it is.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', -extension => 0);
my $port = metrics_port($node);
$node->safe_psql('postgres', 'CREATE DATABASE updated; CREATE DATABASE made');

# version and mismatch in /metrics; nothing of a database without the extension
sub served
{
	my $scrape = scrape($port);
	my ($info) = grep { $_->{name} eq 'pg_hello_extension_info' && $_->{labels}{datname} eq $_[0] } @{ $scrape->{samples} };
	return $info && join ' ', @{ $info->{labels} }{ 'extension', 'version' }, metric($scrape, 'pg_hello_extension_version_mismatch', datname => $_[0]);
}
sub version_of { return $node->safe_psql($_[0], q{SELECT extversion FROM pg_extension WHERE extname = 'pg_hello'}) }

my ($latest, @older) = reverse split /\n/,
  $node->safe_psql('postgres', q{SELECT version FROM pg_available_extension_versions WHERE name = 'pg_hello' ORDER BY string_to_array(version, '.')::int[]});
is(join(' ', @older), '1.0', 'versions that there have been');

# --- the library with older objects ------------------------------------------------------------

$node->safe_psql('updated', q{CREATE EXTENSION pg_hello VERSION '1.0'});
is($node->safe_psql('updated', q{SELECT pg_hello('x'), now_ms() > 0, spi_version() = version()}), 'Hello, x!|t|t', '1.0: greets');
is(quiet_sql($node, q{SELECT calls, errors, p95 > 0 FROM pg_hello_stats WHERE function = 'pg_hello(text)'}, 'updated'), '1|0|t', '... counts');
is(calls_of(scrape($port), 'pg_hello(text)', datname => 'updated'), 1, '... is served');
like($node->safe_psql('updated', 'SELECT pg_hello_metrics()'), qr/pg_hello_function_calls_total/, '... also in SQL');
is($node->safe_psql('updated', 'SELECT count(*) FROM pg_hello_active'), '1', '... shows what runs');
is($node->safe_psql('updated', 'SELECT pg_hello_reset() IS NOT NULL'), 't', '... is reset');
is($node->safe_psql('updated', 'SELECT version FROM pg_hello_info()'), "$latest (version mismatch: SQL objects are 1.0)", '... and says that versions differ');

is(served('updated'), 'pg_hello 1.0 1', '... also in /metrics');
is(served('postgres'), undef, '... where there are any');

# What users have made of it
$node->safe_psql('updated', q{
	CREATE ROLE greeted LOGIN;
	CREATE VIEW my_stats AS SELECT function, calls FROM pg_hello_stats;
	GRANT SELECT ON pg_hello_stats TO greeted;
	GRANT EXECUTE ON FUNCTION pg_hello_stats_rows() TO greeted;
});

# --- what the catalogs know of the extension ---------------------------------------------------

my $members = q{
	WITH member AS (
		SELECT d.classid, d.objid, o.identity
		FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
	)
	SELECT 'object', identity, obj_description(objid, classid::regclass::name),
		pg_get_userbyid(coalesce((SELECT proowner FROM pg_proc WHERE oid = objid), (SELECT relowner FROM pg_class WHERE oid = objid)))
	FROM member
	UNION ALL
	SELECT 'function', identity, pg_get_functiondef(objid), proacl::text FROM member JOIN pg_proc ON oid = objid WHERE classid = 'pg_proc'::regclass
	UNION ALL
	SELECT 'relation', identity, concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions,
		CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END), relacl::text
	FROM member JOIN pg_class ON oid = objid WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT 'column', identity, concat_ws(' ', attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
		(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)), attacl::text
	FROM member JOIN pg_attribute ON attrelid = objid WHERE classid = 'pg_class'::regclass AND attnum > 0
	UNION ALL
	SELECT 'constraint', identity, conname, pg_get_constraintdef(c.oid) FROM member JOIN pg_constraint c ON conrelid = objid WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT 'index', identity, pg_get_indexdef(indexrelid), NULL FROM member JOIN pg_index ON indrelid = objid WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT 'trigger', identity, pg_get_triggerdef(t.oid), t.tgenabled::text FROM member JOIN pg_trigger t ON tgrelid = objid WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT 'policy', identity, concat_ws(' ', polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
		obj_description(p.oid, 'pg_policy')
	FROM member JOIN pg_policy p ON polrelid = objid WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT 'initial privileges', identity, privtype::text, initprivs::text FROM member m JOIN pg_init_privs i ON i.objoid = m.objid AND i.classoid = m.classid
	UNION ALL
	SELECT 'dumped', c::regclass::text, condition, NULL FROM pg_extension, unnest(extconfig, extcondition) x(c, condition) WHERE extname = 'pg_hello'
	ORDER BY 1, 2, 3, 4
};

# --- an update that fails half way -------------------------------------------------------------

my $before = $node->safe_psql('updated', $members);
foreach my $obstacle ('TABLE app_config (a int)', 'VIEW pg_hello_usage AS SELECT 1 AS a',
	q{FUNCTION update_greeting_config(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'})
{
	$node->safe_psql('updated', "CREATE $obstacle");
	my ($status, undef, $stderr) = $node->psql('updated', 'ALTER EXTENSION pg_hello UPDATE');
	isnt($status, 0, "the update fails: CREATE $obstacle");
	like($stderr, qr/already exists/, '... and says why');
	is(version_of('updated'), '1.0', '... the version is the old one');
	is($node->safe_psql('updated', $members), $before, '... and so is everything else');
	my ($kind, $name) = $obstacle =~ /\A(\w+) (\w+)/;
	$node->safe_psql('updated', "DROP $kind $name");
}
is($node->safe_psql('updated', q{SELECT pg_hello('x')}), 'Hello, x!', 'it still works');
is(served('updated'), 'pg_hello 1.0 1', '... with the old version in /metrics');
{
	my $kept = $node->safe_psql('updated', "BEGIN; ALTER EXTENSION pg_hello UPDATE; SELECT pg_hello('in between'); ROLLBACK; $members");
	is($kept =~ s/\AHello, in between!\n//r, $before, 'an update is rolled back by who wants it so');
}

# --- an update ---------------------------------------------------------------------------------

$node->safe_psql('updated', 'ALTER EXTENSION pg_hello UPDATE');
$node->safe_psql('made', 'CREATE EXTENSION pg_hello');
is(version_of('updated'), $latest, 'updated');
is(version_of('made'), $latest, 'made anew');
is(served($_), "pg_hello $latest 0", "/metrics knows it of $_") foreach ('updated', 'made');
is($node->safe_psql('updated', 'SELECT version = library_version, version_mismatch FROM pg_hello_info(), pg_hello_version()'), 't|f', 'versions are the same');
is($node->safe_psql('updated', q{SELECT bool_or(calls > 0) FROM my_stats WHERE function = 'pg_hello(text)'}), 't', q{users' views are still there});
is($node->safe_psql('updated', 'SELECT count(*) > 0 FROM pg_hello_stats', extra_params => [ '-U', 'greeted' ]), 't', '... and what they have granted');
is(($node->psql('updated', q{SELECT pg_hello('x')}, extra_params => [ '-U', 'greeted' ]))[0], 3, 'who is greeted is decided by the roles from now on');
$node->safe_psql('updated', 'REVOKE ALL ON pg_hello_stats FROM greeted; REVOKE ALL ON FUNCTION pg_hello_stats_rows() FROM greeted');
{
	my ($made, $updated) = map { $node->safe_psql($_, $members) } 'made', 'updated';
	cmp_ok(scalar(split /\n/, $made), '>', 100, 'the catalogs know much of it');
	is($updated, $made, 'the same as if it had been made anew');
}
is($node->safe_psql('updated', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', 'it passes its own test');
$node->safe_psql('updated', 'ALTER EXTENSION pg_hello UPDATE');
is(version_of('updated'), $latest, 'there is nothing more to update');
{
	my ($status, undef, $stderr) = $node->psql('updated', q{ALTER EXTENSION pg_hello UPDATE TO '1.0'});
	like($stderr, qr/has no update path from version "\Q$latest\E" to version "1\.0"/, 'there is no way back');
}

# --- what is not kept is found again -------------------------------------------------------------

$node->restart;
$port = metrics_port($node);
$node->safe_psql('made', 'SELECT 1');
is(served('made'), "pg_hello $latest 0", 'the version is there again with the first statement after a start');
$node->safe_psql('made', 'DROP EXTENSION pg_hello');
is(served('made'), undef, '... and goes with the extension');

finish();
