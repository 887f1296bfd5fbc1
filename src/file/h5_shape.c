/* Describes an open dataset, and decides whether it may be read, since a file may claim anything. */
#include "file/h5_handle.h"

#include <stdio.h>

enum { NUMBER_BYTES_MAX = 16 };

static const double CLAIM_PER_BYTE = 2000, CLAIM_ALWAYS = 1e7; /* numbers */

const char *ddpm_h5_shape_text(int dims, const int64_t *size, char *out, size_t bytes)
{
    size_t at = 0;
    snprintf(out, bytes, "scalar");
    for (int i = 0; i < dims && at < bytes; i++)
        at += (size_t)snprintf(out + at, bytes - at, "[%lld]", (long long)size[i]);
    return out;
}

/** Refuse what lies in other files or cannot be decoded. */
static ddpm_status check_storage(const ddpm_h5 *file, const char *name, hid_t creation)
{
    const int filters = H5Pget_nfilters(creation);
    if (H5Pget_layout(creation) == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "%s: %s: its numbers lie in other files, which are not followed; 'analysis/import_table.py %s' copies them "
            "into one",
            file->path, name, file->path);
    for (int i = 0; i < filters; i++) {
        unsigned flags = 0;
        size_t values = 0;
        char filter_name[64] = "";
        const H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, sizeof filter_name, filter_name, NULL);
        if (filter >= 0 && H5Zfilter_avail(filter) > 0) continue;
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: %s: is compressed with filter %d (%s), which this HDF5 lacks; 'analysis/import_table.py "
                         "%s' writes the rows anew (Debian has hdf5-filter-plugin-blosc-serial and hdf5-filter-plugin "
                         "for filters other than lzf)",
                         file->path, name, (int)filter, *filter_name ? filter_name : "unnamed", file->path);
    }
    return DDPM_OK;
}

static ddpm_status read_shape(const ddpm_h5 *file, const char *name, hid_t space, ddpm_h5_shape *shape)
{
    hsize_t size[H5S_MAX_RANK];
    int64_t bytes = NUMBER_BYTES_MAX;
    const int dims = H5Sget_simple_extent_dims(space, size, NULL);
    if (dims < 0) return ddpm_h5_fail(DDPM_ERR_DATA, file, name, "its shape could not be read");
    if (H5Sget_simple_extent_type(space) == H5S_NULL)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: has no shape (it is a null dataset)", file->path, name);
    if (dims > DDPM_H5_MAX_DIMS)
        return ddpm_fail(DDPM_ERR_DATA, "%s: %s: has %d dimensions; at most %d are read", file->path, name, dims,
                         DDPM_H5_MAX_DIMS);
    shape->dims = dims;
    for (int i = 0; i < dims; i++) {
        if (size[i] > INT64_MAX || (size[i] && __builtin_mul_overflow(bytes, (int64_t)size[i], &bytes)))
            return ddpm_fail(DDPM_ERR_DATA, "%s: %s: claims more numbers than can be addressed; the file is damaged",
                             file->path, name);
        shape->size[i] = (int64_t)size[i];
    }
    return DDPM_OK;
}

static ddpm_h5_type number_type(H5T_class_t class, hid_t type)
{
    static const ddpm_h5_type whole[2][4] = {
        {DDPM_NUMBER_UINT8, DDPM_NUMBER_UINT16, DDPM_NUMBER_UINT32, DDPM_NUMBER_UINT64},
        {DDPM_NUMBER_INT8, DDPM_NUMBER_INT16, DDPM_NUMBER_INT32, DDPM_NUMBER_INT64}};
    const size_t bytes = H5Tget_size(type);
    if (class == H5T_FLOAT) return bytes <= sizeof(float) ? DDPM_NUMBER_FLOAT32 : DDPM_NUMBER_FLOAT64;
    return whole[H5Tget_sign(type) == H5T_SGN_2][bytes <= 1 ? 0 : bytes <= 2 ? 1 : bytes <= 4 ? 2 : 3];
}

/** Chunks that were never written take no space, so that a small file can claim any number of rows. gzip makes data a
 * thousand times smaller at best, so a dataset that claims many more numbers than that is not data. */
static ddpm_status check_claim(const ddpm_h5 *file, const char *name, const ddpm_h5_shape *shape)
{
    hsize_t file_bytes = 0;
    double numbers = 1;
    if (file->comm) return DDPM_OK; /* with comm, it is a file of this program's own */
    for (int i = 0; i < shape->dims; i++) numbers *= (double)shape->size[i];
    if (H5Fget_filesize(file->id, &file_bytes) < 0)
        return ddpm_h5_fail(DDPM_ERR_DATA, file, name, "its file could not be measured");
    if (numbers <= CLAIM_ALWAYS || numbers <= CLAIM_PER_BYTE * (double)file_bytes) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: %s: claims %.3g %s, which a file of %llu bytes cannot hold; the file is damaged, or its "
                     "rows were never written",
                     file->path, name, numbers, shape->is_number ? "numbers" : "elements",
                     (unsigned long long)file_bytes);
}

/** What elements are that are no numbers. */
static void name_type(hid_t type, char found[DDPM_H5_FOUND_BYTES])
{
    const H5T_class_t class = H5Tget_class(type);
    const char *name = class == H5T_REFERENCE  ? "references"
                       : class == H5T_OPAQUE   ? "opaque bytes"
                       : class == H5T_VLEN     ? "arrays of variable length"
                       : class == H5T_ARRAY    ? "arrays"
                       : class == H5T_BITFIELD ? "bit fields"
                       : class == H5T_STRING   ? (H5Tis_variable_str(type) > 0 ? "variable-length text" : "text")
                                               : "of no type that is known";
    if (class == H5T_COMPOUND || class == H5T_ENUM)
        snprintf(found, DDPM_H5_FOUND_BYTES,
                 class == H5T_COMPOUND ? "compound of %d fields" : "enumeration of %d names", H5Tget_nmembers(type));
    else
        snprintf(found, DDPM_H5_FOUND_BYTES, "%s", name);
}

void ddpm_h5_type_describe(hid_t type, ddpm_h5_shape *shape)
{
    const H5T_class_t class = H5Tget_class(type);
    shape->is_number = class == H5T_INTEGER || class == H5T_FLOAT;
    shape->is_integer = class == H5T_INTEGER;
    shape->is_enumeration = class == H5T_ENUM;
    *shape->found = '\0';
    if (!shape->is_number) name_type(type, shape->found);
    if (class != H5T_ENUM && !shape->is_number) return;
    const hid_t base = class == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
    if (base < 0) return;
    shape->type = number_type(H5Tget_class(base), base);
    (void)H5Tclose(base);
}

ddpm_status ddpm_h5_dataset_describe(const ddpm_h5 *file, const char *name, hid_t id, ddpm_h5_shape *shape)
{
    *shape = (ddpm_h5_shape){0};
    const hid_t creation = H5Dget_create_plist(id);
    if (creation < 0) return ddpm_h5_fail(DDPM_ERR_DATA, file, name, "could not be examined");
    ddpm_status status = check_storage(file, name, creation);
    (void)H5Pclose(creation);
    DDPM_TRY(status); /* before H5Dget_space, which would open the sources of a virtual dataset */

    const hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    if (space < 0 || type < 0)
        status = ddpm_h5_fail(DDPM_ERR_DATA, file, name, "could not be examined");
    else
        status = read_shape(file, name, space, shape);
    if (status == DDPM_OK) ddpm_h5_type_describe(type, shape);
    if (space >= 0) (void)H5Sclose(space);
    if (type >= 0) (void)H5Tclose(type);
    return status == DDPM_OK ? check_claim(file, name, shape) : status;
}
