/* Writes, reads and shares a vocabulary, as flat arrays. */
#include "store/vocabulary_file.h"

#include "store/vocabulary_check.h"

/* ---- in files ---- */

static ddpm_status write_flat(ddpm_h5 *file, const ddpm_flat_vocabulary *f)
{
    const int64_t codes = ddpm_flat_total(f, DDPM_FLAT_CODES);
    for (int i = 0; i < DDPM_FLAT_COUNTS; i++)
        DDPM_TRY(ddpm_h5_write(file, ddpm_flat_counts[i].name, DDPM_H5_INT64, 1, &f->columns, f->count[i]));
    for (int i = 0; i < DDPM_FLAT_REALS; i++) {
        const int64_t size = ddpm_flat_reals(f, i);
        DDPM_TRY(ddpm_h5_write(file, ddpm_flat_real_names[i], DDPM_H5_FLOAT64, 1, &size, f->real[i]));
    }
    DDPM_TRY(ddpm_h5_write(file, ddpm_flat_code_name, DDPM_H5_INT64, 1, &codes, f->code));
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++)
        DDPM_TRY(ddpm_h5_write(file, ddpm_flat_text_names[i], DDPM_NUMBER_UINT8, 1, &f->text_bytes[i], f->text[i]));
    return ddpm_h5_put_int(file, "vocabulary", "array", f->is_array);
}

ddpm_status ddpm_vocabulary_write(ddpm_h5 *file, const ddpm_vocabulary *vocabulary)
{
    ddpm_flat_vocabulary f = {0};
    if (vocabulary->columns == 0) return DDPM_OK;
    ddpm_status status = ddpm_flat_make(vocabulary, &f);
    if (status == DDPM_OK) status = write_flat(file, &f);
    ddpm_flat_release(&f);
    return status;
}

/* A check of what was read failed: name the file. */
static ddpm_status refuse(const char *path, ddpm_status status)
{
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status, "%s: %s; use an older checkpoint", path, ddpm_error_message());
}

/* Check that the file can hold so many numbers before memory for them is allocated: they are not compressed. */
static ddpm_status check_holds(const ddpm_h5 *file, const char *path, int64_t numbers, int64_t bytes)
{
    int64_t size;
    DDPM_TRY(ddpm_h5_size(file, &size));
    if ((double)numbers * (double)sizeof(double) + (double)bytes <= (double)size) return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: the vocabulary claims %lld numbers and %lld bytes of texts, which a file of %lld bytes cannot hold", path,
        (long long)numbers, (long long)bytes, (long long)size);
}

/* Whether a file has texts of a kind. Those that files of before lack are empty, one for each column. */
static int has_texts(const ddpm_h5 *file, int which)
{
    return which != DDPM_FLAT_YOUNG_TEXT || ddpm_h5_has(file, ddpm_flat_text_names[which]);
}

static ddpm_status read_text_bytes(const ddpm_h5 *file, const char *path, int which, int64_t *bytes)
{
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_shape_of(file, ddpm_flat_text_names[which], &shape));
    if (shape.dims != 1)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: expected one dimension, found %d", path, ddpm_flat_text_names[which],
                         shape.dims);
    *bytes = shape.size[0];
    return DDPM_OK;
}

static ddpm_status read_counts(const ddpm_h5 *file, const char *path, int64_t columns, ddpm_flat_vocabulary *f)
{
    *f = (ddpm_flat_vocabulary){.columns = columns};
    DDPM_TRY(ddpm_h5_get_int(file, "vocabulary", "array", &f->is_array));
    DDPM_TRY(check_holds(file, path, DDPM_FLAT_COUNTS * columns, 0));
    DDPM_TRY(ddpm_flat_allocate_counts(f));
    for (int i = 0; i < DDPM_FLAT_COUNTS; i++)
        if (i < DDPM_FLAT_FIRST_YOUNG || ddpm_h5_has(file, ddpm_flat_counts[i].name))
            DDPM_TRY(ddpm_h5_read(file, ddpm_flat_counts[i].name, DDPM_H5_INT64, 1, &columns, f->count[i]));
    return refuse(path, ddpm_flat_check_counts(f, columns));
}

static ddpm_status read_values(const ddpm_h5 *file, const char *path, ddpm_flat_vocabulary *f)
{
    const int64_t codes = ddpm_flat_total(f, DDPM_FLAT_CODES);
    int64_t numbers = codes, bytes = 0;
    for (int i = 0; i < DDPM_FLAT_REALS; i++) numbers += ddpm_flat_reals(f, i);
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) {
        f->text_bytes[i] = f->columns;
        if (has_texts(file, i)) DDPM_TRY(read_text_bytes(file, path, i, &f->text_bytes[i]));
        bytes += f->text_bytes[i];
    }
    DDPM_TRY(check_holds(file, path, numbers, bytes));
    DDPM_TRY(ddpm_flat_allocate_values(f));
    for (int i = 0; i < DDPM_FLAT_REALS; i++) {
        const int64_t size = ddpm_flat_reals(f, i);
        if (i >= DDPM_FLAT_FIRST_YOUNG_REAL && size == 0) continue;
        DDPM_TRY(ddpm_h5_read(file, ddpm_flat_real_names[i], DDPM_H5_FLOAT64, 1, &size, f->real[i]));
    }
    DDPM_TRY(ddpm_h5_read(file, ddpm_flat_code_name, DDPM_H5_INT64, 1, &codes, f->code));
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++)
        if (has_texts(file, i))
            DDPM_TRY(ddpm_h5_read(file, ddpm_flat_text_names[i], DDPM_NUMBER_UINT8, 1, &f->text_bytes[i], f->text[i]));
    return refuse(path, ddpm_flat_check_values(f));
}

ddpm_status ddpm_vocabulary_read(const ddpm_h5 *file, const char *path, int64_t columns, ddpm_vocabulary *out)
{
    ddpm_flat_vocabulary f = {0};
    *out = (ddpm_vocabulary){0};
    if (!ddpm_h5_has(file, "vocabulary")) return DDPM_OK;
    ddpm_status status = read_counts(file, path, columns, &f);
    if (status == DDPM_OK) status = read_values(file, path, &f);
    if (status == DDPM_OK) status = ddpm_flat_build(&f, out);
    if (status != DDPM_OK) ddpm_vocabulary_release(out);
    ddpm_flat_release(&f);
    return status;
}

/* ---- from rank to rank ---- */

/* Collective. */
static ddpm_status share_flat(ddpm_comm *comm, int gives, ddpm_flat_vocabulary *f)
{
    ddpm_comm_broadcast(comm, &f->columns, sizeof f->columns);
    ddpm_comm_broadcast(comm, &f->is_array, sizeof f->is_array);
    ddpm_comm_broadcast(comm, f->text_bytes, sizeof f->text_bytes);
    DDPM_TRY(ddpm_agree(comm, gives ? DDPM_OK : ddpm_flat_allocate_counts(f)));
    ddpm_comm_broadcast(comm, f->count[0], (size_t)(DDPM_FLAT_COUNTS * f->columns) * sizeof *f->count[0]);
    DDPM_TRY(ddpm_agree(comm, gives ? DDPM_OK : ddpm_flat_allocate_values(f)));
    for (int i = 0; i < DDPM_FLAT_REALS; i++)
        ddpm_comm_broadcast(comm, f->real[i], (size_t)ddpm_flat_reals(f, i) * sizeof *f->real[i]);
    ddpm_comm_broadcast(comm, f->code, (size_t)ddpm_flat_total(f, DDPM_FLAT_CODES) * sizeof *f->code);
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) ddpm_comm_broadcast(comm, f->text[i], (size_t)f->text_bytes[i]);
    return DDPM_OK;
}

ddpm_status ddpm_vocabulary_share(ddpm_comm *comm, ddpm_vocabulary *vocabulary)
{
    const int gives = ddpm_comm_rank(comm) == 0;
    int64_t columns = gives ? vocabulary->columns : 0;
    ddpm_flat_vocabulary f = {0};
    if (!gives) *vocabulary = (ddpm_vocabulary){0};
    ddpm_comm_broadcast(comm, &columns, sizeof columns);
    if (columns == 0) return DDPM_OK;
    ddpm_status status = DDPM_ON_RANK_0(comm, ddpm_flat_make(vocabulary, &f));
    if (status == DDPM_OK) status = share_flat(comm, gives, &f);
    if (status == DDPM_OK) status = ddpm_agree(comm, gives ? DDPM_OK : ddpm_flat_build(&f, vocabulary));
    ddpm_flat_release(&f);
    return status;
}
