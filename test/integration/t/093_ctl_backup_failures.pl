# A pg_helloctl backup that fails says why, leaves nothing behind, and loses nothing that was there.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

my $node = new_node('main');
my $major = $node->pg_version->major;
my $base = $node->basedir;
my $store = "$base/backups";
my $sql = sub { return $node->safe_psql('postgres', $_[0]) };
$sql->(q{CREATE ROLE plain LOGIN; CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'right one'; CREATE DATABASE shop});
$node->safe_psql('shop', q{CREATE EXTENSION pg_hello; CREATE TABLE noise AS
	SELECT md5(random()::text) || md5(random()::text) AS t FROM generate_series(1, 30000)});

# All that may not change when a backup fails.
sub state_of
{
	my ($directory) = @_;
	return join "\n", $sql->(q{SELECT datname FROM pg_database ORDER BY 1}),
	  $node->safe_psql('template1', q{SELECT count(*) FROM pg_class UNION ALL SELECT count(*) FROM pg_proc}),
	  -d $directory ? scalar `cd '$directory' && find . -mindepth 1 ! -name .lock -printf '%p %s %T@\n' | sort` : 'no directory';
}
sub fails
{
	my ($what, $code, $done, @regexes) = @_;
	my $before = shift @regexes;
	ctl_is($done, $code, $what, @regexes, qr/^critical: there is no new backup$/m);
	is(state_of($store), $before, '... and nothing has changed');
	return;
}

# --- before anything is made ---

my $before = state_of($store);
fails('no such database', 2, ctl($node, 'backup', $store, 'shop', 'nosuch'), $before, qr/^critical: database "nosuch": does not exist$/m);
fails('a template', 2, ctl($node, 'backup', $store, 'template1'), $before, qr/^critical: database "template1": is a template/m);
fails('a role that is not there', 2, ctl($node, '-U', 'missing', 'backup', $store), $before, qr/^unknown: .*role "missing" does not exist$/m);
fails('programs that are older than the server', 2,
	ctl($node, 'backup', $store, 'shop', '--bindir', program_dir("$base/old", pg_dump => 'echo "pg_dump (PostgreSQL) 9.6.1"')),
	$before, qr/^critical: the programs in \S+ are older than the server, of version $major: .*; hint: install PostgreSQL's programs/m);
fails('no programs', 2, ctl($node, 'backup', $store, 'shop', '--bindir', "$base/nowhere"), $before,
	qr{^critical: could not start \S+/nowhere/pg_dump: No such file or directory$}m);
my $nowhere = "$base/no/such/place";
ctl_is(ctl($node, 'backup', $nowhere), 2, 'a place that cannot be made', qr{^critical: could not create \Q$nowhere\E: No such file}m);

# --- with a backup there already ---

ctl_is(ctl($node, 'backup', $store, 'shop'), 0, 'a good backup');
$before = state_of($store);
my @keep_one = ('--keep', '1');

fails('no permission to dump', 2, ctl($node, '-U', 'plain', 'backup', $store, 'shop', @keep_one), $before,
	qr/^unknown: permission denied for .*; hint: .*superuser/m);
fails('no permission to dump, without the files', 2, ctl($node, '-U', 'plain', 'backup', $store, 'shop', '--no-extension-files', @keep_one), $before,
	qr/^unknown: database "shop": query would be affected by row-level security policy for table "app_config"$/m);

my $unrestorable = ctl($node, 'backup', $store, 'shop', @keep_one, '--bindir',
	program_dir("$base/broken", pg_restore => 'echo "pg_restore: error: the dump is no good" >&2; exit 1'));
ctl_is($unrestorable, 2, 'a dump that cannot be restored',
	qr/^critical: database "shop": the dump could not be verified: pg_restore: error: the dump is no good$/m,
	qr/^critical: backup \S+ .* is complete, but could not be verified; hint: older backups were kept/m);
my ($unverified) = $unrestorable->{out} =~ m{^critical: backup (\S+),}m;
like(PostgreSQL::Test::Utils::slurp_file("$unverified/manifest.json"), qr/"verified": false/, '... is kept, and says so');
system('rm', '-r', $unverified);
is(state_of($store), $before, '... beside the good one');

my $truncating = program_dir("$base/truncating", pg_restore => <<'SH');
# A restore that seems to go well, and loses rows.
bindir=$(pg_config --bindir)
"$bindir/pg_restore" "$@" || exit
for argument do case $argument in --dbname=*) psql -X -q -c 'DELETE FROM noise WHERE ctid = (SELECT min(ctid) FROM noise)' "${argument#--dbname=}";; esac; done
SH
my $lost = ctl($node, 'backup', $store, 'shop', @keep_one, '--bindir', $truncating);
ctl_is($lost, 2, 'a row that is lost on the way', qr/could not be verified: it is not what was backed up: public\.noise has 29999 instead of 30000 rows$/m);
($unverified) = $lost->{out} =~ m{^critical: backup (\S+),}m;
system('rm', '-r', $unverified);
is(state_of($store), $before, '... nothing else has changed');

# --- passwords ---

ask_for_password($node, 'locked');
{
	local $ENV{PGPASSWORD} = 'wrong';
	my $done = wait_until('the password is asked for', sub {
		my $try = ctl($node, '-U', 'locked', 'backup', "$base/none", 'nosuch');
		return $try->{out} =~ /password/ ? $try : undef; });
	ctl_is($done, 2, 'a wrong password', qr/^unknown: .*password authentication failed for user "locked"$/m, qr/there is no new backup/);
}
my $recording = program_dir("$base/recording", map { ($_ => qq{tr '\\0' ' ' < /proc/\$\$/cmdline >> '$base/arguments'; exec "\$(pg_config --bindir)/$_" "\$@"}) }
	  qw(pg_dump pg_dumpall pg_restore psql));
my $socket = $node->host =~ s{/}{%2F}gr;
ctl_is(ctl($node, '-d', "postgresql://locked:right%20one\@$socket/postgres", 'backup', "$base/secret", 'shop', '--bindir', $recording), 0,
	'a password in a URI');
my $arguments = PostgreSQL::Test::Utils::slurp_file("$base/arguments");
like($arguments, qr/pg_dump .*pg_restore .*psql /s, 'the arguments of the programs that it runs');
like($arguments, qr/user='locked'/, '... name the role');
unlike($arguments, qr/right/, '... and not the password');

# --- no room ---

ctl_is(ctl($node, 'backup', "$base/limited", 'shop', '--no-verify'), 0, 'with room enough');
system('rm', '-r', "$base/limited");
{
	# Bytes that a file may have; the table takes more, however it is compressed.
	local $ENV{PATH} = $ENV{PATH};
	my $limited = program_dir("$base/ulimit", pg_dump => 'ulimit -f 512; exec "$(pg_config --bindir)/pg_dump" "$@"');
	fails('a file that may not grow', 2, ctl($node, 'backup', $store, 'shop', '--bindir', $limited, @keep_one), $before,
		qr/^critical: database "shop": pg_dump: .*File too large/m);
}
SKIP:
{
	# A file system of its own takes a mount namespace of one's own.
	my @unshare = qw(unshare --user --map-root-user --mount);
	skip 'no user namespaces', 4 if system(@unshare, 'true') != 0;
	my $small = "$base/small";
	mkdir $small;
	my $program = (split ' ', `which pg_helloctl`)[0];
	my $inside = sub {
		my (@options) = @_;
		local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => $sql->('SELECT current_user'));
		my ($out, $err);
		IPC::Run::run([ @unshare, 'sh', '-c', <<'SH', 'sh', $small, $program, @options ], '<', \undef, '>', \$out, '2>', \$err);
mount -t tmpfs -o size=1m tmpfs "$1" || exit 77
directory=$1 program=$2; shift 2
"$program" backup "$directory" shop "$@"; status=$?
find "$directory" -mindepth 1 ! -name .lock
exit $status
SH
		return { code => $? >> 8, out => $out, err => $err };
	};
	my $checked = $inside->();
	ctl_is($checked, 2, 'a file system that is too small', qr/^critical: 1024 kB are free in \S+, and \d+ .B may be needed; hint: make room/m);
	my $full = $inside->('--no-space-check');
	ctl_is($full, 2, 'a file system that fills up', qr/^critical: .*No space left on device/m);
	unlike($full->{out}, qr/^\//m, '... of which all is given back');
}

# --- interrupted ---

my $hanging = program_dir("$base/hanging", pg_restore => qq{echo \$\$ > '$base/pid.new'; mv '$base/pid.new' '$base/pid'; exec sleep 600});
sub start_and_hang
{
	unlink "$base/pid";
	my $running = ctl_start($node, 'backup', $store, 'shop', '--bindir', $hanging, @keep_one);
	wait_until('it verifies', sub { $running->{harness}->pump_nb; return -e "$base/pid"; });
	return ($running, 0 + PostgreSQL::Test::Utils::slurp_file("$base/pid"));
}
foreach my $signal (qw(INT TERM))
{
	my ($running, $child) = start_and_hang();
	isnt(state_of($store), $before, "before SIG$signal there is something half done");
	fails("SIG$signal", 2, ctl_end($running, $signal), $before, qr/^critical: stopped by a signal$/m);
	is(kill(0, $child), 0, '... and what it had started has ended');
}
{
	my ($running, $child) = start_and_hang();
	fails('a second one at the same time', 2, ctl($node, 'backup', $store, 'shop'), state_of($store), qr/^critical: another pg_helloctl works there/m);
	ctl_is(ctl($node, 'backup', "$base/elsewhere", 'postgres', '--no-verify'), 0, 'one elsewhere');
	like($sql->('SELECT string_agg(datname, \' \') FROM pg_database'), qr/pg_helloctl_scratch_/, '... leaves the first one\'s scratch database alone');
	is(ctl_end($running, 'KILL')->{signal}, 9, 'killed, it leaves something behind');
	like(state_of($store), qr/pg_helloctl_scratch_.*[.]incomplete/s, '... on the server, and in the directory');
	wait_until('what it had started has ended', sub { return !kill(0, $child); });
	wait_until('its lock is gone', sub { return $sql->(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}) eq '0'; });
	ctl_is(ctl($node, 'backup', $store, 'shop', '--quiet'), 0, 'the next one');
	my $after = state_of($store);
	unlike($after, qr/pg_helloctl_scratch_|[.]incomplete/, '... removes both');
	my ($outside_before, $outside_after) = map { join "\n", grep { !/^\.\/\d{8}T\d{6}Z/ } split /\n/ } $before, $after;
	is($outside_after, $outside_before, '... and nothing else');
}

$node->stop;
ctl_is(ctl($node, 'backup', "$base/down"), 2, 'server down', qr/^critical: connection to server on socket .* failed/m, qr/there is no new backup/);
ok(!-e "$base/down", '... and no directory is made');
finish();
