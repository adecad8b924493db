#!/bin/sh
# A PostgreSQL server of the tests' own: real, in a folder of its own, on 127.0.0.1 and a unix socket.
#
#   postgres.sh start DIR   makes DIR, starts the server, prints its URL (of the database `postgres`)
#   postgres.sh url DIR     prints the URL again
#   postgres.sh run DIR     starts it again after a stop or a kill, on the same port
#   postgres.sh stop DIR    stops it at once (SIGINT: open sessions are ended); the data stays
#   postgres.sh pid DIR     prints the process id of the server
#   postgres.sh standby DIR PRIMARY   makes DIR a copy of the running server in PRIMARY that follows it; prints its URL.
#                           From then on the primary commits nothing that the standby has not written
#   postgres.sh promote DIR makes the standby a server that can write
#
# Settings: SKYHOOK_TEST_POSTGRES_CONNECTIONS, _BUFFERS, _FSYNC, _ADDRESSES (where it listens), _NETWORK (whom it trusts beside
# this machine).
#
# initdb refuses to run as root: then everything runs as user `postgres`, who must exist.
set -eu

command=$1
dir=$2
primary=${3:-}

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

free_port() { python3 "$(dirname "$0")/../contract/harness/ports.py"; }

make_directory() {
  mkdir -p "$dir"
  # The owner must be able to walk down to it.
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
}

url() { echo "postgres://postgres@127.0.0.1:$(cat "$dir/port")/postgres"; }

run() {
  as_owner "$binaries/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 90 \
    -o "-p $(cat "$dir/port") -k '$dir'" start >/dev/null
}

case $command in
  start)
    make_directory
    as_owner "$binaries/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
    as_owner sh -c "cat >> '$dir/data/postgresql.conf'" <<CONF
listen_addresses = '${SKYHOOK_TEST_POSTGRES_ADDRESSES:-127.0.0.1}'
max_connections = ${SKYHOOK_TEST_POSTGRES_CONNECTIONS:-100}
shared_buffers = ${SKYHOOK_TEST_POSTGRES_BUFFERS:-128MB}
fsync = ${SKYHOOK_TEST_POSTGRES_FSYNC:-off}
log_min_messages = warning
CONF
    [ -z "${SKYHOOK_TEST_POSTGRES_NETWORK:-}" ] ||
      as_owner sh -c "echo 'host all all $SKYHOOK_TEST_POSTGRES_NETWORK trust' >> '$dir/data/pg_hba.conf'"
    free_port > "$dir/port"
    run
    url
    ;;
  standby)
    make_directory
    as_owner "$binaries/pg_basebackup" -D "$dir/data" -R -X stream -c fast \
      -d "host=127.0.0.1 port=$(cat "$primary/port") user=postgres application_name=standby"
    free_port > "$dir/port"
    run
    as_owner "$binaries/psql" -qX -h 127.0.0.1 -p "$(cat "$primary/port")" -U postgres \
      -c "ALTER SYSTEM SET synchronous_standby_names = 'standby'" -c 'SELECT pg_reload_conf()' >/dev/null
    url
    ;;
  promote) as_owner "$binaries/pg_ctl" -D "$dir/data" -w -t 90 promote >/dev/null ;;
  run) run; url ;;
  url) url ;;
  stop) as_owner "$binaries/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null ;;
  pid) head -1 "$dir/data/postmaster.pid" ;;
  *) echo "unknown command: $command" >&2; exit 2 ;;
esac
