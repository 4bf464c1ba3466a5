# pg_helloctl harden finds what could be safer, changes nothing unless it is asked to, and each of its changes can
# be undone as it says.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHelloCtl;

# A server whose files can be changed.
my $own = own_installation();
my ($library) = glob("$own/usr/lib/postgresql/*/lib/pg_hello.so");
system('cp', '--remove-destination', readlink $library, $library) == 0 or die 'cp';

my $odd = q{a "b" 'c'};
my $node = new_node('main', -preload => 0, -extension => 0,
	'shared_preload_libraries' => 'auto_explain', 'log_line_prefix' => '%t ');
(my $quoted = $odd) =~ s/"/""/g;
$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted"});
$node->safe_psql($odd, q{CREATE SCHEMA "my Own"; CREATE EXTENSION pg_hello SCHEMA "my Own";
	GRANT EXECUTE ON FUNCTION "my Own".pg_hello(text) TO PUBLIC;
	GRANT SELECT ON "my Own".app_config TO PUBLIC;
	GRANT CREATE ON SCHEMA "my Own" TO PUBLIC});

sub harden { return ctl($node, 'harden', @_); }
sub state_of
{
	return join "\n", map { $node->safe_psql($odd, $_) }
	  q{SELECT name, setting FROM pg_file_settings ORDER BY 1, seqno},
	  q{SELECT oid::regprocedure, proacl FROM pg_proc WHERE proname IN ('pg_hello', 'now_ms') ORDER BY 1},
	  q{SELECT relname, relacl FROM pg_class WHERE relname = 'app_config'},
	  q{SELECT nspacl FROM pg_namespace WHERE nspname = 'my Own'};
}
sub planned { return map { $_->{change} } @{ JSON::PP::decode_json($_[0]{out})->{plan} }; }

# --- the plan ---

chmod 0775, $library;
my $before = state_of();
my $plan = harden();
ctl_is($plan, 2, 'what could be safer',
	qr/^critical: \Q$library\E is of mode 0775: others than its owner can change what the server runs$/m,
	qr/^warning: pg_hello is not preloaded/m,
	qr/^warning: database "\Q$odd\E": PUBLIC has EXECUTE ON FUNCTION "my Own"\.pg_hello\(text\)$/m,
	qr/^warning: log_line_prefix lacks the process, the role, the database; hint: with --logging/m,
	qr/^plan, of which nothing was done; --apply does it:$/m,
	qr/^  files: chmod 0755 '\Q$library\E'; to undo: chmod 0775 '\Q$library\E'$/m,
	qr/^  preload: ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_hello'; needs a restart; to undo: ALTER SYSTEM RESET shared_preload_libraries$/m,
	qr/^  grants in database "\Q$odd\E": REVOKE SELECT ON TABLE "my Own"\.app_config FROM PUBLIC; to undo: GRANT SELECT ON TABLE "my Own"\.app_config TO PUBLIC$/m,
	qr/^  grants in .*: REVOKE CREATE ON SCHEMA "my Own" FROM PUBLIC; /m);
unlike($plan->{out}, qr/ALTER SYSTEM SET log_/, 'logging is left alone');
is(state_of(), $before, 'looking changes nothing');
is(sprintf('%o', (stat $library)[2] & 07777), '775', '... not even a mode');

# --- its execution, and the way back ---

my @undo;
my $applied = ctl_json($node, 'harden', '--apply', '--logging');
is_deeply([ grep { !$_->{done} } @{ $applied->{json}{plan} } ], [], 'all of it was done') or diag($applied->{out});
my %plan = map { $_->{change} => $_ } @{ $applied->{json}{plan} };
ok($plan{q{ALTER SYSTEM SET log_statement = 'ddl'}}, 'logging, too, since it was asked for');
like($applied->{out}, qr/ddl logs each statement that changes a definition, whole/, '... and what that logs is said');
is(sprintf('%o', (stat $library)[2] & 07777), '755', 'the mode');
is($node->safe_psql($odd, q{SELECT count(*) FROM pg_class, aclexplode(relacl) a WHERE relname = 'app_config' AND a.grantee = 0}), 0, 'the grants');
$node->restart;
is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'), 'auto_explain, pg_hello', 'preloaded, besides what was there');
is($node->safe_psql('postgres', 'SHOW log_line_prefix'), '%m [%p] %q%u@%d/%a ', 'logged');
ctl_is(harden(), 1, 'again: no more of it', qr/^ok: pg_hello is preloaded$/m, qr/^ok: database "\Q$odd\E": PUBLIC may do nothing/m,
	qr/^ok: log_line_prefix says when/m, qr/^ok: metrics are served on the loopback address only$/m);
is_deeply([ planned(ctl($node, '--json', 'harden')) ], [], '... and nothing is planned');

foreach my $change (reverse @{ $applied->{json}{plan} })
{
	if ($change->{check} eq 'files')
	{
		is(system('sh', '-c', $change->{undo}), 0, "undo: $change->{undo}");
	}
	else
	{
		$node->safe_psql($change->{database} // 'postgres', $change->{undo});
	}
}
$node->restart;
is(state_of(), $before, 'undone, everything is as it was');
is(sprintf('%o', (stat $library)[2] & 07777), '775', '... and so is the mode');

# --- what ALTER SYSTEM has set before is appended to, and comes back ---

$node->safe_psql('postgres', q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements'});
my ($alter) = grep { $_->{check} eq 'preload' } @{ ctl_json($node, 'harden', '--only', 'preload')->{json}{plan} };
is($alter->{change}, q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements', 'pg_hello'},
	'what waits for a restart is kept');
is($alter->{undo}, q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements'}, '... also when it is undone');
ctl_is(harden('--only', 'preload', '--apply'), 1, 'appended', qr/^  preload: .*; needs a restart; to undo: /m);
ctl_is(harden('--only', 'preload'), 1, 'again: nothing to do but', qr/^warning: pg_hello will be preloaded from the next start on; hint: restart the server$/m);

# --- an audit log that does not record everything, or that others can change ---

sub audit_state
{
	return $node->safe_psql($odd, q{SELECT tgname, tgenabled FROM pg_trigger WHERE tgname ~ '_audit' ORDER BY 1;
		SELECT relacl FROM pg_class WHERE relname = 'security_audit_log';
		SELECT attacl FROM pg_attribute WHERE attrelid = '"my Own".security_audit_log'::regclass AND attname = 'old_row'});
}
ctl_is(harden($odd, '--only', 'audit'), 0, 'as it is made', qr/^ok: database "\Q$odd\E": the audit log records, and only its owner can change it$/m);
$node->safe_psql($odd, q{SET search_path = "my Own"; CREATE ROLE "clerk's"; GRANT DELETE ON security_audit_log TO "clerk's" WITH GRANT OPTION;
	GRANT UPDATE (old_row) ON security_audit_log TO hello_admins;
	ALTER TABLE app_config DISABLE TRIGGER app_config_audit;
	ALTER TABLE security_audit_log ENABLE REPLICA TRIGGER security_audit_log_audit});
my $unsound = audit_state();
ctl_is(harden($odd, '--only', 'audit'), 1, 'an audit log that is not sound',
	qr/^warning: .*: trigger app_config_audit on "my Own"\.app_config is disabled: its changes are not recorded$/m,
	qr/^warning: .*: role "clerk's" has DELETE ON "my Own"\.security_audit_log$/m,
	qr/^warning: .*: role "hello_admins" has UPDATE \(old_row\) ON "my Own"\.security_audit_log$/m,
	qr/^  audit in database .*: ALTER TABLE "my Own"\.security_audit_log ENABLE TRIGGER security_audit_log_audit; to undo: .* ENABLE REPLICA TRIGGER security_audit_log_audit$/m);
is(audit_state(), $unsound, 'looking changes nothing');
my $mended = ctl_json($node, 'harden', $odd, '--only', 'audit', '--apply');
is_deeply([ map { $_->{done} ? () : $_ } @{ $mended->{json}{plan} } ], [], 'all of it is mended') or diag($mended->{out});
ctl_is(harden($odd, '--only', 'audit'), 0, 'again', qr/^ok: .*the audit log records/m);
$node->safe_psql($odd, $_->{undo}) foreach reverse @{ $mended->{json}{plan} };
is(audit_state(), $unsound, 'undone, it is as it was');
$node->safe_psql($odd, 'DROP TRIGGER app_config_audit ON "my Own".app_config');
ctl_is(harden($odd, '--only', 'audit'), 1, 'a trigger that is gone', qr/^warning: .*"my Own"\.app_config has no trigger app_config_audit: .*; hint: /m);

my ($checksums) = map { $_->{status} } @{ ctl_json($node, 'harden', '--only', 'checksums')->{json}{findings} };
is($checksums, $node->safe_psql('postgres', 'SHOW data_checksums') eq 'on' ? 'ok' : 'warning', 'checksums of pages');

# --- metrics for everybody ---

my $served = new_node('served', 'pg_hello.listen_addresses' => '0.0.0.0');
ctl_is(ctl($served, 'harden', '--only', 'listen', '--only', 'tls', '--only', 'token'), 2, 'metrics for everybody',
	qr/^critical: metrics are served on 0\.0\.0\.0, to everybody who reaches it; hint: serve them with TLS/m,
	qr/^warning: metrics leave this machine in plain text; hint: /m,
	qr/^  listen: ALTER SYSTEM SET pg_hello\.listen_addresses = '127\.0\.0\.1'; needs a reload; to undo: ALTER SYSTEM RESET pg_hello\.listen_addresses$/m);
ctl_is(ctl($served, 'harden', '--only', 'listen', '--apply'), 2, 'applied', qr/needs a reload, which was done/);
wait_until('the address is in force', sub { return quiet_sql($served, 'SHOW pg_hello.listen_addresses') eq '127.0.0.1'; });
ctl_is(ctl($served, 'harden', '--only', 'listen'), 0, 'and no more', qr/^ok: metrics are served on the loopback address only$/m);

# --- what can be wrong ---

$served->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
ctl_is(ctl($served, '-U', 'plain', 'harden'), 3, 'a role that may not look',
	qr/^unknown: permission denied .*; hint: ask as a superuser$/m);
ctl_is(harden('--only', 'all'), 3, 'no such check', qr/^pg_helloctl: error: /m);
$served->stop;
ctl_is(ctl($served, 'harden'), 2, 'server down', qr/^critical: connection to server /m);

finish();
