#!/usr/bin/env bash
# format: rewrites the C++ sources; check: fails on what is not formatted, includes that run against
# the direction, and clang-tidy's findings in changed (or all) sources.
# Usage: lint.sh format | check [changed|all]
set -uo pipefail
cd "$(dirname "$0")/.."
mode=$1
scope=${2:-changed}
mapfile -t sources < <(git ls-files 'src/*.h' 'src/*.cpp' 'tests/*.h' 'tests/*.cpp' 'bench/*.h' 'bench/*.cpp' \
  'examples/*.hpp' 'examples/*.cpp')

if [ "$mode" = format ]; then
  clang-format-14 -i "${sources[@]}"
  exit
fi

status=0
echo "── clang-format"
clang-format-14 --dry-run -Werror "${sources[@]}" || status=1

echo "── include directions"
python3 tests/structure/check_includes.py src || status=1

echo "── clang-tidy ($scope)"
if [ "$scope" = all ]; then
  mapfile -t tidied < <(git ls-files 'src/*.cpp')
else
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD)
  mapfile -t tidied < <(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp')
fi
if [ ${#tidied[@]} -gt 0 ]; then
  [ -f build/compile_commands.json ] || cmake --preset release >/dev/null || exit 1
  printf '%s\n' "${tidied[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build --quiet || status=1
fi
[ $status -eq 0 ] && echo "lint: clean"
exit $status
