#!/usr/bin/env bash
# Installs the Debian 12 packages that the named groups need, and only those that are missing.
# Usage: install-dependencies.sh build|test|package|browser|kafka|lint|fuzz …
set -euo pipefail

packages_build=(
  g++ make cmake ninja-build pkg-config ccache mold ca-certificates curl python3
  libboost1.81-dev libboost-json1.81-dev libssl-dev libc-ares-dev libsqlite3-dev libpq-dev
  libsimdjson-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev prometheus-cpp-dev
  libre2-dev librdkafka-dev zlib1g-dev libjemalloc-dev libgtest-dev libgmock-dev json-schema-test-suite
)
packages_test=(python3-venv openssl postgresql iproute2
  systemd sqlite3 php-cli prometheus yamllint docker-compose mandoc zsh fish
)
# Where another source provides them, Debian's are not needed.
command -v go >/dev/null || packages_test+=(golang-go)
command -v node >/dev/null || packages_test+=(nodejs)
packages_package=(dpkg-dev file debootstrap systemd)
packages_lint=(clang-format-14 clang-tidy-14)
packages_browser=(chromium)
packages_kafka=(maven openjdk-17-jre-headless)
# The dashboard is built by Node.js 18 or later with its npm, from wherever it came; else Debian's.
command -v npm >/dev/null && command -v node >/dev/null || packages_build+=(nodejs npm)
packages_fuzz=(clang-14 libclang-rt-14-dev)

wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${packages_build[@]}") ;;
    test) wanted+=("${packages_test[@]}") ;;
    package) wanted+=("${packages_package[@]}") ;;
    lint) wanted+=("${packages_lint[@]}") ;;
    browser) wanted+=("${packages_browser[@]}") ;;
    kafka) wanted+=("${packages_kafka[@]}") ;;
    fuzz) wanted+=("${packages_fuzz[@]}") ;;
    *) echo "install-dependencies.sh: no such group: $group" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system: install the equivalents of these yourself:" "${wanted[@]}" >&2
  exit 0
fi

installed=$(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' "${wanted[@]}" \
  2>/dev/null | sed -n 's/^ii *//p' || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and no sudo to install them with. As root, run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing missing packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run_quietly() {
  if ! "$@" >"$log" 2>&1; then
    echo "Failed: $*" >&2
    tail -n 30 "$log" >&2
    exit 1
  fi
}
run_quietly "${as_root[@]}" apt-get update
run_quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y --no-install-recommends "${missing[@]}"
