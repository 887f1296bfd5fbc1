/* Two counters in the node's memory, which rounds use in turn: one counts the blocks that are taken in this round,
 * while the other is set to 0 for the next. */
#include "world/queue.h"

#include "base/memory.h"
#include "world/comm_mpi.h"
#include "world/shared.h"

#include <stdatomic.h>

enum { COUNTERS = 2, APART = DDPM_ALIGNMENT / (int)sizeof(int64_t) };

struct ddpm_queue {
    const ddpm_comm *comm;
    ddpm_shared *memory;
    int first_rank, ranks; /* the ranks that share the memory are numbered from first_rank, node by node */
    int64_t round, takers;
    ddpm_range part; /* of the blocks: of the ranks that share the memory */
};

static _Atomic int64_t *counter(const ddpm_queue *queue, int64_t round)
{
    return (_Atomic int64_t *)ddpm_shared_data(queue->memory) + round % COUNTERS * APART;
}

/* Collective. Find the ranks that share this rank's counters, its team. Teams are in the order of their first ranks. */
static void find_ranks(ddpm_queue *queue)
{
    const ddpm_comm *comm = queue->comm;
    int before = comm->team_rank == 0 ? comm->team_size : 0;
    MPI_Exscan(MPI_IN_PLACE, &before, 1, MPI_INT, MPI_SUM, comm->all);
    if (comm->rank == 0) before = 0; /* MPI leaves it undefined there */
    MPI_Bcast(&before, 1, MPI_INT, 0, comm->team);
    queue->first_rank = before;
    queue->ranks = comm->team_size;
}

ddpm_status ddpm_queue_create(ddpm_comm *comm, ddpm_queue **out)
{
    ddpm_queue *queue = NULL;
    *out = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&queue, 1, "a queue of blocks"));
    if (status == DDPM_OK)
        status = ddpm_shared_create(comm, COUNTERS * DDPM_ALIGNMENT, "a counter of the node", &queue->memory);
    if (status != DDPM_OK) {
        ddpm_release(queue); /* another rank may be the one that failed */
        return status;
    }
    queue->comm = comm;
    for (int round = 0; round < COUNTERS; round++) atomic_store(counter(queue, round), 0);
    ddpm_comm_barrier_of_team(comm);
    find_ranks(queue);
    *out = queue;
    return DDPM_OK;
}

void ddpm_queue_free(ddpm_queue *queue)
{
    if (!queue) return;
    ddpm_shared_free(queue->memory);
    ddpm_release(queue);
}

void ddpm_queue_begin(ddpm_queue *queue, int64_t blocks, int threads)
{
    const ddpm_comm *comm = queue->comm;
    queue->round++;
    queue->part.first = ddpm_part(blocks, queue->first_rank, comm->size).first;
    queue->part.end = ddpm_part(blocks, queue->first_rank + queue->ranks - 1, comm->size).end;
    queue->takers = (int64_t)queue->ranks * threads;
    if (comm->team_rank == 0) atomic_store(counter(queue, queue->round + 1), 0);
}

int64_t ddpm_queue_take(ddpm_queue *queue, int64_t most, int64_t *first)
{
    _Atomic int64_t *taken = counter(queue, queue->round);
    int64_t before = atomic_load(taken), count;
    do {
        count = ddpm_smaller(most, ddpm_pieces(queue->part.end - queue->part.first - before, queue->takers));
        if (count <= 0) return 0;
    } while (!atomic_compare_exchange_weak(taken, &before, before + count));
    *first = queue->part.first + before;
    return count;
}
