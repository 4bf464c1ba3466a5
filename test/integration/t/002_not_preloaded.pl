# Without shared_preload_libraries: greetings work, statistics say what is missing.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', -preload => 0);

is($node->safe_psql('postgres', q{SELECT pg_hello('World')}), 'Hello, World!', 'greets');
is($node->safe_psql('postgres', q{SET pg_hello.repeat = 2; SELECT pg_hello('a')}),
	'Hello, a! Hello, a!', 'repeats, though set before the library was there');
is($node->safe_psql('postgres', q{SELECT now_ms() > 1600000000000}), 't', 'now_ms()');
is($node->safe_psql('postgres', q{SELECT spi_version() = version()}), 't', 'spi_version()');

foreach my $call (
	'SELECT * FROM pg_hello_stats', 'SELECT * FROM pg_hello_stats_rows()',
	'SELECT pg_hello_reset()', q{SELECT pg_hello_reset('postgres', 1)},
	'SELECT * FROM pg_hello_info()', 'SELECT pg_hello_metrics()',
	'SELECT * FROM pg_hello_usage', 'SELECT * FROM pg_hello_errors', 'SELECT * FROM pg_hello_access_audit',
	'SELECT * FROM pg_hello_performance_report()', 'SELECT * FROM pg_hello_histogram(1)', 'SELECT pg_hello_percentile(1, 0.5)',
	q{SELECT pg_hello_capture_baseline('x')}, 'SELECT * FROM pg_hello_selftest()')
{
	my ($status, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$call");
	isnt($status, 0, "$call is an error");
	like($stderr, qr/ERROR:  55000: pg_hello must be loaded via "shared_preload_libraries"/,
		'... that says why');
	like($stderr, qr/HINT:  Add pg_hello to "shared_preload_libraries" .* restart/, '... and what to do');
}
is($node->safe_psql('postgres', q{SELECT pg_hello('again')}), 'Hello, again!', 'still greets');
is($node->safe_psql('postgres', 'SELECT version_mismatch FROM pg_hello_version()'), 'f', 'says its version');
is($node->safe_psql('postgres', 'SELECT update_greeting_config(2)'), '2', 'is configured');
is($node->safe_psql('postgres', q{SELECT pg_hello('b')}), 'Hello, b! Hello, b!', '... for new sessions');
is(count_in_log($node, qr/serving metrics/), 0, 'no worker');

# LOAD in a session that is under way changes nothing for the calls that follow, either.
is($node->safe_psql('postgres', q{
	CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
	SELECT f(1); LOAD 'pg_hello'; SELECT f(2);}), "1\n2", 'LOAD is harmless');

finish();
