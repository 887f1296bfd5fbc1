#!/usr/bin/env bash
# Build the Debian package, and try one where nothing of it is installed.
#
#   bash tests/package.sh build         a .deb in build/package, after installing what building it needs (Debian 12)
#   bash tests/package.sh try FILE.deb  as root: install it with what it depends on, run the program, build and run the examples with its libraries
#                                       (tests/cli/test_examples.py), remove it, and look for files left behind
#
# `try` changes the machine that it runs on (its dependencies stay): tests/bare.sh gives it a bare Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
. jobs/packages.sh

build() {
    ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_DEB
    cmake --preset release -B build/package -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=/usr >/dev/null
    cmake --build build/package --parallel "$(nproc)" | tail -n 1
    rm -f build/package/*.deb
    (cd build/package && cpack -G DEB)
}

every_path() { # of this machine, but for what changes by itself
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg \) \
        -prune -o -print | sort
}

try() {
    local file
    file=$(realpath "$1")
    before=$(mktemp) after=$(mktemp) # not local: the trap comes after the function
    trap 'rm -f "$before" "$after"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get satisfy -y -qq --no-install-recommends "$(dpkg-deb --field "$file" Depends)" >/dev/null
    ddpm_install cmake make g++ gfortran pkg-config libopenmpi-dev python3 python3-numpy python3-h5py python3-yaml # for programs with the library
    every_path >"$before"
    dpkg --install "$file"
    ddpm --version
    DDPM=$(command -v ddpm) DDPM_PREFIX=/usr PYTHONPATH=analysis:tests:tests/cli PYTHONDONTWRITEBYTECODE=1 python3 tests/cli/test_examples.py
    dpkg --purge "$(dpkg-deb --field "$file" Package)"
    every_path >"$after"
    diff "$before" "$after" || { echo "package.sh: removing the package does not bring back what was there before, see above" >&2; exit 1; }
    echo "$(basename "$file"): installed, run and removed; nothing is left of it"
}

case ${1:-}:$# in
build:1) build ;;
try:2) try "$2" ;;
*) sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
