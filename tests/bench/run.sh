#!/usr/bin/env bash
# Measurements, for a quiet machine; nothing here is a test, and CI does not run it. tests/bench/README.md says what they are.
#
#   bash tests/bench/run.sh                 ddpm beside PyTorch, and beside the limit (some 15 minutes on two cores)
#   bash tests/bench/run.sh linear          the linear-cost sweep (some 4 minutes): linear.png, linear.csv
#   bash tests/bench/run.sh quality         seconds to quality beside the newest PyTorch and JAX (some 20 minutes)
#   bash tests/bench/run.sh profile         where the instructions of the 128x3 step go (callgrind, AVX2 kernels)
# Further arguments go to compare.py, linear.py or time_to_quality.py.
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

# PyTorch and JAX as new as pip finds them for this Python, in an environment of their own (6 GB); PEER_PYTHON names the
# Python of another one.
install_peers() {
    [ -n "${PEER_PYTHON:-}" ] && return
    export PEER_PYTHON=$PWD/build/peers/bin/python3
    [ -x "$PEER_PYTHON" ] || /usr/bin/python3 -m venv build/peers
    "$PEER_PYTHON" -c 'import torch, jax, h5py, yaml' 2>/dev/null ||
        "$PEER_PYTHON" -m pip install --quiet torch jax numpy h5py pyyaml
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
quality)
    ddpm_install python3-venv python3-sklearn g++
    install_peers
    exec "$here/time_to_quality.py" "$@"
    ;;
profile) exec bash "$here/profile.sh" "$@" ;;
*)
    echo "run.sh: expected compare, linear, quality or profile, found '$what'" >&2
    exit 64
    ;;
esac
