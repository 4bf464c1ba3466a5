# The bearer token: what needs it, how it is changed, and that it is told to nobody.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;

my $node = new_node('main', -start => 0, 'pg_hello.auth_token_file' => 'metrics.token', 'log_min_messages' => 'debug1');
my $file = $node->data_dir . '/metrics.token';
my @tokens = map { "secret-$_-" . join '', map { ('a' .. 'z', 0 .. 9)[ rand 36 ] } 1 .. 30 } qw(first second third);

sub write_token
{
	my ($text, $mode) = @_;
	unlink $file;
	open my $out, '>', $file or die $!;
	print $out $text;
	close $out;
	chmod $mode // 0600, $file or die $!;
	return;
}

my $port;
sub get
{
	my ($path, $token, @headers) = @_;
	unshift @headers, "Authorization: Bearer $token" if defined $token;
	return http_get($port, $path, headers => \@headers);
}
sub serves { return get('/metrics', $_[0])->{status} == 200 }
sub info { return quiet_sql($node, "SELECT $_[0] FROM pg_hello_info()") }
sub wait_for_log { my ($regex, $count) = @_; wait_until("the log has $regex", sub { count_in_log($node, $regex) >= $count }); return }

# --- who needs it ------------------------------------------------------------------------------------

write_token("$tokens[0]\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_hello');
$node->safe_psql('postgres', q{CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT f()});
my $oid = $node->safe_psql('postgres', q{SELECT 'f()'::regprocedure::oid});
$port = metrics_port($node);

my @open = ('/', '/health', '/livez', '/readyz', '/readyz?verbose');
my @data = ('/metrics', '/metrics?name[]=pg_hello_build_info', '/api/v1/functions', "/api/v1/functions/postgres/$oid",
	'/%6detrics');
foreach my $path (@open)
{
	my $answer = get($path);
	is($answer->{status}, 200, "$path is open");
	unlike($answer->{body}, qr/\bf\(\)|postgres\/|secret-/, '... and has no names of functions in it');
}
wait_until('the databases have been probed', sub { get('/health', $tokens[0])->{body} =~ /probes:database:postgres/ });
foreach my $path ('/health', '/health?verbose', '/health/probes', '/health/probes:database')
{
	my $told = get($path);
	is($told->{status}, 200, "$path is open when databases are probed");
	unlike($told->{body}, qr/postgres"/, '... and names none of them');
	like($told->{body}, qr/"probes:database"/, '... but tells how they are');
}
is(get('/health/probes:database:postgres')->{status}, 404, 'nor can a name be tried out');
foreach my $path (@data)
{
	my $answer = get($path);
	is($answer->{status}, 401, "$path is not");
	is($answer->{headers}{'www-authenticate'}, 'Bearer realm="pg_hello"', '... and says what it needs');
	unlike($answer->{text}, qr/pg_hello_|f\(\)/, '... and nothing else');
	$answer = get($path, $tokens[1]);
	is($answer->{status}, 401, '... nor with a wrong token');
	is($answer->{headers}{'www-authenticate'}, 'Bearer realm="pg_hello", error="invalid_token"', '... which is what it is told');
	is(get($path, $tokens[0])->{status}, 200, '... but with the right one');
	is(http_get($port, $path, method => 'HEAD')->{status}, 401, '... HEAD is no way around');
}
is(get("/metrics?access_token=$tokens[0]")->{status}, 401, 'a token in the query is none');
is(get('/metrics', undef, "Authorization: Basic $tokens[0]")->{status}, 401, '... nor with another scheme');
is(get('/metrics', undef, "authorization: bearer $tokens[0]")->{status}, 200, 'case is no matter');
is(get('/metrics', undef, ("Authorization: Bearer $tokens[0]") x 2)->{status}, 400, 'two of them are');
is(get('/none')->{status}, 404, 'what is not there is not there');
ok(metric(parse_exposition(get('/metrics', $tokens[0])->{body}), 'pg_hello_http_requests_total', path => '/metrics', code => '401') > 0,
	'refusals are counted');
like(quiet_sql($node, 'SELECT pg_hello_metrics()'), qr/pg_hello_build_info/, 'SQL has its own rules');

# --- another one --------------------------------------------------------------------------------------

my $keeping = http_connect($port);
my $request = "GET /metrics?name[]=pg_hello_build_info HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $tokens[0]\r\n\r\n";
syswrite($keeping, $request);
is(http_read($keeping)->{status}, 200, 'a connection that stays open');

write_token($tokens[1]);
ok(serves($tokens[0]), 'a new token is not looked for');
$node->reload;
wait_until('the new one is good after a reload', sub { serves($tokens[1]) });
ok(!serves($tokens[0]), 'the old one is not');
syswrite($keeping, $request);
is(http_read($keeping)->{status}, 401, '... also on a connection that was there');

my $loose = qr/token file "metrics\.token" has group or world access/;
my $kept = qr/still using the previous token: $loose/;
write_token($tokens[2], 0640);
$node->reload;
wait_for_log($kept, 1);
ok(serves($tokens[1]) && !serves($tokens[2]), 'a file that others may read is not taken, the token in use goes on');
like(log_text($node), qr/$kept.*\n.*HINT:  Correct it and reload the configuration\./, '... with a hint');
write_token(substr $tokens[2], 0, 12);
$node->reload;
my $short = qr/still using the previous token: could not use token file "metrics\.token": a token has 16 to 512 characters/;
wait_for_log($short, 1);
ok(serves($tokens[1]), '... nor one that is too short');
unlink $file;
$node->reload;
wait_for_log(qr/still using the previous token: could not open token file "metrics\.token": No such file or directory/, 1);
ok(serves($tokens[1]), '... nor one that is not there');
is(info('listening, listen_error IS NULL'), 't|t', '... all is served');
write_token($tokens[2]);
$node->reload;
wait_for_log(qr/using the token that is in the files now/, 1);
ok(serves($tokens[2]), 'all is well again');
is(count_in_log($node, $kept), 1, 'the log tells of each reason once');

# --- the same at the start ----------------------------------------------------------------------------

write_token($tokens[0], 0644);
$node->restart;
$port = metrics_port($node);
wait_until('SQL shows why nobody is let in', sub { info('listen_error') =~ /nobody is served metrics: $loose/ });
is(info('listening'), 'f', '... and that all is not well');
is(get($_)->{status}, 200, "$_ is open all the same") foreach @open;
is(get('/metrics', $_)->{status}, 401, 'nobody is served metrics') foreach undef, '', @tokens;
my $health = get('/health')->{body};
like($health, qr/"status": "warn"/, '/health warns');
unlike($health, qr/metrics\.token/, '... without the name of the file');
is(count_in_log($node, qr/nobody is served metrics: $loose/), 1, 'the log says why');
write_token($tokens[0]);
$node->reload;
wait_until('they are served after a reload', sub { serves($tokens[0]) });
wait_until('SQL says so', sub { info('listening, listen_error IS NULL') eq 't|t' });

# --- nobody is told -------------------------------------------------------------------------------------

my $everything = quiet_sql($node, q{
	SELECT s::text FROM pg_settings s; SELECT f::text FROM pg_file_settings f; SELECT pg_hello_metrics();
	SELECT i::text FROM pg_hello_info() i; SELECT a::text FROM pg_stat_activity a;});
$everything .= join "\n", map { get($_, $tokens[0])->{text} } @open, @data;
$everything .= join "\n", map { get($_, $tokens[1])->{text} } @open, @data, "/$tokens[0]";
$everything .= log_text($node);
like($everything, qr/still using the previous token/, 'a look at all that is said');
unlike($everything, qr/secret-(?:first|second|third)|\Q${\substr $tokens[2], 0, 12}\E/, '... finds no token');
$node->safe_psql('postgres', 'CREATE ROLE anybody');
my ($status, undef, $stderr) = $node->psql('postgres', 'SET ROLE anybody; SHOW pg_hello.auth_token_file');
like($stderr, qr/pg_read_all_settings/, 'the name of the file is not for everybody');

# --- without ---------------------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "pg_hello.auth_token_file = ''");
$node->reload;
wait_until('no token is needed', sub { serves() });

finish();
