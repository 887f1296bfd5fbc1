/* Writes, reads and shares checkpoints, by the tables of checkpoint_table.c. checkpoint_check.c checks them,
 * checkpoint_folder.c knows where they are in a run folder, file/digest.c their digest. */
#include "store/checkpoint.h"

#include "base/memory.h"
#include "base/split.h"
#include "base/text_list.h"
#include "file/digest.h"
#include "file/output.h"
#include "store/checkpoint_memory.h"
#include "store/vocabulary_file.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AT(member) offsetof(ddpm_checkpoint, member)

typedef ddpm_checkpoint_field field;

enum {
    FIELDS = DDPM_CHECKPOINT_FIELDS,
    ARRAYS = DDPM_CHECKPOINT_ARRAYS,
    ARRAYS_WITHOUT_MOMENTS = ARRAYS - 3,
    LISTS = DDPM_CHECKPOINT_LISTS,
    ALLOCATIONS = DDPM_CHECKPOINT_ALLOCATIONS
};

static int dimensions_of(const field *f)
{
    return f->columns > 0 || f->columns_at > 0 ? 2 : 1;
}

/* ---- writing ---- */

static ddpm_status write_attributes(ddpm_h5 *file, const ddpm_checkpoint *c)
{
    DDPM_TRY(ddpm_h5_put_int(file, "/", "format", DDPM_CHECKPOINT_FORMAT));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    for (int i = 0; i < DDPM_CHECKPOINT_ATTRIBUTES; i++) {
        const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
        if (!a->is_real)
            DDPM_TRY(ddpm_h5_put_int(file, "/", a->name, *ddpm_checkpoint_count(c, a->at)));
        else if (!(a->is_optional && isnan(ddpm_checkpoint_real(c, a->at))))
            DDPM_TRY(ddpm_h5_put_real(file, "/", a->name, ddpm_checkpoint_real(c, a->at)));
    }
    if (c->has_number) DDPM_TRY(ddpm_h5_put_text(file, "/", "number", ddpm_number_name(c->number)));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "config", c->config));
    for (int i = 0; i < LISTS; i++) {
        char **names = ddpm_checkpoint_pointer(c, ddpm_checkpoint_lists[i].names);
        const int64_t rows = *ddpm_checkpoint_count(c, ddpm_checkpoint_lists[i].rows);
        if (names && rows > 0)
            DDPM_TRY(
                ddpm_h5_put_names(file, "/", ddpm_checkpoint_lists[i].attribute, rows, (const char *const *)names));
    }
    return DDPM_OK;
}

static ddpm_status write_arrays(ddpm_h5 *file, const ddpm_checkpoint *c, int64_t count, const ddpm_tensor *tensors)
{
    char name[DDPM_TENSOR_NAME + 16];
    for (int a = 0; a < ARRAYS; a++) {
        const float *flat = ddpm_checkpoint_pointer(c, ddpm_checkpoint_arrays[a].numbers);
        for (int64_t i = 0; flat && i < count; i++) {
            ddpm_checkpoint_tensor_name(name, a, &tensors[i]);
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
        const void *numbers = ddpm_checkpoint_pointer(c, ddpm_checkpoint_fields[i].numbers);
        if (ddpm_checkpoint_shape(&ddpm_checkpoint_fields[i], c, shape) == 0 ||
            (ddpm_checkpoint_fields[i].is_optional && !numbers))
            continue;
        DDPM_TRY(ddpm_h5_write(file, ddpm_checkpoint_fields[i].name, ddpm_checkpoint_fields[i].type,
                               dimensions_of(&ddpm_checkpoint_fields[i]), shape, numbers));
    }
    return ddpm_vocabulary_write(file, &c->vocabulary);
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

/* Check an open file's format, and close it if it cannot be read. */
static ddpm_status check_format(const char *path, int block_format, ddpm_h5 **file)
{
    int64_t format = 0;
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

ddpm_status ddpm_checkpoint_open(const char *path, ddpm_h5 **file)
{
    int format = 0;
    *file = NULL;
    DDPM_TRY(ddpm_digest_check(path, &format));
    DDPM_TRY(ddpm_h5_open(path, file));
    return check_format(path, format, file);
}

ddpm_status ddpm_checkpoint_open_bytes(const char *name, const void *bytes, size_t count, ddpm_h5 **file)
{
    int format = 0;
    *file = NULL;
    DDPM_TRY(ddpm_digest_check_bytes(name, bytes, count, &format));
    DDPM_TRY(ddpm_h5_open_bytes(name, bytes, count, file));
    return check_format(name, format, file);
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

/* A check of what was read failed: name the file. */
static ddpm_status refuse(const char *path, ddpm_status status)
{
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status, "%s: %s; use an older checkpoint", path, ddpm_error_message());
}

static ddpm_status read_field(const ddpm_h5 *file, const char *path, const field *f, ddpm_checkpoint *c)
{
    char group[32];
    int64_t shape[2];
    snprintf(group, sizeof group, "%.*s", (int)strcspn(f->name, "/"), f->name);
    if (f->is_optional && !ddpm_h5_has(file, f->is_optional == DDPM_CHECKPOINT_ALONE ? f->name : group)) return DDPM_OK;
    if (f->most_rows > 0) DDPM_TRY(read_rows(file, path, f, c));
    const int64_t count = ddpm_checkpoint_shape(f, c, shape);
    const size_t bytes = (size_t)ddpm_number_bytes(f->type);
    DDPM_TRY(check_holds(file, path, count, bytes));
    DDPM_TRY(ddpm_allocate((char *)c + f->numbers, count, bytes, f->name));
    DDPM_TRY(ddpm_h5_read(file, f->name, f->type, dimensions_of(f), shape, ddpm_checkpoint_pointer(c, f->numbers)));
    return refuse(path, ddpm_checkpoint_check_field(f, c));
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
    for (int i = 0; i < DDPM_CHECKPOINT_ATTRIBUTES; i++) {
        const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
        double real = a->missing;
        int64_t whole = a->is_real ? 0 : (int64_t)a->missing;
        const int is_there = !a->is_optional || ddpm_h5_has_attribute(file, "/", a->name);
        if (is_there && a->is_real) DDPM_TRY(ddpm_h5_get_real(file, "/", a->name, &real));
        if (is_there && !a->is_real) DDPM_TRY(ddpm_h5_get_int(file, "/", a->name, &whole));
        memcpy((char *)c + a->at, a->is_real ? (const void *)&real : &whole, 8);
    }
    DDPM_TRY(refuse(path, ddpm_checkpoint_check_attributes(c)));
    DDPM_TRY(read_number(file, path, c));
    DDPM_TRY(ddpm_h5_get_text(file, "/", "config", &c->config));
    for (int i = 0; i < LISTS; i++) {
        int64_t names = 0;
        char **list = NULL;
        DDPM_TRY(ddpm_h5_get_names(file, "/", ddpm_checkpoint_lists[i].attribute, &names, &list));
        ddpm_checkpoint_set_pointer(c, ddpm_checkpoint_lists[i].names, list);
        if (list && names != *ddpm_checkpoint_count(c, ddpm_checkpoint_lists[i].rows))
            return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld names in '%s' for %lld values", path, (long long)names,
                             ddpm_checkpoint_lists[i].attribute,
                             (long long)*ddpm_checkpoint_count(c, ddpm_checkpoint_lists[i].rows));
    }
    return refuse(path, ddpm_checkpoint_check_condition(&c->condition));
}

static ddpm_status read_header(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    for (int i = 0; i < FIELDS; i++) DDPM_TRY(read_field(file, path, &ddpm_checkpoint_fields[i], c));
    DDPM_TRY(refuse(path, ddpm_checkpoint_check_quantiles(c)));
    c->components.columns = c->mixture.columns = c->columns;
    DDPM_TRY(ddpm_vocabulary_read(file, path, c->columns, &c->vocabulary));
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
                              const ddpm_tensor *tensors, const ddpm_checkpoint *c)
{
    char name[DDPM_TENSOR_NAME + 16];
    float *flat = ddpm_checkpoint_pointer(c, ddpm_checkpoint_arrays[array].numbers);
    for (int64_t i = 0; i < count; i++) {
        const ddpm_tensor *t = &tensors[i];
        ddpm_checkpoint_tensor_name(name, array, t);
        DDPM_TRY(ddpm_h5_read(file, name, DDPM_H5_FLOAT32, 2, (const int64_t[]){t->rows, t->cols}, flat + t->offset));
        DDPM_TRY(refuse(path, ddpm_checkpoint_check_array(array, c, t)));
    }
    return DDPM_OK;
}

static ddpm_status read_arrays(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c, int64_t count,
                               const ddpm_tensor *tensors, int wanted)
{
    if (c->exponent_count != count + 1)
        return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld exponents; its network of %lld tensors needs %lld", path,
                         (long long)c->exponent_count, (long long)count, (long long)count + 1);
    for (int a = 0; a < wanted; a++) {
        if (ddpm_checkpoint_arrays[a].is_optional && !ddpm_h5_has(file, ddpm_checkpoint_arrays[a].group)) continue;
        DDPM_TRY(check_holds(file, path, c->parameter_count, sizeof(float)));
        DDPM_TRY(ddpm_allocate((char *)c + ddpm_checkpoint_arrays[a].numbers, c->parameter_count, sizeof(float),
                               ddpm_checkpoint_arrays[a].group));
        DDPM_TRY(read_array(file, path, a, count, tensors, c));
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
        ddpm_release(ddpm_checkpoint_pointer(checkpoint, ddpm_checkpoint_arrays[a].numbers));
        ddpm_checkpoint_set_pointer(checkpoint, ddpm_checkpoint_arrays[a].numbers, NULL);
    }
    return status;
}

/* ---- from rank to rank ---- */

ddpm_status ddpm_checkpoint_share(ddpm_comm *comm, ddpm_checkpoint *checkpoint)
{
    const int gives = ddpm_comm_rank(comm) == 0;
    int64_t bytes[ALLOCATIONS] = {0};
    if (gives) ddpm_checkpoint_sizes(checkpoint, bytes);
    ddpm_comm_broadcast(comm, bytes, sizeof bytes);
    ddpm_comm_broadcast(comm, checkpoint, sizeof *checkpoint);
    DDPM_TRY(ddpm_agree(comm, gives ? DDPM_OK : ddpm_checkpoint_make_room(bytes, checkpoint)));
    for (int i = 0; i < ALLOCATIONS; i++)
        ddpm_comm_broadcast(comm, ddpm_checkpoint_allocation(checkpoint, i), (size_t)bytes[i]);
    if (!gives) ddpm_checkpoint_link_names(checkpoint);
    return ddpm_vocabulary_share(comm, &checkpoint->vocabulary);
}
