#!/usr/bin/env bash
# Two release builds from two directories give the same bytes. Slow: everything is compiled twice, past
# the compiler cache. Usage: test_reproducible.sh
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
commit=$(git -C "$here" rev-parse HEAD) # the same for both, whatever is committed meanwhile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct "$commit")}
for name in first second-with-a-longer-path; do
  mkdir "$work/$name"
  git -C "$here" archive "$commit" | tar -x -C "$work/$name"
  cmake -S "$work/$name" -B "$work/$name/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DSKYHOOK_TESTS=OFF >"$work/cmake.log"
  cmake --build "$work/$name/build" --target package >"$work/build.log" || { tail "$work/build.log"; exit 1; }
done
cd "$work"
sha256sum first/build/skyhook second-with-a-longer-path/build/skyhook
cmp first/build/skyhook second-with-a-longer-path/build/skyhook
sha256sum first/build/*.deb second-with-a-longer-path/build/*.deb
cmp first/build/*.deb second-with-a-longer-path/build/*.deb
echo "reproducible build: 1 passed"
