#!/usr/bin/env bash
# Runs the tests of a Google Test program side by side, in so many processes: for tests that wait more than they compute.
# Usage: shards.sh PROGRAM COUNT. Fails where one of them does.
set -uo pipefail
program=$1
count=$2
outputs=$(mktemp -d)
running=()
trap 'rm -rf "$outputs"' EXIT
trap 'kill "${running[@]}"; exit 143' INT TERM

for ((shard = 0; shard < count; ++shard)); do
  GTEST_TOTAL_SHARDS=$count GTEST_SHARD_INDEX=$shard "$program" >"$outputs/$shard" 2>&1 &
  running+=($!)
done
outcome=0
for ((shard = 0; shard < count; ++shard)); do
  wait "${running[shard]}" || outcome=1
  cat "$outputs/$shard"
done
exit $outcome
