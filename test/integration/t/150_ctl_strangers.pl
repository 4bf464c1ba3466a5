# Each subcommand of pg_helloctl that cannot get in, because the password is wrong or no server answers, says so, and
# neither makes nor changes anything.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $node = new_node('main');
$node->safe_psql('postgres', q{CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'right'; CREATE DATABASE shop});
$node->safe_psql('shop', 'CREATE EXTENSION pg_hello');
my $base = "$ENV{TESTDIR}/strangers";
mkdir $base or die $!;
ctl_is(ctl($node, 'backup', "$base/backup", 'shop', '--no-verify'), 0, 'a backup to restore');
my ($backup) = glob "$base/backup/2*";
my $work = "$base/work";
mkdir $_ or die $! foreach $work, "$work/kept";

# Arguments, and the exit codes: of a wrong password, of a server that is down.
my %subcommands = (
	health => [ [], 3, 2 ],
	diagnose => [ [], 3, 2 ],
	logs => [ [], 3, 2 ],
	load => [ [ '--duration', 1 ], 3, 2 ],
	report => [ [ '--html', "$work/report.html" ], 3, 2 ],
	maintain => [ [ 'daily', '--output', "$work/kept" ], 3, 2 ],
	harden => [ ['--apply'], 3, 2 ],
	# That there is no new backup is critical, whatever the reason.
	backup => [ [ "$work/backup", 'shop' ], 2, 2 ],
	restore => [ [ $backup, 'shop', '--replace', 'shop' ], 3, 2 ],
	update => [ [ '--backup-dir', "$work/update" ], 3, 2 ],
);

my %known = map { $_ => 1 } ctl($node, '--help')->{out} =~ /^  ([a-z]+)  +[A-Z]/mg;
delete $known{completion};
is_deeply([ sort keys %subcommands ], [ sort keys %known ], 'these are all subcommands');

sub state_of
{
	return join "\n", map { $node->safe_psql('shop', $_) }
	  'SELECT datname FROM pg_database ORDER BY 1',
	  'SELECT name, setting FROM pg_file_settings ORDER BY 1, seqno',
	  'SELECT extversion FROM pg_extension ORDER BY extname',
	  'SELECT count(*) FROM pg_hello_performance_baseline',
	  'SELECT count(*) FROM security_audit_log',
	  'SELECT relname, relacl FROM pg_class ORDER BY 1',
	  'SELECT stats_reset FROM pg_hello_info()';
}
sub files { return join "\n", sort map { chomp; $_ } `find '$base' -printf '%p %s %m\n'`; }

ask_for_password($node, 'locked');
$ENV{PGPASSWORD} = 'wrong';
wait_until('the password is asked for', sub { return ctl($node, '-U', 'locked', '-d', 'shop', 'health')->{out} =~ /password/; });
my ($state, $files) = (state_of(), files());
foreach my $name (sort keys %subcommands)
{
	my ($arguments, $code) = @{ $subcommands{$name} };
	my $done = ctl($node, '-U', 'locked', '-d', 'shop', $name, @$arguments);
	ctl_is($done, $code, "$name: a wrong password", qr/^unknown: .*password authentication failed for user "locked"/m);
	unlike($done->{out} . $done->{err}, qr/wrong/, '... and does not show it');
	my $json = ctl($node, '-U', 'locked', '-d', 'shop', '--json', $name, @$arguments);
	is($json->{code}, $code, '... as JSON, too');
	like($json->{out} . $json->{err}, qr/password authentication failed/, '... says so');
}
is(state_of(), $state, 'the server is as it was');
is(files(), $files, 'so are the files');

$node->stop;
foreach my $name (sort keys %subcommands)
{
	my ($arguments, undef, $code) = @{ $subcommands{$name} };
	ctl_is(ctl($node, '-d', 'shop', $name, @$arguments), $code, "$name: no server", qr/^critical: connection to server on socket .* failed/m);
}
is(files(), $files, 'the files are as they were');

finish();
