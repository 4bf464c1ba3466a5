# Runs pg_helloctl, as an operator would.
package PgHelloCtl;

use strict;
use warnings FATAL => 'all';

use Exporter qw(import);
use IPC::Run ();
use JSON::PP ();
use Test::More;

our @EXPORT = qw(ctl ctl_json ctl_is);

# Against a server's socket, as libpq's environment says it: {code, out, err}.
sub ctl
{
	my ($node, @arguments) = @_;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGCONNECT_TIMEOUT} = 30;
	my ($out, $err);
	IPC::Run::run([ 'pg_helloctl', @arguments ], '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout(90));
	return { code => $? >> 8, signal => $? & 127, out => $out, err => $err };
}

sub ctl_json
{
	my ($node, @arguments) = @_;
	my $done = ctl($node, '--json', @arguments);
	return { %$done, json => JSON::PP::decode_json($done->{out}) };
}

# The exit code, and what must be among the output.
sub ctl_is
{
	my ($done, $code, $what, @regexes) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($done->{code}, $code, "$what: exit code $code") or diag("$done->{out}$done->{err}");
	like($done->{out} . $done->{err}, $_, '... and says so') foreach @regexes;
	return;
}

1;
