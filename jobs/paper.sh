#!/usr/bin/env bash
# Every figure of a paper from nothing, on a workstation, in under half an hour: build, the sweeps that configs/paper.yaml names, scaling, figures.
#
#   bash jobs/paper.sh [FOLDER]        results go to FOLDER, default runs/paper
#
# What is there is not made again: after an interruption the same command goes on.
set -euo pipefail
case ${1:-} in -*) sed -n '2,6s/^# \{0,1\}//p' "$0"; [[ $1 == -h || $1 == --help ]] && exit 0 || exit 64 ;; esac
[[ ${1:-} != '~'* ]] || { echo "paper.sh: $1: '~' is not expanded here; write the folder out" >&2; exit 64; }
start=$SECONDS
out=${1:+$(realpath -m -- "$1")} # from where the user is
cd "$(dirname "$0")/.."
out=${out:-runs/paper}
. jobs/packages.sh
ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES
if [ -z "${DDPM:-}" ]; then
    cmake --preset release -DBUILD_TESTING=OFF >/dev/null
    cmake --build --preset release --parallel "$(nproc)" | tail -n 1
    export DDPM=$PWD/build/release/ddpm
fi
/usr/bin/python3 jobs/paper.py configs/paper.yaml --output "$out"
printf '\ndone in %d s; look at %s/figures\n' $((SECONDS - start)) "$out"
