#!/usr/bin/env bash
# The tests on a real SLURM cluster of several hosts on this machine: install what they need (Debian 12, as root), build, run. Some minutes.
#
#   bash tests/cluster/run.sh [ARGUMENT OF CTEST]...
set -euo pipefail
cd "$(dirname "$0")/../.."
. jobs/packages.sh
ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES $DDPM_PACKAGES_TESTS
ddpm_install_quietly $DDPM_PACKAGES_CLUSTER
cmake --preset dev >/dev/null
cmake --build --preset dev --parallel "$(nproc)" | tail -n 1
exec ctest --preset cluster "$@"
