#!/usr/bin/env bash
# Installs the Debian package in a root made from nothing (debootstrap), runs it there as its service user,
# and takes it away again. As root; takes some minutes. The package's mirror is the one that this machine
# uses. Usage: test_package.sh SKYHOOK.deb
set -euo pipefail
package=$(realpath "$1")
here=$(cd "$(dirname "$0")/../.." && pwd)

work=$(mktemp -d)
root=$work/root
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
say() { echo "── $*"; }
die() { echo "FAILED: $*" >&2; exit 1; }

say "what the package holds"
dpkg-deb --info "$package" | sed -n 's/^ \(Package\|Version\|Architecture\|Depends\): /\0/p'
contents=$(dpkg-deb --contents "$package")
for file in ./usr/bin/skyhook ./usr/include/skyhook/webhook.hpp ./lib/systemd/system/skyhook.service \
  ./etc/skyhook/skyhook.toml ./usr/share/doc/skyhook/copyright ./usr/share/doc/skyhook/changelog ./usr/share/man/man1/skyhook.1 \
  ./usr/share/bash-completion/completions/skyhook ./usr/share/zsh/vendor-completions/_skyhook \
  ./usr/share/fish/vendor_completions.d/skyhook.fish ./usr/share/doc/skyhook/examples/python/webhook.py; do
  grep -qE " $file(\.gz)?$" <<<"$contents" || die "$file is missing"
done

say "a root from nothing"
mirror=$(apt-get indextargets --format '$(SITE) $(COMPONENT)' 'Identifier: Packages' |
  awk '$2 == "main" && !/security/ { print $1; exit }')
. /etc/os-release
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
  { tail -n 20 "$work/debootstrap.log"; die "debootstrap"; }
mount -t proc proc "$root/proc" 2>/dev/null || true
# No init in there: services are not started by the package's scripts.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

say "installation"
cp "$package" "$root/tmp/skyhook.deb"
chroot "$root" sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
  --no-install-recommends /tmp/skyhook.deb curl' >"$work/install.log" 2>&1 ||
  { tail -n 30 "$work/install.log"; die "installation"; }
in_root() { chroot "$root" "$@"; }
in_root id skyhook >/dev/null || die "no service user"
[ "$(in_root stat -c '%U:%G %a' /etc/skyhook/skyhook.toml)" = "root:skyhook 640" ] || die "mode of skyhook.toml"
[ "$(in_root stat -c '%U:%G %a' /var/lib/skyhook)" = "skyhook:skyhook 700" ] || die "mode of the data directory"
in_root ldd /usr/bin/skyhook | grep -q "not found" && die "a library is missing"
in_root skyhook --version

# upgrade VERSION: installs a newer package that differs in its version and in one line of its default settings.
upgrade() {
  rm -rf "$work/newer"
  dpkg-deb -R "$package" "$work/newer"
  sed -i "s/^Version: .*/Version: $1/" "$work/newer/DEBIAN/control"
  echo "# default of $1" >>"$work/newer/etc/skyhook/skyhook.toml"
  sed -i "/skyhook.toml$/d" "$work/newer/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -b "$work/newer" "$root/tmp/newer.deb" >/dev/null
  in_root sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Options::=--force-confold \
    /tmp/newer.deb' >"$work/upgrade.log" 2>&1 || { tail -n 30 "$work/upgrade.log"; die "upgrade to $1"; }
  [ "$(in_root dpkg-query -W -f '${Version}' skyhook)" = "$1" ] || die "not upgraded to $1"
  [ "$(in_root stat -c '%U:%G %a' /etc/skyhook/skyhook.toml)" = "root:skyhook 640" ] || die "mode of skyhook.toml"
}

say "an upgrade brings new defaults where nobody changed the settings"
upgrade 9.0.1
grep -q "default of 9.0.1" "$root/etc/skyhook/skyhook.toml" || die "the new default did not arrive"

say "the service, as its user, with the installed settings"
# As the unit starts it; another port, since the machine's is shared.
port=$((20000 + RANDOM % 20000))
sed -i "s/^listen = .*/listen = \"127.0.0.1:$port\"/" "$root/etc/skyhook/skyhook.toml"
command=$(sed -n 's/^ExecStart=//p' "$root/lib/systemd/system/skyhook.service")
# shellcheck disable=SC2086
chroot --userspec=skyhook:skyhook "$root" $command >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
  in_root skyhook health --server "http://127.0.0.1:$port" >/dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || { cat "$work/server.log"; die "the server ended"; }
  sleep 0.1
done
in_root skyhook health --server "http://127.0.0.1:$port"
export SKYHOOK_DATA=/var/lib/skyhook
in_root skyhook account create --name "Package test" --server "http://127.0.0.1:$port" | grep -q sk_live_ ||
  die "no account"
[ "$(in_root stat -c '%U %a' /var/lib/skyhook/operator-token)" = "skyhook 600" ] || die "mode of the operator token"
# The binary ignores what is beneath it: the process that runs is the child of chroot's exec.
kill -TERM "$server"
wait "$server" || die "SIGTERM: exit $?"
server=

say "an upgrade keeps changed settings, lays the new defaults beside them, and keeps the data"
upgrade 9.0.2
grep -q "127.0.0.1:$port" "$root/etc/skyhook/skyhook.toml" || die "the settings were overwritten"
grep -q "default of 9.0.2" "$root/etc/skyhook/skyhook.toml.dpkg-dist" || die "the new defaults are nowhere"
[ -f "$root/var/lib/skyhook/operator-token" ] || die "the data is gone"

say "the unit"
systemd-analyze security --offline=true --threshold=20 "$root/lib/systemd/system/skyhook.service" | tail -n 1

say "the header that the package installs"
g++ -std=c++17 -Wall -Wextra -Werror -I"$root/usr/include" "$here/examples/cpp/receiver.cpp" -lcrypto \
  -o "$work/receiver"

say "removal and purge"
in_root apt-get remove -y skyhook >"$work/remove.log" 2>&1 || { cat "$work/remove.log"; die "removal"; }
[ -f "$root/var/lib/skyhook/operator-token" ] || die "removal took the data"
in_root apt-get purge -y skyhook >"$work/purge.log" 2>&1 || { cat "$work/purge.log"; die "purge"; }
[ ! -e "$root/var/lib/skyhook" ] && [ ! -e "$root/etc/skyhook" ] || die "purge left something"
in_root id skyhook >/dev/null 2>&1 && die "purge left the user"
echo "package test: 1 passed"
