# docs/sql.md says of every object of the extension what the catalogs say, and of no other.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PostgreSQL::Test::Utils ();

my $node = new_node('main', -preload => 0);

# The reference, as it should be: one item for each object.
my $reference = $node->safe_psql('postgres', q{
	WITH member AS (
		SELECT d.classid, d.objid, obj_description(d.objid, d.classid::regclass::name) AS comment
		FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')
	), object AS (
		SELECT CASE relkind WHEN 'v' THEN 1 WHEN 'r' THEN 2 ELSE 4 END AS part, relname::text AS name, relname::text AS signature,
			CASE relkind WHEN 'v' THEN 'view' WHEN 'r' THEN 'table' ELSE 'sequence' END AS kind,
			relacl AS acl, relowner AS owner, comment,
			CASE WHEN relkind <> 'S' THEN
				(SELECT 'Columns: ' || string_agg(format('`%s %s`', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) || '.'
				 FROM pg_attribute WHERE attrelid = objid AND attnum > 0 AND NOT attisdropped) END AS more
		FROM member JOIN pg_class c ON c.oid = objid WHERE classid = 'pg_class'::regclass
		UNION ALL
		SELECT 3, proname, format('%s(%s)', proname, (SELECT string_agg(a, ', ' ORDER BY n) FROM unnest(regexp_split_to_array(pg_get_function_arguments(p.oid), ', (?=[a-z_]+ |OUT )')) WITH ORDINALITY x(a, n) WHERE a NOT LIKE 'OUT %')),
			'function', proacl, proowner, comment,
			CASE WHEN 'o' = ANY (proargmodes) OR 't' = ANY (proargmodes) THEN
				(SELECT format('Returns %s: ', CASE WHEN proretset THEN 'rows' ELSE 'a row' END) || string_agg(format('`%s %s`', argument, format_type(type, NULL)), ', ' ORDER BY n) || '.'
				 FROM unnest(proargnames, proallargtypes, proargmodes) WITH ORDINALITY x(argument, type, mode, n) WHERE mode IN ('o', 't'))
			ELSE format('Returns `%s`.', pg_get_function_result(p.oid)) END
		FROM member JOIN pg_proc p ON p.oid = objid WHERE classid = 'pg_proc'::regclass
	)
	SELECT format(E'- `%s` (%s; %s): %s. %s', signature, kind,
		coalesce((SELECT string_agg(CASE WHEN kind = 'function' OR rights = 'SELECT' THEN format('`%s`', who)
				ELSE format('`%s` %s', who, rights) END, ', ' ORDER BY who)
			FROM (SELECT coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') AS who, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS rights
				FROM aclexplode(acl) WHERE grantee <> owner GROUP BY grantee) g), 'owner only'),
		comment, more)
	FROM object ORDER BY part, name
});
$reference =~ s/ +$//mg;

my $docs = PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/docs/sql.md");
my ($written) = $docs =~ /^<!-- reference -->\n\n(.*)\n\n<!-- end of reference -->$/ms;
ok(defined $written, 'docs/sql.md has a reference');
my %listed = map { $_ => 1 } split /\n/, $written // '';
my %true = map { $_ => 1 } split /\n/, $reference;
is(join("\n", grep { !$listed{$_} } sort keys %true), '', 'every object is in it, as it is');
is(join("\n", grep { !$true{$_} } sort keys %listed), '', 'and nothing else');
is($written, $reference, '... in order');

# The text above it speaks only of what there is.
my %known = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q{
	SELECT relname FROM pg_class WHERE relname ~ '^(pg_hello|app_config|security_)'
	UNION SELECT proname FROM pg_proc WHERE proname ~ '^pg_hello|^log_ext|^update_gr|^now_ms|^spi_v'});
my %used = map { $_ => 1 } $docs =~ /\b(pg_hello_\w+|app_config|security_\w+|log_extension\w*|update_greeting\w*)\b/g;
is(join(' ', grep { !$known{$_} && !/^pg_hello_(?:users|admins)$/ } sort keys %used), '', 'each object that is named exists');

finish();
