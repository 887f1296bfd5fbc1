#!/usr/bin/env bash
# Run each fuzzer for some seconds: bash tests/fuzz/run.sh BUILD_FOLDER SECONDS [config|checkpoint|data|exchange ...]
#
# First the corpus, findings of the past among it; then new inputs. HDF5 1.10.8 itself fails on hostile files (README, What is promised):
# such inputs are recognised by the stack of the crash, and only counted. Any other failure is kept in BUILD_FOLDER/fuzz and makes this
# script end with 1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
seconds=$2
shift 2
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(config checkpoint data exchange)
# without it no frame has a line, and every failure would be nobody's
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer) || { echo "llvm-symbolizer is not there; on Debian: apt-get install llvm" >&2; exit 69; }
export ASAN_SYMBOLIZER_PATH
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 # HDF5 leaks; our own balance is checked by each fuzzer
limits=(-timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1536 -max_len=65536)
failed=0

# Whose code fails on an input: that of the innermost frame which belongs neither to the C library nor to the sanitizer. A frame of the fuzzer
# without a line number is not of our sources; it stands for a function of the C library.
culprit() { # PROGRAM INPUT
    local frame
    frame=$("$1" "${limits[@]}" "$2" 2>&1 | grep -E '^ +#[0-9]+ ' | grep -vE '/fuzz_[a-z]+\+0x|__interceptor|__asan|__sanitizer|sysdeps|nptl/|debug/|libio/|stdlib/|libc\.so|/lib/llvm|string/|fuzzer::|Rss|operator' |
        head -n 1) || true
    case $frame in
    *libhdf5*) echo HDF5 ;;
    "") echo nobody ;; # the input does not fail when it is run again alone
    *) echo "ours: $frame" ;;
    esac
}

for kind in "${kinds[@]}"; do
    program=$build/fuzz/fuzz_$kind
    work=$build/fuzz/$kind
    rm -rf "$work"
    mkdir -p "$work/corpus" "$work/findings"
    "$program" "${limits[@]}" -runs=0 "$here/corpus/$kind" >"$work/corpus.log" 2>&1 || { echo "fuzz_$kind: the corpus fails"; tail -n 20 "$work/corpus.log"; failed=1; }
    # libFuzzer starts its children by a shell and does not quote names: a folder's name may have a space, so it is left out
    ln -s "$program" "$work/fuzz"
    ln -s "$here/corpus/$kind" "$work/seeds"
    (cd "$work" && ./fuzz "${limits[@]}" -fork=1 -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 -max_total_time="$seconds" \
        -artifact_prefix=findings/ corpus seeds >log 2>&1) || true
    inputs=$(sed -n 's/^#\([0-9]*\):.*/\1/p' "$work/log" | tail -n 1)
    hdf5=0 nobody=0
    for input in "$work"/findings/*; do
        [ -e "$input" ] || break
        who=$(culprit "$program" "$input")
        case $who in
        HDF5) hdf5=$((hdf5 + 1)) ;;
        nobody) nobody=$((nobody + 1)) ;;
        *) failed=1; printf 'fuzz_%s: %s\n  %s\n' "$kind" "$input" "$who" ;;
        esac
    done
    rm -f /dev/shm/ddpm-fuzz-*
    [ "${inputs:-0}" -gt 0 ] || { failed=1; echo "fuzz_$kind: no input was tried; see $work/log"; }
    printf 'fuzz_%s: %s inputs in %d s; %d fail inside HDF5, %d only now and then\n' "$kind" "${inputs:-no}" "$seconds" "$hdf5" "$nobody"
done
exit $failed
