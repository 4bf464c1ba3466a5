#!/bin/bash
# Builds the library, and runs a Python program with it in a stage that is gone afterwards, as an unprivileged user
# if called by root, who may not be able to look into the checkout. What the program prints and how it ends is this one's.
#
# usage: in_stage.sh [OPTION ...] NAME PROGRAM TREE ... -- [ARGUMENT ...]
#   PROGRAM  below one of the TREEs, which are directories of the checkout; it runs in work/NAME of the stage
#   --module FILE         of the build, needed besides the library
#   --python PATH         another interpreter than the first in PATH
#   --keep PATTERN=TARGET what of its files in the end goes where the caller can write and the user may not
set -euo pipefail

source_root=$(cd "$(dirname "$0")/../.." && pwd)
pg_config=${PG_CONFIG:-/usr/lib/postgresql/${PGMAJOR:-15}/bin/pg_config}
build=$source_root/build
python=python3 modules=() pattern="" target=""
while [[ $1 == --* ]]; do
  case $1 in
    --module) modules+=("$2") ;;
    --python) python=$2 ;;
    --keep) pattern=${2%%=*} target=${2#*=} ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
  shift 2
done
name=$1 program=$2
shift 2
trees=()
while [ "$1" != -- ]; do trees+=("$source_root/$1") && shift; done
shift

[ -f "$build/build.ninja" ] || meson setup "$build" "$source_root" "-Dpg_config=$pg_config" >/dev/null
ninja -C "$build" pg_hello.so "${modules[@]}" >/dev/null

stage=$(mktemp -d "/tmp/pg_hello-$name.XXXXXX")
trap 'rm -rf "$stage"' EXIT
user=$([ "$(id -u)" -eq 0 ] && echo postgres || id -un)
bindir=$(python3 "$source_root/test/support/stage.py" --pg-config "$pg_config" --stage "$stage" --owner "$user" \
  -- "$build/pg_hello.so" "${modules[@]/#/$build/}" -- "$source_root"/sql/pg_hello* -- "${trees[@]}")
status=0
"$source_root/test/support/run_staged.sh" "$stage" "$bindir" "$(dirname "$bindir")/lib/pgxs/src/test" \
  "$user" "$name" "$python" "$stage/$program" "$@" || status=$?
if [ -n "$target" ]; then
  # Unquoted: it is a pattern.
  for file in "$stage/work/$name"/$pattern; do
    [ ! -e "$file" ] || cp "$file" "$target"
  done
fi
exit "$status"
