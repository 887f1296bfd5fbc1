/* Sums over threads and ranks. Each thread has one vector: [parameters][loss][refusals of each tensor, and of the
 * loss][votes]. */
#include "world/reduce.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    CHUNK = 8192,                      /* parameters */
    LOSS_ROOM = 16,                    /* elements for the loss, so that what follows is aligned */
    TARGET_BITS = DDPM_EXPONENT_START, /* the largest mean gradient of the last iteration becomes 2^40 */
    CONTRIBUTION_BITS = 50,            /* below the 51 up to which numbers are rounded to the nearest integer */
    SUM_BITS = 62,
    COARSER = 24, /* bits by which a scale becomes coarser when an iteration is repeated */
};

struct ddpm_reducer {
    int exact, threads;
    int64_t parameter_count, tensor_count, counter_count; /* counters are refusals and votes */
    const ddpm_kernels *kernels;
    int32_t *exponent;        /* [tensor_count + 1] */
    ddpm_gradient *gradients; /* [threads] */
    int64_t *fixed;           /* [threads][vector] in exact mode */
    float *real;              /* [threads][parameters and loss] in float32 mode */
    int64_t *counters;        /* [threads][counter_count] in float32 mode; in exact mode they are the end of `fixed` */
    int64_t chunk_count;
    ddpm_chunk *chunks;
    double *squares; /* [chunk_count] */
    float *largest;  /* [chunk_count] */
};

static int64_t sums_length(const ddpm_reducer *r)
{
    return r->parameter_count + LOSS_ROOM;
}

static int64_t vector_length(const ddpm_reducer *r)
{
    return ddpm_round_up(sums_length(r) + r->counter_count, LOSS_ROOM);
}

static ddpm_status make_chunks(ddpm_reducer *r, const ddpm_tensor *tensors)
{
    for (int pass = 0; pass < 2; pass++) { /* count, then fill */
        int64_t n = 0;
        for (int64_t i = 0; i < r->tensor_count; i++) {
            const int64_t size = tensors[i].rows * tensors[i].cols;
            for (int64_t at = 0; at < size; at += CHUNK, n++)
                if (pass == 1) r->chunks[n] = (ddpm_chunk){i, tensors[i].offset + at, ddpm_smaller(size - at, CHUNK)};
        }
        if (pass == 0) DDPM_TRY(DDPM_NEW(&r->chunks, n, "pieces of the parameters"));
        r->chunk_count = n;
    }
    DDPM_TRY(DDPM_NEW(&r->squares, r->chunk_count, "pieces of the parameters"));
    return DDPM_NEW(&r->largest, r->chunk_count, "pieces of the parameters");
}

static ddpm_status build(ddpm_reducer *r, int64_t contributions)
{
    const double share = ldexp(1.0, SUM_BITS) / (double)contributions;
    DDPM_TRY(DDPM_NEW(&r->exponent, r->tensor_count + 1, "scales"));
    DDPM_TRY(DDPM_NEW(&r->gradients, r->threads, "gradient sums"));
    if (r->exact) {
        DDPM_TRY(DDPM_NEW(&r->fixed, r->threads * vector_length(r), "gradient sums"));
    } else {
        DDPM_TRY(DDPM_NEW(&r->real, r->threads * sums_length(r), "gradient sums"));
        DDPM_TRY(DDPM_NEW(&r->counters, r->threads * r->counter_count, "gradient sums"));
    }
    for (int64_t i = 0; i <= r->tensor_count; i++) r->exponent[i] = TARGET_BITS;
    for (int t = 0; t < r->threads; t++) {
        int64_t *vector = r->exact ? r->fixed + t * vector_length(r) : NULL;
        r->gradients[t] = (ddpm_gradient){
            .kernels = r->kernels,
            .fixed = vector,
            .real = r->exact ? NULL : r->real + t * sums_length(r),
            .exponent = r->exponent,
            .limit = fmin(ldexp(1.0, CONTRIBUTION_BITS), share),
            .refused = r->exact ? vector + sums_length(r) : r->counters + t * r->counter_count,
        };
    }
    return DDPM_OK;
}

ddpm_status ddpm_reducer_create(const ddpm_network *network, int exact, int threads, int64_t contributions,
                                ddpm_reducer **out)
{
    const ddpm_tensor *tensors;
    ddpm_reducer *r = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&r, 1, "reducer"));
    r->exact = exact;
    r->threads = threads;
    r->kernels = ddpm_network_kernels(network);
    r->parameter_count = ddpm_network_array_length(network);
    r->tensor_count = ddpm_network_tensors(network, &tensors);
    r->counter_count = r->tensor_count + 2;
    ddpm_status status = make_chunks(r, tensors);
    if (status == DDPM_OK) status = build(r, contributions);
    if (status != DDPM_OK) {
        ddpm_reducer_free(r);
        return status;
    }
    *out = r;
    return DDPM_OK;
}

void ddpm_reducer_free(ddpm_reducer *reducer)
{
    if (!reducer) return;
    ddpm_release(reducer->exponent);
    ddpm_release(reducer->gradients);
    ddpm_release(reducer->fixed);
    ddpm_release(reducer->real);
    ddpm_release(reducer->counters);
    ddpm_release(reducer->chunks);
    ddpm_release(reducer->squares);
    ddpm_release(reducer->largest);
    ddpm_release(reducer);
}

int64_t ddpm_reducer_bytes(const ddpm_reducer *reducer)
{
    const ddpm_reducer *r = reducer;
    const int64_t real = sums_length(r) * (int64_t)sizeof *r->real + r->counter_count * (int64_t)sizeof *r->counters;
    const int64_t thread = r->exact ? vector_length(r) * (int64_t)sizeof *r->fixed : real;
    const int64_t chunk = (int64_t)(sizeof *r->chunks + sizeof *r->squares + sizeof *r->largest);
    return r->threads * thread + r->chunk_count * chunk;
}

ddpm_gradient *ddpm_reducer_gradient(ddpm_reducer *reducer, int thread)
{
    return &reducer->gradients[thread];
}

void ddpm_reducer_add_loss(ddpm_reducer *reducer, int thread, double loss)
{
    const float value = (float)loss;
    ddpm_gradient_add(&reducer->gradients[thread], reducer->tensor_count, reducer->parameter_count, 1, &value);
}

void ddpm_reducer_merge(ddpm_reducer *reducer, int thread)
{
    const ddpm_reducer *r = reducer;
    const int64_t length = r->exact ? vector_length(r) : sums_length(r);
    const ddpm_range part = ddpm_part(length, thread, r->threads);
    const int64_t count = part.end - part.first;
    for (int t = 1; t < r->threads; t++) {
        if (r->exact)
            r->kernels->merge_fixed(count, r->fixed + t * length + part.first, r->fixed + part.first);
        else
            r->kernels->merge_float(count, r->real + t * length + part.first, r->real + part.first);
        if (!r->exact && thread == 0)
            r->kernels->merge_fixed(r->counter_count, r->counters + t * r->counter_count, r->counters);
    }
}

/* Whether the scale of this tensor is so coarse that it refuses infinity and NaN only. */
static int is_coarsest(const ddpm_reducer *r, int64_t tensor)
{
    return !r->exact || ldexp(r->gradients[0].limit, -r->exponent[tensor]) >= (double)FLT_MAX;
}

int ddpm_reducer_take_nonfinite(ddpm_reducer *reducer, int thread)
{
    const ddpm_reducer *r = reducer;
    int64_t *refused = r->gradients[thread].refused;
    int met = 0;
    for (int64_t i = 0; i <= r->tensor_count; i++) met |= refused[i] && is_coarsest(r, i);
    if (r->exact)
        memset(r->fixed + thread * vector_length(r), 0, (size_t)sums_length(r) * sizeof *r->fixed);
    else
        memset(r->real + thread * sums_length(r), 0, (size_t)sums_length(r) * sizeof *r->real);
    memset(refused, 0, (size_t)r->counter_count * sizeof *refused);
    return met;
}

/* Make the scale of each tensor with refusals coarser. Infinity and NaN are refused at every scale: DDPM_ERR_NUMERIC
 * at the coarsest one, when the scales of other tensors may have changed. */
static ddpm_status make_coarser(ddpm_reducer *r, const int64_t *refused)
{
    for (int64_t i = 0; i <= r->tensor_count; i++) {
        if (!refused[i]) continue;
        if (is_coarsest(r, i))
            return ddpm_fail(DDPM_ERR_NUMERIC, "%s is not a finite number",
                             i == r->tensor_count ? "the loss" : "a gradient");
        r->exponent[i] -= COARSER;
    }
    return DDPM_OK;
}

ddpm_status ddpm_reducer_exchange(ddpm_reducer *reducer, ddpm_comm *comm, int vote, int *repeat)
{
    ddpm_reducer *r = reducer;
    int64_t *counters = r->exact ? r->fixed + sums_length(r) : r->counters;
    int64_t refusals = 0;
    counters[r->counter_count - 1] = vote ? 1 : 0;
    if (r->exact) {
        ddpm_comm_sum_int64(comm, r->fixed, sums_length(r) + r->counter_count);
    } else {
        ddpm_comm_sum_float(comm, r->real, sums_length(r));
        ddpm_comm_sum_int64(comm, counters, r->counter_count);
    }
    for (int64_t i = 0; i <= r->tensor_count; i++) refusals += counters[i];
    *repeat = refusals > 0;
    if (!*repeat) return DDPM_OK;
    const ddpm_status status = make_coarser(r, counters);
    if (r->exact)
        memset(r->fixed, 0, (size_t)vector_length(r) * sizeof *r->fixed);
    else
        memset(r->real, 0, (size_t)sums_length(r) * sizeof *r->real);
    memset(counters, 0, (size_t)r->counter_count * sizeof *counters);
    return status;
}

void ddpm_reducer_collect(ddpm_reducer *reducer, int thread, float *gradient)
{
    ddpm_reducer *r = reducer;
    const ddpm_range part = ddpm_part(r->chunk_count, thread, r->threads);
    for (int64_t c = part.first; c < part.end; c++) {
        const ddpm_chunk *chunk = &r->chunks[c];
        if (r->exact)
            r->kernels->collect_fixed(chunk->count, r->fixed + chunk->offset, ldexp(1.0, -r->exponent[chunk->tensor]),
                                      gradient + chunk->offset, &r->squares[c], &r->largest[c]);
        else
            r->kernels->collect_float(chunk->count, r->real + chunk->offset, gradient + chunk->offset, &r->squares[c],
                                      &r->largest[c]);
    }
}

/* The exponent at which a value of this magnitude becomes 2^TARGET_BITS; the old one for a gradient of zeros, and for
 * one that is not finite. */
static int32_t next_exponent(float largest, int32_t old)
{
    return largest > 0.0f && isfinite(largest) ? TARGET_BITS - (int32_t)ilogb((double)largest) : old;
}

ddpm_reduced ddpm_reducer_finish(ddpm_reducer *reducer)
{
    ddpm_reducer *r = reducer;
    ddpm_reduced out = {0};
    int64_t *counters = r->exact ? r->fixed + sums_length(r) : r->counters;
    double squares = 0.0;
    for (int64_t c = 0; c < r->chunk_count;) {
        const int64_t tensor = r->chunks[c].tensor;
        float largest = 0.0f;
        for (; c < r->chunk_count && r->chunks[c].tensor == tensor; c++) {
            squares += r->squares[c];
            largest = fmaxf(largest, r->largest[c]);
        }
        r->exponent[tensor] = next_exponent(largest, r->exponent[tensor]);
    }
    int32_t *loss_exponent = &r->exponent[r->tensor_count];
    if (r->exact) {
        out.loss = ldexp((double)r->fixed[r->parameter_count], -*loss_exponent);
        r->fixed[r->parameter_count] = 0;
    } else {
        out.loss = (double)r->real[r->parameter_count];
        memset(r->real, 0, (size_t)sums_length(r) * sizeof *r->real);
    }
    *loss_exponent = next_exponent(fabsf((float)out.loss), *loss_exponent);
    out.norm = sqrt(squares);
    out.votes = counters[r->counter_count - 1];
    counters[r->counter_count - 1] = 0;
    return out;
}

int64_t ddpm_reducer_chunks(const ddpm_reducer *reducer, const ddpm_chunk **chunks)
{
    *chunks = reducer->chunks;
    return reducer->chunk_count;
}

int32_t *ddpm_reducer_exponents(ddpm_reducer *reducer, int64_t *count)
{
    *count = reducer->tensor_count + 1;
    return reducer->exponent;
}
