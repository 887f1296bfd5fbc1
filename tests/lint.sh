#!/usr/bin/env bash
# The checkers: layout, clang-tidy, cppcheck, flake8. tests/lint.sh BUILD_FOLDER (with compile_commands.json)
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

# The rules are flake8's own; ruff, which Debian 12 has not, finds those of ruff.toml.
/usr/bin/python3 -m flake8 --isolated --max-line-length "$(sed -n 's/^line-length = //p' ruff.toml)" analysis jobs tests
echo "layout, clang-tidy, cppcheck and flake8: clean"
