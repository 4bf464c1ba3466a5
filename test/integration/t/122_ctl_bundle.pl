# pg_helloctl diagnose --bundle collects what is needed to look into a server's troubles, and no secret.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $secret = 'Hush8731';
my $node = new_node('main',
	'primary_conninfo' => "host=nowhere password=$secret",
	'archive_command' => "curl -u me:$secret https://x",
	'cluster_name' => $secret,
	'log_line_prefix' => '%m [%p] %q%u@%d ');
$node->safe_psql('postgres', qq{CREATE ROLE monitor LOGIN SUPERUSER PASSWORD '$secret'});
metrics_port($node);
# What the log, and who is connected, have of it.
$node->psql('postgres', "SELECT pg_hello(1, '$secret')");
$node->psql('postgres', "DO \$\$ BEGIN RAISE EXCEPTION 'pg_hello: connection to \"postgresql://me:$secret\@x\" with password=$secret failed' USING DETAIL = '$secret'; END \$\$");
my $session = $node->background_psql('postgres');
$session->query_safe("SELECT '$secret'");
PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/server.key', "$secret\n");
chmod 0600, $node->data_dir . '/server.key';

my $bundle = "$ENV{TESTDIR}/my bundle.tar.gz";
my $uri = 'postgresql://monitor:' . $secret . '@/postgres?host=' . ($node->host =~ s{/}{%2F}gr) . '&port=' . $node->port;
local $ENV{PGPASSWORD} = $secret;
my $done = ctl($node, '-d', $uri, 'diagnose', '--bundle', $bundle);
cmp_ok($done->{code}, '<=', 1, 'a bundle; on a busy machine, p95 is a warning');
like($done->{out}, qr/^ok: "\Q$bundle\E" has what was found; look through it before you send it$/m, '... which it names');
is(sprintf('%o', (stat $bundle)[2] & 07777), '600', '... for its owner alone');

my $unpacked = "$ENV{TESTDIR}/unpacked";
mkdir $unpacked or die $!;
is(system('tar', '-xzf', $bundle, '-C', $unpacked), 0, 'tar reads it');
my %files = map { (s{.*/}{}r => PostgreSQL::Test::Utils::slurp_file($_)) } glob("$unpacked/pg_hello-bundle/*");
is_deeply([ sort keys %files ],
	[ sort qw(findings.txt findings.json system.txt log.json server.json settings.json settings_errors.json
		extensions.json files.json processes.json info.json memory.json functions.json exports.json) ], 'all of its files');
my $everything = join "\n", values %files;
unlike($everything, qr/\Q$secret\E/, 'no secret is in it');
like($files{'log.json'}, qr{postgresql://me:\*\*\*\@x}, '... but what was around one');
foreach my $name (grep { /json$/ } sort keys %files)
{
	my $json = eval { JSON::PP->new->allow_nonref->decode($files{$name}) };
	ok($json && (ref $json eq 'ARRAY' || !$json->{error}), "$name is JSON, without an error") or diag($files{$name});
}
like($files{'settings.json'}, qr/"max_connections"/, 'settings');
like($files{'functions.json'}, qr/"calls": ?\d/, 'functions');
like($files{'findings.txt'}, qr/^ok: pg_hello is preloaded$/m, 'findings');
$session->quit;

# --- what can be wrong ---

ctl_is(ctl($node, '-d', 'postgres', 'diagnose', '--bundle', '/nowhere/x.tar.gz'), 3, 'no such directory',
	qr{^unknown: could not write "/nowhere/x\.tar\.gz": No such file or directory$}m);
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
my $poor = "$ENV{TESTDIR}/poor.tar.gz";
ctl_is(ctl($node, '-U', 'plain', '-d', 'postgres', 'diagnose', '--bundle', $poor), 3, 'a role that may see little', qr/"\Q$poor\E" has what was found/);
like(`tar -xzOf '$poor' pg_hello-bundle/functions.json`, qr/"error": ?"permission denied/, '... gets the reasons instead');
$node->stop;
my $down = "$ENV{TESTDIR}/down.tar.gz";
ctl_is(ctl($node, '-d', 'postgres', 'diagnose', '--bundle', $down), 2, 'server down', qr/"\Q$down\E" has what was found/);
like(`tar -xzOf '$down' pg_hello-bundle/findings.txt`, qr/^critical: connection to server/, '... is what it has');
is_deeply([ glob "$ENV{TESTDIR}/*new-*" ], [], 'nothing is left behind');

finish();
