/** Large sums over teams (world/shared.h): each team adds up a part of the elements, and then gives what it made of
 * them to all others.
 *
 *  What a team makes of its part may be smaller than the sums are: of gradients, 12 bytes a parameter are on the wire
 * in place of 16. The first ranks of the teams send each other pieces that are small enough to be on their way at once,
 * without asking whether the other side is ready (tests/bench/README.md compares this with MPI's own functions). Each
 * pair of teams has a connection, so there may not be too many.
 */
#ifndef DDPM_WORLD_TRANSFER_H
#define DDPM_WORLD_TRANSFER_H

#include "world/comm.h"

typedef struct ddpm_transfer ddpm_transfer;

enum {
    DDPM_TRANSFER_TEAMS = 64,      /* with more, a few large messages are better than many small ones */
    DDPM_TRANSFER_BYTES = 1 << 16, /* with fewer, one message is better than two after each other */
};

/** Local. Whether sums of so many bytes are to be divided among the teams, rather than made by
 * ddpm_comm_sum_int64_of_teams or ddpm_comm_sum_int32_of_teams: the same on all ranks. */
int ddpm_transfer_suits(const ddpm_comm *comm, int64_t bytes);

/** Collective. DDPM_ERR_MEMORY.
 *  @param comm      borrowed until ddpm_transfer_free.
 *  @param[out] out  free with ddpm_transfer_free; NULL after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_transfer_create(ddpm_comm *comm, ddpm_transfer **out);

/** Local. NULL is allowed. */
void ddpm_transfer_free(ddpm_transfer *transfer);

/** Local. Bytes that it holds. NULL is allowed. */
int64_t ddpm_transfer_bytes(const ddpm_transfer *transfer);

/** Local. The teams, and the number of this rank's one. */
int ddpm_transfer_teams(const ddpm_transfer *transfer);
int ddpm_transfer_team(const ddpm_transfer *transfer);

/** An array that each team has in shared memory, divided into a part for each: part t is bounds[t] .. bounds[t + 1] of
 * its elements. */
typedef struct ddpm_parts {
    void *data;
    const int64_t *bounds; /* [teams + 1], ascending, the same on all ranks */
    size_t size;           /* of an element, in bytes */
} ddpm_parts;

/** Collective; a team's ranks see what it has done after ddpm_comm_barrier_of_team. The elements of this team's own
 * part become their sums over the teams, modulo 2^64 or 2^32; those of other parts stay.
 *  @param parts   of int64_t or int32_t.
 *  @param common  so many elements behind the last part become their sums on all teams: few. */
void ddpm_transfer_sum(ddpm_transfer *transfer, const ddpm_parts *parts, int64_t common);

enum { DDPM_TRANSFER_ARRAYS = 3 };

/** Collective, and seen as above. The part of each team becomes that of all, in `count` arrays (at most
 * DDPM_TRANSFER_ARRAYS) at a time. */
void ddpm_transfer_gather(ddpm_transfer *transfer, int count, const ddpm_parts *arrays);

#endif
