/* Checkpoints: what is in one, written and read. Where they lie in a run folder is checkpoint_folder.c, their digest
 * digest.c. */
#include "store/checkpoint.h"

#include "base/memory.h"
#include "file/digest.h"
#include "file/file.h"
#include "file/h5.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef DDPM_VERSION
#define DDPM_VERSION "development"
#endif

/* The flat arrays, and the groups that hold them. */
enum { ARRAYS = 4, ARRAYS_WITHOUT_MOMENTS = 2 };
static const char *const array_names[ARRAYS] = {"parameters", "ema", "moment1", "moment2"};

/* The arrays of [D]. */
enum { TRANSFORMS = 4 };
static const char *const transform_names[TRANSFORMS] = {"transform/mean", "transform/scale", "transform/minimum",
                                                        "transform/maximum"};

static float **array_at(ddpm_checkpoint *c, int i)
{
    return (float **[ARRAYS]){&c->parameters, &c->ema, &c->moment1, &c->moment2}[i];
}

static double **transform_at(ddpm_checkpoint *c, int i)
{
    return (double **[TRANSFORMS]){&c->mean, &c->scale, &c->minimum, &c->maximum}[i];
}

static void dataset_name(char out[DDPM_TENSOR_NAME + 16], int array, const ddpm_tensor *tensor)
{
    snprintf(out, DDPM_TENSOR_NAME + 16, "%s/%.*s", array_names[array], DDPM_TENSOR_NAME, tensor->name);
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
    DDPM_TRY(ddpm_h5_put_text(file, "/", "config", c->config));
    if (!c->column_names) return DDPM_OK;
    return ddpm_h5_put_names(file, "/", "columns", c->columns, (const char *const *)c->column_names);
}

static ddpm_status write_condition(ddpm_h5 *file, const ddpm_condition *c)
{
    if (c->count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_h5_write(file, "condition/classes", DDPM_H5_INT64, 1, &c->count, c->classes));
    DDPM_TRY(ddpm_h5_write(file, "condition/mean", DDPM_H5_FLOAT64, 1, &c->count, c->mean));
    DDPM_TRY(ddpm_h5_write(file, "condition/scale", DDPM_H5_FLOAT64, 1, &c->count, c->scale));
    return ddpm_h5_put_names(file, "/", "condition_names", c->count, (const char *const *)c->names);
}

static ddpm_status write_content(ddpm_h5 *file, const ddpm_checkpoint *c, int64_t count, const ddpm_tensor *tensors)
{
    ddpm_checkpoint view = *c;
    char name[DDPM_TENSOR_NAME + 16];
    const int64_t betas = c->steps + 1;
    DDPM_TRY(write_attributes(file, c));
    for (int a = 0; a < ARRAYS; a++) {
        for (int64_t i = 0; i < count; i++) {
            dataset_name(name, a, &tensors[i]);
            DDPM_TRY(ddpm_h5_write(file, name, DDPM_H5_FLOAT32, 2, (const int64_t[]){tensors[i].rows, tensors[i].cols},
                                   *array_at(&view, a) + tensors[i].offset));
        }
    }
    for (int i = 0; i < TRANSFORMS; i++)
        DDPM_TRY(ddpm_h5_write(file, transform_names[i], DDPM_H5_FLOAT64, 1, &c->columns, *transform_at(&view, i)));
    DDPM_TRY(ddpm_h5_write(file, "schedule/beta", DDPM_H5_FLOAT64, 1, &betas, c->beta));
    DDPM_TRY(ddpm_h5_write(file, "reduction/exponent", DDPM_H5_INT32, 1, &c->exponent_count, c->exponent));
    DDPM_TRY(write_condition(file, &c->condition));
    if (!c->history) return DDPM_OK;
    const int64_t shape[2] = {c->steps, DDPM_TIMESTEPS_HISTORY};
    DDPM_TRY(ddpm_h5_write(file, "timesteps/history", DDPM_H5_FLOAT32, 2, shape, c->history));
    return ddpm_h5_write(file, "timesteps/seen", DDPM_H5_INT32, 1, &c->steps, c->seen);
}

ddpm_status ddpm_checkpoint_write(const char *path, const ddpm_checkpoint *checkpoint, int64_t count,
                                  const ddpm_tensor *tensors)
{
    char partial[DDPM_PATH_BYTES];
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_file_partial_name(path, partial));
    ddpm_status status = ddpm_h5_create(partial, DDPM_DIGEST_BLOCK, &file);
    if (status == DDPM_OK) status = write_content(file, checkpoint, count, tensors);
    status = ddpm_h5_finish(&file, status);
    if (status == DDPM_OK) status = ddpm_digest_seal(partial, DDPM_CHECKPOINT_FORMAT);
    if (status == DDPM_OK) return ddpm_file_commit(partial, path);
    unlink(partial);
    return status;
}

/* ---- reading ---- */

/** Open a file whose digest is right, of a format that this program reads. */
static ddpm_status open_sound(const char *path, ddpm_h5 **file)
{
    int sealed = 0;
    int64_t format = 0;
    *file = NULL;
    DDPM_TRY(ddpm_digest_check(path, &sealed));
    DDPM_TRY(ddpm_h5_open(path, file));
    ddpm_status status = ddpm_h5_get_int(*file, "/", "format", &format);
    if (status == DDPM_OK && format != sealed)
        status = ddpm_digest_damaged(path); /* the digest does not cover its own block */
    if (status == DDPM_OK && (format < 1 || format > DDPM_CHECKPOINT_FORMAT))
        status = ddpm_fail(DDPM_ERR_DATA,
                           "%s: is a checkpoint of format %lld, this program reads up to %d; use a newer ddpm", path,
                           (long long)format, DDPM_CHECKPOINT_FORMAT);
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_h5_finish(file, status);
}

/** Nothing in a checkpoint is compressed: memory for what the file cannot hold is not asked for. */
static ddpm_status check_holds(const char *path, int64_t numbers, size_t bytes)
{
    struct stat about;
    if (stat(path, &about)) return ddpm_fail(DDPM_ERR_IO, "%s: could not be examined (%s)", path, strerror(errno));
    if ((double)numbers * (double)bytes <= (double)about.st_size) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: claims %lld numbers, which a file of %lld bytes cannot hold", path,
                     (long long)numbers, (long long)about.st_size);
}

/** Length of a one-dimensional dataset, within least..most and not beyond what the file can hold. */
static ddpm_status read_length(const ddpm_h5 *file, const char *path, const char *name, int64_t least, int64_t most,
                               int64_t *out)
{
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_shape_of(file, name, &shape));
    if (shape.dims != 1 || shape.size[0] < least || shape.size[0] > most)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: expected one dimension of %lld to %lld, found %d, the first of %lld",
                         path, name, (long long)least, (long long)most, shape.dims,
                         shape.dims ? (long long)shape.size[0] : 0LL);
    *out = shape.size[0];
    return check_holds(path, *out, sizeof(int32_t));
}

static ddpm_status read_reals(const ddpm_h5 *file, const char *path, const char *name, int64_t count, double **out)
{
    DDPM_TRY(DDPM_NEW(out, count, name));
    DDPM_TRY(ddpm_h5_read(file, name, DDPM_H5_FLOAT64, 1, &count, *out));
    for (int64_t i = 0; i < count; i++)
        if (!isfinite((*out)[i]))
            return ddpm_fail(DDPM_ERR_DATA, "%s: %s: element %lld is not a finite number; use an older checkpoint",
                             path, name, (long long)i);
    return DDPM_OK;
}

static ddpm_status read_attributes(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    int64_t names = 0;
    DDPM_TRY(ddpm_h5_get_int(file, "/", "iteration", &c->iteration));
    DDPM_TRY(ddpm_h5_get_real(file, "/", "interval_loss", &c->interval.loss));
    DDPM_TRY(ddpm_h5_get_int(file, "/", "interval_count", &c->interval.count));
    if (ddpm_h5_has_attribute(file, "/", "recoveries"))
        DDPM_TRY(ddpm_h5_get_int(file, "/", "recoveries", &c->recoveries));
    DDPM_TRY(ddpm_h5_get_text(file, "/", "config", &c->config));
    DDPM_TRY(ddpm_h5_get_names(file, "/", "columns", &names, &c->column_names));
    if (c->iteration < 0 || c->recoveries < 0)
        return ddpm_fail(DDPM_ERR_DATA, "%s: its iteration is %lld, with %lld recoveries", path,
                         (long long)c->iteration, (long long)c->recoveries);
    if (c->column_names && names != c->columns)
        return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld column names for %lld columns", path, (long long)names,
                         (long long)c->columns);
    return DDPM_OK;
}

static ddpm_status read_condition(const ddpm_h5 *file, const char *path, ddpm_condition *c)
{
    int64_t names = 0;
    if (!ddpm_h5_has(file, "condition/classes")) return DDPM_OK;
    DDPM_TRY(read_length(file, path, "condition/classes", 1, DDPM_CHECKPOINT_COLUMNS_MAX, &c->count));
    DDPM_TRY(DDPM_NEW(&c->classes, c->count, "condition"));
    DDPM_TRY(ddpm_h5_read(file, "condition/classes", DDPM_H5_INT64, 1, &c->count, c->classes));
    DDPM_TRY(read_reals(file, path, "condition/mean", c->count, &c->mean));
    DDPM_TRY(read_reals(file, path, "condition/scale", c->count, &c->scale));
    DDPM_TRY(ddpm_h5_get_names(file, "/", "condition_names", &names, &c->names));
    for (int64_t v = 0; v < c->count; v++)
        if (names != c->count || c->classes[v] < 0 || c->classes[v] > DDPM_CLASSES_MAX || !(c->scale[v] > 0.0))
            return ddpm_fail(DDPM_ERR_DATA, "%s: its conditions do not fit each other; use an older checkpoint", path);
    return DDPM_OK;
}

/* Losses by t are finite, and counts are of losses. */
static ddpm_status read_history(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    const int64_t shape[2] = {c->steps, DDPM_TIMESTEPS_HISTORY};
    if (!ddpm_h5_has(file, "timesteps/history")) return DDPM_OK;
    DDPM_TRY(check_holds(path, shape[0] * shape[1], sizeof(float)));
    DDPM_TRY(DDPM_NEW(&c->history, shape[0] * shape[1], "history of losses"));
    DDPM_TRY(DDPM_NEW(&c->seen, c->steps, "history of losses"));
    DDPM_TRY(ddpm_h5_read(file, "timesteps/history", DDPM_H5_FLOAT32, 2, shape, c->history));
    DDPM_TRY(ddpm_h5_read(file, "timesteps/seen", DDPM_H5_INT32, 1, &c->steps, c->seen));
    for (int64_t i = 0; i < shape[0] * shape[1]; i++)
        if (!isfinite(c->history[i]) || c->seen[i / DDPM_TIMESTEPS_HISTORY] < 0 ||
            c->seen[i / DDPM_TIMESTEPS_HISTORY] >= DDPM_TIMESTEPS_SEEN)
            return ddpm_fail(DDPM_ERR_DATA,
                             "%s: timesteps: step %lld is not a history of losses; use an older checkpoint", path,
                             (long long)(i / DDPM_TIMESTEPS_HISTORY + 1));
    return DDPM_OK;
}

static ddpm_status read_header(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c)
{
    int64_t betas = 0, length = 0;
    DDPM_TRY(read_length(file, path, transform_names[0], 1, DDPM_CHECKPOINT_COLUMNS_MAX, &c->columns));
    for (int i = 1; i < TRANSFORMS; i++)
        DDPM_TRY(read_length(file, path, transform_names[i], c->columns, c->columns, &length));
    DDPM_TRY(read_length(file, path, "schedule/beta", 2, DDPM_CHECKPOINT_STEPS_MAX + 1, &betas));
    DDPM_TRY(read_length(file, path, "reduction/exponent", 1, DDPM_CHECKPOINT_EXPONENTS_MAX, &c->exponent_count));
    c->steps = betas - 1;
    DDPM_TRY(read_attributes(file, path, c));
    for (int i = 0; i < TRANSFORMS; i++)
        DDPM_TRY(read_reals(file, path, transform_names[i], c->columns, transform_at(c, i)));
    DDPM_TRY(read_reals(file, path, "schedule/beta", betas, &c->beta));
    DDPM_TRY(read_condition(file, path, &c->condition));
    DDPM_TRY(read_history(file, path, c));
    DDPM_TRY(DDPM_NEW(&c->exponent, c->exponent_count, "exponents"));
    return ddpm_h5_read(file, "reduction/exponent", DDPM_H5_INT32, 1, &c->exponent_count, c->exponent);
}

ddpm_status ddpm_checkpoint_read_header(const char *path, ddpm_checkpoint *out)
{
    ddpm_h5 *file = NULL;
    *out = (ddpm_checkpoint){0};
    DDPM_TRY(open_sound(path, &file));
    ddpm_status status = read_header(file, path, out);
    status = ddpm_h5_finish(&file, status);
    if (status != DDPM_OK) ddpm_checkpoint_release(out);
    return status;
}

static ddpm_status read_array(const ddpm_h5 *file, const char *path, int array, int64_t count,
                              const ddpm_tensor *tensors, float *flat)
{
    char name[DDPM_TENSOR_NAME + 16];
    for (int64_t i = 0; i < count; i++) {
        const ddpm_tensor *t = &tensors[i];
        const int64_t n = t->rows * t->cols;
        dataset_name(name, array, t);
        DDPM_TRY(ddpm_h5_read(file, name, DDPM_H5_FLOAT32, 2, (const int64_t[]){t->rows, t->cols}, flat + t->offset));
        for (int64_t k = 0; k < n; k++)
            if (!isfinite(flat[t->offset + k]))
                return ddpm_fail(DDPM_ERR_DATA, "%s: %s: element %lld is not a finite number; use an older checkpoint",
                                 path, name, (long long)k);
    }
    return DDPM_OK;
}

static ddpm_status read_arrays(const ddpm_h5 *file, const char *path, ddpm_checkpoint *c, int64_t count,
                               const ddpm_tensor *tensors, int arrays)
{
    int64_t iteration = 0;
    DDPM_TRY(ddpm_h5_get_int(file, "/", "iteration", &iteration));
    if (iteration != c->iteration)
        return ddpm_fail(DDPM_ERR_IO, "%s: changed from iteration %lld to %lld while it was read; try again", path,
                         (long long)c->iteration, (long long)iteration);
    if (c->exponent_count != count + 1)
        return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld exponents; its network of %lld tensors needs %lld", path,
                         (long long)c->exponent_count, (long long)count, (long long)count + 1);
    DDPM_TRY(check_holds(path, ARRAYS * c->parameter_count, sizeof(float)));
    for (int a = 0; a < arrays; a++) {
        DDPM_TRY(DDPM_NEW(array_at(c, a), c->parameter_count, array_names[a]));
        DDPM_TRY(read_array(file, path, a, count, tensors, *array_at(c, a)));
    }
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_read_arrays(const char *path, ddpm_checkpoint *checkpoint, int64_t count,
                                        const ddpm_tensor *tensors, int64_t parameter_count, int with_moments)
{
    ddpm_h5 *file = NULL;
    DDPM_TRY(open_sound(path, &file));
    checkpoint->parameter_count = parameter_count;
    ddpm_status status =
        read_arrays(file, path, checkpoint, count, tensors, with_moments ? ARRAYS : ARRAYS_WITHOUT_MOMENTS);
    status = ddpm_h5_finish(&file, status);
    for (int a = 0; a < ARRAYS && status != DDPM_OK; a++) {
        ddpm_release(*array_at(checkpoint, a));
        *array_at(checkpoint, a) = NULL;
    }
    return status;
}

void ddpm_checkpoint_release(ddpm_checkpoint *checkpoint)
{
    for (int a = 0; a < ARRAYS; a++) ddpm_release(*array_at(checkpoint, a));
    for (int i = 0; i < TRANSFORMS; i++) ddpm_release(*transform_at(checkpoint, i));
    ddpm_release(checkpoint->config);
    ddpm_release(checkpoint->column_names);
    ddpm_release(checkpoint->beta);
    ddpm_release(checkpoint->exponent);
    ddpm_release(checkpoint->history);
    ddpm_condition_release(&checkpoint->condition);
    ddpm_release(checkpoint->seen);
    *checkpoint = (ddpm_checkpoint){0};
}
