/* Opens, reads and writes datasets. */
#include "file/h5_handle.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK_BYTES = 1 << 20,
    CACHE_MOST = 256 << 20,
};

hid_t ddpm_h5_file_type(ddpm_h5_type type)
{
    const hid_t types[DDPM_NUMBERS] = {
        [DDPM_NUMBER_FLOAT32] = H5T_IEEE_F32LE, [DDPM_NUMBER_FLOAT64] = H5T_IEEE_F64LE,
        [DDPM_NUMBER_INT8] = H5T_STD_I8LE,      [DDPM_NUMBER_INT16] = H5T_STD_I16LE,
        [DDPM_NUMBER_INT32] = H5T_STD_I32LE,    [DDPM_NUMBER_INT64] = H5T_STD_I64LE,
        [DDPM_NUMBER_UINT8] = H5T_STD_U8LE,     [DDPM_NUMBER_UINT16] = H5T_STD_U16LE,
        [DDPM_NUMBER_UINT32] = H5T_STD_U32LE,   [DDPM_NUMBER_UINT64] = H5T_STD_U64LE,
    };
    return types[type];
}

hid_t ddpm_h5_memory_type(ddpm_h5_type type)
{
    const hid_t types[DDPM_NUMBERS] = {
        [DDPM_NUMBER_FLOAT32] = H5T_NATIVE_FLOAT, [DDPM_NUMBER_FLOAT64] = H5T_NATIVE_DOUBLE,
        [DDPM_NUMBER_INT8] = H5T_NATIVE_INT8,     [DDPM_NUMBER_INT16] = H5T_NATIVE_INT16,
        [DDPM_NUMBER_INT32] = H5T_NATIVE_INT32,   [DDPM_NUMBER_INT64] = H5T_NATIVE_INT64,
        [DDPM_NUMBER_UINT8] = H5T_NATIVE_UINT8,   [DDPM_NUMBER_UINT16] = H5T_NATIVE_UINT16,
        [DDPM_NUMBER_UINT32] = H5T_NATIVE_UINT32, [DDPM_NUMBER_UINT64] = H5T_NATIVE_UINT64,
    };
    return types[type];
}

ddpm_status ddpm_h5_dataset_open(const ddpm_h5 *file, const char *name, hid_t *id, ddpm_h5_shape *shape)
{
    if (!name || !*name) return ddpm_fail(DDPM_ERR_DATA, "%s: the name of the dataset is empty", file->path);
    *id = H5Dopen2(file->id, name, file->dataset_access);
    if (*id < 0 && !*file->outside && !ddpm_h5_error_number()) return ddpm_h5_missing(file, name);
    if (*id < 0) return ddpm_h5_fail(DDPM_ERR_DATA, file, name, "could not be opened");
    const ddpm_status status = ddpm_h5_dataset_describe(file, name, *id, shape);
    if (status != DDPM_OK) (void)H5Dclose(*id);
    return status;
}

static ddpm_status check_number(const ddpm_h5 *file, const char *name, const ddpm_h5_shape *shape)
{
    return shape->is_number
               ? DDPM_OK
               : ddpm_fail(DDPM_ERR_DATA, "%s: %s: does not hold numbers; integers and floating-point numbers are read",
                           file->path, name);
}

ddpm_status ddpm_h5_shape_of(const ddpm_h5 *file, const char *name, ddpm_h5_shape *out)
{
    DDPM_H5_READING(file->path);
    hid_t id;
    DDPM_TRY(ddpm_h5_dataset_open(file, name, &id, out));
    (void)H5Dclose(id);
    return DDPM_OK;
}

int ddpm_h5_fill_value(const ddpm_h5 *file, const char *dataset, double *value)
{
    DDPM_H5_READING(file->path);
    ddpm_h5_shape shape;
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    hid_t id;
    if (ddpm_h5_dataset_open(file, dataset, &id, &shape) != DDPM_OK) return 0;
    const hid_t creation = H5Dget_create_plist(id);
    const int found = creation >= 0 && shape.is_number && H5Pfill_value_defined(creation, &defined) >= 0 &&
                      defined == H5D_FILL_VALUE_USER_DEFINED &&
                      H5Pget_fill_value(creation, H5T_NATIVE_DOUBLE, value) >= 0;
    if (creation >= 0) (void)H5Pclose(creation);
    (void)H5Dclose(id);
    return found;
}

/* ---- reading ---- */

ddpm_status ddpm_h5_read(const ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims, const int64_t *size,
                         void *data)
{
    DDPM_H5_READING(file->path);
    char expected[DDPM_H5_MAX_DIMS * 24], found[DDPM_H5_MAX_DIMS * 24];
    ddpm_h5_shape shape;
    hid_t id;
    DDPM_TRY(ddpm_h5_dataset_open(file, name, &id, &shape));
    ddpm_status status = check_number(file, name, &shape);
    if (status == DDPM_OK && (shape.dims != dims || (dims && memcmp(shape.size, size, (size_t)dims * sizeof *size))))
        status = ddpm_fail(DDPM_ERR_DATA, "%s: %s: has the shape %s; expected %s", file->path, name,
                           ddpm_h5_shape_text(shape.dims, shape.size, found, sizeof found),
                           ddpm_h5_shape_text(dims, size, expected, sizeof expected));
    if (status == DDPM_OK && H5Dread(id, ddpm_h5_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status = ddpm_h5_fail(DDPM_ERR_DATA, file, name, "could not be read");
    (void)H5Dclose(id);
    return status;
}

void ddpm_h5_forget(ddpm_h5_kept *kept)
{
    if (kept->name) (void)H5Dclose(kept->id);
    ddpm_release(kept->name);
    kept->name = NULL;
}

/** The bytes of the decoded chunks that a row lies in. 0: no filter encodes them, so that rows are read alone. */
static double bytes_to_decode(hid_t id, const ddpm_h5_shape *shape)
{
    hsize_t chunk[DDPM_H5_MAX_DIMS];
    const hid_t creation = H5Dget_create_plist(id), type = H5Dget_type(id);
    double bytes = 0.0;
    if (creation >= 0 && type >= 0 && H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_nfilters(creation) > 0 &&
        H5Pget_chunk(creation, DDPM_H5_MAX_DIMS, chunk) == shape->dims) {
        bytes = (double)H5Tget_size(type) * (double)chunk[0];
        for (int i = 1; i < shape->dims; i++)
            bytes *= (double)chunk[i] * (double)ddpm_pieces(shape->size[i], (int64_t)chunk[i]);
    }
    if (creation >= 0) (void)H5Pclose(creation);
    if (type >= 0) (void)H5Tclose(type);
    return bytes;
}

/** "ROWSxCOLUMNS" of chunks of whole rows of about CHUNK_BYTES of doubles, as h5repack takes it. */
static const char *chunk_of_rows(const ddpm_h5_shape *shape, char *out, size_t bytes)
{
    int64_t row = sizeof(double);
    for (int i = 1; i < shape->dims; i++) row *= shape->size[i];
    const int64_t rows = ddpm_smaller(shape->size[0], ddpm_larger(1, CHUNK_BYTES / row));
    size_t used = (size_t)snprintf(out, bytes, "%lld", (long long)rows);
    for (int i = 1; i < shape->dims && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "x%lld", (long long)shape->size[i]);
    return out;
}

/** HDF5 decodes a chunk that its cache does not hold for every read of some of its rows: make the cache as large as the
 * chunks of a row, up to CACHE_MOST bytes, since every rank has one. */
static ddpm_status widen_cache(const ddpm_h5 *file, ddpm_h5_kept *kept, const char *name)
{
    const double bytes = bytes_to_decode(kept->id, &kept->shape);
    if (bytes <= DDPM_H5_CACHE_BYTES) return DDPM_OK;
    if (bytes > CACHE_MOST) {
        char chunk[160];
        ddpm_log_warning(
            "%s: %s: rows lie in compressed chunks of %.0f MiB, of which at most %d are kept in memory, so "
            "that each read decompresses them anew; smaller chunks of whole rows are read faster: "
            "h5repack -l '%s:CHUNK=%s' %s NEW.h5",
            file->path, name, bytes / (1 << 20), CACHE_MOST >> 20, name,
            chunk_of_rows(&kept->shape, chunk, sizeof chunk), file->path);
        return DDPM_OK;
    }
    const hid_t access = H5Pcopy(file->dataset_access);
    (void)H5Dclose(kept->id); /* the size counts when the dataset is opened first */
    kept->id = access < 0 || ddpm_h5_set_chunk_cache(access, DDPM_H5_CACHE_SLOTS, (size_t)bytes) < 0
                   ? H5I_INVALID_HID
                   : H5Dopen2(file->id, name, access);
    const ddpm_status status =
        kept->id < 0 ? ddpm_h5_fail(DDPM_ERR_DATA, file, name, "could not be opened again") : DDPM_OK;
    if (access >= 0) (void)H5Pclose(access);
    return status;
}

/** Open a dataset, or find it among those that are kept. */
static ddpm_status keep(ddpm_h5 *file, const char *name, ddpm_h5_kept **out)
{
    const int64_t bytes = name ? (int64_t)strlen(name) + 1 : 0;
    for (int i = 0; i < DDPM_H5_KEPT && bytes; i++) {
        *out = &file->kept[i];
        if ((*out)->name && !strcmp((*out)->name, name)) return DDPM_OK;
    }
    ddpm_h5_kept *kept = *out = &file->kept[file->next_kept];
    file->next_kept = (file->next_kept + 1) % DDPM_H5_KEPT;
    ddpm_h5_forget(kept);
    DDPM_TRY(ddpm_h5_dataset_open(file, name, &kept->id, &kept->shape));
    ddpm_status status = widen_cache(file, kept, name);
    if (status == DDPM_OK) status = DDPM_NEW(&kept->name, bytes, "a name");
    if (status == DDPM_OK)
        memcpy(kept->name, name, (size_t)bytes);
    else if (kept->id >= 0)
        (void)H5Dclose(kept->id);
    return status;
}

ddpm_status ddpm_h5_read_rows(ddpm_h5 *file, const char *name, int64_t first, int64_t count, float *rows)
{
    return ddpm_h5_read_rows_as(file, name, DDPM_H5_FLOAT32, first, count, rows);
}

ddpm_status ddpm_h5_read_rows_as(ddpm_h5 *file, const char *name, ddpm_h5_type type, int64_t first, int64_t count,
                                 void *rows)
{
    DDPM_H5_READING(file->path);
    hsize_t start[DDPM_H5_MAX_DIMS] = {0}, edge[DDPM_H5_MAX_DIMS], total = (hsize_t)count;
    ddpm_h5_kept *kept;
    DDPM_TRY(keep(file, name, &kept));
    const ddpm_h5_shape *shape = &kept->shape;
    if (!shape->is_enumeration) DDPM_TRY(check_number(file, name, shape));
    if (shape->dims == 0)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: is a single number; rows were expected", file->path, name);
    if (first < 0 || count < 0 || count > shape->size[0] || first > shape->size[0] - count)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: has %lld rows; %lld from row %lld on were asked for", file->path, name,
                         (long long)shape->size[0], (long long)count, (long long)first);
    for (int i = 1; i < shape->dims; i++) total *= edge[i] = (hsize_t)shape->size[i];
    if (total == 0) return DDPM_OK;
    start[0] = (hsize_t)first;
    edge[0] = (hsize_t)count;

    const hid_t in_file = H5Dget_space(kept->id), in_memory = H5Screate_simple(1, &total, NULL);
    ddpm_status status = DDPM_OK;
    if (in_file < 0 || in_memory < 0 || H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, NULL, edge, NULL) < 0 ||
        H5Dread(kept->id, ddpm_h5_memory_type(type), in_memory, in_file, H5P_DEFAULT, rows) < 0)
        status = ddpm_h5_fail(DDPM_ERR_DATA, file, name, "rows could not be read");
    if (in_file >= 0) (void)H5Sclose(in_file);
    if (in_memory >= 0) (void)H5Sclose(in_memory);
    return status;
}

/* ---- writing ---- */

/** Make the groups in a name. (HDF5 can make them itself, but with the time of their creation.) */
static ddpm_status make_groups(ddpm_h5 *file, const char *name)
{
    char part[512];
    const size_t length = strlen(name);
    if (!length || length >= sizeof part || name[length - 1] == '/')
        return ddpm_fail(DDPM_ERR_INTERNAL, "%s: '%.80s' is not a name for a dataset", file->path, name);
    const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    int failed = creation < 0 || H5Pset_obj_track_times(creation, 0) < 0;
    for (size_t end = 1; end < length && !failed; end++) {
        if (name[end] != '/' || name[end - 1] == '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)end, name);
        if (H5Lexists(file->id, part, file->link_access) > 0) continue;
        const hid_t group = H5Gcreate2(file->id, part, H5P_DEFAULT, creation, H5P_DEFAULT);
        failed = group < 0 || H5Gclose(group) < 0;
    }
    const ddpm_status status = failed ? ddpm_h5_fail(DDPM_ERR_IO, file, name, "its group could not be made") : DDPM_OK;
    if (creation >= 0) (void)H5Pclose(creation);
    return status;
}

/** Chunks of whole rows, where a row fits in CHUNK_BYTES, and of equal size, so that there is little padding. */
static void chunk_shape(int dims, const int64_t *size, int64_t bytes, hsize_t *chunk)
{
    for (int i = dims - 1; i >= 0; i--) {
        const int64_t fit = ddpm_larger(1, CHUNK_BYTES / bytes);
        const int64_t edge = ddpm_pieces(size[i], ddpm_pieces(size[i], fit));
        chunk[i] = (hsize_t)edge;
        bytes *= edge;
    }
}

/** Make a dataset: chunked with checksums, or else contiguous and with its space in the file.
 *  @param type  of an element in the file. */
static ddpm_status make_dataset(ddpm_h5 *file, const char *name, hid_t type, int dims, const int64_t *size, int chunked,
                                hid_t *out)
{
    hsize_t extent[DDPM_H5_MAX_DIMS], chunk[DDPM_H5_MAX_DIMS];
    DDPM_TRY(make_groups(file, name));
    for (int i = 0; i < dims; i++) extent[i] = (hsize_t)size[i];
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = dims ? H5Screate_simple(dims, extent, NULL) : H5Screate(H5S_SCALAR);
    int failed = creation < 0 || space < 0 || H5Pset_obj_track_times(creation, 0) < 0;
    if (!failed && chunked) {
        chunk_shape(dims, size, (int64_t)H5Tget_size(type), chunk);
        failed = H5Pset_chunk(creation, dims, chunk) < 0 || H5Pset_fletcher32(creation) < 0;
    } else if (!failed) {
        failed = H5Pset_layout(creation, H5D_CONTIGUOUS) < 0 || H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0 ||
                 H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0;
    }
    *out = failed ? H5I_INVALID_HID : H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const ddpm_status status = *out < 0 ? ddpm_h5_fail(DDPM_ERR_IO, file, name, "could not be made") : DDPM_OK;
    if (creation >= 0) (void)H5Pclose(creation);
    if (space >= 0) (void)H5Sclose(space);
    return status;
}

ddpm_status ddpm_h5_write(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims, const int64_t *size,
                          const void *data)
{
    hid_t id;
    int empty = 0;
    for (int i = 0; i < dims; i++) empty |= size[i] == 0;
    DDPM_TRY(make_dataset(file, name, ddpm_h5_file_type(type), dims, size, dims && !empty, &id));
    ddpm_status status = DDPM_OK;
    if (!empty && H5Dwrite(id, ddpm_h5_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status = ddpm_h5_fail(DDPM_ERR_IO, file, name, "could not be written");
    if (H5Dclose(id) < 0 && status == DDPM_OK) status = ddpm_h5_fail(DDPM_ERR_IO, file, name, "could not be written");
    return status;
}

static ddpm_status declare(ddpm_h5 *file, const char *name, hid_t type, int dims, const int64_t *size)
{
    hid_t id;
    DDPM_TRY(make_dataset(file, name, type, dims, size, 0, &id));
    return H5Dclose(id) < 0 ? ddpm_h5_fail(DDPM_ERR_IO, file, name, "could not be made") : DDPM_OK;
}

ddpm_status ddpm_h5_declare(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims, const int64_t *size)
{
    return declare(file, name, ddpm_h5_file_type(type), dims, size);
}

/** An enumeration. Negative: HDF5 refuses it, as one whose names are not all different. */
static hid_t names_type(ddpm_h5_type type, int64_t count, const char *const *names, const int64_t *codes)
{
    int64_t code[1];
    const hid_t out = H5Tenum_create(ddpm_h5_file_type(type));
    int failed = out < 0;
    for (int64_t i = 0; i < count && !failed; i++) {
        const hid_t from = type == DDPM_NUMBER_UINT64 ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
        memcpy(code, &codes[i], sizeof code);
        failed = H5Tconvert(from, ddpm_h5_file_type(type), 1, code, NULL, H5P_DEFAULT) < 0 ||
                 H5Tenum_insert(out, names[i], code) < 0;
    }
    if (!failed) return out;
    if (out >= 0) (void)H5Tclose(out);
    return H5I_INVALID_HID;
}

ddpm_status ddpm_h5_declare_names(ddpm_h5 *file, const char *name, ddpm_h5_type type, int64_t count,
                                  const char *const *names, const int64_t *codes, int dims, const int64_t *size)
{
    const hid_t id = names_type(type, count, names, codes);
    if (id < 0) return ddpm_h5_fail(DDPM_ERR_IO, file, name, "its enumeration could not be made");
    const ddpm_status status = declare(file, name, id, dims, size);
    (void)H5Tclose(id);
    return status;
}

ddpm_status ddpm_h5_declare_texts(ddpm_h5 *file, const char *name, int64_t bytes, int dims, const int64_t *size)
{
    const hid_t id = ddpm_h5_text_type((size_t)bytes);
    if (id < 0) return ddpm_h5_fail(DDPM_ERR_IO, file, name, "its type could not be made");
    const ddpm_status status = declare(file, name, id, dims, size);
    (void)H5Tclose(id);
    return status;
}
