#!/usr/bin/env bash
# End everything that up.sh started, and remove its namespaces and state. It finds the processes by the network namespaces ddpm-*, so it works after a
# crash of up.sh or with the state lost, and touches no process outside them. It may be called any number of times.
set -u
CLUSTER_DIR=${CLUSTER_DIR:-/tmp/ddpm-cluster}
[ "$(id -u)" = 0 ] || { echo "down.sh: must be root" >&2; exit 1; }
spaces=$(ip netns list | awk '$1 ~ /^ddpm-/ { print $1 }')
for ((i = 0; i < 100; i++)); do
    left=
    for space in $spaces; do
        for process in $(ip netns pids "$space" 2>/dev/null); do
            kill -9 "$process" 2>/dev/null && left="$left $process"
        done
    done
    [ -z "$left" ] && break
    sleep 0.05
done
[ -z "${left:-}" ] || { echo "down.sh: still running:$left" >&2; exit 1; }
for space in $spaces; do ip netns del "$space" || exit 1; done
[ -e "$CLUSTER_DIR/.cluster" ] && rm -rf "$CLUSTER_DIR"
exit 0
