/* Holds the training rows in memory that a node's ranks share, or streams them if they are too large. */
#include "data/dataset_handle.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/fingerprint.h"
#include "data/known.h"
#include "data/source.h"

#include <math.h>
#include <stdio.h>

enum { PIECE = 1 << 22 }; /* elements read at once */

/* Read rows as they are, or standardised or as tokens if they have been measured. */
static ddpm_status read_rows(ddpm_source *source, const ddpm_transform *transform, int64_t first, int64_t count,
                             float *rows)
{
    if (!transform) return ddpm_source_read(source, DDPM_GAPS_NONE, first, count, rows);
    return ddpm_source_read_training(source, transform, first, count, rows);
}

/* Read this rank's share of the rows. */
static ddpm_status read_share(ddpm_dataset *d, ddpm_source *source, const ddpm_transform *transform)
{
    const int64_t room = ddpm_larger(1, PIECE / d->columns);
    const ddpm_range mine = ddpm_shared_part(d->comm, d->memory, d->all_rows);
    for (int64_t row = mine.first; row < mine.end; row += room) {
        const int64_t count = ddpm_smaller(room, mine.end - row);
        DDPM_TRY(read_rows(source, transform, row, count, ddpm_dataset_held_rows(d) + row * d->columns));
    }
    return DDPM_OK;
}

/* Rows in memory that are to be measured. */
typedef struct held_rows {
    ddpm_dataset *dataset;
    const float *numbers; /* [all_rows][columns] */
    int64_t columns;
} held_rows;

static ddpm_status read_held(void *context, int64_t first, int64_t count, const float **rows)
{
    const held_rows *held = context;
    (void)count;
    *rows = held->numbers + first * held->columns;
    return DDPM_OK;
}

static int is_training_row(void *context, int64_t row)
{
    const ddpm_dataset *d = context;
    return d->held_out == 0 || ddpm_permutation_position(&d->split, row) >= d->held_out;
}

static int held_takes_part(void *context, int64_t row)
{
    return is_training_row(((held_rows *)context)->dataset, row);
}

/* Collective. Measure the rows in memory, which may be overwritten afterwards. */
static ddpm_status measure_held(ddpm_dataset *d, const ddpm_data_spec *spec)
{
    held_rows held = {d, ddpm_dataset_held_rows(d), d->columns};
    const ddpm_row_reader reader = {.count = d->all_rows,
                                    .columns = d->columns,
                                    .most = d->all_rows,
                                    .context = &held,
                                    .read_narrow = read_held,
                                    .takes_part = held_takes_part};
    DDPM_TRY(ddpm_transform_measure(d->comm, spec->standardize, &reader, &d->transform));
    /* all ranks have read their share when they agree */
    return ddpm_agree(d->comm, spec->known ? ddpm_known_replace(spec->known, &d->transform) : DDPM_OK);
}

/* Collective. Of rows in memory, which are as they were read, or standardised where they have more digits. */
static void add_fingerprint(ddpm_dataset *d)
{
    ddpm_fingerprint_add(d->comm, d->all_rows, (size_t)d->columns * sizeof(float), ddpm_dataset_held_rows(d),
                         &d->fingerprint);
}

/* Collective. Read float32 rows into memory, measure, standardise in place. */
static ddpm_status hold_narrow(ddpm_dataset *d, const ddpm_data_spec *spec, ddpm_source *source)
{
    DDPM_TRY(ddpm_agree(d->comm, read_share(d, source, NULL)));
    ddpm_comm_barrier_of_team(d->comm);
    add_fingerprint(d);
    DDPM_TRY(measure_held(d, spec));
    const ddpm_range mine = ddpm_shared_part(d->comm, d->memory, d->all_rows);
    float *rows = ddpm_dataset_held_rows(d) + mine.first * d->columns;
    ddpm_transform_apply(&d->transform, DDPM_NUMBER_FLOAT32, mine.end - mine.first, rows, rows);
    return DDPM_OK;
}

/* Collective. Read rows of more digits, or that become tokens, twice, so that they need no more memory: to measure them
 * and to map them. */
static ddpm_status hold_wide(ddpm_dataset *d, const ddpm_data_spec *spec, ddpm_source *source)
{
    DDPM_TRY(ddpm_known_or_measured(d->comm, spec, source, is_training_row, d, &d->transform));
    return ddpm_agree(d->comm, read_share(d, source, &d->transform));
}

/* Collective. */
static ddpm_status hold(ddpm_dataset *d, const ddpm_data_spec *spec, ddpm_source *source)
{
    const size_t bytes = (size_t)(d->all_rows * d->columns) * sizeof(float);
    const int is_narrow = ddpm_source_holder(source) == DDPM_NUMBER_FLOAT32 && !ddpm_source_has_tokens(source) &&
                          ddpm_known_is_standard(spec, source);
    d->held_out = (int64_t)(spec->validation * (double)d->all_rows);
    d->split = ddpm_permutation_make(d->seed, DDPM_RANDOM_SPLIT, 0, d->all_rows);
    DDPM_TRY(ddpm_shared_create(d->comm, bytes, "the data", &d->memory));
    DDPM_TRY(is_narrow ? hold_narrow(d, spec, source) : hold_wide(d, spec, source));
    ddpm_comm_barrier_of_team(d->comm);
    if (!is_narrow) add_fingerprint(d);
    return DDPM_OK;
}

/* ---- conditions ---- */

static ddpm_status read_conditions(ddpm_dataset *d, ddpm_condition_source *source)
{
    const ddpm_range mine = ddpm_shared_part(d->comm, d->conditions, d->all_rows);
    return ddpm_condition_source_read(source, &d->condition, mine.first, mine.end - mine.first,
                                      ddpm_dataset_held_values(d) + mine.first * d->condition.count);
}

/* Collective. */
static ddpm_status hold_conditions(ddpm_dataset *d, ddpm_condition_source *source)
{
    const size_t bytes = (size_t)(d->all_rows * d->condition.count) * sizeof(float);
    DDPM_TRY(ddpm_shared_create(d->comm, bytes, "conditions", &d->conditions));
    DDPM_TRY(ddpm_agree(d->comm, read_conditions(d, source)));
    ddpm_comm_barrier_of_team(d->comm);
    ddpm_fingerprint_add(d->comm, d->all_rows, (size_t)d->condition.count * sizeof(float), ddpm_dataset_held_values(d),
                         &d->fingerprint);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status weigh(ddpm_dataset *d, const ddpm_data_spec *spec, ddpm_condition_source *source)
{
    const ddpm_weighed_rows rows = {.rows = d->all_rows, .held_out = d->held_out, .split = &d->split};
    char place[DDPM_MESSAGE_BYTES / 2];
    snprintf(place, sizeof place, "%s: training.balance: %s", spec->path, spec->balance.items[0]);
    DDPM_TRY(ddpm_row_weights_create(d->comm, d->seed, source, place, &rows, &d->weights));
    ddpm_fingerprint_add(d->comm, d->all_rows, sizeof(int64_t), ddpm_shared_data(d->weights.sums), &d->fingerprint);
    return DDPM_OK;
}

/* Collective. Rows are held, and so are their conditions, if there are any. */
static ddpm_status balance(ddpm_dataset *d, const ddpm_data_spec *spec, ddpm_source *source)
{
    const ddpm_balance_rows rows = {.condition = &d->condition,
                                    .values = d->conditions ? ddpm_dataset_held_values(d) : NULL,
                                    .rows = d->all_rows,
                                    .held_out = d->held_out,
                                    .split = &d->split};
    if (ddpm_source_weights(source)) return weigh(d, spec, ddpm_source_weights(source));
    return spec->balance.count > 0 ? ddpm_balance_create(d->comm, d->seed, &spec->balance, &rows, &d->balance)
                                   : DDPM_OK;
}

/* Some settings take rows that are held. */
static ddpm_status refuse_to_stream(const ddpm_data_spec *spec, double mib)
{
    if (spec->pairs)
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "data.pairs: rows that are streamed cannot have their own noise; raise data.memory to %.0f MiB, "
            "or make fewer samples",
            ceil(mib));
    if (spec->balance.count > 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.balance: rows that are streamed come as their pages are read, and cannot be drawn "
                         "by class or weight; raise data.memory to %.0f MiB, or leave it out",
                         ceil(mib));
    return DDPM_OK;
}

/* A constant column has no standard deviation to divide by; the user should know. */
static void warn_of_constants(const ddpm_dataset *d)
{
    const ddpm_transform *t = ddpm_dataset_transform(d);
    int64_t constant = 0, first = -1;
    for (int64_t j = 0; j < d->columns; j++)
        if (ddpm_transform_is_constant(t, j)) {
            if (first < 0) first = j;
            constant++;
        }
    if (constant > 0)
        ddpm_log_warning(
            "%lld of %lld columns are constant (the first is column %lld%s%s%s): all that a model makes has "
            "their value; data.columns can leave them out",
            (long long)constant, (long long)d->columns, (long long)first, d->names ? " '" : "",
            d->names ? d->names[first] : "", d->names ? "'" : "");
}

/* What a row takes of the memory: its numbers, its conditions, and its place in a list where classes are balanced. */
static int64_t bytes_of_row(const ddpm_data_spec *spec, int64_t columns)
{
    const int64_t numbers = columns + spec->condition.count, place = spec->balance.count > 0 ? sizeof(int64_t) : 0;
    return numbers * (int64_t)sizeof(float) + place;
}

/* Collective. */
static ddpm_status build(ddpm_dataset *d, const ddpm_data_spec *spec)
{
    ddpm_source *source = NULL;
    ddpm_status status = ddpm_source_open(spec, &source);
    if (status == DDPM_OK) {
        d->all_rows = ddpm_source_rows(source);
        d->columns = ddpm_source_columns(source);
        d->type = ddpm_source_type(source);
        const char *const *names = ddpm_source_names(source);
        if (names) status = ddpm_texts_copy(d->columns, names, "column names", &d->names);
        if (status == DDPM_OK && spec->known) status = ddpm_known_check(spec->known, source);
    }
    status = ddpm_agree(d->comm, status);
    if (status != DDPM_OK) {
        ddpm_source_close(source);
        return status;
    }
    const double mib = (double)d->all_rows * (double)bytes_of_row(spec, d->columns) / 1048576.0;
    if (mib > spec->memory) status = refuse_to_stream(spec, mib);
    d->pairs = spec->pairs;
    d->noise_seed = ddpm_source_noise_seed(source);
    if (status == DDPM_OK && ddpm_source_conditions(source))
        status = spec->known ? ddpm_agree(d->comm, ddpm_condition_copy(spec->known->condition, &d->condition))
                             : ddpm_condition_source_measure(d->comm, ddpm_source_conditions(source), d->all_rows,
                                                             &d->condition);
    if (status == DDPM_OK && mib > spec->memory) status = ddpm_fingerprint_sample(d->comm, source, &d->fingerprint);
    if (status == DDPM_OK && mib > spec->memory)
        return ddpm_stream_create(d->comm, spec, source, &d->condition, &d->stream);
    if (status == DDPM_OK) status = hold(d, spec, source);
    if (status == DDPM_OK && ddpm_source_conditions(source))
        status = hold_conditions(d, ddpm_source_conditions(source));
    if (status == DDPM_OK) status = balance(d, spec, source);
    ddpm_source_close(source);
    return status;
}

ddpm_status ddpm_dataset_create(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_dataset **out)
{
    ddpm_dataset *d = NULL;
    *out = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&d, 1, "data set"));
    if (status != DDPM_OK) {
        ddpm_release(d); /* another rank may be the one that failed */
        return status;
    }
    d->comm = comm;
    d->seed = spec->seed;
    status = build(d, spec);
    if (status != DDPM_OK) {
        ddpm_dataset_free(d);
        return status;
    }
    warn_of_constants(d);
    *out = d;
    return DDPM_OK;
}

void ddpm_dataset_free(ddpm_dataset *dataset)
{
    if (!dataset) return;
    ddpm_shared_free(dataset->memory);
    ddpm_shared_free(dataset->conditions);
    ddpm_balance_release(&dataset->balance);
    ddpm_row_weights_release(&dataset->weights);
    ddpm_condition_release(&dataset->condition);
    ddpm_stream_free(dataset->stream);
    ddpm_transform_release(&dataset->transform);
    ddpm_release(dataset->names);
    ddpm_release(dataset);
}

int64_t ddpm_dataset_rows(const ddpm_dataset *dataset)
{
    return dataset->stream ? ddpm_stream_rows(dataset->stream) : dataset->all_rows - dataset->held_out;
}

int64_t ddpm_dataset_held_out(const ddpm_dataset *dataset)
{
    return dataset->stream ? ddpm_stream_held_out(dataset->stream) : dataset->held_out;
}

int64_t ddpm_dataset_columns(const ddpm_dataset *dataset)
{
    return dataset->columns;
}

ddpm_number ddpm_dataset_type(const ddpm_dataset *dataset)
{
    return dataset->type;
}

const char *const *ddpm_dataset_names(const ddpm_dataset *dataset)
{
    return (const char *const *)dataset->names;
}

const ddpm_transform *ddpm_dataset_transform(const ddpm_dataset *dataset)
{
    return dataset->stream ? ddpm_stream_transform(dataset->stream) : &dataset->transform;
}

int64_t ddpm_dataset_fingerprint(const ddpm_dataset *dataset)
{
    return ddpm_fingerprint_value(dataset->fingerprint);
}

const ddpm_condition *ddpm_dataset_condition(const ddpm_dataset *dataset)
{
    return &dataset->condition;
}

int ddpm_dataset_is_streamed(const ddpm_dataset *dataset)
{
    return dataset->stream != NULL;
}

void ddpm_dataset_describe(const ddpm_dataset *dataset, char *out, size_t bytes)
{
    const int shared = dataset->memory && ddpm_shared_is_shared(dataset->memory);
    const int64_t places = (dataset->balance.groups > 0 ? ddpm_dataset_rows(dataset) * (int64_t)sizeof(int64_t) : 0) +
                           (dataset->weights.total > 0 ? dataset->all_rows * (int64_t)sizeof(int64_t) : 0);
    const int64_t numbers = dataset->all_rows * (dataset->columns + dataset->condition.count);
    const int64_t held = numbers * (int64_t)sizeof(float) + places;
    const int64_t size = dataset->stream ? ddpm_stream_bytes(dataset->stream) : held;
    snprintf(out, bytes, "%lld rows x %lld columns, %.1f MiB %s", (long long)dataset->all_rows,
             (long long)dataset->columns, (double)size / 1048576.0,
             dataset->stream ? "of windows a node, streamed"
             : shared        ? "once a node"
                             : "on every rank");
}

int64_t ddpm_dataset_balanced(const ddpm_dataset *dataset, int64_t *least)
{
    *least = dataset->balance.groups > 0 ? ddpm_balance_least(&dataset->balance) : 0;
    return dataset->balance.groups;
}

const ddpm_row_weights *ddpm_dataset_weights(const ddpm_dataset *dataset)
{
    return dataset->weights.total > 0 ? &dataset->weights : NULL;
}

int ddpm_dataset_is_paired(const ddpm_dataset *dataset)
{
    return dataset->pairs;
}
