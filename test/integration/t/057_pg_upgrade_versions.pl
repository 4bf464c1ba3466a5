# pg_upgrade from version to version, with the library loaded on both sides, takes the extension, its rows and its roles
# along, whether files are copied, linked or swapped.
#
# usage: 057_pg_upgrade_versions.pl MAJOR ...     servers before this one, oldest first, as scripts/test-matrix has staged
#   them in /mnt/older/MAJOR
use strict;
use warnings FATAL => 'all';

use Cwd;
use IPC::Run;
use Test::More;
use PgHello;
use PostgreSQL::Test::Utils ();

my @older = @ARGV;
plan skip_all => 'no older servers are given' if !@older;

# Debian's older server runs in a newer release with those of its libraries that the newer one no longer has.
sub lend_libraries
{
	my ($major) = @_;
	my $lent = PostgreSQL::Test::Utils::tempdir();
	foreach my $library (glob "/mnt/older/$major/lib/*-linux-gnu/*.so.*")
	{
		my ($name) = $library =~ m!([^/]+)\z!;
		my ($triplet) = $library =~ m!/([^/]+-linux-gnu)/!;
		symlink $library, "$lent/$name" if !-e "/usr/lib/$triplet/$name" && !-e "$lent/$name";
	}
	return $lent;
}
$ENV{LD_LIBRARY_PATH} = join ':', map { lend_libraries($_) } @older;

# With checksums, which 18 has unless told: pg_upgrade wants both servers to be alike in that.
sub server
{
	my ($name, $major) = @_;
	return new_node($name, -start => 0, -init => [ extra => ['--data-checksums'] ],
		-new => [ $major ? (install_path => "/mnt/older/$major/stage/usr/lib/postgresql/$major") : () ]);
}

my $rows = join "\nUNION ALL\n", map { "SELECT '$_', t::text FROM $_ t" } 'app_config', 'pg_hello_performance_baseline', 'security_audit_log';
my %questions = (
	'rows' => "SELECT * FROM ($rows) r ORDER BY 1, 2",
	'privileges' => q{
		SELECT d.objid::regprocedure, p.proacl, p.prosecdef FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' ORDER BY p.proname},
	'policies' => 'SELECT polname, polroles::regrole[], pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY 1',
	'triggers' => 'SELECT tgrelid::regclass, tgname FROM pg_trigger ORDER BY tgname',
	'roles' => q{SELECT m.roleid::regrole, m.member::regrole FROM pg_auth_members m WHERE m.member::regrole::text IN ('admin', 'reader') ORDER BY 1, 2},
	'a view over the extension' => 'SELECT count(*) FROM slow',
	'what is in force' => 'SHOW pg_hello.repeat',
	'data, and a function of it' => 'SELECT count(*), sum(i), sum(twice(i)) FROM things',
);

my $node = server("pg$older[0]", $older[0]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_hello;
	CREATE ROLE admin LOGIN IN ROLE hello_admins, pg_monitor;
	CREATE ROLE reader LOGIN IN ROLE hello_users;
	CREATE DATABASE second;
	CREATE TABLE things AS SELECT i FROM generate_series(1, 1000) i;
	CREATE FUNCTION twice(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2 * i; END';
	CREATE VIEW slow AS SELECT function, p99 FROM pg_hello_stats WHERE p99 > 100;
	SELECT pg_hello('x');
	INSERT INTO app_config (key, value) VALUES ('color', 'blue');
});
$node->safe_psql('postgres', q{SELECT update_greeting_config(3), pg_hello_capture_baseline('before')}, extra_params => [ '-U', 'admin' ]);
# The extension as it was at first goes along as it is.
$node->safe_psql('second', q{CREATE EXTENSION pg_hello VERSION '1.0'; SELECT pg_hello('y')});
my %known = map { $_ => $node->safe_psql('postgres', $questions{$_}) } keys %questions;
like($known{rows}, qr/app_config.*pg_hello_performance_baseline.*security_audit_log/s, 'there is something in each table');
my $from = $older[0];

# The minor releases of November 2026 (15.20, 17.12) mark each column with an option that earlier ones of newer versions
# (18.6) do not know: no database with a table of its own can be taken from those to these, with pg_hello or without.
sub knows_column_marks
{
	my ($server) = @_;
	return index(PostgreSQL::Test::Utils::slurp_file($server->config_data('--bindir') . '/postgres'), 'pg_attver') >= 0;
}

my $impossible;
foreach my $major (@older[ 1 .. $#older ], undef)
{
	my $new = server($major ? "pg$major" : 'this', $major);
	my ($to) = $new->config_data('--version') =~ /(\d+)/;
	if (knows_column_marks($node) && !knows_column_marks($new))
	{
		$impossible = sprintf '%s does not know the column option pg_attver that %s sets', map { $_->config_data('--version') } $new, $node;
		last;
	}
	my @mode = $to >= 18 ? '--swap' : $major ? '--link' : ();
	$node->stop;
	my ($stdout, $stderr) = ('', '');
	my $here = getcwd();
	chdir PostgreSQL::Test::Utils::tempdir();
	my $done = IPC::Run::run(
		[ $new->config_data('--bindir') . '/pg_upgrade', '--no-sync', @mode, '-d', $node->data_dir, '-D', $new->data_dir,
		  '-b', $node->config_data('--bindir'), '-B', $new->config_data('--bindir'), '-s', $new->host, '-p', $node->port,
		  '-P', $new->port ],
		'>', \$stdout, '2>', \$stderr);
	chdir $here;
	ok($done, "pg_upgrade @mode from $from to $to") or diag("$stdout\n$stderr");
	$new->start;
	is($new->safe_psql('postgres', 'SHOW server_version_num') =~ s/\d{4}\z//r, $to, "the server is a $to");
	foreach my $question (sort keys %questions)
	{
		is($new->safe_psql('postgres', $questions{$question}), $known{$question}, "$from to $to: $question");
	}
	is($new->safe_psql('postgres', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', "$from to $to: the extension passes its own test");
	is(calls_of(scrape($new), 'twice(integer)'), 1000, '... functions are counted');
	is(metric(scrape($new), 'pg_hello_extension_version_mismatch', datname => 'postgres'), 0, '... the library and the SQL objects are of one version');
	is($new->safe_psql('second', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_hello'}), '1.0', '... the first version is what it was');
	is($new->safe_psql('second', q{SELECT pg_hello('z')}), 'Hello, z!', '... and works');
	($node, $from) = ($new, $to);
}

SKIP:
{
	skip $impossible, 1 if $impossible;
	pass('through all versions');
}
$node->start if !defined $node->{_pid};
is($node->safe_psql('postgres', q{SELECT update_greeting_config(4)}, extra_params => [ '-U', 'admin' ]), '4', 'it is configured by the same role');
is($node->safe_psql('postgres', q{SELECT new_row ->> 'value' FROM security_audit_log ORDER BY id DESC LIMIT 1}), '4', '... which is recorded after what was recorded before');
$node->safe_psql('second', 'ALTER EXTENSION pg_hello UPDATE');
is($node->safe_psql('second', 'SELECT bool_and(passed) FROM pg_hello_selftest()'), 't', 'the first version is updated');

finish();
