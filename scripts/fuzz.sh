#!/usr/bin/env bash
# Builds the fuzz targets and runs each for the given number of seconds, as many at a time as there
# are cores (JOBS), from the corpus in the tree and what earlier runs have found (kept in
# build-fuzz/corpus). Fails where an input breaks an invariant, and says where that input is.
# Usage: fuzz.sh SECONDS_EACH [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
shift
directory=build-fuzz
jobs=${JOBS:-$(nproc)}

scripts/install-dependencies.sh build fuzz
scripts/build.sh fuzz "$jobs"

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for seeds in tests/fuzz/corpus/*/; do targets+=("$(basename "$seeds")"); done
fi

export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
mkdir -p "$directory/findings"

fuzz() {
  local target=$1 log="$directory/findings/$1.log" found="$directory/corpus/$1" runs
  mkdir -p "$found"
  # An input takes less than a second; the timeout, by the wall clock, is against hanging on a machine that is held up.
  if ! "$directory/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=60 \
    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$directory/findings/$target-" \
    "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $target failed; the input is in $directory/findings/" >&2
    return 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '  %-14s %10s inputs in %ss, no finding\n' "$target" "$runs" "$seconds"
}

status=0
running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || status=1
  else
    running=$((running + 1))
  fi
  fuzz "$target" &
done
while [ "$running" -gt 0 ]; do
  wait -n || status=1
  running=$((running - 1))
done
exit $status
