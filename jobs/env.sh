# What the job scripts share: how ranks are started, and how a job goes on after its end. For *.sbatch: source it.
#
# A site's own settings belong in jobs/site.sh, which git ignores; it is read first:
#   DDPM           the program                        (build/release/ddpm)
#   DDPM_LAUNCHER  srun or mpirun                     (srun)
#   DDPM_MPI       what `srun --mpi` is given         (pmix, which Open MPI needs)
#   DDPM_BIND      bind ranks to cores: yes or no     (yes)
#   DDPM_REQUEUE   jobs requeue themselves: yes or no (yes; where that is not allowed: no, and jobs/chain.sh)
#   DDPM_FAILURES  dead ranks and nodes after which a job gives up (3)
DDPM_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -f "$DDPM_HOME/jobs/site.sh" ] && . "$DDPM_HOME/jobs/site.sh"
export DDPM=${DDPM:-$DDPM_HOME/build/release/ddpm}
command -v "$DDPM" >/dev/null || { echo "$DDPM is not there; build it, or name the program in jobs/site.sh: DDPM=/path/to/ddpm" >&2; exit 66; }

# srun hands neither the allocation's CPUs per task nor a thread count on by itself.
threads=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
export OMP_NUM_THREADS=$threads
export HDF5_USE_FILE_LOCKING=${HDF5_USE_FILE_LOCKING:-BEST_EFFORT} # parallel file systems are often mounted without locks

# The job's own name. $SLURM_JOB_ID is that of the whole array for the array's last task.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
job=${job:-${SLURM_JOB_ID:-}}
ddpm_say() { echo "job $job: $*, $(date '+%F %T')"; }

# Where SLURM was not told how many tasks there are, it means one on each node.
tasks=${SLURM_NTASKS:-$((${SLURM_JOB_NUM_NODES:-1} * ${SLURM_NTASKS_PER_NODE:-1}))}
[ -n "${SLURM_NTASKS:-${SLURM_NTASKS_PER_NODE:-}}" ] || ddpm_say "no number of tasks was given (sbatch --ntasks or --ntasks-per-node): starting $tasks, one on each node"

# ddpm_launch [RANKS THREADS NODES]: launch = the words before the program; without arguments, all that the job was given.
ddpm_launch() {
    local ranks=${1:-$tasks} threads=${2:-$threads}
    case ${DDPM_LAUNCHER:-srun} in
    srun) # --kill-on-bad-exit: when a rank dies the others do not wait for it
        launch=(srun "--mpi=${DDPM_MPI:-pmix}" --kill-on-bad-exit=1 "--ntasks=$ranks" "--cpus-per-task=$threads" ${3:+"--nodes=$3"})
        [ "${DDPM_BIND:-yes}" = yes ] && launch+=(--cpu-bind=cores)
        ;;
    mpirun)
        local by=slot
        [ -n "${3:-}" ] && by=node
        # a host that is silent is given up after some 20 s; ranks have 10 s for their checkpoint when mpirun is told to end
        launch=(mpirun -n "$ranks" --mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 3
            --mca oob_tcp_keepalive_probes 3 --mca odls_base_sigkill_timeout 10)
        [ "${DDPM_BIND:-yes}" = yes ] && launch+=(--map-by "$by:PE=$threads" --bind-to core) || launch+=(--map-by "$by" --bind-to none)
        ;;
    *)
        echo "DDPM_LAUNCHER=$DDPM_LAUNCHER: expected srun or mpirun" >&2
        exit 78
        ;;
    esac
}
ddpm_launch

# Put this job back in the queue, where it may be; a job that SLURM has requeued already stays so.
ddpm_requeue() {
    [ "${DDPM_REQUEUE:-yes}" = yes ] || { ddpm_say "$1; submit it again to go on"; return; }
    ddpm_say "$1; requeued"
    scontrol requeue "$job" || ddpm_say "could not be requeued; submit it again to go on"
}

# How often a rank or node of this job has died is kept in the job's comment: it outlives a requeue, and needs no file.
ddpm_count_failure() {
    local count
    count=$(scontrol show job "$job" | sed -n 's/^ *Comment=failures://p')
    count=$((${count:-0} + 1))
    scontrol update "JobId=$job" "Comment=failures:$count"
    [ "$count" -le "${DDPM_FAILURES:-3}" ]
}

# ddpm_until_done COMMAND...: run a command that exits with 75 where it can go on, and see to it that it does:
#   USR1 (before the time limit, see --signal)  the command saves and ends, the job is requeued
#   TERM (preemption, scancel)                  the command saves and ends; SLURM requeues a job that it preempted
#   a rank or a node dies                       the job is requeued, DDPM_FAILURES times
# Ends the script with the command's exit code.
ddpm_until_done() {
    local child code=0 signal= began=$SECONDS least=60 pattern
    pattern=$(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$DDPM") # a path is no regular expression
    "$@" &
    child=$!
    # srun and mpirun hand USR1 on to all ranks. SLURM sends TERM to mpirun too, which then hands nothing on and kills its ranks soon: tell those on
    # this host directly. One is enough, for the ranks stop together.
    trap 'signal=USR1; kill -USR1 $child' USR1
    trap 'signal=TERM; kill -USR1 $child; pkill -USR1 -s 0 -f "^$pattern "' TERM
    ddpm_say "started on $SLURM_JOB_NODELIST (restart ${SLURM_RESTART_COUNT:-0})"
    while wait $child; code=$?; [ $code -gt 128 ] && kill -0 $child 2>/dev/null; do :; done
    case $code in
    0) ddpm_say "finished" ;;
    6[4-9] | 7[0-4] | 7[6-8]) ddpm_say "failed, exit code $code" ;; # the program has said why, and would again
    *)
        if [ "$signal" = TERM ]; then
            ddpm_say "stopped, exit code $code; the same command goes on"
        elif [ "$signal" = USR1 ] || [ $code = 75 ]; then
            [ $((SECONDS - began)) -ge $least ] ||
                ddpm_say "the time limit left $((SECONDS - began)) s of work; give the job more time (--time), or the signal less before its end (--signal)"
            ddpm_requeue "stopped before its time limit"
        elif ddpm_count_failure; then
            ddpm_requeue "a rank or a node died, exit code $code"
        else
            ddpm_say "a rank or a node died, exit code $code; too often, given up"
        fi
        ;;
    esac
    exit $code
}
