# Functions that run where there is no transaction: a user's own encoding conversion is called for
# each message from and to the client, also between statements. A function that is hooked is looked
# up in the catalogs at its first call, by the server itself (fmgr_security_definer), which there is
# the end of it: such a function must never be hooked.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', 'restart_after_crash' => 'on');
my $arguments = 'integer, integer, cstring, internal, integer, boolean';
$node->safe_psql('postgres', qq{
	CREATE SCHEMA conv;
	CREATE FUNCTION conv.to_server($arguments) RETURNS integer
		AS '\$libdir/utf8_and_iso8859_1', 'iso8859_1_to_utf8' LANGUAGE C STRICT;
	CREATE FUNCTION conv.to_client($arguments) RETURNS integer
		AS '\$libdir/utf8_and_iso8859_1', 'utf8_to_iso8859_1' LANGUAGE C STRICT;
	CREATE DEFAULT CONVERSION conv.to_server FOR 'LATIN1' TO 'UTF8' FROM conv.to_server;
	CREATE DEFAULT CONVERSION conv.to_client FOR 'UTF8' TO 'LATIN1' FROM conv.to_client;
});

my $track = 'none';
sub begin
{
	return "SET pg_hello.track = '$track'; " . q{SET search_path = conv, pg_catalog, public; SET client_encoding = 'LATIN1';};
}
sub survives
{
	my ($what, @statements) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', join("\n", begin(), @statements, q{SELECT 'still here';}));
	like($stdout, qr/still here\z/, $what) or diag $stderr;
	wait_until('the server takes connections', sub { eval { $node->psql('postgres', 'SELECT 1') == 0 } });
	return;
}

survives('a conversion is called, nothing is tracked');
$track = 'all';
survives('... tracked');
survives('... after a reset', 'SELECT 1;', 'SELECT pg_hello_reset();', 'SELECT 2;');
survives('... after the settings have changed', 'SELECT 1;', q{SET pg_hello.track = 'pl';}, 'SELECT 2;', q{SET pg_hello.track = 'all';});
survives('... after the catalogs have', 'SELECT 1;', 'CREATE SCHEMA s1;', 'SELECT 2;', 'ALTER FUNCTION conv.to_server COST 2;', 'SELECT 3;');
survives('... after errors', '\\set ON_ERROR_STOP 0', 'SELECT 1/0;', 'BEGIN;', 'SELECT 1/0;', 'SELECT 2;', 'ROLLBACK;');
survives('... in a transaction', 'BEGIN;', 'SELECT 1;', 'COMMIT;');
is(metric(scrape($node), 'pg_hello_function_active', function => 'to_server(integer,integer,cstring,internal,integer,boolean)') // 0,
	0, 'and none of it is active');

finish();
