#!/usr/bin/env bash
# Instructions of a training step by function: the difference of two runs, so that the start cancels. valgrind knows no
# AVX-512; the AVX2 kernels do the same work in about twice the instructions of a product.
#   DDPM=program bash tests/bench/profile.sh [key=value]...      settings over a perceptron of 128x3, batch 256
set -euo pipefail
: "${DDPM:?the program}"
. "$(dirname "$0")/../../jobs/packages.sh"
ddpm_install valgrind
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ "$(id -u)" = 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
sets=()
for assignment in network.kind=mlp network.components=0 network.features=0 network.time_width=64 training.optimizer=adamw training.validate_every=0 checkpoint.every=1000000000 data.count=2000 "$@"; do sets+=(--set "$assignment"); done

count() { # iterations
    DDPM_ISA=avx2 OMP_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file="$folder/$1" --log-file="$folder/log$1" \
        "$DDPM" train /dev/null "${sets[@]}" --set "training.iterations=$1" --set training.decay=constant --output "$folder/run$1" 2>/dev/null
    callgrind_annotate --threshold=100 --show-percs=no "$folder/$1" | sed -n 's/^ *\([0-9,]\{1,\}\) .*:\([A-Za-z_0-9.]*\).*$/\1 \2/p' | tr -d , |
        awk '{sum[$2] += $1} END {for (name in sum) print name, sum[name]}' | sort > "$folder/table$1"
}
few=5 many=45
count $few
count $many
join -a 2 -e 0 -o 0,1.2,2.2 "$folder/table$few" "$folder/table$many" |
    awk -v steps=$((many - few)) '{n = ($3 - $2) / steps; total += n; printf "%.0f %s\n", n, $1}
         END {printf "%.0f a step, all functions\n", total}' | sort -rn |
    awk 'NR == 1 {total = $1} NR <= 25 {n = $1; sub(/^[^ ]+ /, ""); printf "%12.0f %6.2f %%  %s\n", n, 100 * n / total, $0}'
