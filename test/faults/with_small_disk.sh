#!/bin/sh
# Runs a command with PG_HELLO_SMALL_DISK, a directory on a disk of 1 MB, if root calls it and may mount one.
#
# usage: with_small_disk.sh USER COMMAND [ARGUMENT ...]
set -u

user=$1
shift

disk=$(mktemp -d /tmp/pg_hello-disk.XXXXXX)
mounted=""
clean_up() {
  [ -z "$mounted" ] || umount "$disk" || umount --lazy "$disk"
  rmdir "$disk"
}
trap clean_up EXIT
trap 'exit 143' TERM INT
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o "size=1m,mode=0700,uid=$(id -u "$user"),gid=$(id -g "$user")" tmpfs "$disk" 2>/dev/null; then
  mounted=yes
  export PG_HELLO_SMALL_DISK="$disk"
fi
"$@" &
child=$!
trap 'kill "$child"; wait "$child"; exit 143' TERM INT
wait "$child"
