/* Joins the affinity masks of the ranks of a node, and compares what decides how each rank rounds. */
#include "world/placement.h"

#include "base/log.h"
#include "kernel/simd.h"
#include "world/comm_mpi.h"
#include "world/quota.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KIND_BYTES = 64 };

/* Threads of this rank and of its node, and the processors that they may use. */
typedef struct placement {
    int threads, processors;
    int node_threads, node_processors;
} placement;

static placement measure(ddpm_comm *comm, int threads)
{
    cpu_set_t mine, node;
    placement p = {.threads = threads};
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) CPU_SET(0, &mine);
    MPI_Allreduce(&mine, &node, (int)sizeof mine, MPI_BYTE, MPI_BOR, comm->node);
    MPI_Allreduce(&threads, &p.node_threads, 1, MPI_INT, MPI_SUM, comm->node);
    const int quota = ddpm_quota_processors();
    p.processors = (int)ddpm_smaller(CPU_COUNT(&mine), quota);
    /* Where this rank is bound to fewer processors than it has threads, although the node has enough for all threads,
     * the remedy is a wider binding and not fewer threads: count the node's processors, and not those of the masks. */
    const int online = (int)ddpm_smaller(sysconf(_SC_NPROCESSORS_ONLN), quota);
    p.node_processors =
        p.threads > p.processors && p.node_threads <= online ? online : (int)ddpm_smaller(CPU_COUNT(&node), quota);
    return p;
}

void ddpm_placement_report(ddpm_comm *comm, int threads)
{
    const placement p = measure(comm, threads);
    int oversubscribed_nodes = comm->node_rank == 0 && p.node_threads > p.node_processors,
        oversubscribed_ranks = p.threads > p.processors;
    MPI_Allreduce(MPI_IN_PLACE, &oversubscribed_nodes, 1, MPI_INT, MPI_SUM, comm->all);
    MPI_Allreduce(MPI_IN_PLACE, &oversubscribed_ranks, 1, MPI_INT, MPI_SUM, comm->all);
    ddpm_log_info("ranks      %d on %d node%s, %d thread%s each; rank 0 may use %d processor%s, its node's ranks %d",
                  comm->size, comm->node_count, comm->node_count == 1 ? "" : "s", threads, threads == 1 ? "" : "s",
                  p.processors, p.processors == 1 ? "" : "s", p.node_processors);
    if (oversubscribed_nodes > 0)
        ddpm_log_warning(
            "%d of %d nodes have more threads than processors (rank 0's node: %d on %d): use fewer ranks or a "
            "smaller OMP_NUM_THREADS, or set OMP_WAIT_POLICY=passive and OMPI_MCA_mpi_yield_when_idle=1",
            oversubscribed_nodes, comm->node_count, p.node_threads, p.node_processors);
    else if (oversubscribed_ranks > 0)
        ddpm_log_warning(
            "%d of %d ranks have more threads than processors (rank 0: %d on %d): bind with mpirun --map-by "
            "slot:PE=$OMP_NUM_THREADS --bind-to core, or srun --cpus-per-task=$OMP_NUM_THREADS",
            oversubscribed_ranks, comm->size, p.threads, p.processors);
}

/* What decides how this rank rounds. */
static void describe_kind(const ddpm_kernels *kernels, char out[KIND_BYTES])
{
    int fused = 1;
#if defined(__x86_64__)
    fused = __builtin_cpu_supports("fma") != 0;
#endif
    memset(out, 0, KIND_BYTES);
    snprintf(out, KIND_BYTES, "%s%s%s kernels%s", kernels ? kernels->name : "no", kernels ? " " : "",
             kernels ? kernels->precision : "", fused ? "" : " without fma");
}

ddpm_status ddpm_placement_check(ddpm_comm *comm, const ddpm_kernels *kernels)
{
    char mine[KIND_BYTES], first[KIND_BYTES], host[256] = "?";
    ddpm_status status = DDPM_OK;
    describe_kind(kernels, mine);
    memcpy(first, mine, sizeof first);
    ddpm_comm_broadcast(comm, first, sizeof first);
    gethostname(host, sizeof host - 1);
    if (memcmp(first, mine, sizeof first) != 0)
        status = ddpm_fail(
            DDPM_ERR_CONFIG,
            "rank %d on %s has %s, and rank 0 has %s: the result would depend on which rank "
            "computes which rows; use nodes of one processor type (srun --constraint), or set DDPM_ISA on all "
            "ranks to what every node can do (avx512, avx2, baseline)",
            comm->rank, host, mine, first);
    return ddpm_agree(comm, status);
}
