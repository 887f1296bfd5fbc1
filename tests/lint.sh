#!/usr/bin/env bash
# The checkers: layout, clang-tidy, cppcheck. tests/lint.sh BUILD_FOLDER (with compile_commands.json)
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
mapfile -t files < <(find src include tests -name '*.c' -o -name '*.h')
clang-format --dry-run -Werror "${files[@]}"

# clang 14 knows neither all of gcc's flags nor its vectors: the kernels are left to gcc's warnings.
mapfile -t sources < <(find src -name '*.c' ! -path 'src/kernel/simd/*')
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" --warnings-as-errors='*' 2>/dev/null

cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem -I src -I include -D DDPM_VERSION='""' -j "$(nproc)" src --suppress='*:src/kernel/simd/*' -i src/kernel/simd
echo "layout, clang-tidy and cppcheck: clean"
