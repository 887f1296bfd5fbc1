/* Attributes: one number, one text, or a list of names. */
#include "file/h5_handle.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { TITLE_BYTES = 256 };

/** How a message names an attribute. */
static const char *title(const char *object, const char *name, char out[TITLE_BYTES])
{
    snprintf(out, TITLE_BYTES, "attribute '%s' of %s", name, object);
    return out;
}

static ddpm_status fail_read(const ddpm_h5 *file, const char *object, const char *name, const char *what)
{
    char text[TITLE_BYTES];
    return ddpm_h5_fail(DDPM_ERR_DATA, file, title(object, name, text), what);
}

/* ---- writing ---- */

static ddpm_status put(ddpm_h5 *file, const char *object, const char *name, hid_t file_type, hid_t memory_type,
                       hid_t space, const void *value)
{
    const hid_t id =
        file_type < 0 || memory_type < 0 || space < 0
            ? H5I_INVALID_HID
            : H5Acreate_by_name(file->id, object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT, file->link_access);
    char text[TITLE_BYTES];
    ddpm_status status = DDPM_OK;
    if (id < 0 || H5Awrite(id, memory_type, value) < 0)
        status = ddpm_h5_fail(DDPM_ERR_IO, file, title(object, name, text), "could not be written");
    if (id >= 0) (void)H5Aclose(id);
    return status;
}

static ddpm_status put_scalar(ddpm_h5 *file, const char *object, const char *name, hid_t file_type, hid_t memory_type,
                              const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const ddpm_status status = put(file, object, name, file_type, memory_type, space, value);
    if (space >= 0) (void)H5Sclose(space);
    return status;
}

hid_t ddpm_h5_text_type(size_t bytes)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, bytes) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0 &&
        H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0)
        return type;
    if (type >= 0) (void)H5Tclose(type);
    return H5I_INVALID_HID;
}

ddpm_status ddpm_h5_put_text(ddpm_h5 *file, const char *object, const char *name, const char *text)
{
    const size_t bytes = strlen(text);
    if (bytes > DDPM_H5_TEXT_BYTES)
        return ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: a text of %zu bytes; at most %d are written",
                         file->path, name, object, bytes, DDPM_H5_TEXT_BYTES);
    const hid_t type = ddpm_h5_text_type(bytes ? bytes : 1);
    const ddpm_status status = put_scalar(file, object, name, type, type, text);
    if (type >= 0) (void)H5Tclose(type);
    return status;
}

ddpm_status ddpm_h5_put_int(ddpm_h5 *file, const char *object, const char *name, int64_t value)
{
    return put_scalar(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

ddpm_status ddpm_h5_put_real(ddpm_h5 *file, const char *object, const char *name, double value)
{
    return put_scalar(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

ddpm_status ddpm_h5_put_names(ddpm_h5 *file, const char *object, const char *name, int64_t count,
                              const char *const *names)
{
    char *table = NULL;
    size_t width = 1;
    const hsize_t extent = (hsize_t)count;
    for (int64_t i = 0; i < count; i++)
        if (strlen(names[i]) > width) width = strlen(names[i]);
    DDPM_TRY(ddpm_allocate(&table, count, width, "names"));
    for (int64_t i = 0; i < count; i++) memcpy(table + (size_t)i * width, names[i], strlen(names[i]));
    const hid_t type = ddpm_h5_text_type(width), space = H5Screate_simple(1, &extent, NULL);
    const ddpm_status status = put(file, object, name, type, type, space, table);
    if (type >= 0) (void)H5Tclose(type);
    if (space >= 0) (void)H5Sclose(space);
    ddpm_release(table);
    return status;
}

/* ---- reading ---- */

/** An open attribute, with what is needed to read it. */
typedef struct attribute {
    hid_t id, type;
    H5T_class_t class;
    int64_t count;  /* elements */
    hsize_t stored; /* bytes in the file */
} attribute;

static void close_attribute(attribute *a)
{
    if (a->type >= 0) (void)H5Tclose(a->type);
    if (a->id >= 0) (void)H5Aclose(a->id);
}

/** Open, and check that the file is large enough for what the attribute claims to hold, before memory is allocated. */
static ddpm_status open_attribute(const ddpm_h5 *file, const char *object, const char *name, attribute *a)
{
    hsize_t file_bytes = 0;
    *a = (attribute){.id = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    if (H5Aexists_by_name(file->id, object, name, file->link_access) == 0)
        return ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s is missing", file->path, name, object);
    a->id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, file->link_access);
    if (a->id < 0) return fail_read(file, object, name, "could not be opened");
    a->type = H5Aget_type(a->id);
    a->class = H5Tget_class(a->type);
    a->stored = H5Aget_storage_size(a->id);
    const hid_t space = H5Aget_space(a->id);
    a->count = H5Sget_simple_extent_npoints(space);
    if (space >= 0) (void)H5Sclose(space);
    ddpm_status status = DDPM_OK;
    if (a->type < 0 || a->count < 0 || H5Fget_filesize(file->id, &file_bytes) < 0)
        status = fail_read(file, object, name, "could not be examined");
    else if (a->stored > file_bytes)
        status = fail_read(file, object, name, "claims to be larger than the file");
    if (status != DDPM_OK) close_attribute(a);
    return status;
}

int ddpm_h5_has_attribute(const ddpm_h5 *file, const char *object, const char *name)
{
    DDPM_H5_READING(file->path);
    const int found = H5Aexists_by_name(file->id, object, name, file->link_access) > 0;
    *file->outside = '\0';
    return found;
}

static ddpm_status get_number(const ddpm_h5 *file, const char *object, const char *name, int real_allowed,
                              hid_t memory_type, void *value)
{
    DDPM_H5_READING(file->path);
    attribute a;
    DDPM_TRY(open_attribute(file, object, name, &a));
    ddpm_status status = DDPM_OK;
    if (a.count != 1 || (a.class != H5T_INTEGER && !(real_allowed && a.class == H5T_FLOAT)))
        status = ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: expected one %s", file->path, name, object,
                           real_allowed ? "number" : "integer");
    else if (H5Aread(a.id, memory_type, value) < 0)
        status = fail_read(file, object, name, "could not be read");
    close_attribute(&a);
    return status;
}

ddpm_status ddpm_h5_get_int(const ddpm_h5 *file, const char *object, const char *name, int64_t *value)
{
    return get_number(file, object, name, 0, H5T_NATIVE_INT64, value);
}

ddpm_status ddpm_h5_get_real(const ddpm_h5 *file, const char *object, const char *name, double *value)
{
    return get_number(file, object, name, 1, H5T_NATIVE_DOUBLE, value);
}

ddpm_status ddpm_h5_get_reals(const ddpm_h5 *file, const char *object, const char *name, int most, double *values,
                              int *count)
{
    DDPM_H5_READING(file->path);
    attribute a;
    *count = 0;
    DDPM_TRY(open_attribute(file, object, name, &a));
    ddpm_status status = DDPM_OK;
    if (a.count > most || (a.class != H5T_INTEGER && a.class != H5T_FLOAT))
        status = ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: expected at most %d numbers", file->path, name,
                           object, most);
    else if (H5Aread(a.id, H5T_NATIVE_DOUBLE, values) < 0)
        status = fail_read(file, object, name, "could not be read");
    else
        *count = (int)a.count;
    close_attribute(&a);
    return status;
}

/** One block of memory: [count] pointers, then the texts, each ended by a zero byte. */
static ddpm_status copy_texts(int64_t count, size_t width, const char *table, char *const *pointers, char ***out)
{
    size_t bytes = (size_t)count * (sizeof(char *) + 1);
    for (int64_t i = 0; i < count; i++) bytes += pointers ? (pointers[i] ? strlen(pointers[i]) : 0) : width;
    DDPM_TRY(ddpm_allocate(out, (int64_t)bytes, 1, "texts"));
    char *at = (char *)(*out + count);
    for (int64_t i = 0; i < count; i++) {
        const char *from = pointers ? pointers[i] : table + (size_t)i * width;
        const size_t length = !from ? 0 : pointers ? strlen(from) : strnlen(from, width);
        if (length) memcpy(at, from, length);
        (*out)[i] = at;
        at += length + 1; /* the block is zeroed */
    }
    return DDPM_OK;
}

static ddpm_status read_fixed(const ddpm_h5 *file, const char *object, const char *name, const attribute *a,
                              char ***out)
{
    char *table = NULL;
    const size_t width = H5Tget_size(a->type);
    const hid_t type = ddpm_h5_text_type(width ? width : 1);
    ddpm_status status = ddpm_allocate(&table, a->count, width, "texts");
    if (status == DDPM_OK &&
        (type < 0 || H5Tset_cset(type, H5Tget_cset(a->type)) < 0 || H5Aread(a->id, type, table) < 0))
        status = fail_read(file, object, name, "could not be read");
    if (status == DDPM_OK) status = copy_texts(a->count, width, table, NULL, out);
    if (type >= 0) (void)H5Tclose(type);
    ddpm_release(table);
    return status;
}

/** A conversion that leaves everything as it is. */
static herr_t leave(hid_t from, hid_t to, H5T_cdata_t *about, size_t count, size_t stride, size_t background_stride,
                    void *buffer, void *background, hid_t transfer)
{
    (void)from, (void)to, (void)about, (void)count, (void)stride, (void)background_stride, (void)buffer;
    (void)background, (void)transfer;
    return 0;
}

/** Add up the lengths of texts of variable length before HDF5 allocates memory for them: many texts may lie in the same
 * place of a small file. In the file, each text is a reference that begins with its length (4 bytes, little-endian);
 * HDF5 hands the references over when they are read as opaque bytes, for which it needs a conversion. */
static ddpm_status check_lengths(const ddpm_h5 *file, const char *object, const char *name, const attribute *a)
{
    unsigned char *references = NULL;
    const size_t width = a->count ? (size_t)a->stored / (size_t)a->count : 0;
    uint64_t bytes = 0;
    if (a->count == 0) return DDPM_OK;
    if (width < sizeof(uint32_t)) return fail_read(file, object, name, "could not be examined");
    DDPM_TRY(ddpm_allocate(&references, a->count, width, "texts"));
    const hid_t opaque = H5Tcreate(H5T_OPAQUE, width);
    const int known = opaque >= 0 && H5Tregister(H5T_PERS_SOFT, "ddpm", a->type, opaque, leave) >= 0;
    ddpm_status status = DDPM_OK;
    if (!known || H5Aread(a->id, opaque, references) < 0)
        status = fail_read(file, object, name, "could not be examined");
    for (int64_t i = 0; i < a->count && status == DDPM_OK; i++)
        for (size_t byte = 0; byte < sizeof(uint32_t); byte++)
            bytes += (uint64_t)references[(size_t)i * width + byte] << (8 * byte);
    if (status == DDPM_OK && bytes > DDPM_H5_TEXT_BYTES)
        status =
            ddpm_fail(DDPM_ERR_DATA,
                      "%s: attribute '%s' of %s: %lld texts of %llu bytes in all; at most %d are read; shorten "
                      "them",
                      file->path, name, object, (long long)a->count, (unsigned long long)bytes, DDPM_H5_TEXT_BYTES);
    if (known) (void)H5Tunregister(H5T_PERS_SOFT, "ddpm", a->type, opaque, leave);
    if (opaque >= 0) (void)H5Tclose(opaque);
    ddpm_release(references);
    return status;
}

static ddpm_status read_variable(const ddpm_h5 *file, const char *object, const char *name, const attribute *a,
                                 char ***out)
{
    char **pointers = NULL;
    DDPM_TRY(check_lengths(file, object, name, a));
    const hid_t type = H5Tcopy(a->type), space = H5Aget_space(a->id);
    ddpm_status status = DDPM_NEW(&pointers, a->count, "texts");
    if (status == DDPM_OK && (type < 0 || space < 0 || H5Aread(a->id, type, pointers) < 0))
        status = fail_read(file, object, name, "could not be read");
    if (status == DDPM_OK) {
        status = copy_texts(a->count, 0, NULL, pointers, out);
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers);
    }
    if (type >= 0) (void)H5Tclose(type);
    if (space >= 0) (void)H5Sclose(space);
    ddpm_release(pointers);
    return status;
}

static ddpm_status get_texts(const ddpm_h5 *file, const char *object, const char *name, int64_t *count, char ***out)
{
    DDPM_H5_READING(file->path);
    attribute a;
    DDPM_TRY(open_attribute(file, object, name, &a));
    ddpm_status status;
    if (a.class != H5T_STRING)
        status = ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: expected text", file->path, name, object);
    else if (H5Tis_variable_str(a.type) > 0)
        status = read_variable(file, object, name, &a, out);
    else
        status = read_fixed(file, object, name, &a, out);
    *count = a.count;
    close_attribute(&a);
    return status;
}

ddpm_status ddpm_h5_get_text(const ddpm_h5 *file, const char *object, const char *name, char **text)
{
    char **texts = NULL;
    int64_t count = 0;
    *text = NULL;
    DDPM_TRY(get_texts(file, object, name, &count, &texts));
    ddpm_status status = DDPM_OK;
    const size_t bytes = count == 1 ? strlen(texts[0]) : 0;
    if (count != 1)
        status = ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: expected one text, found %lld", file->path, name,
                           object, (long long)count);
    else if (bytes > DDPM_H5_TEXT_BYTES)
        status = ddpm_fail(DDPM_ERR_DATA, "%s: attribute '%s' of %s: a text of %zu bytes; at most %d are read",
                           file->path, name, object, bytes, DDPM_H5_TEXT_BYTES);
    if (status == DDPM_OK) status = ddpm_allocate(text, (int64_t)bytes + 1, 1, "a text");
    if (status == DDPM_OK) memcpy(*text, texts[0], bytes);
    ddpm_release(texts);
    return status;
}

ddpm_status ddpm_h5_get_names(const ddpm_h5 *file, const char *object, const char *name, int64_t *count, char ***names)
{
    *names = NULL;
    *count = 0;
    if (!ddpm_h5_has_attribute(file, object, name)) return DDPM_OK;
    return get_texts(file, object, name, count, names);
}
