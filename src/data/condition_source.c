/* Reads conditions, and checks each value. */
#include "data/condition_source.h"

#include "base/memory.h"
#include "data/toy_source.h"
#include "model/condition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* numbers of the dataset read at once */

typedef struct value {
    const char *name;
    int is_class;
    int64_t column; /* of data.dataset; -1: it is another dataset, or the label */
} value;

struct ddpm_condition_source {
    const ddpm_data_spec *spec;
    ddpm_h5 *file;
    int64_t width, count;
    value *values; /* [count] */
    float *piece;
};

static ddpm_status find_dataset(const ddpm_condition_source *s, int64_t rows, value *v, int *integer)
{
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_shape_of(s->file, v->name, &shape));
    int64_t numbers = 1;
    for (int i = 1; i < shape.dims; i++) numbers *= shape.size[i] == 1 ? 1 : 2;
    if (!shape.is_number || shape.dims < 1 || shape.size[0] != rows || numbers != 1)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' (data.condition) must hold one number for each of the %lld rows of '%s'",
                         s->spec->path, v->name, (long long)rows, s->spec->dataset);
    v->column = -1;
    *integer = shape.is_integer;
    return DDPM_OK;
}

static ddpm_status find_column(const ddpm_condition_source *s, char *const *names, value *v)
{
    v->column = ddpm_data_column(v->name, s->width, (const char *const *)names);
    if (v->column >= 0) return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: data.condition: there is neither a dataset nor a column '%s'; 'ddpm info' lists what there is",
        s->spec->path, v->name);
}

static ddpm_status find(ddpm_condition_source *s, int64_t rows, char *const *names, const char *item, value *v)
{
    const int says_class = strncmp(item, "class:", 6) == 0, says_number = strncmp(item, "number:", 7) == 0;
    int integer = 0;
    v->name = item + (says_class ? 6 : says_number ? 7 : 0);
    v->column = -1;
    if (!s->file) {
        if (strcmp(v->name, "label") != 0)
            return ddpm_fail(DDPM_ERR_CONFIG, "data.condition: generated rows have only a 'label', found '%s'",
                             v->name);
        integer = s->spec->source == DDPM_DATA_TWO_MOONS;
    } else if (ddpm_h5_has(s->file, v->name)) {
        DDPM_TRY(find_dataset(s, rows, v, &integer));
    } else {
        DDPM_TRY(find_column(s, names, v));
    }
    v->is_class = says_class || (integer && !says_number);
    return DDPM_OK;
}

/* Refuse a value that is listed twice: --condition could not say which of the two it means. */
static ddpm_status refuse_repeated(const ddpm_condition_source *s, int64_t i)
{
    const value *const v = s->values;
    for (int64_t k = 0; k < i; k++)
        if (strcmp(v[k].name, v[i].name) == 0 || (v[i].column >= 0 && v[k].column == v[i].column))
            return ddpm_fail(DDPM_ERR_CONFIG, "data.condition: '%s' and '%s' are the same; name it once",
                             s->spec->condition.items[k], s->spec->condition.items[i]);
    return DDPM_OK;
}

static ddpm_status build(ddpm_condition_source *s, int64_t rows, char *const *names)
{
    const ddpm_text_list *list = &s->spec->condition;
    DDPM_TRY(DDPM_NEW(&s->values, list->count, "conditions"));
    s->count = list->count;
    for (int64_t i = 0; i < list->count; i++) {
        DDPM_TRY(find(s, rows, names, list->items[i], &s->values[i]));
        DDPM_TRY(refuse_repeated(s, i));
    }
    return DDPM_NEW(&s->piece, ddpm_larger(s->width, PIECE), "conditions being read");
}

ddpm_status ddpm_condition_source_open(const ddpm_data_spec *spec, ddpm_h5 *file, int64_t rows, int64_t width,
                                       char *const *names, ddpm_condition_source **out)
{
    ddpm_condition_source *s = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&s, 1, "conditions"));
    s->spec = spec;
    s->file = file;
    s->width = file ? width : spec->dimensions;
    const ddpm_status status = build(s, rows, names);
    if (status != DDPM_OK) {
        ddpm_condition_source_close(s);
        return status;
    }
    *out = s;
    return DDPM_OK;
}

void ddpm_condition_source_close(ddpm_condition_source *source)
{
    if (!source) return;
    ddpm_release(source->values);
    ddpm_release(source->piece);
    ddpm_release(source);
}

int64_t ddpm_condition_source_count(const ddpm_condition_source *source)
{
    return source->count;
}

const char *ddpm_condition_source_name(const ddpm_condition_source *source, int64_t v)
{
    return source->values[v].name;
}

int ddpm_condition_source_is_class(const ddpm_condition_source *source, int64_t v)
{
    return source->values[v].is_class;
}

int64_t ddpm_condition_source_column(const ddpm_condition_source *source, int64_t v)
{
    return source->values[v].column;
}

/* Read value v of `count` rows, which must fit the piece. */
static ddpm_status read_value(ddpm_condition_source *s, int64_t v, int64_t first, int64_t count, float *values)
{
    const value *what = &s->values[v];
    int64_t stride = 1, at = 0;
    if (!s->file) {
        ddpm_toy_source_read(s->spec, first, count, s->piece, values); /* the label is the only value */
        return DDPM_OK;
    }
    if (what->column >= 0) {
        stride = s->width;
        at = what->column;
    }
    DDPM_TRY(ddpm_h5_read_rows(s->file, what->column >= 0 ? s->spec->dataset : what->name, first, count, s->piece));
    for (int64_t i = 0; i < count; i++) values[i * s->count + v] = s->piece[i * stride + at];
    return DDPM_OK;
}

static int is_valid(const value *what, float x)
{
    return what->is_class ? x >= 0.0f && x < (float)DDPM_CLASSES_MAX && x == floorf(x) : isfinite(x);
}

static ddpm_status check(const ddpm_condition_source *s, int64_t first, int64_t count, const float *values)
{
    char expected[64] = "a finite number";
    int64_t i = 0;
    while (i < count * s->count && is_valid(&s->values[i % s->count], values[i])) i++;
    if (i == count * s->count) return DDPM_OK;
    const value *what = &s->values[i % s->count];
    if (what->is_class)
        snprintf(expected, sizeof expected, "a class, a whole number from 0 to %d", DDPM_CLASSES_MAX - 1);
    return ddpm_fail(DDPM_ERR_DATA, "%s: condition '%s', row %lld (from 0): expected %s, found %g", s->spec->path,
                     what->name, (long long)(first + i / s->count), expected, (double)values[i]);
}

ddpm_status ddpm_condition_source_read(ddpm_condition_source *source, int64_t first, int64_t count, float *values)
{
    ddpm_condition_source *s = source;
    const int64_t room = ddpm_larger(1, PIECE / s->width);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        for (int64_t v = 0; v < s->count; v++) DDPM_TRY(read_value(s, v, first + done, part, values + done * s->count));
    }
    return check(s, first, count, values);
}
