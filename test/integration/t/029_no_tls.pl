# A build without TLS refuses to be asked for it, and does not serve plain text instead.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'pg_hello.ssl' => 'on');
wait_until('the worker says why it does not serve',
	sub { quiet_sql($node, 'SELECT listen_error FROM pg_hello_info()') =~ /this build has no TLS support/ });
is(quiet_sql($node, 'SELECT listening, port IS NULL FROM pg_hello_info()'), 'f|t', 'nothing is served');
like(log_text($node), qr/DETAIL:  This build has no TLS support\./, 'the setting is refused');

my (undef, undef, $stderr) = $node->psql('postgres', 'ALTER SYSTEM SET pg_hello.ssl = on');
like($stderr, qr/This build has no TLS support\.\nHINT:  Rebuild pg_hello with -Dtls=enabled\./, '... in SQL as well');

$node->append_conf('postgresql.conf', 'pg_hello.ssl = off');
$node->reload;
is(http_get($node, '/livez')->{status}, 200, 'plain HTTP is served when it is asked for');
$node->append_conf('postgresql.conf', 'pg_hello.ssl = on');
$node->reload;
wait_until('no longer', sub { quiet_sql($node, 'SELECT listening FROM pg_hello_info()') eq 'f' });

finish();
