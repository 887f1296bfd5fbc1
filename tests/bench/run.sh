#!/usr/bin/env bash
# Measurements, for a quiet machine; nothing here is a test, and CI does not run it. tests/bench/README.md says what they are.
#
#   bash tests/bench/run.sh                 ddpm beside the newest PyTorch and JAX, and the limit (some 14 minutes)
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

# PyTorch and JAX as new as pip finds them for this Python, in an environment of their own (6 GB); PEER_PYTHON names the
# Python of another one. Where that cannot be made, what Debian has: an older PyTorch, without compilation, and no JAX.
install_peers() {
    [ -n "${PEER_PYTHON:-}" ] && return
    ddpm_install python3-venv g++
    export PEER_PYTHON=$PWD/build/peers/bin/python3
    [ -x "$PEER_PYTHON" ] || /usr/bin/python3 -m venv build/peers || true
    "$PEER_PYTHON" -c 'import torch, jax, h5py, yaml' 2>/dev/null ||
        "$PEER_PYTHON" -m pip install --quiet torch jax numpy h5py pyyaml || {
        echo "run.sh: no PyTorch and JAX from PyPI; the peer is Debian's PyTorch" >&2
        ddpm_install python3-torch libopenblas0-pthread
        export PEER_PYTHON=/usr/bin/python3
    }
}

ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(nproc)" --target ddpm | tail -n 1
export DDPM=$PWD/build/release/ddpm PYTHONPATH=$PWD/analysis

case $what in
compare)
    install_peers
    exec "$here/compare.py" "$@"
    ;;
linear) exec "$here/linear.py" "$@" ;;
quality)
    ddpm_install python3-sklearn
    install_peers
    exec "$here/time_to_quality.py" "$@"
    ;;
profile) exec bash "$here/profile.sh" "$@" ;;
*)
    echo "run.sh: expected compare, linear, quality or profile, found '$what'" >&2
    exit 64
    ;;
esac
