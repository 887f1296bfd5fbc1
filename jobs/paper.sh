#!/usr/bin/env bash
# Every figure of a paper from nothing, on a workstation, in under half an hour: build, the sweeps that configs/paper.yaml names, scaling, figures.
#
#   bash jobs/paper.sh [FOLDER]        results go to FOLDER, default runs/paper
#
# What is there is not made again: after an interruption the same command goes on.
set -euo pipefail
start=$SECONDS
cd "$(dirname "$0")/.."
. jobs/packages.sh
ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES
if [ -z "${DDPM:-}" ]; then
    cmake --preset release -DBUILD_TESTING=OFF >/dev/null
    cmake --build --preset release --parallel "$(nproc)" | tail -n 1
    export DDPM=$PWD/build/release/ddpm
fi
/usr/bin/python3 jobs/paper.py configs/paper.yaml --output "${1:-runs/paper}"
printf '\ndone in %d s; look at %s/figures\n' $((SECONDS - start)) "${1:-runs/paper}"
