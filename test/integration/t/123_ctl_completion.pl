# bash completes what pg_helloctl understands, and its documents name all of that.
use strict;
use warnings FATAL => 'all';

use IPC::Run ();
use Test::More;
use PgHello;

my $script = "$ENV{TESTDIR}/completion.bash";
system("pg_helloctl completion > '$script'") == 0 or die;

# What is offered for the last of these words.
sub complete
{
	my (@words) = @_;
	my $list = join ' ', map { my $word = $_; $word =~ s/'/'\\''/g; "'$word'" } 'pg_helloctl', @words;
	my $out;
	my $bash = qq{. '$script'; COMP_WORDS=($list); COMP_CWORD=} . scalar(@words) . q{; _pg_helloctl; printf '%s\n' "${COMPREPLY[@]}"};
	IPC::Run::run([ 'bash', '-uc', $bash ], '<', \undef, '>', \$out);
	return { map { $_ => 1 } split /\n/, $out };
}

my $first = complete('');
ok($first->{$_}, "it offers $_") foreach qw(health diagnose logs load report maintain harden --json --dbname -h);
ok(!$first->{completion}, 'but not what is for those who install it');
is_deeply(complete('heal'), { 'health' => 1 }, 'a word that was begun');
ok(complete('logs', '--')->{$_}, "logs: $_") foreach qw(--follow --since --json --host);
ok(!complete('health', '--')->{'--follow'}, 'each its own');
ok(complete('-d', 'shop', '--json', 'load', '--')->{'--clients'}, 'after other options');
is_deeply(complete('maintain', 'w'), { 'weekly' => 1 }, 'a choice');
is_deeply(complete('logs', '--format', ''), { map { $_ => 1 } qw(stderr csv json) }, 'a choice of an option');
mkdir "$ENV{TESTDIR}/my dir" or die $!;
PostgreSQL::Test::Utils::append_to_file("$ENV{TESTDIR}/my file", '');
is_deeply(complete('logs', '--file', "$ENV{TESTDIR}/my "), { "$ENV{TESTDIR}/my file" => 1, "$ENV{TESTDIR}/my dir" => 1 }, 'a file');
is_deeply(complete('maintain', 'daily', '--output', "$ENV{TESTDIR}/my "), { "$ENV{TESTDIR}/my dir" => 1 }, 'a directory');
is_deeply(complete('load', '--clients', ''), {}, 'nothing where nobody knows');

# --- the documents ---

my $docs = "$ENV{PG_HELLO_STAGE}/docs";
my $manual = PostgreSQL::Test::Utils::slurp_file("$docs/pg_helloctl.1") =~ s/\\-/-/gr;
my $guide = PostgreSQL::Test::Utils::slurp_file("$docs/pg_helloctl.md");
my $help = PostgreSQL::Test::Utils::slurp_file($script);
my ($commands) = $help =~ /\[-\]='([^']*)'/;
foreach my $command (grep { !/^-/ } split / /, $commands)
{
	like($manual, qr/^\.B \Q$command\E$/m, "the manual page knows $command");
	like($guide, qr/^## \Q$command\E$/m, '... and so does the guide');
	my ($words) = $help =~ /^  \[\Q$command\E\]='([^']*)'/m;
	foreach my $option (grep { /^--/ && $_ ne '--help' } split / /, $words)
	{
		like($manual, qr/\Q$option\E/, "the manual page knows $option of $command");
		like($guide, qr/\Q$option\E/, '... and so does the guide');
	}
}

finish();
