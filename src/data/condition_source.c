/* Finds conditions, and reads them. */
#include "data/condition_handle.h"

#include "base/memory.h"
#include "data/toy_source.h"

#include <stdio.h>
#include <string.h>

/* Refuse what is not a number for each row, with what it is. */
static ddpm_status check_dataset(const ddpm_condition_source *s, int64_t rows, const char *name,
                                 const ddpm_h5_shape *shape)
{
    char dims[40] = "a single number";
    int64_t each = 1;
    for (int i = 1; i < shape->dims; i++) each *= shape->size[i];
    if (!shape->is_number && !shape->is_enumeration)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' (%s) holds %s: expected numbers, or an enumeration; "
                         "'analysis/import_table.py %s:%s --classes %s --output NEW.h5' makes rows with classes of it",
                         s->spec->path, name, s->list.key, shape->found, s->spec->path, s->spec->dataset, name);
    if (shape->dims >= 1 && shape->size[0] == rows && each == 1) return DDPM_OK;
    if (shape->dims > 0) snprintf(dims, sizeof dims, "%lld rows of %lld", (long long)shape->size[0], (long long)each);
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: dataset '%s' (%s): expected one number for each of the %lld rows of '%s', found "
                     "%s",
                     s->spec->path, name, s->list.key, (long long)rows, s->spec->dataset, dims);
}

static ddpm_status find_dataset(const ddpm_condition_source *s, int64_t rows, ddpm_condition_value *v, int *integer)
{
    ddpm_h5_shape shape = {0};
    DDPM_TRY(ddpm_h5_shape_of(s->file, v->name, &shape));
    DDPM_TRY(check_dataset(s, rows, v->name, &shape));
    v->column = -1;
    v->holder = ddpm_number_holder(shape.type);
    *integer = shape.is_integer || shape.is_enumeration;
    DDPM_TRY(ddpm_conventions_read(s->file, s->spec->path, v->name, &v->conventions));
    return ddpm_class_names_read(s->file, v->name, &v->class_names);
}

static ddpm_status find_column(const ddpm_condition_source *s, char *const *names, ddpm_condition_value *v)
{
    ddpm_h5_shape shape;
    v->column = s->width > 0 ? ddpm_data_column(v->name, s->width, (const char *const *)names) : -1;
    if (v->column < 0)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: %s: there is neither a dataset nor a column '%s'; 'ddpm info' lists what there is",
                         s->spec->path, s->list.key, v->name);
    if (s->spec->given) return DDPM_OK; /* float32 */
    DDPM_TRY(ddpm_h5_shape_of(s->file, s->spec->dataset, &shape));
    v->holder = ddpm_number_holder(shape.type);
    return DDPM_OK;
}

static ddpm_status find(ddpm_condition_source *s, int64_t rows, char *const *names, const char *item,
                        ddpm_condition_value *v)
{
    const int says_class = strncmp(item, "class:", 6) == 0, says_number = strncmp(item, "number:", 7) == 0;
    const int says_weight = strncmp(item, "weight:", 7) == 0;
    int integer = 0;
    v->name = item + (says_class ? 6 : says_number || says_weight ? 7 : 0);
    v->column = -1;
    v->holder = DDPM_NUMBER_FLOAT32;
    if (s->spec->given) {
        DDPM_TRY(find_column(s, names, v));
    } else if (!s->file) {
        if (strcmp(v->name, "label") != 0)
            return ddpm_fail(DDPM_ERR_CONFIG, "%s: generated rows have only a 'label', found '%s'", s->list.key,
                             v->name);
        integer = s->spec->source == DDPM_DATA_TWO_MOONS;
    } else if (ddpm_h5_has(s->file, v->name)) {
        DDPM_TRY(find_dataset(s, rows, v, &integer));
    } else {
        DDPM_TRY(find_column(s, names, v));
    }
    v->is_class = says_class || (integer && !says_number && !says_weight);
    return DDPM_OK;
}

/* Refuse a value that is listed twice: --condition could not say which of the two it means. */
static ddpm_status refuse_repeated(const ddpm_condition_source *s, int64_t i)
{
    const ddpm_condition_value *const v = s->values;
    for (int64_t k = 0; k < i; k++)
        if (strcmp(v[k].name, v[i].name) == 0 || (v[i].column >= 0 && v[k].column == v[i].column))
            return ddpm_fail(DDPM_ERR_CONFIG, "%s: '%s' and '%s' are the same; name it once", s->list.key,
                             s->list.names->items[k], s->list.names->items[i]);
    return DDPM_OK;
}

static ddpm_status build(ddpm_condition_source *s, int64_t rows, char *const *names)
{
    const ddpm_text_list *list = s->list.names;
    DDPM_TRY(DDPM_NEW(&s->values, list->count, "conditions"));
    s->count = list->count;
    for (int64_t i = 0; i < list->count; i++) {
        DDPM_TRY(find(s, rows, names, list->items[i], &s->values[i]));
        DDPM_TRY(refuse_repeated(s, i));
    }
    return ddpm_allocate(&s->piece, ddpm_larger(s->width, DDPM_CONDITION_PIECE), sizeof(double),
                         "conditions being read");
}

ddpm_status ddpm_condition_source_open(const ddpm_data_spec *spec, const ddpm_condition_list *list, ddpm_h5 *file,
                                       int64_t rows, int64_t width, char *const *names, ddpm_condition_source **out)
{
    ddpm_condition_source *s = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&s, 1, "conditions"));
    s->spec = spec;
    s->list = *list;
    s->file = file;
    s->width = file || spec->given ? width : spec->dimensions;
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
    for (int64_t v = 0; v < source->count; v++) ddpm_class_names_release(&source->values[v].class_names);
    ddpm_release(source->values);
    ddpm_release(source->piece);
    ddpm_release(source);
}

int64_t ddpm_condition_source_count(const ddpm_condition_source *source)
{
    return source->count;
}

int64_t ddpm_condition_source_column(const ddpm_condition_source *source, int64_t v)
{
    return source->values[v].column;
}

/* ---- reading ---- */

int64_t ddpm_condition_source_room(const ddpm_condition_source *s)
{
    return ddpm_larger(1, DDPM_CONDITION_PIECE / ddpm_larger(1, s->width));
}

ddpm_status ddpm_condition_source_numbers(ddpm_condition_source *s, int64_t v, int64_t first, int64_t count,
                                          const void **numbers, int64_t *stride)
{
    const ddpm_condition_value *what = &s->values[v];
    const int is_column = what->column >= 0;
    *stride = is_column ? s->width : 1;
    if (s->spec->given) {
        *numbers = s->spec->given->numbers + first * s->width + what->column;
        return DDPM_OK;
    }
    if (!s->file) { /* the rows of the generator take half of the piece at most, the labels lie behind them */
        float *labels = (float *)s->piece + ddpm_larger(s->width, DDPM_CONDITION_PIECE);
        ddpm_toy_source_read(s->spec, first, count, s->piece, labels);
        *numbers = labels;
        return DDPM_OK;
    }
    *numbers = (const char *)s->piece + (is_column ? what->column * ddpm_number_bytes(what->holder) : 0);
    return ddpm_h5_read_rows_as(s->file, is_column ? s->spec->dataset : what->name, what->holder, first, count,
                                s->piece);
}

const char *ddpm_condition_source_place(const ddpm_condition_source *s)
{
    return s->file ? s->spec->path : s->spec->given ? "the rows" : "generated rows";
}

ddpm_status ddpm_condition_source_read_value(ddpm_condition_source *source, const ddpm_condition *condition, int64_t v,
                                             int64_t first, int64_t count, float *values)
{
    ddpm_condition_source *s = source;
    const ddpm_number holder = s->values[v].holder;
    const int64_t room = ddpm_condition_source_room(s);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        const void *numbers;
        int64_t stride;
        DDPM_TRY(ddpm_condition_source_numbers(s, v, first + done, part, &numbers, &stride));
        for (int64_t i = 0; i < part; i++)
            if (ddpm_condition_standardise(condition, v, ddpm_number_get(holder, numbers, i * stride),
                                           &values[(done + i) * s->count + v]) != DDPM_OK)
                return ddpm_fail(DDPM_ERR_DATA, "%s: row %lld (from 0): %s", ddpm_condition_source_place(s),
                                 (long long)(first + done + i), ddpm_error_message());
    }
    return DDPM_OK;
}

ddpm_status ddpm_condition_source_read(ddpm_condition_source *source, const ddpm_condition *condition, int64_t first,
                                       int64_t count, float *values)
{
    for (int64_t v = 0; v < source->count; v++)
        DDPM_TRY(ddpm_condition_source_read_value(source, condition, v, first, count, values));
    return DDPM_OK;
}

ddpm_status ddpm_condition_source_check(const ddpm_condition_source *s, int64_t v, int64_t row, double x)
{
    const char *why = ddpm_conventions_refuse(&s->values[v].conventions, x);
    if (!why) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: %s '%s', row %lld (from 0): %g %s; leave out such rows, or give them a value of their "
                     "own and remove the attribute",
                     ddpm_condition_source_place(s), s->list.noun, s->values[v].name, (long long)row, x, why);
}

ddpm_status ddpm_condition_source_read_plain(ddpm_condition_source *source, int64_t v, int64_t first, int64_t count,
                                             double *values)
{
    const ddpm_condition_value *what = &source->values[v];
    const int64_t room = ddpm_condition_source_room(source);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        const void *numbers;
        int64_t stride;
        DDPM_TRY(ddpm_condition_source_numbers(source, v, first + done, part, &numbers, &stride));
        for (int64_t i = 0; i < part; i++) {
            const double x = (double)ddpm_number_get(what->holder, numbers, i * stride);
            if (what->conventions.applies) DDPM_TRY(ddpm_condition_source_check(source, v, first + done + i, x));
            values[done + i] = x;
        }
    }
    return DDPM_OK;
}
