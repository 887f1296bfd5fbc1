/* The arrays of the workers that a team carries lie in its shared memory, so that all its threads can add them up, each
 * a part of the elements; then the first ranks of the teams exchange their sums. */
#include "train/round.h"

#include "base/memory.h"
#include "kernel/outer.h"
#include "train/step.h"
#include "world/transfer.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 1024, /* parameters that have an exponent of their own */
    KINDS = DDPM_OUTER_KINDS,
};

struct ddpm_round {
    ddpm_comm *comm; /* of all ranks */
    ddpm_local_spec spec;
    ddpm_group group;
    int threads;
    ddpm_workers threads_of_team;
    int64_t parameters, pieces, tensors;
    int64_t *maxima;         /* [KINDS][pieces] the largest numbers; [tensors + 1] minus the exponents of gradients */
    double *results;         /* [workers] losses; [workers] norms; votes */
    int32_t *begun;          /* [tensors + 1] exponents of gradients that a round begins with */
    ddpm_transfer *transfer; /* NULL: each team gets all sums at once */
    int64_t *bounds;         /* [parts + 1] the parts of the sums that teams add up */
    /* in shared memory: */
    ddpm_shared *memory;
    float *numbers;  /* [workers of the team][KINDS][parameters]: parameters and moments */
    float *averages; /* [groups of the team][parameters]: a step makes one, which is not used */
    int32_t *sums;   /* [KINDS][parameters] */
};

/* Take [count][parameters] of 4 bytes each of the shared memory, or only count them. */
static void *take(const ddpm_round *r, char *memory, size_t *used, int64_t count)
{
    void *taken = memory ? memory + *used : NULL;
    *used += (size_t)ddpm_round_up(count * r->parameters * (int64_t)sizeof(float), DDPM_ALIGNMENT);
    return taken;
}

static size_t lay_out(ddpm_round *r, char *memory)
{
    const ddpm_group_plan *plan = &r->group.plan;
    size_t used = 0;
    r->numbers = take(r, memory, &used, (plan->held.end - plan->held.first) * KINDS);
    r->averages = take(r, memory, &used, plan->count);
    r->sums = take(r, memory, &used, KINDS);
    return used;
}

static int64_t maxima_count(const ddpm_round *r)
{
    return KINDS * r->pieces + r->tensors + 1;
}

static int64_t results_count(const ddpm_round *r)
{
    return 2 * r->spec.workers + 1;
}

/* Local. */
static ddpm_status build(ddpm_round *r)
{
    DDPM_TRY(DDPM_NEW(&r->maxima, maxima_count(r), "largest numbers"));
    DDPM_TRY(DDPM_NEW(&r->begun, r->tensors + 1, "scales"));
    if (r->transfer) DDPM_TRY(DDPM_NEW(&r->bounds, ddpm_transfer_parts(r->transfer) + 1, "parts of nodes"));
    return DDPM_NEW(&r->results, results_count(r), "losses of workers");
}

ddpm_status ddpm_round_create(ddpm_comm *comm, const ddpm_local_spec *spec, const ddpm_network *network, int threads,
                              ddpm_round **out)
{
    const ddpm_tensor *tensors;
    ddpm_round *r = NULL;
    *out = NULL;
    const ddpm_status status = ddpm_agree(comm, DDPM_NEW(&r, 1, "a round"));
    if (status != DDPM_OK) {
        ddpm_release(r);
        return status;
    }
    *out = r;
    r->comm = comm;
    r->spec = *spec;
    r->threads = threads;
    r->parameters = ddpm_network_array_length(network);
    r->pieces = ddpm_pieces(r->parameters, PIECE);
    r->tensors = ddpm_network_tensors(network, &tensors);
    r->threads_of_team = ddpm_comm_workers(comm, threads);
    DDPM_TRY(ddpm_group_join(comm, spec->workers, &r->group));
    if (ddpm_transfer_suits(comm, r->parameters * (int64_t)sizeof *r->sums))
        DDPM_TRY(ddpm_transfer_create(comm, DDPM_TRANSFER_ROW, &r->transfer));
    DDPM_TRY(ddpm_agree(comm, build(r)));
    DDPM_TRY(ddpm_shared_create(comm, lay_out(r, NULL), "parameters of workers", &r->memory));
    lay_out(r, ddpm_shared_data(r->memory));
    return DDPM_OK;
}

void ddpm_round_free(ddpm_round *round)
{
    if (!round) return;
    ddpm_shared_free(round->memory);
    ddpm_group_leave(&round->group);
    ddpm_release(round->maxima);
    ddpm_release(round->results);
    ddpm_release(round->begun);
    ddpm_release(round->bounds);
    ddpm_transfer_free(round->transfer);
    ddpm_release(round);
}

ddpm_comm *ddpm_round_comm(const ddpm_round *round, int64_t *workers)
{
    const ddpm_range carried = round->group.plan.carried;
    if (workers) *workers = carried.end - carried.first;
    return round->group.comm;
}

ddpm_workers ddpm_round_threads(const ddpm_round *round)
{
    return round->threads_of_team;
}

int64_t ddpm_round_bytes(const ddpm_round *round)
{
    ddpm_round r = *round;
    return (int64_t)lay_out(&r, NULL) * r.threads / r.threads_of_team.count + ddpm_transfer_bytes(r.transfer);
}

/* ---- the steps ---- */

static float *numbers_of(const ddpm_round *r, int64_t worker, ddpm_outer_kind kind)
{
    return r->numbers + ((worker - r->group.plan.held.first) * KINDS + (int64_t)kind) * r->parameters;
}

static const float *common_numbers(const ddpm_state *state, int kind)
{
    return kind == DDPM_OUTER_CHANGE ? state->parameters : kind == DDPM_OUTER_MOMENT1 ? state->moment1 : state->moment2;
}

/* Collective over the group. A worker begins with what all have in common. */
static void begin_worker(ddpm_round *r, ddpm_stepper *s, const ddpm_state *state, int64_t worker)
{
    const ddpm_workers threads = ddpm_reducer_workers(s->reducer);
#pragma omp parallel num_threads(r->threads)
    {
        const ddpm_range mine = ddpm_part(r->parameters, threads.first + omp_get_thread_num(), threads.count);
        for (int kind = 0; kind < KINDS; kind++)
            memcpy(numbers_of(r, worker, (ddpm_outer_kind)kind) + mine.first, common_numbers(state, kind) + mine.first,
                   (size_t)(mine.end - mine.first) * sizeof(float));
    }
    ddpm_comm_barrier_of_team(r->group.comm);
    ddpm_stepper_set_worker(s, worker);
    ddpm_timing_add(s->timing, DDPM_TIMING_UPDATE);
}

/* Collective over the group. */
static ddpm_status train_worker(ddpm_round *r, ddpm_stepper *s, const ddpm_state *state, int64_t worker)
{
    ddpm_state local = *state;
    ddpm_reduced found = {0};
    double loss = 0.0;
    char what[DDPM_MESSAGE_BYTES / 2];
    local.parameters = numbers_of(r, worker, DDPM_OUTER_CHANGE);
    local.moment1 = numbers_of(r, worker, DDPM_OUTER_MOMENT1);
    local.moment2 = numbers_of(r, worker, DDPM_OUTER_MOMENT2);
    local.ema = r->averages + r->group.plan.number * r->parameters;
    begin_worker(r, s, state, worker);
    for (int64_t i = 0; i < r->spec.steps; i++) {
        const ddpm_status status = ddpm_stepper_iterate(s, &local, 0, &found);
        if (status != DDPM_OK) {
            snprintf(what, sizeof what, "%s", ddpm_error_message());
            return ddpm_fail(status, "%s, of worker %lld of %lld in step %lld of the round that begins", what,
                             (long long)worker, (long long)r->spec.workers, (long long)i + 1);
        }
        loss += found.loss;
    }
    ddpm_stepper_gather(s, &local, DDPM_STATE_MOMENTS);
    if (ddpm_comm_rank(r->group.comm) > 0) return DDPM_OK;
    r->results[worker] = loss / (double)r->spec.steps;
    r->results[r->spec.workers + worker] = found.norm;
    return DDPM_OK;
}

/* Collective over the group. The scales of gradients, which are part of the state, become the coarsest of all workers'.
 */
static ddpm_status train_workers(ddpm_round *r, ddpm_stepper *s, const ddpm_state *state)
{
    const ddpm_range carried = r->group.plan.carried;
    int64_t count, *coarsest = r->maxima + KINDS * r->pieces;
    int32_t *exponent = ddpm_reducer_exponents(s->reducer, &count);
    memcpy(r->begun, exponent, (size_t)count * sizeof *exponent);
    for (int64_t i = 0; i < count; i++) coarsest[i] = -DDPM_EXPONENT_LARGEST;
    ddpm_status status = DDPM_OK;
    for (int64_t w = carried.first; w < carried.end && status == DDPM_OK; w++) {
        memcpy(exponent, r->begun, (size_t)count * sizeof *exponent);
        status = train_worker(r, s, state, w);
        for (int64_t i = 0; i < count; i++) coarsest[i] = ddpm_larger(coarsest[i], -exponent[i]);
    }
    return status;
}

/* ---- the mean ---- */

static ddpm_range piece_range(const ddpm_round *r, int64_t piece)
{
    return (ddpm_range){piece * PIECE, ddpm_smaller((piece + 1) * PIECE, r->parameters)};
}

static void prepare(const ddpm_round *r, const ddpm_state *state, int64_t worker, int kind, ddpm_range at, float *out)
{
    const ddpm_outer_kind k = (ddpm_outer_kind)kind;
    ddpm_outer_prepare(k, at.end - at.first, numbers_of(r, worker, k) + at.first, state->parameters + at.first, out);
}

/* Local, by every thread: find the largest numbers of a part of the pieces, over the workers that this team gives. */
static void measure(ddpm_round *r, const ddpm_state *state, ddpm_range pieces)
{
    const ddpm_range given = r->group.plan.given;
    float x[PIECE];
    for (int kind = 0; kind < KINDS; kind++)
        for (int64_t p = pieces.first; p < pieces.end; p++) {
            const ddpm_range at = piece_range(r, p);
            int64_t *largest = &r->maxima[kind * r->pieces + p];
            for (int64_t w = given.first; w < given.end; w++) {
                prepare(r, state, w, kind, at, x);
                *largest = ddpm_larger(*largest, ddpm_outer_largest(at.end - at.first, x));
            }
        }
}

static int exponent_of(const ddpm_round *r, int kind, int64_t piece)
{
    return ddpm_outer_exponent((int32_t)r->maxima[kind * r->pieces + piece], r->spec.workers);
}

/* Local, by every thread: add up a part of the pieces. */
static void add(ddpm_round *r, const ddpm_state *state, ddpm_range pieces)
{
    const ddpm_range given = r->group.plan.given;
    float x[PIECE];
    for (int kind = 0; kind < KINDS; kind++)
        for (int64_t p = pieces.first; p < pieces.end; p++) {
            const ddpm_range at = piece_range(r, p);
            int32_t *sums = r->sums + kind * r->parameters + at.first;
            memset(sums, 0, (size_t)(at.end - at.first) * sizeof *sums);
            for (int64_t w = given.first; w < given.end; w++) {
                prepare(r, state, w, kind, at, x);
                ddpm_outer_add((ddpm_outer_kind)kind, at.end - at.first, x, exponent_of(r, kind, p), sums);
            }
        }
}

/* Local, by every thread: take the step of the outer optimiser on a part of the pieces. */
static void take_step(const ddpm_round *r, const ddpm_outer_settings *settings, ddpm_range pieces, ddpm_state *state)
{
    float mean[PIECE];
    float *const moments[] = {[DDPM_OUTER_MOMENT1] = state->moment1, [DDPM_OUTER_MOMENT2] = state->moment2};
    for (int64_t p = pieces.first; p < pieces.end; p++) {
        const ddpm_range at = piece_range(r, p);
        const int64_t n = at.end - at.first;
        for (int kind = 0; kind < KINDS; kind++)
            ddpm_outer_mean((ddpm_outer_kind)kind, n, r->sums + kind * r->parameters + at.first,
                            exponent_of(r, kind, p), r->spec.workers,
                            kind == DDPM_OUTER_CHANGE ? mean : moments[kind] + at.first);
        ddpm_outer_step(n, settings, mean, state->velocity + at.first, state->parameters + at.first,
                        state->ema + at.first);
    }
}

static ddpm_range pieces_of_thread(const ddpm_round *r)
{
    return ddpm_part(r->pieces, r->threads_of_team.first + omp_get_thread_num(), r->threads_of_team.count);
}

/* Collective. DDPM_ERR_NUMERIC, the same on all ranks. */
static ddpm_status find_largest(ddpm_round *r, const ddpm_state *state)
{
    const float most = FLT_MAX;
    int32_t finite;
    memcpy(&finite, &most, sizeof finite);
    ddpm_comm_barrier_of_team(r->comm);
#pragma omp parallel num_threads(r->threads)
    measure(r, state, pieces_of_thread(r));
    ddpm_comm_max_int64(r->comm, r->maxima, maxima_count(r));
    for (int64_t i = 0; i < KINDS * r->pieces; i++)
        if (r->maxima[i] > finite)
            return ddpm_fail(DDPM_ERR_NUMERIC,
                             "the change or a moment of a worker is not a finite number after the "
                             "%lld steps of the round that begins",
                             (long long)r->spec.steps);
    return DDPM_OK;
}

/* Collective. */
static void sum_over_teams(ddpm_round *r, int64_t count)
{
    if (!r->transfer) {
        ddpm_comm_sum_int32_of_teams(r->comm, r->sums, count);
        return;
    }
    const int count_of_parts = ddpm_transfer_parts(r->transfer);
    for (int p = 0; p <= count_of_parts; p++) r->bounds[p] = ddpm_part(count, p, count_of_parts).first;
    const ddpm_parts parts = {r->sums, r->bounds, sizeof *r->sums};
    ddpm_transfer_sum(r->transfer, &parts, 0);
    ddpm_transfer_gather(r->transfer, 1, &parts);
}

/* Collective. */
static void sum(ddpm_round *r, const ddpm_state *state, int kinds)
{
#pragma omp parallel num_threads(r->threads)
    add(r, state, pieces_of_thread(r));
    ddpm_comm_barrier_of_team(r->comm);
    sum_over_teams(r, kinds * r->parameters);
    ddpm_comm_sum_double(r->comm, r->results, results_count(r)); /* one rank has each number, but the votes are whole */
    ddpm_comm_barrier_of_team(r->comm);
}

/* Collective. */
static void update(ddpm_round *r, ddpm_stepper *s, ddpm_state *state)
{
    double decay = 1.0;
    for (int64_t i = 0; i < r->spec.steps; i++) decay *= ddpm_update_decay(&s->spec.update, state->iteration + i);
    const ddpm_outer_settings settings = {(float)r->spec.rate, (float)r->spec.momentum, (float)decay};
    int64_t count;
    int32_t *exponent = ddpm_reducer_exponents(s->reducer, &count);
    for (int64_t i = 0; i < count; i++) exponent[i] = (int32_t)-r->maxima[KINDS * r->pieces + i];
#pragma omp parallel num_threads(r->threads)
    take_step(r, &settings, pieces_of_thread(r), state);
    ddpm_comm_barrier_of_team(r->comm);
    state->iteration += r->spec.steps;
}

static ddpm_reduced results_of(const ddpm_round *r)
{
    const int64_t workers = r->spec.workers;
    ddpm_reduced out = {.votes = (int64_t)r->results[2 * workers]};
    for (int64_t w = 0; w < workers; w++) {
        out.loss += r->results[w] / (double)workers;
        out.norm += r->results[workers + w] / (double)workers;
    }
    return out;
}

ddpm_status ddpm_round_iterate(ddpm_round *round, ddpm_stepper *stepper, ddpm_state *state, ddpm_stop *stop,
                               ddpm_reduced *out)
{
    ddpm_round *r = round;
    const int kinds = stepper->spec.update.optimizer == DDPM_OPTIMIZER_SGD ? KINDS - 1 : KINDS; /* no second moment */
    memset(r->maxima, 0, (size_t)maxima_count(r) * sizeof *r->maxima);
    memset(r->results, 0, (size_t)results_count(r) * sizeof *r->results);
    DDPM_TRY(ddpm_agree(r->comm, train_workers(r, stepper, state)));
    ddpm_timing_add(stepper->timing, DDPM_TIMING_WAIT);
    r->results[2 * r->spec.workers] = stop && ddpm_stop_wanted(stop) ? 1.0 : 0.0;
    DDPM_TRY(find_largest(r, state));
    sum(r, state, kinds);
    ddpm_timing_add(stepper->timing, DDPM_TIMING_REDUCTION);
    update(r, stepper, state);
    ddpm_timing_add(stepper->timing, DDPM_TIMING_UPDATE);
    *out = results_of(r);
    return DDPM_OK;
}
