#!/usr/bin/env bash
# Runs the tests of a build directory and ends with one summary.
# Usage: test.sh BUILD_DIRECTORY [all|ctest|contract|contract-postgres|integration|faults|browser|kafka|soak]
set -uo pipefail
cd "$(dirname "$0")/.."
directory=$1
what=${2:-all}
logs=$directory/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.result

export SKYHOOK_BINARY=$PWD/$directory/skyhook
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99:detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=99}
case $directory in
  *-asan | *-tsan)
    export SKYHOOK_TEST_SANITIZED=1
    # Sanitized, a history takes some twenty times as long.
    export SKYHOOK_SIMULATION_COUNT=${SKYHOOK_SIMULATION_COUNT:-300}
    ;;
esac

# part NAME COMMAND…: keeps the outcome for the summary. Shows the output as it comes, or, where parts run side by side, when the
# part is over.
part() {
  local name=$1 log="$logs/$1.log" started=$SECONDS outcome=passed counts
  shift
  echo "── $name"
  if [ "$what" = all ]; then
    "$@" >"$log" 2>&1 || outcome=FAILED
    { flock 9 && echo "── $name: $outcome" && cat "$log"; } 9>"$logs/lock"
  else
    "$@" 2>&1 | tee "$log" || outcome=FAILED
  fi
  counts=$(grep -E 'tests passed|tests failed|[0-9]+ (passed|failed)|\[  PASSED  \]' "$log" | tail -n 1 |
    sed -E 's/\x1b\[[0-9;]*m//g; s/^=+ //; s/ =+$//')
  printf '  %-18s %-7s %4ds  %s\n' "$name" "$outcome" $((SECONDS - started)) "$counts" >"$logs/$name.result"
}

run_ctest() { command ctest --test-dir "$directory" --output-on-failure -j "$(nproc)"; }
run_pytest() { "$python" -m pytest "$@" -p no:cacheprovider; }
run_contract() { run_pytest tests/contract -m "not soak" -n "${SKYHOOK_TEST_WORKERS:-4}"; }

ctest() { part ctest run_ctest; }
contract() { part contract run_contract; }
# The same promises on the shared store, against a PostgreSQL that the tests start.
contract_postgres() { SKYHOOK_TEST_STORE=postgres part contract-postgres run_contract; }
integration() { part integration run_pytest tests/integration -n 2; }
# Some take half a minute and most a moment: an idle worker takes over what another has not begun.
faults() { part faults run_pytest tests/faults -m "not soak" -n 3 --dist worksteal; }
browser() { part browser run_pytest tests/browser -n 2; }
# Against a real broker, which scripts/kafka.sh fetches: not a part of `all`.
kafka() { part kafka run_pytest tests/kafka; }
# The same criteria at full size.
soak() {
  part soak-histories env SKYHOOK_SIMULATION_COUNT=100000 "$directory/tests/unit/delivery/unit_delivery"
  part soak-power-loss env SKYHOOK_POWER_LOSS_COUNT=10000 "$directory/tests/faults/unit_power_loss"
  part soak-contract run_pytest tests/contract -m soak -s
  part soak-faults run_pytest tests/faults -m soak -s
}

# Most tests wait more than they compute, so two columns of suites run side by side. The fault tests measure time, and come last and
# alone. Under a sanitizer `all` is the unit, contract and fault tests: the rest runs other people's programs against ours, or takes
# the time that continuous integration does not have. Each can be asked for by name.
all() {
  set -m  # the left column in a process group of its own, so that it can be ended
  {
    ctest
    [ -n "${SKYHOOK_TEST_SANITIZED:-}" ] || browser
  } &
  local left=$!
  set +m
  trap 'kill -- -$left 2>/dev/null; exit 130' INT TERM
  contract
  [ -n "${SKYHOOK_TEST_SANITIZED:-}" ] || { contract_postgres; integration; }
  wait "$left"
  trap - INT TERM
  faults
}

python=$(scripts/python-environment.sh) || exit 1
case $what in
  all | ctest | contract | integration | faults | browser | kafka | soak) "$what" ;;
  contract-postgres) contract_postgres ;;
  *)
    echo "test.sh: no such suite: $what" >&2
    exit 2
    ;;
esac

echo
echo "Summary ($directory)"
cat "$logs"/*.result
! grep -q FAILED "$logs"/*.result
