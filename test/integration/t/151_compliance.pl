# docs/compliance.md gives a class to each metric and each object of the extension, and its checklist is that of
# pg_helloctl harden; README lists the settings as the server has them.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;
use PostgreSQL::Test::Utils ();

my $node = new_node('main');
my $document = PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/docs/compliance.md");

sub rows
{
	my ($part) = @_;
	my ($text) = $document =~ /^<!-- $part -->\n\n(.*?)\n\n<!-- end of $part -->$/ms or die "no $part";
	my @rows = map { [ map { s/^`|`$//gr } split / \| /, s/^\| | \|$//gr ] } grep { /^\| `/ } split /\n/, $text;
	my %rows = map { $_->[0] => $_ } @rows;
	is(scalar(keys %rows), scalar(@rows), "$part: no row twice");
	return %rows;
}
sub same
{
	my ($documented, $there, $what) = @_;
	is_deeply([ sort keys %$documented ], [ sort keys %$there ], $what);
	return;
}

# --- metrics ---

my %metrics = rows('metrics');
my ($function_labels, %labels) = (0);
foreach my $line (split /\n/, PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/docs/metrics.md"))
{
	$function_labels = $1 eq 'Functions' if $line =~ /^## (.*)/;
	next if $line !~ /^\| `(pg_hello_\w+)` \| \w+ \| \w* \| (.*?) \|/;
	my ($name, $own) = ($1, $2);
	$labels{$name} = { map { $_ => 1 } $own =~ /`(\w+)`/g, $function_labels ? qw(datname schema function) : () };
}
same(\%metrics, \%labels, 'every metric has a class');
foreach my $name (sort keys %labels)
{
	my $has_names = grep { $labels{$name}{$_} } qw(datname schema function slo check);
	is($metrics{$name}[1] // '', $has_names ? 'names' : 'operational', "$name: its class is that of its labels");
}

# --- objects ---

my %objects = rows('objects');
my $members = q{
	FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_hello')};
my %kinds = map { split /\|/ } split /\n/, $node->safe_psql('postgres', qq{
	SELECT relname, CASE relkind WHEN 'v' THEN 'view' WHEN 'r' THEN 'table' ELSE 'sequence' END
	FROM pg_class WHERE relkind IN ('v', 'r', 'S') AND oid IN (SELECT d.objid $members AND d.classid = 'pg_class'::regclass)
	UNION SELECT proname, 'function' FROM pg_proc WHERE oid IN (SELECT d.objid $members AND d.classid = 'pg_proc'::regclass)});
is_deeply({ map { $_ => $objects{$_}[1] } keys %objects }, \%kinds, 'every table, view and function has a class');

# What a column or a result can show decides what the class must be, at least.
my %columns = map { my ($name, @columns) = split /\|/; ($name => \@columns) } split /\n/, $node->safe_psql('postgres', qq{
	SELECT c.relname || '|' || string_agg(a.attname, '|') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	WHERE c.oid IN (SELECT d.objid $members AND d.classid = 'pg_class'::regclass) AND c.relkind IN ('v', 'r') GROUP BY c.relname
	UNION ALL
	SELECT p.proname || '|' || string_agg(n, '|') FROM pg_proc p, unnest(p.proargnames, p.proargmodes) u(n, m)
	WHERE p.oid IN (SELECT d.objid $members AND d.classid = 'pg_proc'::regclass) AND m IN ('t', 'o') GROUP BY p.oid, p.proname});
my %rank = (none => 0, operational => 0, names => 1, personal => 2, content => 3);
foreach my $name (sort keys %columns)
{
	my @columns = @{ $columns{$name} };
	my $least = (grep { /^(?:old_row|value)$/ } @columns) ? 'content'
	  : (grep { /user|rol(?:e|name)|client_addr/ } @columns) ? 'personal'
	  : (grep { /^(?:datname|schema|function|function_name|slo)$/ } @columns) ? 'names' : 'none';
	cmp_ok($rank{ $objects{$name}[2] // 'none' }, '>=', $rank{$least}, "$name: is at least $least");
}
my %used = map { $_ => 1 } (map { $_->[2] } values %objects), (map { $_->[1] } values %metrics);
same(\%used, \%rank, 'these classes are used, and no others');

# --- the checklist ---

my %checklist = rows('checklist');
my ($checks) = ctl($node, 'harden', '--help')->{out} =~ /--only TEXT:\{([^}]*)\}/;
same(\%checklist, { map { $_ => 1 } split /,/, $checks }, 'the checklist has what harden checks');
my %found = map { $_->{check} => 1 } @{ ctl_json($node, 'harden')->{json}{findings} };
same(\%checklist, \%found, '... and harden says something of each');

# --- settings ---

my %units = (ms => 1, s => 1000, min => 60_000);
my %contexts = (postmaster => 'server start', sighup => 'reload', superuser => 'superuser', user => 'anybody');
sub value_of
{
	my ($documented) = @_;
	return $documented eq 'empty' ? '' : $documented =~ /\A0\d+\z/ ? oct $documented
	  : $documented =~ /\A(\d+)(ms|s|min)\z/ ? $1 * $units{$2} : $documented;
}
my %settings;
foreach my $line (split /\n/, PostgreSQL::Test::Utils::slurp_file("$ENV{PG_HELLO_STAGE}/README.md"))
{
	my ($name, $default, $who) = $line =~ /^\| `(pg_hello\.\w+)` \| (.*?) \| (.*?) \|/ or next;
	$settings{$name} = [ $default =~ s/`//gr, $who ];
}
my %there = map { my ($name, @rest) = split /\|/, $_, -1; ($name => \@rest) } split /\n/,
  $node->safe_psql('postgres', q{SELECT name, boot_val, unit, context FROM pg_settings WHERE name LIKE 'pg\_hello.%'});
same(\%settings, \%there, 'README lists every setting');
foreach my $name (sort keys %settings)
{
	my ($default, $who) = @{ $settings{$name} };
	my ($boot, $unit, $context) = @{ $there{$name} // [ '', '', '' ] };
	$boot *= $units{$unit} if $units{$unit};
	like($who, qr/\A\Q$contexts{$context}\E\b/, "$name: who may set it, and when");
	is(value_of($default), $boot, "$name: its default") if $default ne q{the guide's};
}

finish();
