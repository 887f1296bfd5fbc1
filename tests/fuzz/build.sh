#!/usr/bin/env bash
# Build the fuzzers with clang: bash tests/fuzz/build.sh BUILD_FOLDER
#
# The folder is that of a finished build: its kernels, network and model are linked as they are, since clang does not know gcc's vectors.
# The fuzzers are put into BUILD_FOLDER/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
out=$build/fuzz
mkdir -p "$out/objects"
read -ra flags <<<"$(pkg-config --cflags hdf5-openmpi ompi-c yaml-0.1 libxxhash jansson)"
read -ra libraries <<<"$(pkg-config --libs hdf5-openmpi ompi-c yaml-0.1 libxxhash jansson)"
sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -g -O1)
# No fuzzer writes rows or computes components, and what does needs OpenMP, which clang may not have.
mapfile -t sources < <(ls src/{base,world,file,store,data,config,assembly,exchange}/*.c tests/fuzz/fuzz_*.c | grep -vE '/(rows_file|principal|eigen).c')
compile=(clang "${sanitize[@]}" -fsanitize=fuzzer-no-link -std=gnu11 -Wall -Wextra -D_GNU_SOURCE '-DDDPM_VERSION="fuzz"' -Isrc -Iinclude "${flags[@]}")
rm -f "$out"/objects/*.o
for source in "${sources[@]}"; do
    printf '%s\0' "$out/objects/${source//\//_}.o" "$source"
done | xargs -0 -n 2 -P "$(nproc)" "${compile[@]}" -c -o
for name in config checkpoint data exchange; do
    mapfile -t objects < <(ls "$out"/objects/src_*.o "$out/objects/tests_fuzz_fuzz_$name.c.o")
    clang "${sanitize[@]}" -fsanitize=fuzzer "${objects[@]}" "$build"/rooms/{model,network,kernel,base}.a \
        "${libraries[@]}" -lm -o "$out/fuzz_$name"
done
echo "fuzzers: $out/fuzz_config, fuzz_checkpoint, fuzz_data, fuzz_exchange"
