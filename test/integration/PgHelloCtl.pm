# Runs pg_helloctl, as an operator would.
package PgHelloCtl;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils ();
use Test::More;

our @EXPORT = qw(ctl ctl_json ctl_is ctl_start ctl_end program_dir own_installation ask_for_password);

sub environment
{
	my ($node) = @_;
	return (PGHOST => $node->host, PGPORT => $node->port, PGCONNECT_TIMEOUT => 30);
}

# Against a server's socket, as libpq's environment says it: {code, out, err}.
sub ctl
{
	my ($node, @arguments) = @_;
	local %ENV = (%ENV, environment($node));
	my ($out, $err);
	IPC::Run::run([ 'pg_helloctl', @arguments ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout(90));
	return { code => $? >> 8, signal => $? & 127, out => $out, err => $err };
}

sub ctl_json
{
	my ($node, @arguments) = @_;
	my $done = ctl($node, '--json', @arguments);
	return { %$done, json => JSON::PP::decode_json($done->{out}) };
}

# In the background, until ctl_end(), to which what is returned goes.
sub ctl_start
{
	my ($node, @arguments) = @_;
	local %ENV = (%ENV, environment($node));
	my $running = { out => '', err => '' };
	$running->{harness} = IPC::Run::start([ 'pg_helloctl', @arguments ], '<', \undef,
		'>', \$running->{out}, '2>', \$running->{err}, IPC::Run::timeout(90));
	return $running;
}

# Sends it a signal, and waits for its end; as ctl() returns it.
sub ctl_end
{
	my ($running, $signal) = @_;
	$running->{harness}->signal($signal);
	$running->{harness}->finish;
	my $status = $running->{harness}->full_result(0);
	return { %$running, code => $status >> 8, signal => $status & 127 };
}

# A directory with PostgreSQL's programs, of which some are these shell scripts instead.
sub program_dir
{
	my ($directory, %scripts) = @_;
	mkdir $directory or die "$directory: $!";
	chomp(my $bindir = `pg_config --bindir`);
	foreach my $name (qw(pg_dump pg_dumpall pg_restore pg_basebackup pg_verifybackup psql))
	{
		symlink "$bindir/$name", "$directory/$name" or die $! if !$scripts{$name};
	}
	foreach my $name (keys %scripts)
	{
		PostgreSQL::Test::Utils::append_to_file("$directory/$name", "#!/bin/sh\n$scripts{$name}\n");
		chmod 0755, "$directory/$name";
	}
	return $directory;
}

# Servers that are made from now on have files of their own, below the directory that is returned.
sub own_installation
{
	my ($stage, $own) = ($ENV{PG_HELLO_STAGE}, "$ENV{TESTDIR}/own");
	my ($bin) = grep { m{^\Q$stage\E/} } split /:/, $ENV{PATH};
	(my $own_bin = $bin) =~ s/^\Q$stage\E/$own/;
	mkdir $own or die $!;
	system('cp', '-rs', "$stage/usr", "$own/usr") == 0 or die 'cp';
	system('rm', '-r', $own_bin) == 0 or die 'rm';
	system('cp', '-r', $bin, $own_bin) == 0 or die 'cp';
	$ENV{PATH} = "$own_bin:$ENV{PATH}";
	return $own;
}

# From a role that connects through the socket; the server has it in force a little later.
sub ask_for_password
{
	my ($node, $role) = @_;
	my $hba = $node->data_dir . '/pg_hba.conf';
	my $trust = PostgreSQL::Test::Utils::slurp_file($hba);
	PostgreSQL::Test::Utils::append_to_file("$hba.new", "local all $role scram-sha-256\n$trust");
	rename "$hba.new", $hba or die $!;
	$node->reload;
	return;
}

# The exit code, and what must be among the output.
sub ctl_is
{
	my ($done, $code, $what, @regexes) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($done->{code}, $code, "$what: exit code $code") or diag("$done->{out}$done->{err}");
	like($done->{out} . $done->{err}, $_, '... and says so') foreach @regexes;
	return;
}

1;
