#!/usr/bin/env bash
# A short training run and sampling under valgrind, with Open MPI's own findings silenced, and the library in eight threads, without leaks,
# and beside a training. tests/valgrind.sh PROGRAM; the library and the tests lie beside it.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ "$(id -u)" = 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# valgrind 3.19 has no AVX-512; one thread, since libgomp's waits look like races to it
export DDPM_ISA=avx2 OMP_NUM_THREADS=1
grep -q avx2 /proc/cpuinfo || export DDPM_ISA=baseline
check=(valgrind --quiet --error-exitcode=99 --leak-check=no --suppressions=/usr/share/openmpi/openmpi-valgrind.supp)
run="$scratch/run"
"${check[@]}" "$program" train /dev/null --set data.count=500 --set training.iterations=4 --set training.batch=100 --set training.validate_every=2 \
    --set checkpoint.every=2 --set network.width=24 --set parallel.block_rows=32 --output "$run" 2>&1 | tail -n 1
"${check[@]}" "$program" sample "$run" --count 200 --trajectory 3 --steps 5 --output "$scratch/samples.h5" 2>&1 | tail -n 1
c++ -g -pthread tests/examples/threads.cpp -Iinclude -L"$(dirname "$program")" -lddpm -Wl,-rpath,"$(dirname "$program")" -o "$scratch/threads"
"${check[@]}" --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite "$scratch/threads" "$run" 200 "$scratch/rows"
"${check[@]}" "$(dirname "$program")/tests/test_insitu_training" 2>&1 | tail -n 1
echo "valgrind: no errors"
