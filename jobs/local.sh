#!/usr/bin/env bash
# Run the program on this machine under mpirun, with each rank's threads on cores of their own.
#
#   jobs/local.sh [-n RANKS] [-t THREADS] VERB ARGUMENTS...
#   jobs/local.sh -n 2 train configs/swiss_roll.yaml
#
# Without -n and -t: as many ranks as there are cores, with one thread each. DDPM names the program, default build/release/ddpm.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
ranks= threads=
while getopts "n:t:h" option; do
    case $option in
    n) ranks=$OPTARG ;;
    t) threads=$OPTARG ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 64 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 64; }

program=${DDPM:-$here/build/release/ddpm}
[ -x "$program" ] || { echo "$0: $program is not there; build it: cmake --preset release && cmake --build --preset release" >&2; exit 66; }

# Cores, not hardware threads, since two threads of a core share its vector units; and only the cores that this process may use, which in a container
# can be fewer than the machine has.
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
cores=$( (lscpu -p=CPU,CORE,SOCKET 2>/dev/null || true) | sed '/^#/d' | while IFS=, read -r cpu core socket; do
    for range in ${allowed//,/ }; do
        if [ "${range%-*}" -le "$cpu" ] && [ "$cpu" -le "${range#*-}" ]; then echo "$core $socket"; fi
    done
done | sort -u | wc -l)
[ "$cores" -gt 0 ] || cores=$(nproc)
# a container may be given the time of fewer cores than it sees
read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max || quota=max
[ "$quota" = max ] || { quota=$(((quota + period - 1) / period)); [ "$quota" -ge "$cores" ] || cores=$quota; }
ranks=${ranks:-$cores}
threads=${threads:-$((cores / ranks > 0 ? cores / ranks : 1))}
export OMP_NUM_THREADS=$threads

if [ $((ranks * threads)) -le "$cores" ]; then
    binding=(--map-by "slot:PE=$threads" --bind-to core)
else
    echo "note: $ranks ranks x $threads threads on $cores cores: waiting ranks and threads yield" >&2
    binding=(--map-by :OVERSUBSCRIBE --bind-to none --mca mpi_yield_when_idle 1)
    export OMP_WAIT_POLICY=passive
fi
# mpirun refuses to run as root unless told twice; in a container there is nobody else.
[ "$(id -u)" = 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

exec mpirun -n "$ranks" "${binding[@]}" "$program" "$@"
