#!/bin/sh
# A PostgreSQL server of the tests' own: real, in a folder of its own, on 127.0.0.1 and a unix socket.
#
#   postgres.sh start DIR   makes DIR, starts the server, prints its URL (of the database `postgres`)
#   postgres.sh url DIR     prints the URL again
#   postgres.sh run DIR     starts it again after a stop or a kill, on the same port
#   postgres.sh stop DIR    stops it at once (SIGINT: open sessions are ended); the data stays
#   postgres.sh pid DIR     prints the process id of the server
#
# initdb refuses to run as root: then everything runs as user `postgres`, who must exist.
set -eu

command=$1
dir=$2

binaries=${SKYHOOK_TEST_POSTGRES_BIN:-}
if [ -z "$binaries" ]; then
  for candidate in /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
    [ -x "$candidate/initdb" ] && binaries=$candidate
  done
fi
[ -n "$binaries" ] || { echo "PostgreSQL's server programs are not installed" >&2; exit 1; }

as_owner() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --init-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC "$@"
  else
    "$@"
  fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

url() { echo "postgres://postgres@127.0.0.1:$(cat "$dir/port")/postgres"; }

run() {
  as_owner "$binaries/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 30 \
    -o "-p $(cat "$dir/port") -k '$dir'" start >/dev/null
}

case $command in
  start)
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then
      # The owner must be able to walk down to it.
      chown postgres "$dir"
    fi
    as_owner "$binaries/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
    as_owner sh -c "cat >> '$dir/data/postgresql.conf'" <<CONF
listen_addresses = '127.0.0.1'
max_connections = ${SKYHOOK_TEST_POSTGRES_CONNECTIONS:-100}
shared_buffers = ${SKYHOOK_TEST_POSTGRES_BUFFERS:-128MB}
fsync = ${SKYHOOK_TEST_POSTGRES_FSYNC:-off}
log_min_messages = warning
CONF
    free_port > "$dir/port"
    run
    url
    ;;
  run) run; url ;;
  url) url ;;
  stop) as_owner "$binaries/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null ;;
  pid) head -1 "$dir/data/postmaster.pid" ;;
  *) echo "unknown command: $command" >&2; exit 2 ;;
esac
