# Visitors connect as superuser, and databases belong to others. Nothing that the owner of a database,
# or of the extension's functions, puts there is run with more than its owner's rights.
use strict;
use warnings FATAL => 'all';

use Test::More;
use PgHello;
use PgHello::Probes;

my $node = new_node('main', 'pg_hello.probe_interval' => '100ms');
my $all_well = 'connect:t extension:t version:t pg_hello:t now_ms:t spi_version:t';
$node->safe_psql('postgres', q{CREATE ROLE mallory LOGIN});
$node->safe_psql('postgres', q{CREATE DATABASE mallorys OWNER mallory});
$node->safe_psql('mallorys', q{CREATE EXTENSION pg_hello});
wait_for_probes($node, 'mallorys', 'spi_version', 't');

# --- the owner of the database -------------------------------------------------------------------

# Settings that would make a visitor do what it should not, or fail.
$node->safe_psql('mallorys', q{
	SET ROLE mallory;
	ALTER DATABASE mallorys SET search_path = 'trap, public, pg_catalog';
	ALTER DATABASE mallorys SET default_transaction_isolation = 'serializable';
	ALTER DATABASE mallorys SET default_transaction_deferrable = on;
	ALTER DATABASE mallorys SET statement_timeout = 1;
	ALTER DATABASE mallorys SET lock_timeout = 1;
	ALTER DATABASE mallorys SET pg_hello.repeat = 1000;
	ALTER DATABASE mallorys SET role = 'mallory';
});
# Sessions of this test are not what they are meant for.
$ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0 -c role=none';
# Look-alikes of everything that a careless visitor could name: each fails.
$node->safe_psql('mallorys', q{
	GRANT CREATE ON DATABASE mallorys TO mallory;
	SET search_path = pg_catalog, pg_temp;
	SET ROLE mallory;
	CREATE SCHEMA trap;
	CREATE FUNCTION trap.sprung() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap'; END $$;
	CREATE FUNCTION trap.pg_hello(text) RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()';
	CREATE FUNCTION trap.pg_hello(varchar) RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()';
	CREATE FUNCTION trap.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT trap.sprung()::bigint';
	CREATE FUNCTION trap.spi_version() RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()';
	CREATE FUNCTION trap.version() RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()';
	CREATE FUNCTION trap.equal(name, text) RETURNS bool LANGUAGE sql AS 'SELECT trap.sprung() IS NULL';
	CREATE OPERATOR trap.= (LEFTARG = name, RIGHTARG = text, FUNCTION = trap.equal);
	CREATE TABLE trap.pg_extension (extname name, extversion text);
	CREATE TABLE trap.pg_proc (oid oid, proname name);
});
next_round($node);
is(probes_of($node, 'mallorys'), $all_well, 'settings and look-alikes of a database\'s owner change nothing');

# --- the owner of the functions ------------------------------------------------------------------

# An extension whose functions are a mere user's: then they are what the user makes of them.
$node->safe_psql('mallorys', q{
	SET search_path = public, pg_catalog;
	CREATE TABLE loot (what text);
	ALTER TABLE loot OWNER TO mallory;
	ALTER FUNCTION public.pg_hello(text) OWNER TO mallory;
	ALTER FUNCTION public.now_ms() OWNER TO mallory;
	GRANT CREATE ON SCHEMA public TO mallory;
	SET ROLE mallory;
	CREATE FUNCTION tries(command text) RETURNS bool LANGUAGE plpgsql AS $$
		BEGIN EXECUTE command; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
	CREATE OR REPLACE FUNCTION public.pg_hello(name text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		command text;
	BEGIN
		IF current_user <> 'mallory' OR current_setting('search_path') <> 'pg_catalog, pg_temp' THEN
			RETURN 'run as ' || current_user;
		END IF;
		FOREACH command IN ARRAY ARRAY[
			'RESET ROLE', 'SET ROLE NONE', 'SET ROLE postgres', 'SET SESSION AUTHORIZATION postgres',
			'RESET SESSION AUTHORIZATION', 'ALTER ROLE mallory SUPERUSER', 'SET pg_hello.track = ''all''',
			'SET TRANSACTION READ WRITE', 'INSERT INTO public.loot VALUES (1)', 'CREATE TEMP TABLE t ()',
			'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'COPY (SELECT 1) TO PROGRAM ''true''',
			'LISTEN mallory', 'CREATE TABLE public.more ()', 'SET LOCAL session_replication_role = replica'] LOOP
			IF public.tries(command) THEN
				RETURN 'could ' || command;
			END IF;
		END LOOP;
		RETURN 'Hello, probe!';
	END $$;
	CREATE OR REPLACE FUNCTION public.now_ms() RETURNS bigint LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION USING ERRCODE = 'RAN00'; END $$;
});
is(wait_for_probes($node, 'mallorys', 'now_ms', 'f'), 'the call failed with SQLSTATE RAN00', 'a replaced function is run');
next_round($node);
is(probes_of($node, 'mallorys'), 'connect:t extension:t version:t pg_hello:t now_ms:f spi_version:t',
	'... as its owner, who can do nothing there that he could not do elsewhere');
is($node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}), 'f', '... and is nobody else afterwards');
is($node->safe_psql('mallorys', q{SET search_path = public; SELECT count(*) FROM loot}), '0', '... nor has written anything');

# A function that a visitor must not call: what it returns is not what a visitor would read.
$node->safe_psql('mallorys', q{
	SET search_path = public, pg_catalog;
	ALTER EXTENSION pg_hello DROP FUNCTION public.pg_hello(text);
	ALTER FUNCTION public.pg_hello(text) RENAME TO former;
	CREATE FUNCTION public.pg_hello(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
	ALTER EXTENSION pg_hello ADD FUNCTION public.pg_hello(text);
});
is(wait_for_probes($node, 'mallorys', 'pg_hello', 'f'), 'the extension has no such function', 'a member of another type is not called');
finish();
