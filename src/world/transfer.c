/* Messages go to all other teams in turn, piece by piece; those of a few pieces are under way at a time. Between two
 * teams messages keep their order, so that none needs a number. */
#include "world/transfer.h"

#include "base/memory.h"
#include "world/comm_mpi.h"

enum {
    PIECE = 60000,  /* bytes: with its header below the 64 KiB from which TCP of Open MPI asks before it sends */
    UNDER_WAY = 32, /* pieces of all teams together, to fill a link of 10 Gb/s and a millisecond */
};

struct ddpm_transfer {
    ddpm_comm *comm;
    int teams, team;
    int depth;             /* steps that are under way: a step is a piece to and from each other team */
    char *arrivals;        /* [depth][teams - 1][PIECE]: what is to be added */
    MPI_Request *requests; /* [depth][teams - 1][DDPM_TRANSFER_ARRAYS][2] */
};

int ddpm_transfer_suits(const ddpm_comm *comm, int64_t bytes)
{
    return comm->team_count > 1 && comm->team_count <= DDPM_TRANSFER_TEAMS && bytes >= DDPM_TRANSFER_BYTES;
}

/* Local. Only the first rank of a team sends messages. */
static ddpm_status build(ddpm_transfer *x)
{
    const int others = x->teams - 1;
    if (x->comm->team_rank > 0 || x->teams > DDPM_TRANSFER_TEAMS) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&x->arrivals, (int64_t)x->depth * others * PIECE, "sums of other nodes"));
    return DDPM_NEW(&x->requests, (int64_t)x->depth * others * DDPM_TRANSFER_ARRAYS * 2, "messages between nodes");
}

ddpm_status ddpm_transfer_create(ddpm_comm *comm, ddpm_transfer **out)
{
    ddpm_transfer *x = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&x, 1, "a transfer");
    if (status == DDPM_OK) {
        x->comm = comm;
        x->teams = comm->team_count;
        x->team = comm->team_number;
        x->depth = (int)ddpm_pieces(UNDER_WAY, ddpm_larger(1, x->teams - 1));
        status = build(x);
    }
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK)
        *out = x;
    else
        ddpm_transfer_free(x);
    return status;
}

void ddpm_transfer_free(ddpm_transfer *transfer)
{
    if (!transfer) return;
    ddpm_release(transfer->arrivals);
    ddpm_release(transfer->requests);
    ddpm_release(transfer);
}

int64_t ddpm_transfer_bytes(const ddpm_transfer *transfer)
{
    return transfer && transfer->arrivals ? (int64_t)transfer->depth * (transfer->teams - 1) * PIECE : 0;
}

int ddpm_transfer_teams(const ddpm_transfer *transfer)
{
    return transfer->teams;
}

int ddpm_transfer_team(const ddpm_transfer *transfer)
{
    return transfer->team;
}

/* What is under way: parts of arrays, to be added up or gathered. */
typedef struct job {
    const ddpm_transfer *transfer;
    int adds, count;
    const ddpm_parts *arrays; /* [count] */
} job;

static int64_t elements_of_piece(const ddpm_parts *array)
{
    return PIECE / (int64_t)array->size;
}

/* The elements of a team's part that a step sends. */
static ddpm_range piece_of(const ddpm_parts *array, int team, int64_t step)
{
    const int64_t first = array->bounds[team] + step * elements_of_piece(array), end = array->bounds[team + 1];
    return (ddpm_range){ddpm_smaller(first, end), ddpm_smaller(first + elements_of_piece(array), end)};
}

static int64_t steps_of(const job *j)
{
    int64_t steps = 0;
    for (int a = 0; a < j->count; a++)
        for (int team = 0; team < j->transfer->teams; team++) {
            const int64_t *bounds = j->arrays[a].bounds + team;
            steps = ddpm_larger(steps, ddpm_pieces(bounds[1] - bounds[0], elements_of_piece(&j->arrays[a])));
        }
    return steps;
}

static void *at(const ddpm_parts *array, ddpm_range piece)
{
    return (char *)array->data + piece.first * (int64_t)array->size;
}

static int bytes_of(const ddpm_parts *array, ddpm_range piece)
{
    return (int)((piece.end - piece.first) * (int64_t)array->size);
}

/* The other teams, each beginning with the one behind it, so that not all send to the same one. */
static int other_team(const ddpm_transfer *x, int i)
{
    return (x->team + 1 + i) % x->teams;
}

static char *arrival(const ddpm_transfer *x, int64_t step, int i)
{
    return x->arrivals + ((step % x->depth) * (x->teams - 1) + i) * PIECE;
}

static MPI_Request *requests_of(const job *j, int64_t step)
{
    return j->transfer->requests + (step % j->transfer->depth) * (j->transfer->teams - 1) * j->count * 2;
}

static void begin_step(const job *j, int64_t step)
{
    const ddpm_transfer *x = j->transfer;
    MPI_Request *next = requests_of(j, step);
    for (int i = 0; i < x->teams - 1; i++)
        for (int a = 0; a < j->count; a++, next += 2) {
            const ddpm_parts *array = &j->arrays[a];
            const int other = other_team(x, i);
            const ddpm_range own = piece_of(array, x->team, step), others = piece_of(array, other, step),
                             in = j->adds ? own : others, out = j->adds ? others : own;
            next[0] = next[1] = MPI_REQUEST_NULL;
            if (in.first < in.end)
                MPI_Irecv(j->adds ? arrival(x, step, i) : at(array, in), bytes_of(array, in), MPI_BYTE, other, 0,
                          x->comm->leaders, &next[0]);
            if (out.first < out.end)
                MPI_Isend(at(array, out), bytes_of(array, out), MPI_BYTE, other, 0, x->comm->leaders, &next[1]);
        }
}

/* Unsigned numbers have no overflow. */
static void add_64(int64_t n, const uint64_t *from, uint64_t *into)
{
    for (int64_t i = 0; i < n; i++) into[i] += from[i];
}

static void add_32(int64_t n, const uint32_t *from, uint32_t *into)
{
    for (int64_t i = 0; i < n; i++) into[i] += from[i];
}

static void end_step(const job *j, int64_t step)
{
    const ddpm_transfer *x = j->transfer;
    MPI_Waitall((x->teams - 1) * j->count * 2, requests_of(j, step), MPI_STATUSES_IGNORE);
    if (!j->adds) return;
    const ddpm_range own = piece_of(j->arrays, x->team, step);
    const int64_t n = own.end - own.first;
    for (int i = 0; i < x->teams - 1; i++)
        if (j->arrays->size == sizeof(uint64_t))
            add_64(n, (const uint64_t *)arrival(x, step, i), (uint64_t *)at(j->arrays, own));
        else
            add_32(n, (const uint32_t *)arrival(x, step, i), (uint32_t *)at(j->arrays, own));
}

static void run(const job *j)
{
    const int64_t steps = steps_of(j), depth = j->transfer->depth;
    for (int64_t step = 0; step < steps + depth; step++) {
        if (step >= depth) end_step(j, step - depth);
        if (step < steps) begin_step(j, step);
    }
}

void ddpm_transfer_sum(ddpm_transfer *transfer, const ddpm_parts *parts, int64_t common)
{
    ddpm_transfer *x = transfer;
    const int64_t end = parts->bounds[x->teams];
    MPI_Request request;
    if (x->comm->team_rank > 0) return;
    const MPI_Datatype type = parts->size == sizeof(int64_t) ? MPI_INT64_T : MPI_INT32_T;
    MPI_Iallreduce(MPI_IN_PLACE, at(parts, (ddpm_range){end, end}), (int)common, type, MPI_SUM, x->comm->leaders,
                   &request);
    run(&(job){.transfer = x, .adds = 1, .count = 1, .arrays = parts});
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

void ddpm_transfer_gather(ddpm_transfer *transfer, int count, const ddpm_parts *arrays)
{
    if (transfer->comm->team_rank > 0) return;
    run(&(job){.transfer = transfer, .count = count, .arrays = arrays});
}
