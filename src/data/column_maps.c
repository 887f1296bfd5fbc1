/* Chooses the maps of columns. */
#include "data/column_maps.h"

#include "base/memory.h"
#include "base/printable.h"
#include "data/source_vocabulary.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a column's map is left to the program, it has quantiles if more than this share of its rows have values that
 * many rows have, if a value is so many deviations from the mean, or if most rows are within so few of what is the
 * deviation of a value that many rows have: beside a code for what was not measured, say, all others would be within
 * the least noise. Groups of rows without such a value are left to the network and its mixture, which see them in all
 * columns at once. */
static const double SHARED = 0.05, FAR = 12.0, MOST = 0.8, NARROW = 0.15;

int ddpm_column_maps_skip(const ddpm_data_spec *spec, int64_t rows, int64_t columns)
{
    enum { BYTES = 24, SHARE = 4 }; /* of a number that is sorted; of data.memory */
    return (double)rows * (double)columns * BYTES * SHARE > spec->memory * 1048576.0;
}

static int may_choose(const ddpm_data_spec *spec, const ddpm_source *source)
{
    return spec->source == DDPM_DATA_HDF5 && spec->standardize == DDPM_STANDARDIZE_COLUMN && !spec->given &&
           !ddpm_column_maps_skip(spec, ddpm_source_rows(source), ddpm_source_columns(source));
}

int ddpm_column_maps_differ(const ddpm_data_spec *spec, const ddpm_source *source)
{
    if (spec->transform_columns.count > 0) return 1;
    return spec->transform == DDPM_MAP_AUTO ? may_choose(spec, source) : spec->transform != DDPM_MAP_STANDARD;
}

ddpm_status ddpm_column_maps_check(const ddpm_data_spec *spec, const ddpm_source *source)
{
    if (spec->given && ddpm_column_maps_differ(spec, source))
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "data.transform: expected standard in a program that trains (ddpm/trainer.h), whose later rows "
            "may lie beyond the quantiles of its first ones; leave it out");
    const int is_asked = spec->transform == DDPM_MAP_QUANTILE || spec->transform == DDPM_MAP_NONE;
    if (!ddpm_source_has_tokens(source) || spec->known || (!is_asked && spec->transform_columns.count == 0))
        return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_CONFIG,
        "%s: data.transform%s: the columns become tokens (diffusion.process: masked), which keep the order "
        "and the values of the data themselves; leave it out",
        spec->path, is_asked ? "" : "_columns");
}

/* ---- what the specification says ---- */

static const char *const words[] = {
#define X(constant, name) [DDPM_MAP_##constant] = (name),
    DDPM_MAP_LIST(X)
#undef X
};

static int find_word(const char *text)
{
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
        if (strcmp(words[i], text) == 0) return i;
    return -1;
}

static ddpm_status read_item(const char *item, const ddpm_source *source, ddpm_map *maps)
{
    const int64_t columns = ddpm_source_columns(source);
    const char *colon = strrchr(item, ':');
    const int map = colon ? find_word(colon + 1) : -1;
    char name[DDPM_MESSAGE_BYTES / 2];
    if (map < 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.transform_columns: expected NAME:auto, NAME:quantile, NAME:standard or NAME:none, found "
                         "'%s'",
                         ddpm_printable(item));
    snprintf(name, sizeof name, "%.*s", (int)(colon - item), item);
    const int64_t column = ddpm_data_column(name, columns, ddpm_source_names(source));
    if (column < 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.transform_columns: the rows have no column '%s'; expected one of their names, or a "
                         "number from 0 to %lld",
                         ddpm_printable(name), (long long)columns - 1);
    maps[column] = (ddpm_map)map;
    return DDPM_OK;
}

static ddpm_status read_maps(const ddpm_data_spec *spec, const ddpm_source *source, ddpm_map *maps)
{
    const ddpm_map most =
        spec->transform == DDPM_MAP_AUTO && !may_choose(spec, source) ? DDPM_MAP_STANDARD : spec->transform;
    for (int64_t j = 0; j < ddpm_source_columns(source); j++) maps[j] = most;
    for (int64_t i = 0; i < spec->transform_columns.count; i++)
        DDPM_TRY(read_item(spec->transform_columns.items[i], source, maps));
    return DDPM_OK;
}

/* ---- the maps ---- */

/* Whether the numbers of a column are so near to each other that double, which holds whole numbers up to 2^53 and
 * rounds those beyond, leaves few of them apart. Their deviations from the mean lose nothing. */
static int is_rounded(const ddpm_transform *t, ddpm_number holder, int64_t j)
{
    const double few = 0x1p20, largest = fabs(t->mean[j]) + fmax(-t->minimum[j], t->maximum[j]) * t->scale[j];
    return (holder == DDPM_NUMBER_INT64 || holder == DDPM_NUMBER_UINT64) && largest >= 0x1p53 &&
           (t->maximum[j] - t->minimum[j]) * t->scale[j] < few * DBL_EPSILON * largest;
}

static int wants_quantiles(const ddpm_transform *t, int64_t j, const ddpm_column_vocabulary *column,
                           const double *quantiles)
{
    const double shared = ddpm_quantiles_shared(column);
    return shared > SHARED || fmax(-t->minimum[j], t->maximum[j]) > FAR ||
           (shared > 0.0 && ddpm_quantiles_width(quantiles, MOST) < NARROW * t->scale[j]);
}

/* Standardise nothing of a column, whose numbers are in the range that was set. */
static void set_identity(ddpm_transform *t, int64_t j)
{
    t->mean[j] = 0.0;
    t->scale[j] = 1.0;
    if (t->remainder) t->remainder[j] = 0.0;
}

/* Leave a column as it is. */
static void set_none(ddpm_transform *t, int64_t j)
{
    const double lost = t->remainder ? t->remainder[j] : 0.0;
    t->minimum[j] = t->minimum[j] * t->scale[j] + lost + t->mean[j];
    t->maximum[j] = t->maximum[j] * t->scale[j] + lost + t->mean[j];
    set_identity(t, j);
}

/* The quantiles of column j are there. */
static void set_quantiles(ddpm_transform *t, int64_t j, const ddpm_column_vocabulary *column)
{
    t->decimals[j] = column->decimals;
    t->steps[j] = column->step;
    set_identity(t, j);
    t->minimum[j] = -DDPM_QUANTILES_REACH;
    t->maximum[j] = DDPM_QUANTILES_REACH;
}

static ddpm_status set_maps(const ddpm_map *maps, const ddpm_vocabulary *vocabulary, ddpm_transform *t)
{
    int64_t mapped = 0;
    DDPM_TRY(ddpm_transform_allocate_quantiles(t));
    for (int64_t j = 0; j < t->columns; j++) {
        const ddpm_column_vocabulary *column = &vocabulary->column[j];
        double *quantiles = t->quantiles + j * DDPM_QUANTILES;
        if (ddpm_transform_is_constant(t, j) || (maps[j] != DDPM_MAP_QUANTILE && maps[j] != DDPM_MAP_AUTO)) continue;
        DDPM_TRY(ddpm_quantiles_choose(column, quantiles));
        if (maps[j] == DDPM_MAP_AUTO && !wants_quantiles(t, j, column, quantiles)) {
            memset(quantiles, 0, DDPM_QUANTILES * sizeof *quantiles); /* equal ones stand for no map */
            continue;
        }
        set_quantiles(t, j, column);
        mapped++;
    }
    if (mapped == 0) ddpm_transform_release_quantiles(t);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status choose(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                          int (*takes_part)(void *context, int64_t row), void *context, ddpm_map *maps,
                          ddpm_transform *t)
{
    ddpm_transform tokens = {0};
    int needs_tokens = 0;
    DDPM_TRY(ddpm_agree(comm, read_maps(spec, source, maps)));
    for (int64_t j = 0; j < t->columns; j++) {
        if (maps[j] != DDPM_MAP_NONE && is_rounded(t, ddpm_source_holder(source), j)) maps[j] = DDPM_MAP_STANDARD;
        needs_tokens |= maps[j] == DDPM_MAP_QUANTILE || maps[j] == DDPM_MAP_AUTO;
        if (maps[j] == DDPM_MAP_NONE) set_none(t, j);
    }
    if (!needs_tokens) return DDPM_OK;
    DDPM_TRY(ddpm_source_choose_tokens(comm, source, ddpm_source_choosing_bytes(comm, spec->memory), 0, takes_part,
                                       context, &tokens));
    const ddpm_status status = ddpm_agree(comm, set_maps(maps, tokens.vocabulary, t));
    if (status == DDPM_OK) ddpm_source_warn_of_rounding(source, tokens.vocabulary, t);
    ddpm_transform_release(&tokens);
    return status;
}

ddpm_status ddpm_column_maps_choose(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                    int (*takes_part)(void *context, int64_t row), void *context,
                                    ddpm_transform *transform)
{
    ddpm_map *maps = NULL;
    if (!ddpm_column_maps_differ(spec, source)) return DDPM_OK;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&maps, transform->columns, "maps of columns"));
    if (status == DDPM_OK) status = choose(comm, spec, source, takes_part, context, maps, transform);
    ddpm_release(maps);
    return status;
}
