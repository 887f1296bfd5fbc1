#!/usr/bin/env bash
# Install what the tests need (Debian 12), build, run all of them and all checks.
#
#   bash tests/run.sh            everything that runs in CI; what takes hours has the label long: ctest --preset dev --label-regex long
#   bash tests/run.sh quick      the build with warnings as errors, and the tests without the checkers
set -euo pipefail
start=$SECONDS
cd "$(dirname "$0")/.."
scope=${1:-all}
. jobs/packages.sh

say() { printf '\n== %s\n' "$*"; }

say "packages"
ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES $DDPM_PACKAGES_TESTS

say "build, warnings are errors"
cmake --preset dev >/dev/null
cmake --build --preset dev --parallel "$(nproc)" | tail -n 1

if [ "$scope" = all ]; then
    say "format, clang-tidy, cppcheck"
    bash tests/lint.sh build/dev
    say "address and undefined-behaviour sanitizers: unit tests"
    cmake --preset asan >/dev/null
    cmake --build --preset asan --parallel "$(nproc)" | tail -n 1
    ctest --preset asan --parallel "$(nproc)" --label-regex unit --no-tests=error | tail -n 4
    say "valgrind: one training run"
    bash tests/valgrind.sh build/dev/ddpm
    say "thread sanitizer: one training run"
    bash tests/tsan.sh
    say "fuzzers, a minute in all"
    bash tests/fuzz/build.sh build/dev
    bash tests/fuzz/run.sh build/dev 20
fi

say "tests"
ctest --preset dev --parallel "$(nproc)" --no-tests=error

printf '\ndone in %d s: built, checked and tested; details are in build/dev/Testing/Temporary/LastTest.log\n' $((SECONDS - start))
