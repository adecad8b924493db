#!/usr/bin/env bash
# Runs the tests of a build directory and ends with one summary.
# Usage: test.sh BUILD_DIRECTORY [all|ctest|contract|contract-postgres|integration|faults|browser|soak]
set -uo pipefail
cd "$(dirname "$0")/.."
directory=$1
what=${2:-all}
mkdir -p "$directory/test-logs"

export SKYHOOK_BINARY=$PWD/$directory/skyhook
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99:detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=99}
case $directory in
  *-asan | *-tsan) export SKYHOOK_TEST_SANITIZED=1 ;;
esac

summary=()
status=0
# part NAME COMMAND…: shows the output as it comes, remembers the outcome and the last line.
part() {
  local name=$1 log="$directory/test-logs/$1.log" started=$SECONDS outcome=passed
  shift
  echo "── $name"
  if ! "$@" 2>&1 | tee "$log"; then
    outcome=FAILED
    status=1
  fi
  local counts
  counts=$(grep -E 'tests passed|tests failed|[0-9]+ (passed|failed)' "$log" | tail -n 1 |
    sed -E 's/\x1b\[[0-9;]*m//g; s/^=+ //; s/ =+$//')
  summary+=("$(printf '%-10s %-7s %4ds  %s' "$name" "$outcome" $((SECONDS - started)) "$counts")")
}

run_ctest() { ctest --test-dir "$directory" --output-on-failure -j "$(nproc)"; }
run_pytest() {
  local python
  python=$(scripts/python-environment.sh) || return 1
  "$python" -m pytest "$@" -p no:cacheprovider
}

case $what in
  all | ctest) part ctest run_ctest ;;
esac
case $what in
  all | contract) part contract run_pytest tests/contract -m "not soak" -n "${SKYHOOK_TEST_WORKERS:-4}" ;;
esac
# Under a sanitizer `all` is the unit, contract and fault tests: the rest runs other people's programs against ours, or takes the
# time that continuous integration does not have. Each can be asked for by name.
plain=all
[ -z "${SKYHOOK_TEST_SANITIZED:-}" ] || plain=not-sanitized
case $what in
  "$plain" | integration) part integration run_pytest tests/integration -n 2 ;;
esac
case $what in
  # The same promises on the shared store, against a PostgreSQL that the tests start.
  "$plain" | contract-postgres)
    export SKYHOOK_TEST_STORE=postgres
    part contract-postgres run_pytest tests/contract -m "not soak" -n "${SKYHOOK_TEST_WORKERS:-4}"
    unset SKYHOOK_TEST_STORE
    ;;
esac
case $what in
  all | faults) part faults run_pytest tests/faults -n 2 ;;
esac
case $what in
  "$plain" | browser) part browser run_pytest tests/browser -n 2 ;;
esac
case $what in
  soak) part soak run_pytest tests/contract -m soak -s ;;
esac

echo
echo "Summary ($directory)"
printf '  %s\n' "${summary[@]}"
exit $status
