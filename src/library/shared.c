/* Loads models, counts their users, and packs weights once for all of them. */
#include "library/shared.h"

#include "base/memory.h"
#include "library/opening.h"

#include <pthread.h>
#include <stdatomic.h>

enum { KINDS = DDPM_WEIGHTS_COUNT };

struct ddpm_shared {
    ddpm_loaded loaded;
    atomic_int users;
    pthread_mutex_t packing;
    ddpm_engine_weights weights[KINDS]; /* not packed: not made yet */
    ddpm_packed *gradient[KINDS];
};

/* What a model is loaded from. */
typedef struct source {
    const char *path; /* NULL: the bytes */
    const void *bytes;
    size_t count;
    ddpm_checkpoint *taken; /* in the place of both */
} source;

static ddpm_status load(const source *from, ddpm_loaded *out)
{
    if (from->taken) {
        *out = (ddpm_loaded){.checkpoint = *from->taken};
        *from->taken = (ddpm_checkpoint){0};
        DDPM_TRY(ddpm_loaded_build(out));
    } else
        DDPM_TRY(from->path ? ddpm_opening_file(from->path, out) : ddpm_opening_bytes(from->bytes, from->count, out));
    ddpm_loaded_name_process(out);
    return ddpm_loaded_check_denoiser(out, from->path ? from->path : ddpm_opening_bytes_name);
}

static ddpm_status open_source(const source *from, ddpm_shared **out)
{
    ddpm_shared *s = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&s, 1, "a model"));
    atomic_init(&s->users, 1);
    ddpm_status status = DDPM_OK;
    if (pthread_mutex_init(&s->packing, NULL) != 0) status = ddpm_fail(DDPM_ERR_MEMORY, "no memory for a lock");
    if (status != DDPM_OK) {
        ddpm_release(s);
        return status;
    }
    status = load(from, &s->loaded);
    if (status == DDPM_OK)
        *out = s;
    else
        ddpm_shared_drop(s);
    return status;
}

ddpm_status ddpm_shared_open(const char *checkpoint, ddpm_shared **out)
{
    return open_source(&(source){.path = checkpoint}, out);
}

ddpm_status ddpm_shared_open_bytes(const void *bytes, size_t count, ddpm_shared **out)
{
    return open_source(&(source){.bytes = bytes, .count = count}, out);
}

ddpm_status ddpm_shared_take(ddpm_checkpoint *checkpoint, ddpm_shared **out)
{
    const ddpm_status status = open_source(&(source){.taken = checkpoint}, out);
    ddpm_checkpoint_release(checkpoint); /* where it was not taken */
    return status;
}

ddpm_shared *ddpm_shared_keep(ddpm_shared *shared)
{
    atomic_fetch_add(&shared->users, 1);
    return shared;
}

void ddpm_shared_drop(ddpm_shared *shared)
{
    if (!shared || atomic_fetch_sub(&shared->users, 1) > 1) return;
    for (int i = 0; i < KINDS; i++) {
        ddpm_engine_weights_release(&shared->weights[i]);
        ddpm_packed_free(shared->gradient[i]);
    }
    ddpm_loaded_release(&shared->loaded);
    (void)pthread_mutex_destroy(&shared->packing);
    ddpm_release(shared);
}

const ddpm_loaded *ddpm_shared_loaded(const ddpm_shared *shared)
{
    return &shared->loaded;
}

/* Only with the lock. */
static ddpm_status make_weights(ddpm_shared *s, ddpm_weights which)
{
    if (s->weights[which].packed) return DDPM_OK;
    const ddpm_status status = ddpm_engine_weights_make(&s->loaded, which, &s->weights[which]);
    if (status != DDPM_OK) ddpm_engine_weights_release(&s->weights[which]);
    return status;
}

static ddpm_status make_gradient(ddpm_shared *s, ddpm_weights which)
{
    if (s->gradient[which]) return DDPM_OK;
    const ddpm_status status = ddpm_packed_make(s->loaded.model.network, DDPM_PACK_INPUT_GRADIENT,
                                                ddpm_loaded_weights(&s->loaded, which), &s->gradient[which]);
    if (status == DDPM_OK) return DDPM_OK;
    ddpm_packed_free(s->gradient[which]);
    s->gradient[which] = NULL;
    return status;
}

static ddpm_status make(ddpm_shared *s, ddpm_weights which, ddpm_status (*what)(ddpm_shared *, ddpm_weights))
{
    if (pthread_mutex_lock(&s->packing) != 0) return ddpm_fail(DDPM_ERR_INTERNAL, "a lock could not be taken");
    const ddpm_status status = what(s, which);
    (void)pthread_mutex_unlock(&s->packing);
    return status;
}

ddpm_status ddpm_shared_weights(ddpm_shared *shared, ddpm_weights which, const ddpm_engine_weights **out)
{
    DDPM_TRY(make(shared, which, make_weights));
    *out = &shared->weights[which];
    return DDPM_OK;
}

ddpm_status ddpm_shared_gradient(ddpm_shared *shared, ddpm_weights which, const ddpm_packed **out)
{
    DDPM_TRY(make(shared, which, make_gradient));
    *out = shared->gradient[which];
    return DDPM_OK;
}
