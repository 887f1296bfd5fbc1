#!/usr/bin/env bash
# From nothing to a picture: install what is missing (Debian 12), build, train on the Swiss roll with two ranks, sample, draw.
#
#   bash jobs/quickstart.sh [FOLDER]        results go to FOLDER, default runs/quickstart
set -euo pipefail
case ${1:-} in -*) sed -n '2,4s/^# \{0,1\}//p' "$0"; [[ $1 == -h || $1 == --help ]] && exit 0 || exit 64 ;; esac
[[ ${1:-} != '~'* ]] || { echo "quickstart.sh: $1: '~' is not expanded here; write the folder out" >&2; exit 64; }
start=$SECONDS
out=${1:+$(realpath -m -- "$1")} # from where the user is
cd "$(dirname "$0")/.."
out=${out:-runs/quickstart}
. jobs/packages.sh

say() { printf '\n== %s\n' "$*"; }

say "packages"
ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES

say "build"
cmake --preset release -DBUILD_TESTING=OFF >/dev/null
cmake --build --preset release --parallel "$(nproc)" | tail -n 1

say "train on two ranks"
mkdir -p "$out"
jobs/local.sh -n 2 train configs/swiss_roll.yaml --output "$out/run"

say "sample, and diffuse data forward"
jobs/local.sh -n 2 sample "$out/run" --count 10000 --trajectory 10 --output "$out/samples.h5"
jobs/local.sh -n 2 forward configs/swiss_roll.yaml --snapshots 10 --output "$out/forward.h5"
jobs/local.sh -n 1 data swiss_roll --count 10000 --seed 1 --output "$out/data.h5"

say "figures"
/usr/bin/python3 analysis/panels.py "$out/forward.h5" --output "$out/forward.png"
/usr/bin/python3 analysis/panels.py "$out/samples.h5" --output "$out/reverse.png"
/usr/bin/python3 analysis/scatter.py "$out/samples.h5" --data "$out/data.h5" --output "$out/samples.png"
/usr/bin/python3 analysis/loss.py "$out/run" --output "$out/loss.png"

printf '\ndone in %d s: trained, sampled 10000 points and drew four figures; look at %s/*.png, then read README.md\n' $((SECONDS - start)) "$out"
