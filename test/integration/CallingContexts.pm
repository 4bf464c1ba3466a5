# What is counted in each of the places from which PostgreSQL calls functions: the cases of the table
# in docs/tracking.md, by the same names (test/lint/contexts.py sees to that).
package CallingContexts;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use Test::More;
use PgHello;

our @EXPORT = qw(contexts_node context counted_since);

my ($node, $port, %before);

# A server in which everything is tracked that can be. The contexts of a test are all in it.
sub contexts_node
{
	my (%conf) = @_;
	$node = new_node('main', 'pg_hello.track' => 'all', 'jit' => 'off', %conf);
	$port = metrics_port($node);
	quiet_sql($node, q{
		CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN i; END';
		CREATE FUNCTION fixed(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS 'BEGIN RETURN i; END';
		CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN IF TG_LEVEL = ''ROW'' AND TG_OP <> ''DELETE'' THEN RETURN NEW; END IF; RETURN OLD; END';
	});
	counted_since();
	return $node;
}

# All that has been counted since the last question, in all databases: "f(integer) 3 other() 1/1",
# calls and, if there were any, errors.
sub counted_since
{
	my $scrape = scrape($port);
	my (%now, @news);
	foreach my $sample (@{ $scrape->{samples} })
	{
		next if $sample->{name} !~ /\Apg_hello_function_(calls|errors)_total\z/;
		my ($what, $labels) = ($1, $sample->{labels});
		$now{"$labels->{function}\0$labels->{datname}"}{$what} += $sample->{value};
	}
	foreach my $function (sort keys %now)
	{
		my ($calls, $errors) = map { $now{$function}{$_} - ($before{$function}{$_} // 0) } 'calls', 'errors';
		push @news, ($function =~ s/\0.*//r) . " $calls" . ($errors ? "/$errors" : '') if $calls || $errors;
	}
	%before = %now;
	return join ' ', @news;
}

# In a context, `sql` counts exactly `counts` (or what matches it); `fails` is what its error matches. `setup` is run
# first, untracked and in another session; `then` afterwards.
sub context
{
	my ($name, $what, %case) = @_;
	quiet_sql($node, $case{setup}) if $case{setup};
	counted_since();
	my ($status, $stdout, $stderr) = $node->psql('postgres', $case{sql}, on_error_stop => 0);
	like($stderr, $case{fails} // qr/\A(?:(?:NOTICE|WARNING):.*\n?)*\z/, "$name: $what, as ever");
	$case{then}->() if $case{then};
	my $counted = counted_since();
	ref $case{counts} ? like($counted, $case{counts}, "$name: $what") : is($counted, $case{counts}, "$name: $what");
	return $stdout;
}

1;
