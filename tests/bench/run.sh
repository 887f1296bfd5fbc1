#!/usr/bin/env bash
# Measurements, for a quiet machine; nothing here is a test, and CI does not run it. tests/bench/README.md says what they are.
#
#   bash tests/bench/run.sh                 ddpm beside PyTorch, and beside the limit (some 15 minutes on two cores)
#   bash tests/bench/run.sh linear          the linear-cost sweep (some 4 minutes): linear.png, linear.csv
#   bash tests/bench/run.sh profile         where the instructions of the 128x3 step go (callgrind, AVX2 kernels)
# Further arguments go to compare.py or linear.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. jobs/packages.sh
what=${1:-compare}
[ $# -gt 0 ] && shift

# OpenBLAS for the peer alone: unpacked, not installed, so that no other program's BLAS changes.
fetch_blas() {
    local folder=$PWD/build/peer
    export PEER_BLAS=$folder/usr/lib/$(gcc -print-multiarch)/openblas-pthread
    [ -e "$PEER_BLAS/libblas.so.3" ] && return
    mkdir -p "$folder"
    (cd "$folder" && apt-get download -qq libopenblas0-pthread && dpkg -x libopenblas0-pthread_*.deb . && rm -f libopenblas0-pthread_*.deb)
}

ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(nproc)" --target ddpm | tail -n 1
export DDPM=$PWD/build/release/ddpm PYTHONPATH=$PWD/analysis

case $what in
compare)
    ddpm_install python3-torch libgfortran5
    fetch_blas
    exec "$here/compare.py" "$@"
    ;;
linear) exec "$here/linear.py" "$@" ;;
profile) exec bash "$here/profile.sh" "$@" ;;
*)
    echo "run.sh: expected compare, linear or profile, found '$what'" >&2
    exit 64
    ;;
esac
