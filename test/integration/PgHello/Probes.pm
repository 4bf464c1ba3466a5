# What the tests of probes share.
package PgHello::Probes;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);

use PgHello;

our @EXPORT = qw(probes_of wait_for_probes next_round database_oid);

# 'connect:t extension:t ...' of one database as SQL shows it, '-' where a probe was not made; empty
# if the database is not shown.
sub probes_of
{
	my ($node, $datname, $where) = @_;
	return quiet_sql($node, "
		SELECT string_agg(probe || ':' || coalesce(left(success::text, 1), '-'), ' ' ORDER BY n)
		FROM pg_hello_probe_rows() WITH ORDINALITY
			AS p(dbid, datname, probe, success, status, duration, last_probe, last_success, since, n)
		WHERE datname = '$datname'", $where);
}

# Waits until one probe of a database is what it should be: 't', 'f' or '-'. Returns its status text.
sub wait_for_probes
{
	my ($node, $datname, $probe, $wanted, $where) = @_;
	my $state = q{coalesce(CASE success WHEN true THEN 't' WHEN false THEN 'f' END, '-')};
	return wait_until(
		"$probe of $datname is $wanted",
		sub {
			my ($found, $status) = split /\|/,
			  quiet_sql($node, "SELECT $state, status FROM pg_hello_probes WHERE datname = '$datname' AND probe = '$probe'", $where), 2;
			return defined $found && $found eq $wanted ? $status : undef;
		});
}

# Waits until a round has been completed that began after now.
sub next_round
{
	my ($where) = @_;
	my $last = sub { metric(scrape($where), 'pg_hello_probe_last_round_timestamp_seconds') };
	foreach (1 .. 2)
	{
		my $before = $last->();
		wait_until('a round of probes is complete', sub { $last->() > $before });
	}
	return;
}

sub database_oid
{
	my ($node, $datname) = @_;
	return quiet_sql($node, "SELECT oid FROM pg_database WHERE datname = '$datname'");
}

1;
