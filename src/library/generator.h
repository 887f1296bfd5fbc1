/** The inside of a generator, for the files of library/. Local; a generator belongs to one thread. */
#ifndef DDPM_LIBRARY_GENERATOR_H
#define DDPM_LIBRARY_GENERATOR_H

#include "library/shared.h"
#include "library/view.h"
#include "sample/density.h"
#include "sample/fixed.h"
#include "sample/hidden.h"
#include "sample/sampling.h"

struct ddpm_generator {
    ddpm_shared *shared;
    const ddpm_loaded *loaded;
    ddpm_transform transform;
    ddpm_sampling_settings settings; /* their values are allocated */
    int is_stale;                    /* nonzero: settings were changed after the engine was made */
    ddpm_config config;              /* the model's, with the settings over it */
    ddpm_engine *engine;             /* NULL at first */

    /* conditions by name */
    int named_count;
    int *named;         /* [V], nonzero: it has a value */
    float *named_value; /* [V], standardised */
    ddpm_fixed fixed;   /* columns of a masked model without conditions */

    /* a block of rows */
    float *x;            /* [block][D], standardised or tokens */
    float *values;       /* [block][V], conditions, standardised */
    float *known;        /* [block][D], as x; NaN where a value is not known */
    void *numbers;       /* [block][D], of any type, in the data's units */
    void *given;         /* [block][D], of the type of a view */
    const float *source; /* the conditions of all rows; NULL: none, or those of `view` */
    const ddpm_view *view;

    /* the bound and the likelihood, once they are asked for */
    uint8_t *left_out; /* [D] */
    int64_t counted;   /* columns that are not left out */
    ddpm_weights density_weights;
    int has_density, derives, has_flow, has_hidden;
    ddpm_density density;
    ddpm_likelihood flow;
    ddpm_hidden hidden;
};

/** DDPM_ERR_USAGE for NULL, which a program has that did not look at the status of opening. */
DDPM_MUST_CHECK static inline ddpm_status ddpm_generator_check(const ddpm_generator *generator)
{
    return generator ? DDPM_OK : ddpm_fail(DDPM_ERR_USAGE, "no generator is open; look at the status of opening it");
}

/** DDPM_ERR_USAGE for NULL in the place of a result or of an array; `what` is its name. */
DDPM_MUST_CHECK static inline ddpm_status ddpm_generator_check_given(const void *given, const char *what)
{
    return given ? DDPM_OK : ddpm_fail(DDPM_ERR_USAGE, "%s: expected memory for it, found NULL", what);
}

/** A generator of a model in memory, which it takes over; on failure it is released. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_take(ddpm_checkpoint *checkpoint, ddpm_generator **out);

/** Make the engine that the settings ask for, where it is not made. DDPM_ERR_USAGE: they contradict each other. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_prepare(ddpm_generator *generator);

/** Check rows first .. first+count-1, and their conditions, which then are those of ddpm_generator_block_conditions.
 *  @param conditions  of a call of ddpm/ddpm.h. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_begin(ddpm_generator *generator, int64_t first, int64_t count,
                                                 const ddpm_view *conditions);

/** Standardise the conditions of the rows `done` and on of a call.
 *  @param[out] values  [rows][V]; NULL: the rows have none. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_block_conditions(ddpm_generator *generator, int64_t done, int64_t rows,
                                                            const float **values);

/** Free what the bound and the likelihood need. */
void ddpm_generator_release_densities(ddpm_generator *generator);

#endif
