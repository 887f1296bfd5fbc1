/* A thin layer over MPI: counts of bytes and elements may be of any size, and ranks agree on errors. */
#include "world/comm_mpi.h"

#include "base/memory.h"
#include "world/mapped.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLICE = 1 << 28 }; /* elements or bytes of one call, since counts of MPI are int */

static char session[256]; /* the folder for Open MPI's files of a rank that runs alone; "": none was made */

int ddpm_comm_has_launcher(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return 1;
    return 0;
}

/* Without a launcher Open MPI starts a daemon, which a rank that runs alone does not need, unless it is told not to. It
 * then has the same folder for all programs that run alone, and one that ends takes it from one that begins: each gets
 * a folder of its own. */
static void isolate(void)
{
    static const char isolated[] = "OMPI_MCA_ess_singleton_isolated", folder[] = "OMPI_MCA_orte_tmpdir_base";
    const char *base = getenv("TMPDIR");
    if (ddpm_comm_has_launcher() || getenv(isolated)) return;
    setenv(isolated, "1", 1);
    /* It sends nothing, either: the parts of Open MPI for networks would take half of its start (one of them measures
     * the clock for a tenth of a second). */
    setenv("OMPI_MCA_pml", "ob1", 0);
    setenv("OMPI_MCA_btl", "self", 0);
    const int length = snprintf(session, sizeof session, "%s/ddpm-mpi-XXXXXX", base && *base ? base : "/tmp");
    if (getenv(folder) || length >= (int)sizeof session || !mkdtemp(session))
        *session = '\0';
    else
        setenv(folder, session, 1);
}

void ddpm_comm_start_alone(ddpm_comm **out)
{
    static ddpm_comm only = {.all = MPI_COMM_NULL,
                             .node = MPI_COMM_NULL,
                             .team = MPI_COMM_NULL,
                             .leaders = MPI_COMM_NULL,
                             .size = 1,
                             .node_size = 1,
                             .node_count = 1,
                             .team_size = 1,
                             .team_count = 1};
    *out = &only;
}

/* Collective. The ranks of a node are a team, if they can share memory. */
static void find_team(ddpm_comm *comm)
{
    const int alone = !ddpm_mapped_is_possible(comm->node);
    MPI_Comm_split(comm->node, alone ? comm->node_rank : 0, comm->rank, &comm->team);
    MPI_Comm_rank(comm->team, &comm->team_rank);
    MPI_Comm_size(comm->team, &comm->team_size);
    const int leads = comm->team_rank == 0;
    MPI_Comm_split(comm->all, leads ? 0 : MPI_UNDEFINED, comm->rank, &comm->leaders);
    MPI_Allreduce(&leads, &comm->team_count, 1, MPI_INT, MPI_SUM, comm->all);
}

/* Collective. Everything else follows from the communicator of all ranks. */
static void find_ranks(ddpm_comm *comm)
{
    MPI_Comm_rank(comm->all, &comm->rank);
    MPI_Comm_size(comm->all, &comm->size);
    MPI_Comm_split_type(comm->all, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &comm->node);
    MPI_Comm_rank(comm->node, &comm->node_rank);
    MPI_Comm_size(comm->node, &comm->node_size);
    const int first_of_node = comm->node_rank == 0;
    MPI_Allreduce(&first_of_node, &comm->node_count, 1, MPI_INT, MPI_SUM, comm->all);
    find_team(comm);
}

static void free_ranks(ddpm_comm *comm)
{
    if (comm->leaders != MPI_COMM_NULL) MPI_Comm_free(&comm->leaders);
    MPI_Comm_free(&comm->team);
    MPI_Comm_free(&comm->node);
    MPI_Comm_free(&comm->all);
}

ddpm_status ddpm_comm_start(int *argc, char ***argv, ddpm_comm **out)
{
    static ddpm_comm only; /* not allocated: a rank without memory would leave the others waiting */
    int granted = 0;
    ddpm_comm *comm = &only;
    const double started = ddpm_comm_seconds();
    *out = NULL;
    isolate();
    if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &granted) != MPI_SUCCESS)
        return ddpm_fail(DDPM_ERR_INTERNAL, "MPI could not be started");
    MPI_Comm_dup(MPI_COMM_WORLD, &comm->all);
    find_ranks(comm);
    comm->start_seconds = ddpm_comm_seconds() - started;
    *out = comm;
    if (granted < MPI_THREAD_FUNNELED)
        return ddpm_fail(DDPM_ERR_INTERNAL, "this MPI library does not allow threads (MPI_THREAD_FUNNELED is needed)");
    return DDPM_OK;
}

void ddpm_comm_stop(ddpm_comm *comm)
{
    if (!comm || comm->all == MPI_COMM_NULL) return;
    free_ranks(comm);
    MPI_Finalize();
    if (*session) rmdir(session); /* Open MPI has removed what it put there */
}

ddpm_status ddpm_comm_adopt(MPI_Comm host, ddpm_comm **out)
{
    ddpm_comm *comm = NULL;
    int runs = 0, ended = 0, failed, any;
    *out = NULL;
    MPI_Initialized(&runs);
    MPI_Finalized(&ended);
    if (!runs || ended || host == MPI_COMM_NULL)
        return ddpm_fail(DDPM_ERR_USAGE, "a communicator is needed, between MPI_Init and MPI_Finalize");
    failed = DDPM_NEW(&comm, 1, "a communicator") != DDPM_OK;
    MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, host);
    if (any) {
        ddpm_release(comm);
        return ddpm_fail(DDPM_ERR_MEMORY, "out of memory for a communicator");
    }
    MPI_Comm_dup(host, &comm->all);
    MPI_Comm_set_errhandler(comm->all, MPI_ERRORS_ARE_FATAL);
    find_ranks(comm);
    *out = comm;
    return DDPM_OK;
}

void ddpm_comm_leave(ddpm_comm *comm)
{
    if (!comm) return;
    free_ranks(comm);
    ddpm_release(comm);
}

int ddpm_comm_rank(const ddpm_comm *comm)
{
    return comm->rank;
}

int ddpm_comm_size(const ddpm_comm *comm)
{
    return comm->size;
}

int ddpm_comm_team_size(const ddpm_comm *comm)
{
    return comm->team_size;
}

int ddpm_comm_has_other_teams(const ddpm_comm *comm)
{
    return comm->team_count > 1;
}

ddpm_status ddpm_agree(ddpm_comm *comm, ddpm_status status)
{
    /* The lowest failing rank wins; INT32_MAX stands for "no rank failed". */
    int mine = status == DDPM_OK ? INT32_MAX : comm->rank, lowest;
    struct {
        ddpm_status status;
        char message[DDPM_MESSAGE_BYTES];
    } verdict = {status, ""};
    if (comm->size == 1) return status;
    MPI_Allreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, comm->all);
    if (lowest == INT32_MAX) return DDPM_OK;
    if (comm->rank == lowest) memcpy(verdict.message, ddpm_error_message(), sizeof verdict.message);
    MPI_Bcast(&verdict, (int)sizeof verdict, MPI_BYTE, lowest, comm->all);
    return ddpm_fail(verdict.status, "%s", verdict.message);
}

ddpm_range ddpm_comm_part(const ddpm_comm *comm, int64_t n)
{
    return ddpm_part(n, comm->rank, comm->size);
}

void ddpm_comm_broadcast(ddpm_comm *comm, void *data, size_t bytes)
{
    char *next = data;
    if (comm->size == 1) return;
    for (size_t done = 0; done < bytes; done += SLICE)
        MPI_Bcast(next + done, (int)ddpm_smaller((int64_t)(bytes - done), SLICE), MPI_BYTE, 0, comm->all);
}

static void reduce(MPI_Comm ranks, void *data, int64_t count, MPI_Datatype type, size_t size, MPI_Op operation)
{
    char *next = data;
    for (int64_t done = 0; done < count; done += SLICE)
        MPI_Allreduce(MPI_IN_PLACE, next + (size_t)done * size, (int)ddpm_smaller(count - done, SLICE), type, operation,
                      ranks);
}

void ddpm_comm_sum_int64(ddpm_comm *comm, int64_t *data, int64_t count)
{
    if (comm->size > 1) reduce(comm->all, data, count, MPI_INT64_T, sizeof *data, MPI_SUM);
}

void ddpm_comm_sum_float(ddpm_comm *comm, float *data, int64_t count)
{
    if (comm->size > 1) reduce(comm->all, data, count, MPI_FLOAT, sizeof *data, MPI_SUM);
}

void ddpm_comm_sum_double(ddpm_comm *comm, double *data, int64_t count)
{
    if (comm->size > 1) reduce(comm->all, data, count, MPI_DOUBLE, sizeof *data, MPI_SUM);
}

void ddpm_comm_max_int64(ddpm_comm *comm, int64_t *data, int64_t count)
{
    if (comm->size > 1) reduce(comm->all, data, count, MPI_INT64_T, sizeof *data, MPI_MAX);
}

void ddpm_comm_sum_int64_of_teams(ddpm_comm *comm, int64_t *data, int64_t count)
{
    if (comm->team_count > 1 && comm->team_rank == 0)
        reduce(comm->leaders, data, count, MPI_INT64_T, sizeof *data, MPI_SUM);
}

void ddpm_comm_sum_int32_of_teams(ddpm_comm *comm, int32_t *data, int64_t count)
{
    if (comm->team_count > 1 && comm->team_rank == 0)
        reduce(comm->leaders, data, count, MPI_INT32_T, sizeof *data, MPI_SUM);
}

void ddpm_comm_sum_float_of_teams(ddpm_comm *comm, float *data, int64_t count)
{
    if (comm->team_count > 1 && comm->team_rank == 0)
        reduce(comm->leaders, data, count, MPI_FLOAT, sizeof *data, MPI_SUM);
}

ddpm_workers ddpm_comm_workers(ddpm_comm *comm, int threads)
{
    ddpm_workers w = {.first = 0, .count = threads};
    if (comm->team_size == 1) return w;
    MPI_Exscan(&threads, &w.first, 1, MPI_INT, MPI_SUM, comm->team);
    if (comm->team_rank == 0) w.first = 0; /* MPI leaves it undefined there */
    MPI_Allreduce(&threads, &w.count, 1, MPI_INT, MPI_SUM, comm->team);
    return w;
}

void ddpm_comm_barrier_of_team(ddpm_comm *comm)
{
    if (comm->team_size == 1) return;
    atomic_thread_fence(memory_order_seq_cst);
    MPI_Barrier(comm->team);
    atomic_thread_fence(memory_order_seq_cst);
}

void ddpm_comm_barrier(ddpm_comm *comm)
{
    if (comm->size > 1) MPI_Barrier(comm->all);
}

double ddpm_comm_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double ddpm_comm_start_seconds(const ddpm_comm *comm)
{
    return comm->start_seconds;
}

const char *ddpm_comm_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0';
    return text;
}
