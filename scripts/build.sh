#!/usr/bin/env bash
# Configures a CMake preset where that was not done yet, and builds it, or one target of it.
# Usage: build.sh PRESET JOBS [TARGET]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
jobs=$2
target=${3:-all}
directory=build
[ "$preset" = release ] || directory=build-$preset

# Objects are found in the cache from any checkout of the same sources.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

if ! command -v cmake >/dev/null || ! command -v ninja >/dev/null; then
  echo "cmake and ninja are missing: run 'make setup' first" >&2
  exit 1
fi
if [ ! -f "$directory/build.ninja" ] && ! log=$(cmake --preset "$preset" 2>&1); then
  echo "$log" >&2
  echo "configuring failed; 'make setup' installs what is missing" >&2
  exit 1
fi
cmake --build "$directory" -j "$jobs" --target "$target"
