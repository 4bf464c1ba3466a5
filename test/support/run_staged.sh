#!/bin/sh
# Runs a test's command against the staged server, as the unprivileged user if called by root.
#
# usage: run_staged.sh STAGE BINDIR PGXS_TEST_DIR USER NAME COMMAND [ARGUMENT ...]
#   STAGE          what stage.py made; the command runs there, in work/NAME, which is made anew
#   BINDIR         the staged server's programs
#   PGXS_TEST_DIR  src/test of the server's development package: pg_regress, PostgreSQL::Test
set -eu

stage=$1 bindir=$2 pgxs_test=$3 user=$4 name=$5
shift 5

work=$stage/work/$name
rm -rf "$work"
mkdir -p "$work"

# Not the caller's PATH: root's may lead to what others cannot read.
PATH=$bindir:/usr/local/bin:/usr/bin:/bin
PERL5LIB=$stage/integration:$pgxs_test/perl${PERL5LIB:+:$PERL5LIB}
PG_REGRESS=$pgxs_test/regress/pg_regress
TESTDIR=$work TESTDATADIR=$work/tmp_check TESTLOGDIR=$work/tmp_check/log
HOME=$work
LANG=C.UTF-8
LC_ALL=C.UTF-8
TZ=UTC
export PATH PERL5LIB PG_REGRESS TESTDIR TESTDATADIR TESTLOGDIR HOME LANG LC_ALL TZ
PG_HELLO_STAGE=$stage
export PG_HELLO_STAGE
unset PGHOST PGPORT PGUSER PGDATABASE PGDATA PGSERVICE PGPASSFILE 2>/dev/null || true

cd "$work"
if [ "$(id -u)" -eq 0 ]; then
  chown "$user" "$stage/work" "$work"
  exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"
fi
exec "$@"
