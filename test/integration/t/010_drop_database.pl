# The worker is in nobody's way, and databases keep their numbers apart.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main');
my $port = metrics_port($node);
my $scraping = in_child(sub { while (1) { scrape($port) } });

# Others in a database make these fail, after waiting for them for five seconds.
sub done
{
	my ($sql) = @_;
	my ($status, undef, $stderr) = $node->psql('postgres', $sql);
	is($status, 0, $sql) or diag $stderr;
	is(quiet_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_hello metrics' AND datid IS NOT NULL}),
		0, '... and the worker is in no database');
	return;
}
my $f = q{CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'};
my $calls = sub { metric(scrape($port), 'pg_hello_function_calls_total', function => 'f()', datname => $_[0]) };

done('CREATE DATABASE pattern');
$node->safe_psql('pattern', $f);
$node->safe_psql('pattern', 'SELECT f()');
done('CREATE DATABASE clone TEMPLATE pattern');
done('CREATE DATABASE clone_by_files TEMPLATE pattern STRATEGY file_copy');
is($calls->('clone'), undef, 'a clone begins without numbers');
$node->safe_psql('clone', 'SELECT f(), f()');
$node->safe_psql('clone_by_files', 'SELECT f(), f(), f()');
is(join(' ', map { $calls->($_) } 'pattern', 'clone', 'clone_by_files'), '1 2 3', 'one function in three databases: three series');
{
	my %oids = map { $_->{labels}{funcid} => 1 }
	  grep { $_->{name} eq 'pg_hello_function_info' && $_->{labels}{function} eq 'f()' } @{ scrape($port)->{samples} };
	is(scalar keys %oids, 1, '... of the same oid');
}

done('ALTER DATABASE clone RENAME TO renamed');
$node->safe_psql('renamed', 'SELECT f()');
is($calls->('renamed'), 3, 'a renamed database has its new name after the next call, and its numbers');
is($calls->('clone'), undef, '... and its old name no more');

done('DROP DATABASE renamed');
done('DROP DATABASE clone_by_files');
done('DROP DATABASE pattern');

# A new database of an old name is another one, and it is the one of this name.
done('CREATE DATABASE pattern');
$node->safe_psql('pattern', $f);
$node->safe_psql('pattern', 'SELECT f(), f(), f(), f(), f()');
my $oid = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'pattern'});
is($calls->('pattern'), 5, 'a database that was made anew is shown by its name');
is(quiet_sql($node, "SELECT calls FROM pg_hello_stats WHERE dbid = $oid AND function = 'f()'"), '5', '... and begins at zero');

# Many, quickly.
foreach my $round (1 .. 5)
{
	$node->safe_psql('postgres', 'CREATE DATABASE brief');
	$node->safe_psql('brief', $f);
	$node->safe_psql('brief', 'SELECT f()');
	$node->safe_psql('postgres', 'DROP DATABASE brief');
}
pass('databases come and go');
is(stop_child($scraping), 0, 'each scrape meanwhile was complete and valid');

finish();
