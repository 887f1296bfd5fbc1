#!/usr/bin/env bash
# Two training runs on two threads, the second with local steps, under the thread sanitizer: the reports are counted and kept, not judged. The
# library makes no threads: with a generator in each of eight threads of a program, there must be no report, and none while a training on one
# thread goes on beside them.
#
# gcc's libgomp is not instrumented (nor are MPI and HDF5), so its barriers and the ends of parallel regions are not seen, and what they
# keep apart is reported as a race. What tells of a real race is a report that is new after a change; that results are the same bits on
# any number of threads is tested elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --parallel "$(nproc)" --target ddpm libddpm test_insitu_training | tail -n 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ "$(id -u)" = 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive
export TSAN_OPTIONS="exitcode=0:ignore_noninstrumented_modules=1:log_path=$scratch/report"
build/tsan/ddpm train /dev/null --set data.count=500 --set training.iterations=4 --set training.batch=100 --set network.width=24 \
    --set parallel.block_rows=32 --output "$scratch/run" 2>&1 | tail -n 1
build/tsan/ddpm train /dev/null --set data.count=500 --set training.iterations=4 --set training.batch=96 --set network.width=24 \
    --set parallel.block_rows=16 --set training.local_steps=2 --set training.workers=2 --output "$scratch/local" 2>&1 | tail -n 1
reports=$(cat "$scratch"/report* 2>/dev/null | grep -c '^WARNING: ThreadSanitizer' || true)
cat "$scratch"/report* >build/tsan/reports.txt 2>/dev/null || true
c++ -g -fsanitize=thread -pthread tests/examples/threads.cpp -Iinclude -Lbuild/tsan -lddpm -Wl,-rpath,"$PWD/build/tsan" -o "$scratch/threads"
TSAN_OPTIONS="exitcode=66:ignore_noninstrumented_modules=1" "$scratch/threads" "$scratch/run" 2000 "$scratch/rows"
OMP_NUM_THREADS=1 TSAN_OPTIONS="exitcode=66:ignore_noninstrumented_modules=1" build/tsan/tests/test_insitu_training >/dev/null
echo "thread sanitizer: no reports of the library in eight threads, nor beside a training"
echo "thread sanitizer: $reports reports of what libgomp's barriers keep apart, in build/tsan/reports.txt"
