#!/usr/bin/env bash
# Builds the Debian package in build-package. Usage: package.sh JOBS
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
rm -f build-package/*.deb
cmake -S . -B build-package -G Ninja -DCMAKE_BUILD_TYPE=Release -DSKYHOOK_TESTS=OFF >/dev/null
cmake --build build-package -j "$1"
(cd build-package && cpack -G DEB >cpack.log || { cat cpack.log; exit 1; })
ls build-package/*.deb
