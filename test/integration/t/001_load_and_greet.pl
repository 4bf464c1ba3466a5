# The greeting functions and the settings, as a user meets them.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;
use PgHello;

my $node = new_node('main');

is($node->safe_psql('postgres', q{SELECT pg_hello('World')}), 'Hello, World!', 'greets');
is($node->safe_psql('postgres', q{SELECT pg_hello(NULL) IS NULL}), 't', 'NULL gives NULL');
is($node->safe_psql('postgres', q{SELECT pg_hello('')}), 'Hello, !', 'the empty name');
is($node->safe_psql('postgres', q{SELECT pg_hello(U&'J\00fcrgen \4e16\754c \+01f600') = U&'Hello, J\00fcrgen \4e16\754c \+01f600!'}),
	't', 'a multibyte name');
is($node->safe_psql('postgres', q{SET pg_hello.repeat = 3; SELECT pg_hello('a')}),
	'Hello, a! Hello, a! Hello, a!', 'repeats');
is($node->safe_psql('postgres', q{SET pg_hello.repeat = 1000; SELECT length(pg_hello('abc'))}),
	1000 * length('Hello, abc! ') - 1, 'repeats 1000 times');
is($node->safe_psql('postgres', q{
	SET pg_hello.repeat = 2;
	SELECT pg_hello(n) = format('Hello, %s! Hello, %s!', n, n) FROM repeat(U&'\00e4', 100000) n}),
	't', 'a long multibyte name');

foreach my $bad (0, 1001, -1, "'x'")
{
	my ($status, undef, $stderr) = $node->psql('postgres', "SET pg_hello.repeat = $bad");
	isnt($status, 0, "repeat = $bad is refused");
	like($stderr, qr/pg_hello\.repeat/, "... by name");
}
{
	my ($status, undef, $stderr) =
	  $node->psql('postgres', q{SET pg_hello.repeat = 1000; SELECT length(pg_hello(repeat('x', 2000000)))});
	isnt($status, 0, 'a greeting of 2 GB is refused');
	like($stderr, qr/greeting is too long/, '... by a clear message');
}

# A role that may only be greeted may set it, for itself too.
$node->safe_psql('postgres', 'CREATE ROLE nobody_special LOGIN IN ROLE hello_users');
is($node->safe_psql('postgres', q{SET ROLE nobody_special; SET pg_hello.repeat = 2; SELECT pg_hello('b')}),
	'Hello, b! Hello, b!', 'any user may set pg_hello.repeat');
$node->safe_psql('postgres', 'ALTER ROLE nobody_special SET pg_hello.repeat = 2');
is($node->safe_psql('postgres', q{SELECT pg_hello('c')}, extra_params => [ '-U', 'nobody_special' ]),
	'Hello, c! Hello, c!', '... also as a default of the role');

# now_ms() moves inside a transaction and is the time of day.
is($node->safe_psql('postgres', q{
	BEGIN;
	CREATE TEMP TABLE t AS SELECT now_ms() AS first;
	SELECT pg_sleep(0.05);
	SELECT now_ms() - first BETWEEN 50 AND 60000 FROM t;
	SELECT abs(now_ms() - extract(epoch FROM clock_timestamp()) * 1000) < 10000;
	COMMIT;}), "\nt\nt", 'now_ms() advances inside a transaction and tells the time');
is($node->safe_psql('postgres', 'SELECT spi_version() = version()'), 't', 'spi_version()');
is($node->safe_psql('postgres', q{SELECT count(*) FROM generate_series(1, 1000) i WHERE spi_version() = version()}),
	'1000', 'spi_version() a thousand times in one statement');

# The settings, with context, default and limits.
is($node->safe_psql('postgres', q{
	SELECT name, vartype, context, boot_val, min_val, max_val, enumvals
	FROM pg_settings WHERE name LIKE 'pg\_hello.%' ORDER BY name COLLATE "C"}),
	join("\n",
		'pg_hello.allowed_hosts|string|sighup||||',
		'pg_hello.auth_token_file|string|sighup||||',
		'pg_hello.clock|enum|superuser|auto|||{auto,tsc,monotonic}',
		'pg_hello.listen_addresses|string|sighup|127.0.0.1|||',
		'pg_hello.max_functions|integer|postmaster|5000|1|1000000|',
		'pg_hello.metrics_max_functions|integer|sighup|1000|0|1000000|',
		'pg_hello.metrics_max_histograms|integer|sighup|200|0|1000000|',
		'pg_hello.metrics_pinned|string|sighup||||',
		'pg_hello.port|integer|sighup|9797|0|65535|',
		'pg_hello.probe_databases|string|sighup||||',
		'pg_hello.probe_interval|integer|sighup|30000|0|86400000|',
		'pg_hello.probe_timeout|integer|sighup|3000|10|4000|',
		'pg_hello.repeat|integer|user|1|1|1000|',
		'pg_hello.save|bool|sighup|on|||',
		'pg_hello.slo|string|sighup|availability = 99.9%: *.pg_hello(text), *.now_ms(), *.spi_version(); latency = 95% < 10ms: *.pg_hello(text); errors = 99.9%: *.pg_hello*, *.now_ms(), *.spi_version(), *.update_greeting_config(integer)|||',
		'pg_hello.ssl|bool|sighup|off|||',
		'pg_hello.ssl_ca_file|string|sighup||||',
		'pg_hello.ssl_cert_file|string|sighup|server.crt|||',
		'pg_hello.ssl_key_file|string|sighup|server.key|||',
		'pg_hello.track|enum|superuser|pl|||{none,own,pl,all}',
		'pg_hello.track_inlinable|bool|superuser|off|||',
		'pg_hello.track_roles|bool|superuser|off|||',
		'pg_hello.unix_socket_path|string|sighup||||',
		'pg_hello.unix_socket_permissions|integer|sighup|448|0|511|'),
	'settings are listed with type, context, default and limits');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name LIKE 'pg\_hello.%' AND coalesce(short_desc, '') = ''}),
	'0', 'each setting has a description');

my ($status, undef, $stderr) = $node->psql('postgres', 'SET pg_hello.no_such_thing = 1');
isnt($status, 0, 'an unknown setting pg_hello.x is refused');
like($stderr, qr/invalid configuration parameter name "pg_hello\.no_such_thing"/, '... as such');

$node->append_conf('postgresql.conf', "pg_hello.track = 'all'");
$node->reload;
is(wait_until('the reload is seen', sub { $node->safe_psql('postgres', 'SHOW pg_hello.track') eq 'all' }), 1,
	'pg_hello.track can be changed in the file');

finish();
