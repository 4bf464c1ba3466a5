# A server that is destroyed comes back from its backup and its archived WAL, with pg_hello.
use strict;
use warnings FATAL => 'all';

use IPC::Run ();
use Test::More;
use PostgreSQL::Test::Utils ();

my $drill = "$ENV{PG_HELLO_STAGE}/scripts/drill";
my $directory = PostgreSQL::Test::Utils::tempdir_short();
$ENV{TMPDIR} = $directory;
sub drill
{
	my ($out, $err);
	IPC::Run::run([ $drill, @_ ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(140));
	return { code => $? >> 8, out => $out, err => $err };
}
sub has_recovered
{
	my ($done, $what) = @_;
	is($done->{code}, 0, "$what: the drill succeeds") or diag("$done->{out}$done->{err}");
	like($done->{out}, qr/^ok: database "postgres": pg_hello\(text\) answers$/m, '... pg_hello answers');
	like($done->{out}, qr/^ok: the library|^ok: database "postgres": library and extension are both of version/m, '... from library and extension of one version');
	my ($acknowledged, $recovered) = $done->{out} =~ /^acknowledged commits: (\d+); recovered: (\d+)$/m;
	cmp_ok($recovered, '>', 0, '... with work that was done after the backup');
	my ($rto, $rpo) = map { $done->{out} =~ /^$_: ([\d.]+) s, objective: less than \d+ s: met$/m } qw(RTO RPO);
	ok(defined $rto && defined $rpo, '... and within its objectives');
	note("$what: RTO $rto s, RPO $rpo s, $recovered of $acknowledged commits");
	return ($acknowledged, $recovered);
}

my ($acknowledged, $recovered) = has_recovered(drill(), 'base backup and archived WAL');
cmp_ok($recovered, '<', $acknowledged, '... what was not archived is lost');

SKIP:
{
	skip 'no Barman', 6 if system('which barman > /dev/null 2>&1') != 0;
	($acknowledged, $recovered) = has_recovered(drill('--method', 'barman'), 'Barman');
	# Some 20 were written after the last segment was complete.
	cmp_ok($acknowledged - $recovered, '<=', 10, '... what was streamed is not lost');
}

is(drill('--method', 'prayer')->{code}, 2, 'another method is refused');
is_deeply([ glob "$directory/pg_hello-drill.*" ], [], 'nothing is left');
done_testing();
