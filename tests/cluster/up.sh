#!/usr/bin/env bash
# Bring up a real SLURM and Open MPI cluster of several hosts on this one machine, for tests.
#
#   tests/cluster/up.sh [NODES]             default 2; ends an earlier cluster first
#   $CLUSTER_DIR/on HOST COMMAND...         run a command on a host: head, n1, n2, ... (keeps folder and environment)
#   kill -9 $(cat $CLUSTER_DIR/pid/n2)      crash a node: every process on it dies at once
#   $CLUSTER_DIR/boot n2                    start it again
#   ip -n ddpm-sw link set dv-n2 down|up    pull or plug its network cable
#   tests/cluster/down.sh                   end and remove all of it
#
# A host is a set of Linux namespaces (network, hostname, mounts, IPC; nodes have PIDs of their own too): programs see different
# hostnames, addresses, /dev/shm and process tables, and share the file system. "head" has munged and slurmctld, "nI" a slurmd.
# Nothing touches the machine's own network, /etc/slurm or /etc/munge.
#
# CLUSTER_DIR   state, wiped by up.sh and down.sh (default /tmp/ddpm-cluster; keep it short, sockets are in it)
# CLUSTER_CPUS  processors that each node claims to have, may be more than there are (default 2)
# Needs root and the packages DDPM_PACKAGES_CLUSTER of jobs/packages.sh.
set -euo pipefail
nodes=${1:-2}
export CLUSTER_DIR=${CLUSTER_DIR:-/tmp/ddpm-cluster}
cpus=${CLUSTER_CPUS:-2}
here=$(cd "$(dirname "$0")" && pwd)
[[ $nodes =~ ^[0-9]+$ && $nodes -ge 1 && $nodes -le 64 ]] || { echo "up.sh: bad number of nodes: $nodes" >&2; exit 64; }

"$here/down.sh"
undo() {
    echo "up.sh: failed at line $1; state and logs are in $CLUSTER_DIR.failed" >&2
    rm -rf "$CLUSTER_DIR.failed"; cp -r "$CLUSTER_DIR" "$CLUSTER_DIR.failed" 2>/dev/null
    "$here/down.sh"
}
trap 'undo $LINENO' ERR
trap 'undo "(interrupted)"; exit 130' INT TERM
umask 022
mkdir -p "$CLUSTER_DIR/etc/slurm" "$CLUSTER_DIR/munge" "$CLUSTER_DIR/pid" "$CLUSTER_DIR/tmp"
touch "$CLUSTER_DIR/.cluster"    # down.sh wipes only a folder with this mark
{ echo "127.0.0.1 localhost"; echo "10.77.0.1 head"
  for ((i = 1; i <= nodes; i++)); do echo "10.77.0.$((10 + i)) n$i"; done; } > "$CLUSTER_DIR/etc/hosts"

# ---- the scripts of the running cluster
# init HOST: first process of a host, in its new namespaces. It must be bash: only bash hands an ignored SIGCHLD on through exec, and then the kernel reaps
# the orphans.
cat > "$CLUSTER_DIR/init" <<END
#!/bin/bash
set -e
hostname "\$1"
mount -t sysfs sysfs /sys                           # /sys/class/net of this host
mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm  # shared memory must not reach other hosts
mount --bind $CLUSTER_DIR/etc/hosts /etc/hosts
mount --bind $CLUSTER_DIR/etc/slurm /etc/slurm
trap '' CHLD
echo up > $CLUSTER_DIR/\$1/ready
exec sleep infinity
END
# on HOST COMMAND...: the hosts share the real processors, so a waiting rank must yield, and mpirun must not bind (the first rank of every host
# would be bound to the same processor). Jobs inherit this through sbatch and srun.
cat > "$CLUSTER_DIR/on" <<END
#!/bin/sh
[ \$# -ge 2 ] || { echo "usage: \$0 HOST COMMAND..." >&2; exit 64; }
host=\$1; shift
first=\$(cat $CLUSTER_DIR/pid/\$host 2>/dev/null) && [ -d /proc/\$first ] || { echo "on: \$host is not up" >&2; exit 255; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 \\
    OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_orte_tmpdir_base=$CLUSTER_DIR/tmp OMP_WAIT_POLICY=passive
[ \$host = head ] && spaces="-m -u -i -n" || spaces="-m -u -i -n -p"
exec nsenter -t \$first \$spaces -- sh -c 'cd "\$1" 2>/dev/null || cd /; shift; exec "\$@"' sh "\$PWD" "\$@"
END
# agent HOST 'SHELL COMMAND': stands for ssh in mpirun's plm_rsh_agent, on head only (a node cannot enter another's PIDs)
cat > "$CLUSTER_DIR/agent" <<END
#!/bin/sh
host=\$1; shift
exec $CLUSTER_DIR/on "\$host" sh -c "\$*"
END
# boot HOST: its network is there already
cat > "$CLUSTER_DIR/boot" <<END
#!/bin/bash
set -euo pipefail
host=\$1; space=ddpm-\$host; folder=$CLUSTER_DIR/\$host
mkdir -p \$folder/spool \$folder/tmp; rm -f \$folder/ready $CLUSTER_DIR/pid/\$host
[ \$host = head ] && flags= || flags="--pid --fork --kill-child --mount-proc"
setsid nsenter --net=/run/netns/\$space unshare --mount --uts --ipc \$flags $CLUSTER_DIR/init \$host </dev/null >\$folder/init.log 2>&1 &
for ((i = 0; i < 500; i++)); do [ -s \$folder/ready ] && break; sleep 0.02; done
[ -s \$folder/ready ] || { echo "boot: \$host did not start" >&2; cat \$folder/init.log >&2; exit 1; }
for process in \$(ip netns pids \$space); do
    [ "\$(tr '\0' ' ' < /proc/\$process/cmdline)" = "sleep infinity " ] && echo \$process > $CLUSTER_DIR/pid/\$host && break
done
[ -s $CLUSTER_DIR/pid/\$host ] || { echo "boot: no first process on \$host" >&2; exit 1; }
if [ \$host = head ]; then
    rm -f $CLUSTER_DIR/munge/socket*
    $CLUSTER_DIR/on head munged --key-file=$CLUSTER_DIR/etc/munge.key --socket=$CLUSTER_DIR/munge/socket \
        --pid-file=$CLUSTER_DIR/munge/pid --log-file=$CLUSTER_DIR/munge/log --seed-file=$CLUSTER_DIR/munge/seed --num-threads=2
    $CLUSTER_DIR/on head slurmctld
else
    $CLUSTER_DIR/on \$host slurmd
fi
END
chmod +x "$CLUSTER_DIR"/{init,on,agent,boot}

# ---- SLURM's configuration
(umask 077; head -c 128 /dev/urandom > "$CLUSTER_DIR/etc/munge.key")
# slurmd loads a cgroup plugin whatever the rest says; "autodetect" fails on the hosts' fresh /sys, cgroup/v1 loads and is not used
echo "CgroupPlugin=cgroup/v1" > "$CLUSTER_DIR/etc/slurm/cgroup.conf"
cat > "$CLUSTER_DIR/etc/slurm/slurm.conf" <<END
ClusterName=ddpm
SlurmctldHost=head(10.77.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it starts again (default 120, least 5)
AuthInfo=socket=$CLUSTER_DIR/munge/socket,cred_expire=5
StateSaveLocation=$CLUSTER_DIR/head/spool
SlurmctldPidFile=$CLUSTER_DIR/head/slurmctld.pid
SlurmctldLogFile=$CLUSTER_DIR/head/slurmctld.log
SlurmdSpoolDir=$CLUSTER_DIR/%n/spool
SlurmdPidFile=$CLUSTER_DIR/%n/slurmd.pid
SlurmdLogFile=$CLUSTER_DIR/%n/slurmd.log
# the pmix plugin makes TmpFS/spmix_appdir_UID_JOB.STEP: not one folder for all hosts
TmpFS=$CLUSTER_DIR/%n/tmp
MailProg=/bin/true
ReturnToService=2
# no cgroups and no binding, so that more processors may be claimed than there are
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# start jobs promptly (the defaults leave pauses of seconds)
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=5,bf_interval=2
# notice failures promptly: a dead node is DOWN after about 25 s. Its job's other ranks wait for it until they are killed, KillWait later; the
# job starts again some 10 s after that
KillWait=20
SlurmdTimeout=15
MessageTimeout=10
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$CLUSTER_DIR/head/jobcomp.txt
# a job in "urgent" preempts (requeues) jobs in "debug", which get their --signal first
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
NodeName=DEFAULT CPUs=$cpus Sockets=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
$(for ((i = 1; i <= nodes; i++)); do echo "NodeName=n$i NodeAddr=10.77.0.$((10 + i))"; done)
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=0
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
END

# ---- network: one switch, one cable a host; then start the hosts
ip netns add ddpm-sw
ip -n ddpm-sw link add br0 type bridge
ip -n ddpm-sw link set br0 up
host() {    # host NAME ADDRESS
    ip netns add "ddpm-$1"
    ip link add "dv-$1" netns ddpm-sw type veth peer name eth0 netns "ddpm-$1"
    ip -n ddpm-sw link set "dv-$1" master br0 up
    ip netns exec "ddpm-$1" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true'
    ip -n "ddpm-$1" link set lo up
    ip -n "ddpm-$1" addr add "$2/24" dev eth0
    ip -n "ddpm-$1" link set eth0 up
    "$CLUSTER_DIR/boot" "$1"
}
host head 10.77.0.1
for ((i = 1; i <= nodes; i++)); do host "n$i" "10.77.0.$((10 + i))"; done

for ((i = 0; i < 300; i++)); do
    idle=$("$CLUSTER_DIR/on" head sinfo -h -N -p debug -o %t 2>/dev/null | grep -cx idle || true)
    [ "$idle" = "$nodes" ] && break
    sleep 0.1
done
[ "$idle" = "$nodes" ] || { tail -n 5 "$CLUSTER_DIR"/*/slurm*.log >&2; echo "up.sh: only $idle of $nodes nodes came up" >&2; false; }
echo "cluster up: head and $nodes nodes; $CLUSTER_DIR/on HOST COMMAND runs a command on one"
