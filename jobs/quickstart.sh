#!/usr/bin/env bash
# From nothing to a picture: install what is missing (Debian 12), build, train on the Swiss roll with two ranks, sample, draw.
#
#   bash jobs/quickstart.sh [FOLDER]        results go to FOLDER, default runs/quickstart
set -euo pipefail
start=$SECONDS
cd "$(dirname "$0")/.."
out=${1:-runs/quickstart}
[[ $out != '~'* ]] || { echo "quickstart.sh: $out: '~' is not expanded here; write the folder out" >&2; exit 64; }
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
