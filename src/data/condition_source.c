/* Reads conditions, and checks each value. */
#include "data/condition_source.h"

#include "base/memory.h"
#include "base/text_list.h"
#include "data/class_codes.h"
#include "data/class_names.h"
#include "data/conventions.h"
#include "data/toy_source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* numbers of the dataset read at once */

typedef struct value {
    const char *name;
    int is_class;
    int64_t column;     /* of data.dataset; -1: it is another dataset, or the label */
    ddpm_number holder; /* the type that it is read in */
    ddpm_class_names class_names;
    ddpm_conventions conventions; /* of another dataset */
} value;

struct ddpm_condition_source {
    const ddpm_data_spec *spec;
    ddpm_condition_list list;
    ddpm_h5 *file;
    int64_t width, count;
    value *values;           /* [count] */
    void *piece;             /* [PIECE or width] numbers, of 8 bytes at most */
    ddpm_class_codes *codes; /* [count], while they are measured */
};

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

static ddpm_status find_dataset(const ddpm_condition_source *s, int64_t rows, value *v, int *integer)
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

static ddpm_status find_column(const ddpm_condition_source *s, char *const *names, value *v)
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

static ddpm_status find(ddpm_condition_source *s, int64_t rows, char *const *names, const char *item, value *v)
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
    const value *const v = s->values;
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
    return ddpm_allocate(&s->piece, ddpm_larger(s->width, PIECE), sizeof(double), "conditions being read");
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

static int64_t room_of(const ddpm_condition_source *s)
{
    return ddpm_larger(1, PIECE / ddpm_larger(1, s->width));
}

/* Read value v of `count` rows, which must fit the piece.
 *  @param[out] numbers, stride  that of row i is number i * stride of an array of the holder's type. */
static ddpm_status read_value(ddpm_condition_source *s, int64_t v, int64_t first, int64_t count, const void **numbers,
                              int64_t *stride)
{
    const value *what = &s->values[v];
    const int is_column = what->column >= 0;
    *stride = is_column ? s->width : 1;
    if (s->spec->given) {
        *numbers = s->spec->given->numbers + first * s->width + what->column;
        return DDPM_OK;
    }
    if (!s->file) { /* the rows of the generator take half of the piece at most, the labels lie behind them */
        float *labels = (float *)s->piece + ddpm_larger(s->width, PIECE);
        ddpm_toy_source_read(s->spec, first, count, s->piece, labels);
        *numbers = labels;
        return DDPM_OK;
    }
    *numbers = (const char *)s->piece + (is_column ? what->column * ddpm_number_bytes(what->holder) : 0);
    return ddpm_h5_read_rows_as(s->file, is_column ? s->spec->dataset : what->name, what->holder, first, count,
                                s->piece);
}

static const char *place_of(const ddpm_condition_source *s)
{
    return s->file ? s->spec->path : s->spec->given ? "the rows" : "generated rows";
}

ddpm_status ddpm_condition_source_read_value(ddpm_condition_source *source, const ddpm_condition *condition, int64_t v,
                                             int64_t first, int64_t count, float *values)
{
    ddpm_condition_source *s = source;
    const ddpm_number holder = s->values[v].holder;
    const int64_t room = room_of(s);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        const void *numbers;
        int64_t stride;
        DDPM_TRY(read_value(s, v, first + done, part, &numbers, &stride));
        for (int64_t i = 0; i < part; i++)
            if (ddpm_condition_standardise(condition, v, ddpm_number_get(holder, numbers, i * stride),
                                           &values[(done + i) * s->count + v]) != DDPM_OK)
                return ddpm_fail(DDPM_ERR_DATA, "%s: row %lld (from 0): %s", place_of(s), (long long)(first + done + i),
                                 ddpm_error_message());
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

/* ---- measuring ---- */

static int is_valid(const value *what, long double x)
{
    return what->is_class ? x >= -9223372036854775808.0L && x < 9223372036854775808.0L && x == floorl(x) : isfinite(x);
}

static ddpm_status refuse(const ddpm_condition_source *s, int64_t v, int64_t row, long double x)
{
    const int is_class = s->values[v].is_class;
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s '%s', row %lld (from 0): expected %s, found %Lg%s", place_of(s),
                     s->list.noun, s->values[v].name, (long long)row,
                     is_class ? "a class, a whole number of 64 bits" : "a finite number", x,
                     is_class ? "; number:NAME takes numbers" : "");
}

static ddpm_status check_conventions(const ddpm_condition_source *s, int64_t v, int64_t row, double x)
{
    const char *why = ddpm_conventions_refuse(&s->values[v].conventions, x);
    if (!why) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: %s '%s', row %lld (from 0): %g %s; leave out such rows, or give them a value of their "
                     "own and remove the attribute",
                     place_of(s), s->list.noun, s->values[v].name, (long long)row, x, why);
}

ddpm_status ddpm_condition_source_read_plain(ddpm_condition_source *source, int64_t v, int64_t first, int64_t count,
                                             double *values)
{
    const value *what = &source->values[v];
    const int64_t room = room_of(source);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        const void *numbers;
        int64_t stride;
        DDPM_TRY(read_value(source, v, first + done, part, &numbers, &stride));
        for (int64_t i = 0; i < part; i++) {
            const double x = (double)ddpm_number_get(what->holder, numbers, i * stride);
            if (what->conventions.applies) DDPM_TRY(check_conventions(source, v, first + done + i, x));
            values[done + i] = x;
        }
    }
    return DDPM_OK;
}

/* A failure of the codes: name the condition. */
static ddpm_status name_codes(const ddpm_condition_source *s, int64_t v, ddpm_status status)
{
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status, "%s: %s '%s': %s; number:NAME takes numbers", place_of(s), s->list.noun, s->values[v].name,
                     ddpm_error_message());
}

static ddpm_status read_measured(void *context, const double *reference, int64_t first, int64_t count, double *rows)
{
    ddpm_condition_source *s = context;
    for (int64_t v = 0; v < s->count; v++) {
        const void *numbers;
        int64_t stride;
        DDPM_TRY(read_value(s, v, first, count, &numbers, &stride));
        for (int64_t i = 0; i < count; i++) {
            const long double x = ddpm_number_get(s->values[v].holder, numbers, i * stride);
            if (!is_valid(&s->values[v], x)) return refuse(s, v, first + i, x);
            if (s->values[v].conventions.applies) DDPM_TRY(check_conventions(s, v, first + i, (double)x));
            rows[i * s->count + v] = (double)(x - (reference ? (long double)reference[v] : 0.0L));
            if (reference && s->values[v].is_class)
                DDPM_TRY(name_codes(s, v, ddpm_class_codes_add(&s->codes[v], (int64_t)x)));
        }
    }
    return DDPM_OK;
}

static int is_wide(const void *context, int64_t v)
{
    const value *what = &((const ddpm_condition_source *)context)->values[v];
    return !what->is_class && what->holder != DDPM_NUMBER_FLOAT32;
}

/* Conditions of held-out rows count too, so that every class that occurs in the data is known. */
static int is_any_row(void *context, int64_t row)
{
    (void)context;
    (void)row;
    return 1;
}

static ddpm_status describe(const ddpm_condition_source *s, ddpm_condition *out)
{
    const char **names = NULL;
    DDPM_TRY(DDPM_NEW(&names, s->count, "names of conditions"));
    for (int64_t v = 0; v < s->count; v++) names[v] = s->values[v].name;
    const ddpm_status status = ddpm_condition_create(s->count, names, out);
    ddpm_release((void *)names);
    return status;
}

/* Set the names of classes, if any has one. */
static ddpm_status set_names(const ddpm_condition_source *s, ddpm_condition *out)
{
    const char **names = NULL;
    int64_t named = 0;
    DDPM_TRY(DDPM_NEW(&names, out->class_total, "names of classes"));
    for (int64_t v = 0, at = 0; v < s->count; v++)
        for (int64_t k = 0; k < out->classes[v]; k++, at++) {
            names[at] = ddpm_class_names_find(&s->values[v].class_names, out->class_codes[at]);
            named += *names[at] != '\0';
        }
    const ddpm_status status =
        named > 0 ? ddpm_texts_copy(out->class_total, names, "names of classes", &out->class_names) : DDPM_OK;
    ddpm_release((void *)names);
    return status;
}

/* Set what is known of the classes. Codes that are the indices of their classes are not kept. */
static ddpm_status set_classes(const ddpm_condition_source *s, ddpm_condition *out)
{
    int is_index = 1;
    for (int64_t v = 0; v < s->count; v++) out->class_total += out->classes[v];
    DDPM_TRY(DDPM_NEW(&out->class_rows, out->class_total, "classes"));
    DDPM_TRY(DDPM_NEW(&out->class_codes, out->class_total, "classes"));
    for (int64_t v = 0, at = 0; v < s->count; at += out->classes[v++]) {
        if (!s->values[v].is_class) continue;
        ddpm_class_codes_list(&s->codes[v], out->class_codes + at, out->class_rows + at);
        for (int64_t k = 0; k < out->classes[v]; k++) is_index &= out->class_codes[at + k] == k;
        int64_t least = 0;
        while (out->class_rows[at + least] == 0) least++; /* the last class has rows */
        out->minimum[v] = (double)least;
    }
    DDPM_TRY(set_names(s, out));
    if (!is_index) return DDPM_OK;
    ddpm_release(out->class_codes);
    out->class_codes = NULL;
    return DDPM_OK;
}

/* The condition takes the arrays over. */
static void set_statistics(const ddpm_condition_source *s, ddpm_transform *measured, ddpm_condition *out)
{
    for (int64_t v = 0; v < s->count; v++) {
        if (s->values[v].is_class) { /* not standardised */
            out->classes[v] = ddpm_class_codes_classes(&s->codes[v]);
            measured->maximum[v] = (double)(out->classes[v] - 1);
        } else {
            out->mean[v] = measured->mean[v];
            out->scale[v] = measured->scale[v];
        }
    }
    out->remainder = measured->remainder;
    out->minimum = measured->minimum;
    out->maximum = measured->maximum;
    measured->remainder = measured->minimum = measured->maximum = NULL;
}

static void name_condition(const void *context, int64_t v, char *out, size_t bytes)
{
    const ddpm_condition_source *s = context;
    snprintf(out, bytes, "%s: %s '%s'", s->spec->path, s->list.noun, s->values[v].name);
}

/* Collective. */
static ddpm_status join_codes(ddpm_comm *comm, ddpm_condition_source *s)
{
    for (int64_t v = 0; v < s->count; v++)
        if (s->values[v].is_class) DDPM_TRY(name_codes(s, v, ddpm_class_codes_join(comm, &s->codes[v])));
    return DDPM_OK;
}

ddpm_status ddpm_condition_source_measure(ddpm_comm *comm, ddpm_condition_source *source, int64_t rows,
                                          ddpm_condition *out)
{
    const ddpm_row_reader reader = {.count = rows,
                                    .columns = source->count,
                                    .most = room_of(source),
                                    .context = source,
                                    .read = read_measured,
                                    .takes_part = is_any_row,
                                    .is_wide = is_wide,
                                    .name = name_condition};
    ddpm_transform measured = {0};
    *out = (ddpm_condition){0};
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&source->codes, source->count, "classes"));
    if (status == DDPM_OK) status = ddpm_transform_measure(comm, DDPM_STANDARDIZE_COLUMN, &reader, &measured);
    if (status == DDPM_OK) status = join_codes(comm, source);
    if (status == DDPM_OK) {
        status = describe(source, out);
        if (status == DDPM_OK) {
            set_statistics(source, &measured, out);
            status = set_classes(source, out);
        }
        status = ddpm_agree(comm, status);
    }
    ddpm_transform_release(&measured);
    for (int64_t v = 0; source->codes && v < source->count; v++) ddpm_class_codes_release(&source->codes[v]);
    ddpm_release(source->codes);
    source->codes = NULL;
    return status;
}
