# /metrics in each format and coding, read by test/support/exposition.py, so that one test can compare
# what all of them say.
package PgHello::Formats;

use strict;
use warnings FATAL => 'all';

use Carp qw(croak);
use Exporter qw(import);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use IPC::Run ();
use JSON::PP ();
use POSIX ();

use PgHello;

our @EXPORT = qw(@faces read_face read_body face_texts text_face_texts);

my %types = (
	text => 'text/plain; version=0.0.4; charset=utf-8',
	openmetrics => 'application/openmetrics-text; version=1.0.0; charset=utf-8',
	protobuf => 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
);

# What read_face() can be asked for: [format, coding].
our @faces = map { my $format = $_; map { [ $format, $_ ] } qw(identity gzip) } qw(text openmetrics protobuf);

# Says `families`, `samples` and `native`, as exposition.py does; croaks if it does not like the body.
sub read_body
{
	my ($content_type, $body) = @_;
	my @command = ('python3', "$ENV{PG_HELLO_STAGE}/support/exposition.py", $content_type);
	my $fine = IPC::Run::run(\@command, '<', \$body, '>', \my $out, '2>', \my $err);
	croak "unreadable $content_type: $err" if !$fine;
	return JSON::PP->new->utf8->decode($out);
}

# What /metrics says now in this face. A port or a server.
sub read_face
{
	my ($where, $format, $coding) = @_;
	my $response = http_get($where, '/metrics', headers => [ "Accept: $types{$format}", "Accept-Encoding: $coding" ]);
	my %headers = %{ $response->{headers} };
	croak "asked for $format, got $response->{status}, $headers{'content-type'}"
	  if $response->{status} != 200 || $headers{'content-type'} ne $types{$format};
	croak "asked for $coding" if ($headers{'content-encoding'} // 'identity') ne $coding;
	my $body = $response->{body};
	if ($coding eq 'gzip')
	{
		gunzip(\$response->{body} => \$body) or croak "gunzip: $GunzipError";
	}
	return read_body($headers{'content-type'}, $body);
}

sub text_of
{
	my ($name, $labels, $value) = @_;
	return "$name\{" . join(',', map { "$_=$labels->{$_}" } sort keys %$labels) . "} $value";
}

# A face's series of the metrics whose names match, as sorted texts; without those that say when a
# series was created, which text does not have.
sub face_texts
{
	my ($face, $regex) = @_;
	return [ sort map { text_of(@$_) } grep { $_->[0] =~ $regex && $_->[0] !~ /_created\z/ } @{ $face->{samples} } ];
}

# The same of what scrape() returns.
sub text_face_texts
{
	my ($scrape, $regex) = @_;
	my $double = sub { return lc sprintf '%.17g', scalar POSIX::strtod($_[0]); };
	my @texts;
	foreach my $sample (grep { $_->{name} =~ $regex } @{ $scrape->{samples} })
	{
		my %labels = %{ $sample->{labels} };
		$labels{le} = $double->($labels{le}) if defined $labels{le};
		push @texts, text_of($sample->{name}, \%labels, $double->($sample->{value}));
	}
	return [ sort @texts ];
}

1;
