/* Teams lie on a grid of rows and columns, so that each has few others to exchange messages with: those of its row,
 * then those of its column. A few teams are all in one row. Where the teams fill no rectangle, each of the last ones
 * joins a row, whose sums it contributes to and whose results it gets, without a part of its own.
 *
 * Messages go to all other teams of a line in turn, piece by piece; those of a few pieces are under way at a time.
 * Between two teams messages keep their order, so that none needs a number. */
#include "world/transfer.h"

#include "base/memory.h"
#include "world/comm_mpi.h"

#include <math.h>

enum {
    PIECE = 60000,  /* bytes: with its header below the 64 KiB from which TCP of Open MPI asks before it sends */
    UNDER_WAY = 32, /* pieces of all teams together, to fill a link of 10 Gb/s and a millisecond */
};

typedef enum line { ROW, COLUMN, LINES } line;

struct ddpm_transfer {
    ddpm_comm *comm;
    int rows, columns;     /* of the grid */
    int row, column;       /* of this team; a column behind the last one for a team that only joins a row */
    int count[LINES];      /* teams of the line that this team is in, itself among them */
    int depth[LINES];      /* steps that are under way: a step is a piece to and from each other team */
    char *arrivals;        /* [depth][count - 1][PIECE]: what is to be added */
    MPI_Request *requests; /* [depth][count - 1][DDPM_TRANSFER_ARRAYS][2] */
};

int ddpm_transfer_suits(const ddpm_comm *comm, int64_t bytes)
{
    return comm->team_count > 1 && bytes >= DDPM_TRANSFER_BYTES;
}

int ddpm_transfer_columns(int64_t teams, int64_t row)
{
    return (int)(teams <= row ? teams : (int64_t)sqrt((double)teams));
}

static int grid(const ddpm_transfer *x)
{
    return x->rows * x->columns;
}

/* Find this team's place. Teams number 0 .. are on the grid, row after row; the last ones, fewer than there are rows,
 * join one each. */
static void find_place(ddpm_transfer *x, int row)
{
    const int teams = x->comm->team_count, team = x->comm->team_number;
    x->columns = ddpm_transfer_columns(teams, row);
    x->rows = teams / x->columns;
    x->row = team < grid(x) ? team / x->columns : team - grid(x);
    x->column = team < grid(x) ? team % x->columns : x->columns;
    x->count[ROW] = x->columns + (x->row < teams - grid(x));
    x->count[COLUMN] = x->column < x->columns ? x->rows : 1;
    for (int l = 0; l < LINES; l++) x->depth[l] = (int)ddpm_pieces(UNDER_WAY, ddpm_larger(1, x->count[l] - 1));
}

/* The pieces that are under way to this team, at most. */
static int64_t pieces_under_way(const ddpm_transfer *x)
{
    return ddpm_larger((int64_t)x->depth[ROW] * (x->count[ROW] - 1),
                       (int64_t)x->depth[COLUMN] * (x->count[COLUMN] - 1));
}

/* Local. Only the first rank of a team sends messages. */
static ddpm_status build(ddpm_transfer *x)
{
    if (x->comm->team_rank > 0) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&x->arrivals, pieces_under_way(x) * PIECE, "sums of other nodes"));
    return DDPM_NEW(&x->requests, pieces_under_way(x) * DDPM_TRANSFER_ARRAYS * 2, "messages between nodes");
}

ddpm_status ddpm_transfer_create(ddpm_comm *comm, int row, ddpm_transfer **out)
{
    ddpm_transfer *x = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&x, 1, "a transfer");
    if (status == DDPM_OK) {
        x->comm = comm;
        find_place(x, row);
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
    return transfer && transfer->arrivals ? pieces_under_way(transfer) * PIECE : 0;
}

int ddpm_transfer_parts(const ddpm_transfer *transfer)
{
    return grid(transfer);
}

ddpm_range ddpm_transfer_own(const ddpm_transfer *transfer, const int64_t *bounds)
{
    const ddpm_transfer *x = transfer;
    const int64_t *own = bounds + (int64_t)x->column * x->rows + x->row;
    return x->column < x->columns ? (ddpm_range){own[0], own[1]} : (ddpm_range){bounds[grid(x)], bounds[grid(x)]};
}

/* What is under way: parts of arrays, to be added up or gathered. */
typedef struct job {
    const ddpm_transfer *transfer;
    line line;
    int adds, count;
    const ddpm_parts *arrays; /* [count] */
} job;

static int64_t elements_of_piece(const ddpm_parts *array)
{
    return PIECE / (int64_t)array->size;
}

/* What member number i of the line has of an array: in a column its part, in a row the parts of its column. */
static ddpm_range part_of(const job *j, const ddpm_parts *array, int i)
{
    const ddpm_transfer *x = j->transfer;
    const int64_t *bounds = array->bounds;
    if (j->line == COLUMN) return (ddpm_range){bounds[x->column * x->rows + i], bounds[x->column * x->rows + i + 1]};
    return (ddpm_range){bounds[i * x->rows], bounds[i < x->columns ? (i + 1) * x->rows : i * x->rows]};
}

/* The elements of it that a step sends. */
static ddpm_range piece_of(const job *j, const ddpm_parts *array, int i, int64_t step)
{
    const ddpm_range part = part_of(j, array, i);
    const int64_t first = part.first + step * elements_of_piece(array);
    return (ddpm_range){ddpm_smaller(first, part.end), ddpm_smaller(first + elements_of_piece(array), part.end)};
}

static int64_t steps_of(const job *j)
{
    int64_t steps = 0;
    for (int a = 0; a < j->count; a++)
        for (int i = 0; i < j->transfer->count[j->line]; i++) {
            const ddpm_range part = part_of(j, &j->arrays[a], i);
            steps = ddpm_larger(steps, ddpm_pieces(part.end - part.first, elements_of_piece(&j->arrays[a])));
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

static int others_of(const job *j)
{
    return j->transfer->count[j->line] - 1;
}

static int place_of(const job *j)
{
    return j->line == ROW ? j->transfer->column : j->transfer->row;
}

/* The other members of the line, each beginning with the one behind it, so that not all send to the same one. */
static int other_member(const job *j, int i)
{
    return (place_of(j) + 1 + i) % j->transfer->count[j->line];
}

static int team_of(const job *j, int member)
{
    const ddpm_transfer *x = j->transfer;
    if (j->line == COLUMN) return member * x->columns + x->column;
    return member < x->columns ? x->row * x->columns + member : grid(x) + x->row;
}

static char *arrival(const job *j, int64_t step, int i)
{
    return j->transfer->arrivals + ((step % j->transfer->depth[j->line]) * others_of(j) + i) * PIECE;
}

static MPI_Request *requests_of(const job *j, int64_t step)
{
    return j->transfer->requests + (step % j->transfer->depth[j->line]) * others_of(j) * j->count * 2;
}

static void begin_step(const job *j, int64_t step)
{
    MPI_Comm leaders = j->transfer->comm->leaders;
    MPI_Request *next = requests_of(j, step);
    for (int i = 0; i < others_of(j); i++)
        for (int a = 0; a < j->count; a++, next += 2) {
            const ddpm_parts *array = &j->arrays[a];
            const int other = other_member(j, i), team = team_of(j, other);
            const ddpm_range own = piece_of(j, array, place_of(j), step), others = piece_of(j, array, other, step),
                             in = j->adds ? own : others, out = j->adds ? others : own;
            next[0] = next[1] = MPI_REQUEST_NULL;
            if (in.first < in.end)
                MPI_Irecv(j->adds ? arrival(j, step, i) : at(array, in), bytes_of(array, in), MPI_BYTE, team, 0,
                          leaders, &next[0]);
            if (out.first < out.end)
                MPI_Isend(at(array, out), bytes_of(array, out), MPI_BYTE, team, 0, leaders, &next[1]);
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
    MPI_Waitall(others_of(j) * j->count * 2, requests_of(j, step), MPI_STATUSES_IGNORE);
    if (!j->adds) return;
    const ddpm_range own = piece_of(j, j->arrays, place_of(j), step);
    const int64_t n = own.end - own.first;
    for (int i = 0; i < others_of(j); i++)
        if (j->arrays->size == sizeof(uint64_t))
            add_64(n, (const uint64_t *)arrival(j, step, i), (uint64_t *)at(j->arrays, own));
        else
            add_32(n, (const uint32_t *)arrival(j, step, i), (uint32_t *)at(j->arrays, own));
}

static void run(const job *j)
{
    const int64_t steps = others_of(j) > 0 ? steps_of(j) : 0, depth = j->transfer->depth[j->line];
    for (int64_t step = 0; step < steps + depth; step++) {
        if (step >= depth) end_step(j, step - depth);
        if (step < steps) begin_step(j, step);
    }
}

void ddpm_transfer_sum(ddpm_transfer *transfer, const ddpm_parts *parts, int64_t common)
{
    ddpm_transfer *x = transfer;
    const int64_t end = parts->bounds[grid(x)];
    MPI_Request request;
    if (x->comm->team_rank > 0) return;
    const MPI_Datatype type = parts->size == sizeof(int64_t) ? MPI_INT64_T : MPI_INT32_T;
    MPI_Iallreduce(MPI_IN_PLACE, at(parts, (ddpm_range){end, end}), (int)common, type, MPI_SUM, x->comm->leaders,
                   &request);
    run(&(job){.transfer = x, .line = ROW, .adds = 1, .count = 1, .arrays = parts});
    run(&(job){.transfer = x, .line = COLUMN, .adds = 1, .count = 1, .arrays = parts});
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

void ddpm_transfer_gather(ddpm_transfer *transfer, int count, const ddpm_parts *arrays)
{
    if (transfer->comm->team_rank > 0) return;
    run(&(job){.transfer = transfer, .line = COLUMN, .count = count, .arrays = arrays});
    run(&(job){.transfer = transfer, .line = ROW, .count = count, .arrays = arrays});
}
