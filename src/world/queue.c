/* Two counters in the node's memory, for rounds in turn: while one is in use nobody needs the other, which begins anew.
 */
#include "ddpm/world/queue.h"

#include "ddpm/base/memory.h"
#include "ddpm/world/comm_mpi.h"

#include <stdatomic.h>

enum { COUNTERS = 2, APART = DDPM_ALIGNMENT / (int)sizeof(int64_t) };

static _Atomic int64_t *counter(const ddpm_queue *queue, int64_t round)
{
    return (_Atomic int64_t *)ddpm_shared_data(queue->memory) + round % COUNTERS * APART;
}

ddpm_status ddpm_queue_create(ddpm_comm *comm)
{
    ddpm_queue *queue = &comm->queue;
    int before = comm->node_rank == 0 ? comm->node_size : 0; /* nodes are in the order of their first ranks */
    DDPM_TRY(ddpm_shared_create(comm, COUNTERS * DDPM_ALIGNMENT, "a counter of the node", &queue->memory));
    for (int round = 0; round < COUNTERS; round++) atomic_store(counter(queue, round), 0);
    ddpm_shared_publish(comm, queue->memory);
    MPI_Exscan(MPI_IN_PLACE, &before, 1, MPI_INT, MPI_SUM, comm->all);
    if (comm->rank == 0) before = 0; /* undefined there */
    MPI_Bcast(&before, 1, MPI_INT, 0, comm->node);
    const int alone = !ddpm_shared_is_shared(queue->memory);
    queue->first_rank = alone ? before + comm->node_rank : before;
    queue->ranks = alone ? 1 : comm->node_size;
    return DDPM_OK;
}

void ddpm_queue_free(ddpm_comm *comm)
{
    ddpm_shared_free(comm->queue.memory);
    comm->queue.memory = NULL;
}

void ddpm_queue_begin(ddpm_comm *comm, int64_t blocks, int threads)
{
    ddpm_queue *queue = &comm->queue;
    queue->round++;
    queue->first = blocks * queue->first_rank / comm->size;
    queue->last = blocks * (queue->first_rank + queue->ranks) / comm->size;
    queue->takers = (int64_t)queue->ranks * threads;
    if (comm->node_rank == 0 || queue->ranks == 1) atomic_store(counter(queue, queue->round + 1), 0);
}

int64_t ddpm_queue_take(ddpm_comm *comm, int64_t most, int64_t *first)
{
    const ddpm_queue *queue = &comm->queue;
    _Atomic int64_t *taken = counter(queue, queue->round);
    int64_t before = atomic_load(taken), count;
    do {
        count = (queue->last - queue->first - before + queue->takers - 1) / queue->takers;
        if (count > most) count = most;
        if (count <= 0) return 0;
    } while (!atomic_compare_exchange_weak(taken, &before, before + count));
    *first = queue->first + before;
    return count;
}
