/** Large sums over teams (world/shared.h): each team adds up a part of the elements, and then gives what it made of
 * them to all others.
 *
 *  What a team makes of its part may be smaller than the sums are: of gradients, 12 bytes a parameter are on the wire
 * in place of 16. The first ranks of the teams send each other pieces that are small enough to be on their way at once,
 * without asking whether the other side is ready (tests/bench/README.md compares this with MPI's own functions). Up to
 * DDPM_TRANSFER_ROW teams all send to each other. More of them lie on a square grid: sums are made first in its rows
 * and then in its columns, which puts as many bytes on the wire, in far fewer messages.
 */
#ifndef DDPM_WORLD_TRANSFER_H
#define DDPM_WORLD_TRANSFER_H

#include "world/comm.h"

typedef struct ddpm_transfer ddpm_transfer;

enum {
    DDPM_TRANSFER_ROW = 64, /* teams that all send to each other; with more, there would be many small messages */
    DDPM_TRANSFER_BYTES = 1 << 16, /* with fewer, one message is better than two after each other */
};

/** Local. Whether sums of so many bytes are to be divided among the teams, rather than made by
 * ddpm_comm_sum_int64_of_teams or ddpm_comm_sum_int32_of_teams: the same on all ranks. */
int ddpm_transfer_suits(const ddpm_comm *comm, int64_t bytes);

/** Collective. DDPM_ERR_MEMORY.
 *  @param comm      borrowed until ddpm_transfer_free.
 *  @param row       DDPM_TRANSFER_ROW; tests have fewer.
 *  @param[out] out  free with ddpm_transfer_free; NULL after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_transfer_create(ddpm_comm *comm, int row, ddpm_transfer **out);

/** Local. NULL is allowed. */
void ddpm_transfer_free(ddpm_transfer *transfer);

/** Local. Bytes that it holds. NULL is allowed. */
int64_t ddpm_transfer_bytes(const ddpm_transfer *transfer);

/** Local. The columns of the grid of so many teams: all of them where they are one row. */
int ddpm_transfer_columns(int64_t teams, int64_t row);

/** Local. The parts that sums are divided into: as many as there are teams, or a few less. */
int ddpm_transfer_parts(const ddpm_transfer *transfer);

/** An array that each team has in shared memory, divided into parts: part p is bounds[p] .. bounds[p + 1] of its
 * elements. */
typedef struct ddpm_parts {
    void *data;
    const int64_t *bounds; /* [ddpm_transfer_parts + 1], ascending, the same on all ranks */
    size_t size;           /* of an element, in bytes */
} ddpm_parts;

/** Local. The part of this rank's team; empty where it has none. */
ddpm_range ddpm_transfer_own(const ddpm_transfer *transfer, const int64_t *bounds);

/** Collective; a team's ranks see what it has done after ddpm_comm_barrier_of_team. The elements of this team's own
 * part become their sums over the teams, modulo 2^64 or 2^32; those of other parts are undefined.
 *  @param parts   of int64_t or int32_t.
 *  @param common  so many elements behind the last part become their sums on all teams: few. */
void ddpm_transfer_sum(ddpm_transfer *transfer, const ddpm_parts *parts, int64_t common);

enum { DDPM_TRANSFER_ARRAYS = 3 };

/** Collective, and seen as above. The part of each team becomes that of all, in `count` arrays (at most
 * DDPM_TRANSFER_ARRAYS) at a time. */
void ddpm_transfer_gather(ddpm_transfer *transfer, int count, const ddpm_parts *arrays);

#endif
