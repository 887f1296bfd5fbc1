/* Writes, reads, shares and releases checkpoints, by tables of what is in them: a new field is a member of
 * ddpm_checkpoint and a row of a table here. checkpoint_folder.c knows where they are in a run folder, file/digest.c
 * their digest. */
#include "store/checkpoint.h"

#include "base/memory.h"
#include "base/split.h"
#include "base/text_list.h"
#include "file/digest.h"
#include "file/output.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A dataset of numbers, [rows + more_rows], or [rows + more_rows][columns]. */
typedef struct field {
    const char *name;
    ddpm_h5_type type;
    int is_optional;   /* whether a file may lack it (see below); the pointer is then NULL */
    size_t numbers;    /* offset in ddpm_checkpoint of the pointer to its numbers */
    size_t rows;       /* offset in ddpm_checkpoint of the number of its rows */
    int64_t more_rows; /* rows beyond that number */
    int64_t columns;   /* 0: it has one dimension, unless columns_at says how many there are */
    size_t columns_at; /* offset in ddpm_checkpoint of the number of its columns; 0: columns says it */
    int64_t most_rows; /* the largest number of rows that is accepted, in the field from whose shape the number is read;
                        * 0 in later fields with the same number */
    double least, largest; /* a number's range */
} field;

/* A dataset that a file may lack: with its whole group, or alone. */
enum { WITH_GROUP = 1, ALONE = 2 };

#define AT(member) offsetof(ddpm_checkpoint, member)
#define FINITE .least = -DBL_MAX, .largest = DBL_MAX
#define ABOVE_0 .least = DBL_TRUE_MIN, .largest = DBL_MAX
#define NUMBERS(name_, type_, member, rows_) .name = (name_), .type = (type_), .numbers = AT(member), .rows = AT(rows_)

/* clang-format off */
static const field fields[] = {
    {NUMBERS("transform/mean", DDPM_H5_FLOAT64, mean, columns), .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, FINITE},
    {NUMBERS("transform/scale", DDPM_H5_FLOAT64, scale, columns), ABOVE_0},
    {NUMBERS("transform/minimum", DDPM_H5_FLOAT64, minimum, columns), FINITE},
    {NUMBERS("transform/maximum", DDPM_H5_FLOAT64, maximum, columns), FINITE},
    {NUMBERS("transform/remainder", DDPM_H5_FLOAT64, remainder, columns), .is_optional = ALONE, FINITE},
    {NUMBERS("schedule/beta", DDPM_H5_FLOAT64, beta, steps),
     .more_rows = 1, .most_rows = DDPM_CHECKPOINT_STEPS_MAX, FINITE},
    {NUMBERS("reduction/exponent", DDPM_H5_INT32, exponent, exponent_count),
     .most_rows = DDPM_CHECKPOINT_EXPONENTS_MAX, .least = INT32_MIN, .largest = INT32_MAX},
    {NUMBERS("condition/classes", DDPM_H5_INT64, condition.classes, condition.count),
     .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = WITH_GROUP, .least = 0, .largest = DDPM_CLASSES_MAX},
    {NUMBERS("condition/mean", DDPM_H5_FLOAT64, condition.mean, condition.count), .is_optional = WITH_GROUP, FINITE},
    {NUMBERS("condition/scale", DDPM_H5_FLOAT64, condition.scale, condition.count), .is_optional = WITH_GROUP, ABOVE_0},
    {NUMBERS("condition/remainder", DDPM_H5_FLOAT64, condition.remainder, condition.count),
     .is_optional = ALONE, FINITE},
    {NUMBERS("condition/minimum", DDPM_H5_FLOAT64, condition.minimum, condition.count), .is_optional = ALONE, FINITE},
    {NUMBERS("condition/maximum", DDPM_H5_FLOAT64, condition.maximum, condition.count), .is_optional = ALONE, FINITE},
    {NUMBERS("condition/rows", DDPM_H5_INT64, condition.class_rows, condition.class_total),
     .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = ALONE, .least = 0, .largest = 0x1p62},
    {NUMBERS("components/variance", DDPM_H5_FLOAT64, components.variance, components.count),
     .more_rows = 1, .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = WITH_GROUP, .least = 0, .largest = DBL_MAX},
    {NUMBERS("components/direction", DDPM_H5_FLOAT32, components.direction, components.count),
     .columns_at = AT(columns), .is_optional = WITH_GROUP, .least = -2, .largest = 2},
    {NUMBERS("timesteps/history", DDPM_H5_FLOAT32, history, steps),
     .columns = DDPM_TIMESTEPS_HISTORY, .is_optional = WITH_GROUP, FINITE},
    {NUMBERS("timesteps/seen", DDPM_H5_INT32, seen, steps),
     .is_optional = WITH_GROUP, .least = 0, .largest = DDPM_TIMESTEPS_SEEN - 1},
};
/* clang-format on */

/* The flat arrays [parameter_count], and the groups that hold them, with a dataset for each tensor. */
enum { ARRAYS = 4, ARRAYS_WITHOUT_MOMENTS = 2 };
static const struct {
    const char *group;
    size_t numbers;
} arrays[ARRAYS] = {
    {"parameters", AT(parameters)}, {"ema", AT(ema)}, {"moment1", AT(moment1)}, {"moment2", AT(moment2)}};

/* Lists of names: attributes of the root, [rows]. */
static const struct {
    const char *attribute;
    size_t names, rows;
} lists[] = {{"columns", AT(column_names), AT(columns)}, {"condition_names", AT(condition.names), AT(condition.count)}};

enum {
    FIELDS = sizeof fields / sizeof *fields,
    LISTS = sizeof lists / sizeof *lists,
    ALLOCATIONS = FIELDS + ARRAYS + LISTS + 1 /* of memory that a checkpoint points to */
};

static void *pointer_at(const ddpm_checkpoint *c, size_t offset)
{
    void *pointer;
    memcpy(&pointer, (const char *)c + offset, sizeof pointer);
    return pointer;
}

static void set_pointer(ddpm_checkpoint *c, size_t offset, const void *pointer)
{
    memcpy((char *)c + offset, &pointer, sizeof pointer);
}

static const int64_t *count_at(const ddpm_checkpoint *c, size_t offset)
{
    return (const int64_t *)((const char *)c + offset);
}

/* The shape of a field in this checkpoint. @return how many numbers it has. */
static int64_t shape_of(const field *f, const ddpm_checkpoint *c, int64_t shape[2])
{
    shape[0] = *count_at(c, f->rows) + f->more_rows;
    shape[1] = f->columns_at ? *count_at(c, f->columns_at) : f->columns;
    return shape[0] * ddpm_larger(1, shape[1]);
}

static int dimensions_of(const field *f)
{
    return f->columns > 0 || f->columns_at > 0 ? 2 : 1;
}

static void dataset_name(char out[DDPM_TENSOR_NAME + 16], int array, const ddpm_tensor *tensor)
{
    snprintf(out, DDPM_TENSOR_NAME + 16, "%s/%.*s", arrays[array].group, DDPM_TENSOR_NAME, tensor->name);
}

/* ---- writing ---- */

static ddpm_status write_attributes(ddpm_h5 *file, const ddpm_checkpoint *c)
{
    DDPM_TRY(ddpm_h5_put_int(file, "/", "format", DDPM_CHECKPOINT_FORMAT));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "iteration", c->iteration));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "interval_loss", c->interval.loss));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "interval_count", c->interval.count));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "recoveries", c->recoveries));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "returned", c->returned_to));
    if (!isnan(c->baseline)) DDPM_TRY(ddpm_h5_put_real(file, "/", "baseline", c->baseline));
    if (c->has_number) DDPM_TRY(ddpm_h5_put_text(file, "/", "number", ddpm_number_name(c->number)));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "config", c->config));
    for (int i = 0; i < LISTS; i++) {
        char **names = pointer_at(c, lists[i].names);
        const int64_t rows = *count_at(c, lists[i].rows);
        if (names && rows > 0)
            DDPM_TRY(ddpm_h5_put_names(file, "/", lists[i].attribute, rows, (const char *const *)names));
    }
    return DDPM_OK;
}

static ddpm_status write_arrays(ddpm_h5 *file, const ddpm_checkpoint *c, int64_t count, const ddpm_tensor *tensors)
{
    char name[DDPM_TENSOR_NAME + 16];
    for (int a = 0; a < ARRAYS; a++) {
        const float *flat = pointer_at(c, arrays[a].numbers);
        for (int64_t i = 0; i < count; i++) {
            dataset_name(name, a, &tensors[i]);
            DDPM_TRY(ddpm_h5_write(file, name, DDPM_H5_FLOAT32, 2, (const int64_t[]){tensors[i].rows, tensors[i].cols},
                                   flat + tensors[i].offset));
        }
    }
    return DDPM_OK;
}

static ddpm_status write_content(ddpm_h5 *file, const ddpm_checkpoint *c, int64_t count, const ddpm_tensor *tensors)
{
    int64_t shape[2];
    DDPM_TRY(write_attributes(file, c));
    DDPM_TRY(write_arrays(file, c, count, tensors));
    for (int i = 0; i < FIELDS; i++) {
        const void *numbers = pointer_at(c, fields[i].numbers);
        if (shape_of(&fields[i], c, shape) == 0 || (fields[i].is_optional && !numbers)) continue;
        DDPM_TRY(ddpm_h5_write(file, fields[i].name, fields[i].type, dimensions_of(&fields[i]), shape, numbers));
    }
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_write(const char *path, const ddpm_checkpoint *checkpoint, int64_t count,
                                  const ddpm_tensor *tensors)
{
    char partial[DDPM_PATH_BYTES];
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_output_begin(path, partial));
    ddpm_status status = ddpm_h5_create(partial, DDPM_DIGEST_BLOCK, &file);
    if (status == DDPM_OK) status = write_content(file, checkpoint, count, tensors);
    status = ddpm_h5_finish(&file, status);
    if (status == DDPM_OK) status = ddpm_digest_seal(partial, DDPM_CHECKPOINT_FORMAT);
    if (status == DDPM_OK) return ddpm_output_commit(partial, path);
    unlink(partial);
    return status;
}

/* ---- reading ---- */

ddpm_status ddpm_checkpoint_open(const char *path, ddpm_h5 **file)
{
    int block_format = 0;
    int64_t format = 0;
    *file = NULL;
    DDPM_TRY(ddpm_digest_check(path, &block_format));
    DDPM_TRY(ddpm_h5_open(path, file));
    ddpm_status status = ddpm_h5_get_int(*file, "/", "format", &format);
    if (status == DDPM_OK && format != block_format)
        status = ddpm_digest_damaged(path); /* ddpm_digest_check cannot check the format number in the block */
    if (status == DDPM_OK && (format < 1 || format > DDPM_CHECKPOINT_FORMAT))
        status = ddpm_fail(DDPM_ERR_DATA,
                           "%s: is a checkpoint of format %lld, this program reads up to %d; use a newer ddpm", path,
                           (long long)format, DDPM_CHECKPOINT_FORMAT);
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_h5_finish(file, status);
}

/* Check that the file can hold so many numbers before memory for them is allocated: they are not compressed. */
static ddpm_status check_holds(const ddpm_h5 *file, const char *path, int64_t numbers, size_t bytes)
{
    int64_t size;
    DDPM_TRY(ddpm_h5_size(file, &size));
    if ((double)numbers * (double)bytes <= (double)size) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: claims %lld numbers, which a file of %lld bytes cannot hold", path,
                     (long long)numbers, (long long)size);
}

/* Set the number of rows from the shape of a dataset that has one dimension. */
static ddpm_status read_rows(const ddpm_h5 *file, const char *path, const field *f, ddpm_checkpoint *c)
{
    const int64_t least = 1 + f->more_rows, most = f->most_rows + f->more_rows;
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_shape_of(file, f->name, &shape));
    if (shape.dims != 1 || shape.size[0] < least || shape.size[0] > most)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: %s: expected one dimension of %lld to %lld elements, found %d dimensions, the first of "
                         "%lld; use an older checkpoint",
                         path, f->name, (long long)least, (long long)most, shape.dims,
                         shape.dims ? (long long)shape.size[0] : 0LL);
    const int64_t rows = shape.size[0] - f->more_rows;
    memcpy((char *)c + f->rows, &rows, sizeof rows);
    return DDPM_OK;
}

static ddpm_status fail_number(const char *path, const char *name, int64_t i, double x, const field *range)
{
    if (!isfinite(x) || !range)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: element %lld is not a finite number; use an older checkpoint", path,
                         name, (long long)i);
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s: element %lld: expected %g to %g, found %g; use an older checkpoint", path,
                     name, (long long)i, range->least, range->largest, x);
}

static ddpm_status read_field(const ddpm_h5 *file, const char *path, const field *f, ddpm_checkpoint *c)
{
    char group[32];
    int64_t shape[2];
    snprintf(group, sizeof group, "%.*s", (int)strcspn(f->name, "/"), f->name);
    if (f->is_optional && !ddpm_h5_has(file, f->is_optional == ALONE ? f->name : group)) return DDPM_OK;
    if (f->most_rows > 0) DDPM_TRY(read_rows(file, path, f, c));
    const int64_t count = shape_of(f, c, shape);
    const size_t bytes = (size_t)ddpm_number_bytes(f->type);
    DDPM_TRY(check_holds(file, path, count, bytes));
    DDPM_TRY(ddpm_allocate((char *)c + f->numbers, count, bytes, f->name));
    void *numbers = pointer_at(c, f->numbers);
    DDPM_TRY(ddpm_h5_read(file, f->name, f->type, dimensions_of(f), shape, numbers));
    for (int64_t i = 0; i < count; i++) {
        const double x = (double)ddpm_number_get(f->type, numbers, i);
        if (!(x >= f->least && x <= f->largest)) return fail_number(path, f->name, i, x, f);
    }
    return DDPM_OK;
}

static ddpm_status read_number(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    char *name = NULL;
    c->has_number = ddpm_h5_has_attribute(file, "/", "number");
    c->number = DDPM_NUMBER_FLOAT32;
    if (!c->has_number) return DDPM_OK;
    DDPM_TRY(ddpm_h5_get_text(file, "/", "number", &name));
    const int found = ddpm_number_find(name);
    ddpm_release(name);
    if (found < 0) return ddpm_fail(DDPM_ERR_DATA, "%s: its numbers have an unknown type; use a newer ddpm", path);
    c->number = (ddpm_number)found;
    return DDPM_OK;
}

static ddpm_status read_attributes(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    DDPM_TRY(ddpm_h5_get_int(file, "/", "iteration", &c->iteration));
    DDPM_TRY(ddpm_h5_get_real(file, "/", "interval_loss", &c->interval.loss));
    DDPM_TRY(ddpm_h5_get_int(file, "/", "interval_count", &c->interval.count));
    if (ddpm_h5_has_attribute(file, "/", "recoveries"))
        DDPM_TRY(ddpm_h5_get_int(file, "/", "recoveries", &c->recoveries));
    c->returned_to = -1;
    if (ddpm_h5_has_attribute(file, "/", "returned")) DDPM_TRY(ddpm_h5_get_int(file, "/", "returned", &c->returned_to));
    c->baseline = NAN;
    if (ddpm_h5_has_attribute(file, "/", "baseline")) DDPM_TRY(ddpm_h5_get_real(file, "/", "baseline", &c->baseline));
    DDPM_TRY(read_number(file, path, c));
    DDPM_TRY(ddpm_h5_get_text(file, "/", "config", &c->config));
    if (c->interval.count < 0 || !isfinite(c->interval.loss))
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: expected a finite loss of 0 or more iterations, found %g of %lld; use an older "
                         "checkpoint",
                         path, c->interval.loss, (long long)c->interval.count);
    if (c->iteration < 0 || c->recoveries < 0 || c->returned_to < -1)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "%s: expected an iteration and recoveries of 0 or more and a return to -1 or more, found %lld, "
            "%lld and %lld; use an older checkpoint",
            path, (long long)c->iteration, (long long)c->recoveries, (long long)c->returned_to);
    for (int i = 0; i < LISTS; i++) {
        int64_t names = 0;
        char **list = NULL;
        DDPM_TRY(ddpm_h5_get_names(file, "/", lists[i].attribute, &names, &list));
        set_pointer(c, lists[i].names, list);
        if (list && names != *count_at(c, lists[i].rows))
            return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld names in '%s' for %lld values", path, (long long)names,
                             lists[i].attribute, (long long)*count_at(c, lists[i].rows));
    }
    int64_t classes = 0;
    for (int64_t v = 0; v < c->condition.count; v++) classes += c->condition.classes[v];
    if (c->condition.class_rows && c->condition.class_total != classes)
        return ddpm_fail(DDPM_ERR_DATA, "%s: counts the rows of %lld classes, of which it has %lld", path,
                         (long long)c->condition.class_total, (long long)classes);
    if (c->condition.count == 0 || c->condition.names) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: its conditions have no names; use an older checkpoint", path);
}

static ddpm_status read_header(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    for (int i = 0; i < FIELDS; i++) DDPM_TRY(read_field(file, path, &fields[i], c));
    c->components.columns = c->columns;
    return read_attributes(file, path, c);
}

ddpm_status ddpm_checkpoint_read_header(const ddpm_h5 *file, const char *path, ddpm_checkpoint *out)
{
    *out = (ddpm_checkpoint){0};
    const ddpm_status status = read_header(file, path, out);
    if (status != DDPM_OK) ddpm_checkpoint_release(out);
    return status;
}

static ddpm_status read_array(const ddpm_h5 *file, const char *path, int array, int64_t count,
                              const ddpm_tensor *tensors, float *flat)
{
    char name[DDPM_TENSOR_NAME + 16];
    for (int64_t i = 0; i < count; i++) {
        const ddpm_tensor *t = &tensors[i];
        float *numbers = flat + t->offset;
        dataset_name(name, array, t);
        DDPM_TRY(ddpm_h5_read(file, name, DDPM_H5_FLOAT32, 2, (const int64_t[]){t->rows, t->cols}, numbers));
        for (int64_t k = 0; k < t->rows * t->cols; k++)
            if (!isfinite(numbers[k])) return fail_number(path, name, k, (double)numbers[k], NULL);
    }
    return DDPM_OK;
}

static ddpm_status read_arrays(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c, int64_t count,
                               const ddpm_tensor *tensors, int wanted)
{
    if (c->exponent_count != count + 1)
        return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld exponents; its network of %lld tensors needs %lld", path,
                         (long long)c->exponent_count, (long long)count, (long long)count + 1);
    DDPM_TRY(check_holds(file, path, ARRAYS * c->parameter_count, sizeof(float)));
    for (int a = 0; a < wanted; a++) {
        DDPM_TRY(ddpm_allocate((char *)c + arrays[a].numbers, c->parameter_count, sizeof(float), arrays[a].group));
        DDPM_TRY(read_array(file, path, a, count, tensors, pointer_at(c, arrays[a].numbers)));
    }
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_read_arrays(const ddpm_h5 *file, const char *path, ddpm_checkpoint *checkpoint,
                                        int64_t count, const ddpm_tensor *tensors, int64_t parameter_count,
                                        int with_moments)
{
    checkpoint->parameter_count = parameter_count;
    const ddpm_status status =
        read_arrays(file, path, checkpoint, count, tensors, with_moments ? ARRAYS : ARRAYS_WITHOUT_MOMENTS);
    for (int a = 0; a < ARRAYS && status != DDPM_OK; a++) {
        ddpm_release(pointer_at(checkpoint, arrays[a].numbers));
        set_pointer(checkpoint, arrays[a].numbers, NULL);
    }
    return status;
}

/* ---- sharing and releasing ---- */

/* A checkpoint points to ALLOCATIONS allocations: those in the tables, then config. @return the offset of the pointer.
 */
static size_t allocation_offset(int i)
{
    if (i < FIELDS) return fields[i].numbers;
    if (i < FIELDS + ARRAYS) return arrays[i - FIELDS].numbers;
    return i < ALLOCATIONS - 1 ? lists[i - FIELDS - ARRAYS].names : AT(config);
}

/* @param i  of an allocation whose pointer is not NULL. */
static int64_t allocation_bytes(int i, const ddpm_checkpoint *c)
{
    const void *memory = pointer_at(c, allocation_offset(i));
    int64_t shape[2];
    if (i < FIELDS) return shape_of(&fields[i], c, shape) * ddpm_number_bytes(fields[i].type);
    if (i < FIELDS + ARRAYS) return c->parameter_count * (int64_t)sizeof(float);
    if (i < ALLOCATIONS - 1) return ddpm_texts_bytes(*count_at(c, lists[i - FIELDS - ARRAYS].rows), memory);
    return (int64_t)strlen(memory) + 1;
}

/* Local, on the ranks that receive: allocate what the checkpoint is to point to. */
static ddpm_status make_room(const int64_t bytes[ALLOCATIONS], ddpm_checkpoint *c)
{
    for (int i = 0; i < ALLOCATIONS; i++) set_pointer(c, allocation_offset(i), NULL); /* they came from rank 0 */
    for (int i = 0; i < ALLOCATIONS; i++)
        if (bytes[i] > 0) DDPM_TRY(ddpm_allocate((char *)c + allocation_offset(i), bytes[i], 1, "a checkpoint"));
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_share(ddpm_comm *comm, ddpm_checkpoint *checkpoint)
{
    const int gives = ddpm_comm_rank(comm) == 0;
    int64_t bytes[ALLOCATIONS] = {0}; /* 0: the pointer is NULL */
    for (int i = 0; i < ALLOCATIONS && gives; i++)
        if (pointer_at(checkpoint, allocation_offset(i))) bytes[i] = allocation_bytes(i, checkpoint);
    ddpm_comm_broadcast(comm, bytes, sizeof bytes);
    ddpm_comm_broadcast(comm, checkpoint, sizeof *checkpoint);
    DDPM_TRY(ddpm_agree(comm, gives ? DDPM_OK : make_room(bytes, checkpoint)));
    for (int i = 0; i < ALLOCATIONS; i++)
        ddpm_comm_broadcast(comm, pointer_at(checkpoint, allocation_offset(i)), (size_t)bytes[i]);
    for (int i = 0; i < LISTS && !gives; i++) {
        char **names = pointer_at(checkpoint, lists[i].names);
        if (names) ddpm_texts_link(*count_at(checkpoint, lists[i].rows), names);
    }
    return DDPM_OK;
}

void ddpm_checkpoint_release(ddpm_checkpoint *checkpoint)
{
    for (int i = 0; i < ALLOCATIONS; i++) ddpm_release(pointer_at(checkpoint, allocation_offset(i)));
    *checkpoint = (ddpm_checkpoint){0};
}
