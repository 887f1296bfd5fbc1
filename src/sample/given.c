/* Incomplete rows through a data source whose columns are the model's. */
#include "sample/given.h"

#include "base/memory.h"
#include "data/source.h"
#include "file/file.h"

#include <math.h>
#include <string.h>

struct ddpm_given {
    const ddpm_loaded *loaded;
    ddpm_data_spec spec;
    ddpm_data_names names; /* of the file and its dataset */
    ddpm_source *source;
    int64_t first, count, room; /* rows held, rows that there is memory for */
    float *rows, *known;        /* [room][columns] as they are, and standardised */
};

/* The index of the first of the model's columns that the source's do not have at its place; all of them: columns. */
static int64_t first_difference(const ddpm_given *g)
{
    const ddpm_checkpoint *c = &g->loaded->checkpoint;
    const char *const *names = ddpm_source_names(g->source);
    if (ddpm_source_columns(g->source) != c->columns) return 0;
    for (int64_t j = 0; j < c->columns; j++)
        if (strcmp(names[j], c->column_names[j]) != 0) return j;
    return c->columns;
}

/* Both have names: the columns are these names, wherever they are. */
static ddpm_status select_by_name(ddpm_given *g)
{
    const ddpm_checkpoint *c = &g->loaded->checkpoint;
    if (first_difference(g) == c->columns) return DDPM_OK;
    g->spec.columns = (ddpm_text_list){.count = c->columns, .items = c->column_names};
    ddpm_source_close(g->source);
    g->source = NULL;
    DDPM_TRY(ddpm_source_open(&g->spec, &g->source));
    const int64_t missing = first_difference(g); /* a name that is a number may have been taken for a column's number */
    if (missing == c->columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has no column '%s', which the model has", g->names.path,
                     g->names.dataset, c->column_names[missing]);
}

static ddpm_status open_source(ddpm_given *g, const char *name)
{
    const ddpm_checkpoint *c = &g->loaded->checkpoint;
    DDPM_TRY(ddpm_data_spec_point(&g->spec, name, "data", &g->names));
    DDPM_TRY(ddpm_source_open(&g->spec, &g->source));
    if (c->column_names && ddpm_source_names(g->source)) return select_by_name(g);
    if (ddpm_source_columns(g->source) == c->columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, the model %lld; give it the model's columns",
                     g->names.path, g->names.dataset, (long long)ddpm_source_columns(g->source), (long long)c->columns);
}

ddpm_status ddpm_given_open(const char *name, const ddpm_loaded *loaded, ddpm_given **out)
{
    *out = NULL;
    DDPM_TRY(DDPM_NEW(out, 1, "given rows"));
    (*out)->loaded = loaded;
    return open_source(*out, name);
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
    g->rows = g->known = NULL;
    g->room = 0;
    DDPM_TRY(DDPM_NEW(&g->rows, rows * columns, "given rows"));
    DDPM_TRY(DDPM_NEW(&g->known, rows * columns, "given rows"));
    g->room = rows;
    return DDPM_OK;
}

ddpm_status ddpm_given_read(ddpm_given *given, int64_t first, int64_t count)
{
    const ddpm_transform transform = ddpm_loaded_transform(given->loaded);
    DDPM_TRY(make_room(given, count));
    if (count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_source_read_incomplete(given->source, first, count, given->rows));
    memcpy(given->known, given->rows, (size_t)(count * transform.columns) * sizeof *given->rows);
    ddpm_transform_apply(&transform, count, given->known);
    given->first = first;
    given->count = count;
    return DDPM_OK;
}

const float *ddpm_given_known(const ddpm_given *given, int64_t first)
{
    return given->known + (first - given->first) * ddpm_source_columns(given->source);
}

void ddpm_given_restore(const ddpm_given *given, int64_t first, int64_t count, float *rows)
{
    const int64_t columns = ddpm_source_columns(given->source);
    const float *from = given->rows + (first - given->first) * columns;
    for (int64_t i = 0; i < count * columns; i++)
        if (!isnan(from[i])) rows[i] = from[i];
}
