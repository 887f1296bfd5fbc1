#!/usr/bin/env bash
# Install what the tests need (Debian 12), build, run all of them and all checks.
#
#   bash tests/run.sh            everything that runs in CI; tests/README.md has the rest
#   bash tests/run.sh quick      the build with warnings as errors, and the tests without the checkers
#
# It fails where a test fails, and where one was skipped that need not be (tests/skipped.py).
set -euo pipefail
start=$SECONDS
cd "$(dirname "$0")/.."
scope=${1:-all}
. jobs/packages.sh
tests=$(($(nproc) * 2)) # at a time: most wait for processes to start and end, and twice as many as there are processors keep these busy

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
    ctest --preset asan --parallel "$tests" --label-regex unit --no-tests=error --output-junit "$PWD/build/asan/tests.xml" | tail -n 4
    /usr/bin/python3 tests/skipped.py build/asan/tests.xml
    say "valgrind: one training run"
    bash tests/valgrind.sh build/dev/ddpm
    say "thread sanitizer: one training run"
    bash tests/tsan.sh
    say "fuzzers, five seconds each"
    bash tests/fuzz/build.sh build/dev
    bash tests/fuzz/run.sh build/dev 5
fi

say "tests"
ctest --preset dev --parallel "$tests" --no-tests=error --output-junit "$PWD/build/dev/tests.xml"
/usr/bin/python3 tests/skipped.py build/dev/tests.xml

printf '\ndone in %d s: built, checked and tested; details are in build/dev/Testing/Temporary/LastTest.log\n' $((SECONDS - start))
