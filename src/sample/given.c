/* Incomplete rows, read through a data source that selects the model's columns. */
#include "sample/given.h"

#include "base/memory.h"
#include "data/source.h"
#include "file/file.h"
#include "sample/known.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct ddpm_given {
    char **column_names; /* of the model; NULL: none */
    ddpm_transform transform;
    ddpm_data_spec spec;
    ddpm_data_names names; /* of the file and its dataset */
    ddpm_source *source;
    ddpm_number type;           /* of completed rows */
    int64_t first, count, room; /* the rows in memory, and how many there is memory for */
    void *rows;                 /* [room][columns], as in the file, in the type that holds its numbers */
    float *known;               /* [room][columns], standardised */
};

/* The first of the model's columns that is not at its place in the source; the number of columns: there is none. */
static int64_t first_difference(const ddpm_given *g)
{
    const int64_t columns = g->transform.columns;
    const char *const *names = ddpm_source_names(g->source);
    if (ddpm_source_columns(g->source) != columns) return 0;
    for (int64_t j = 0; j < columns; j++)
        if (strcmp(names[j], g->column_names[j]) != 0) return j;
    return columns;
}

/* For a file and a model that both have column names: read the columns of the model's names, wherever they are. */
static ddpm_status select_by_name(ddpm_given *g)
{
    const int64_t columns = g->transform.columns;
    if (first_difference(g) == columns) return DDPM_OK;
    g->spec.columns = (ddpm_text_list){.count = columns, .items = g->column_names};
    ddpm_source_close(g->source);
    g->source = NULL;
    DDPM_TRY(ddpm_source_open(&g->spec, &g->source));
    const int64_t missing = first_difference(g); /* a name of digits may have been read as the number of a column */
    if (missing == columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has no column '%s', which the model has", g->names.path,
                     g->names.dataset, g->column_names[missing]);
}

static ddpm_status refuse_width(const ddpm_given *g)
{
    return ddpm_fail(
        DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, the model has %lld; the file needs the model's columns",
        g->names.path, g->names.dataset, (long long)ddpm_source_columns(g->source), (long long)g->transform.columns);
}

static ddpm_status open_source(ddpm_given *g, const char *name)
{
    DDPM_TRY(ddpm_data_spec_point(&g->spec, name, "data", &g->names));
    DDPM_TRY(ddpm_source_open(&g->spec, &g->source));
    if (g->column_names && ddpm_source_names(g->source))
        DDPM_TRY(select_by_name(g));
    else if (ddpm_source_columns(g->source) != g->transform.columns)
        return refuse_width(g);
    return g->transform.vocabulary ? ddpm_source_adopt(g->source, g->transform.vocabulary) : DDPM_OK;
}

ddpm_status ddpm_given_open(const char *name, char **column_names, const ddpm_transform *transform, ddpm_number own,
                            ddpm_number *type, ddpm_given **out)
{
    *out = NULL;
    DDPM_TRY(DDPM_NEW(out, 1, "given rows"));
    (*out)->column_names = column_names;
    (*out)->transform = *transform;
    DDPM_TRY(open_source(*out, name));
    if (own == DDPM_NUMBER_FLOAT64 && ddpm_source_holder((*out)->source) != DDPM_NUMBER_FLOAT32)
        *type = DDPM_NUMBER_FLOAT64;
    (*out)->type = *type;
    return DDPM_OK;
}

void ddpm_given_close(ddpm_given *given)
{
    if (!given) return;
    ddpm_source_close(given->source);
    ddpm_release(given->rows);
    ddpm_release(given->known);
    ddpm_release(given);
}

int64_t ddpm_given_rows(const ddpm_given *given)
{
    return ddpm_source_rows(given->source);
}

static ddpm_status make_room(ddpm_given *g, int64_t rows)
{
    const int64_t columns = ddpm_source_columns(g->source);
    if (rows <= g->room) return DDPM_OK;
    ddpm_release(g->rows);
    ddpm_release(g->known);
    g->rows = NULL;
    g->known = NULL;
    g->room = 0;
    DDPM_TRY(ddpm_allocate(&g->rows, rows * columns, (size_t)ddpm_number_bytes(ddpm_source_holder(g->source)),
                           "given rows"));
    DDPM_TRY(DDPM_NEW(&g->known, rows * columns, "given rows"));
    g->room = rows;
    return DDPM_OK;
}

ddpm_status ddpm_given_read(ddpm_given *given, int64_t first, int64_t count)
{
    DDPM_TRY(make_room(given, count));
    if (count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_source_read(given->source, DDPM_GAPS_ALLOWED, first, count, given->rows));
    char where[2 * DDPM_PATH_BYTES + 16];
    snprintf(where, sizeof where, "%s: dataset '%s'", given->names.path, given->names.dataset);
    const ddpm_known_rows rows = {where, given->column_names, ddpm_source_holder(given->source), first,
                                  count, given->rows};
    DDPM_TRY(ddpm_known_make(&given->transform, given->type, &rows, given->known));
    given->first = first;
    given->count = count;
    return DDPM_OK;
}

const float *ddpm_given_known(const ddpm_given *given, int64_t first)
{
    return given->known + (first - given->first) * ddpm_source_columns(given->source);
}

void ddpm_given_restore(const ddpm_given *given, int64_t first, int64_t count, ddpm_number type, void *numbers)
{
    const int64_t columns = given->transform.columns, from = (first - given->first) * columns;
    const ddpm_number holder = ddpm_source_holder(given->source);
    const ddpm_known_rows rows = {
        .holder = holder, .count = count, .numbers = (const char *)given->rows + from * ddpm_number_bytes(holder)};
    ddpm_known_restore(columns, &rows, type, numbers);
}
