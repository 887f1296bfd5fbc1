/* Rows that are read by a map which they did not decide. */
#include "data/known.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/column_maps.h"
#include "data/source_measure.h"
#include "data/source_vocabulary.h"
#include "store/vocabulary_flat.h"

#include <math.h>
#include <string.h>

static ddpm_status check_columns(const ddpm_known *known, const ddpm_source *source)
{
    const int64_t columns = ddpm_source_columns(source);
    const char *const *names = ddpm_source_names(source);
    if (ddpm_source_has_tokens(source) != (known->transform.vocabulary != NULL))
        return ddpm_fail(DDPM_ERR_DATA, "they are %s, those of the model %s",
                         known->transform.vocabulary ? "numbers" : "tokens",
                         known->transform.vocabulary ? "tokens" : "numbers");
    if (columns != known->transform.columns)
        return ddpm_fail(DDPM_ERR_DATA, "they have %lld columns, those of the model %lld", (long long)columns,
                         (long long)known->transform.columns);
    for (int64_t j = 0; names && known->names && j < columns; j++)
        if (strcmp(names[j], known->names[j]) != 0)
            return ddpm_fail(DDPM_ERR_DATA, "column %lld (from 0) is '%s', that of the model '%s'", (long long)j,
                             names[j], known->names[j]);
    return DDPM_OK;
}

static ddpm_status check_conditions(const ddpm_known *known, const ddpm_data_spec *spec)
{
    const ddpm_condition *condition = known->condition;
    if (spec->condition.count != condition->count)
        return ddpm_fail(DDPM_ERR_DATA, "data.condition lists %lld conditions, the model has %lld",
                         (long long)spec->condition.count, (long long)condition->count);
    for (int64_t v = 0; v < condition->count; v++) {
        const char *colon = strchr(spec->condition.items[v], ':'), *name = colon ? colon + 1 : spec->condition.items[v];
        if (strcmp(name, condition->names[v]) != 0 && strcmp(spec->condition.items[v], condition->names[v]) != 0)
            return ddpm_fail(DDPM_ERR_DATA, "data.condition: number %lld is '%s', that of the model '%s'",
                             (long long)v + 1, name, condition->names[v]);
    }
    return DDPM_OK;
}

ddpm_status ddpm_known_check(const ddpm_known *known, ddpm_source *source)
{
    const ddpm_vocabulary *vocabulary = known->transform.vocabulary;
    ddpm_status status = check_columns(known, source);
    if (status == DDPM_OK) status = check_conditions(known, ddpm_source_spec(source));
    if (status == DDPM_OK && vocabulary) status = ddpm_source_adopt(source, vocabulary);
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status,
                     "the rows do not fit the weights of %s: %s; give rows with its columns and conditions in their "
                     "order, or train from the beginning (without training.start_from)",
                     known->model, ddpm_error_message());
}

/* ---- numbers ---- */

static double remainder_of(const ddpm_transform *t, int64_t j)
{
    return t->remainder ? t->remainder[j] : 0.0;
}

/* A standardised number of one map in another. Means are subtracted from each other first, lest digits be lost. */
static double convert(const ddpm_transform *from, const ddpm_transform *to, int64_t j, double x)
{
    const double apart = (from->mean[j] - to->mean[j]) + (remainder_of(from, j) - remainder_of(to, j));
    return (x * from->scale[j] + apart) / to->scale[j];
}

/* A value beyond the quantiles of a model is taken for the nearest that it has. */
static void warn_of_range(const ddpm_known *known, const ddpm_transform *rows)
{
    for (int64_t j = 0; j < rows->columns; j++) {
        if (!ddpm_transform_has_quantiles(&known->transform, j)) continue;
        const double *quantiles = known->transform.quantiles + j * DDPM_QUANTILES, slack = 1e-6 * rows->scale[j];
        const double least = ddpm_transform_value(rows, j, rows->minimum[j]),
                     most = ddpm_transform_value(rows, j, rows->maximum[j]);
        if (least >= quantiles[0] - slack && most <= quantiles[DDPM_QUANTILES - 1] + slack) continue;
        ddpm_log_warning(
            "column %lld (from 0): the rows reach from %g to %g, and the quantiles of %s, by which they are "
            "mapped, from %g to %g: values beyond are taken for the nearest of these, and no sample lies "
            "there; train from the beginning (without training.start_from) to learn them",
            (long long)j, least, most, known->model, quantiles[0], quantiles[DDPM_QUANTILES - 1]);
        return;
    }
}

static ddpm_status copy_quantiles(const ddpm_transform *from, ddpm_transform *to)
{
    DDPM_TRY(ddpm_transform_allocate_quantiles(to));
    memcpy(to->quantiles, from->quantiles, (size_t)(to->columns * DDPM_QUANTILES) * sizeof *to->quantiles);
    memcpy(to->decimals, from->decimals, (size_t)to->columns * sizeof *to->decimals);
    if (from->steps) memcpy(to->steps, from->steps, (size_t)to->columns * sizeof *to->steps);
    for (int64_t j = 0; j < to->columns; j++) {
        if (!ddpm_transform_has_quantiles(to, j)) continue;
        to->minimum[j] = from->minimum[j];
        to->maximum[j] = from->maximum[j];
    }
    return DDPM_OK;
}

int ddpm_known_is_standard(const ddpm_data_spec *spec, const ddpm_source *source)
{
    return spec->known ? !spec->known->transform.quantiles : !ddpm_column_maps_differ(spec, source);
}

ddpm_status ddpm_known_replace(const ddpm_known *known, ddpm_transform *measured)
{
    const ddpm_transform *to = &known->transform;
    const size_t bytes = (size_t)to->columns * sizeof(double);
    if (to->quantiles) warn_of_range(known, measured);
    for (int64_t j = 0; j < to->columns; j++) {
        if (ddpm_transform_has_quantiles(to, j)) continue;
        const double low = convert(measured, to, j, measured->minimum[j]),
                     high = convert(measured, to, j, measured->maximum[j]);
        if (!isfinite((float)low) || !isfinite((float)high))
            return ddpm_fail(DDPM_ERR_DATA,
                             "column %lld (from 0) lies up to %g deviations from the rows of %s, beyond float32; give "
                             "it in that model's units",
                             (long long)j, fmax(fabs(low), fabs(high)), known->model);
        measured->minimum[j] = low;
        measured->maximum[j] = high;
    }
    memcpy(measured->mean, to->mean, bytes);
    memcpy(measured->scale, to->scale, bytes);
    if (!measured->remainder && to->remainder) DDPM_TRY(DDPM_NEW(&measured->remainder, to->columns, "column means"));
    for (int64_t j = 0; measured->remainder && j < to->columns; j++) measured->remainder[j] = remainder_of(to, j);
    return to->quantiles ? copy_quantiles(to, measured) : DDPM_OK;
}

/* ---- tokens ---- */

static ddpm_status copy_vocabulary(const ddpm_vocabulary *vocabulary, ddpm_transform *out)
{
    ddpm_vocabulary copy;
    ddpm_status status = ddpm_vocabulary_copy(vocabulary, &copy);
    if (status == DDPM_OK) status = ddpm_transform_of_vocabulary(&copy, out);
    ddpm_vocabulary_release(&copy);
    return status;
}

static ddpm_status refuse_value(const ddpm_known *known, const ddpm_source *source, int64_t row, int64_t column)
{
    char name[DDPM_MESSAGE_BYTES / 2];
    ddpm_source_name_column(source, column, name, sizeof name);
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s, row %lld (from 0): the rows of %s have no such value (a name, or a gap), so that its weights "
        "have no token for it; leave out such rows, or train from the beginning (without training.start_from)",
        name, (long long)row, known->model);
}

/* Local. Read this rank's part of the rows, all of whose values must have tokens. */
static ddpm_status check_tokens(const ddpm_known *known, ddpm_source *source, ddpm_range mine)
{
    const int64_t columns = known->transform.columns, room = ddpm_source_room(source);
    float *rows = NULL;
    ddpm_status status = DDPM_NEW(&rows, room * columns, "rows being read");
    for (int64_t first = mine.first; status == DDPM_OK && first < mine.end; first += room) {
        const int64_t count = ddpm_smaller(room, mine.end - first);
        status = ddpm_source_read_standardised(source, DDPM_GAPS_ALLOWED, &known->transform, first, count, rows);
        for (int64_t i = 0; status == DDPM_OK && i < count * columns; i++)
            if (rows[i] < 0.0f) status = refuse_value(known, source, first + i / columns, i % columns);
    }
    ddpm_release(rows);
    return status;
}

/* Collective. */
static ddpm_status take_tokens(ddpm_comm *comm, const ddpm_known *known, ddpm_source *source, ddpm_transform *out)
{
    *out = (ddpm_transform){0};
    ddpm_status status = check_tokens(known, source, ddpm_comm_part(comm, ddpm_source_rows(source)));
    if (status == DDPM_OK) status = copy_vocabulary(known->transform.vocabulary, out);
    status = ddpm_agree(comm, status);
    if (status != DDPM_OK) ddpm_transform_release(out);
    return status;
}

ddpm_status ddpm_known_or_measured(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                   int (*takes_part)(void *context, int64_t row), void *context, ddpm_transform *out)
{
    DDPM_TRY(ddpm_agree(comm, ddpm_column_maps_check(spec, source)));
    if (ddpm_source_has_tokens(source))
        return spec->known ? take_tokens(comm, spec->known, source, out)
                           : ddpm_source_choose_tokens(comm, source, ddpm_source_choosing_bytes(comm, spec->memory),
                                                       spec->exact, takes_part, context, out);
    DDPM_TRY(ddpm_source_measure(comm, spec->standardize, source, takes_part, context, out));
    ddpm_status status = ddpm_agree(comm, spec->known ? ddpm_known_replace(spec->known, out) : DDPM_OK);
    if (status == DDPM_OK && !spec->known)
        status = ddpm_column_maps_choose(comm, spec, source, takes_part, context, out);
    if (status != DDPM_OK) ddpm_transform_release(out);
    return status;
}
