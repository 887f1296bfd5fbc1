/* Reads the names of an enumeration. */
#include "file/h5_handle.h"

#include "base/memory.h"
#include "base/text_list.h"

enum { NUMBER_BYTES_MAX = 32 };

/* @param[out] texts  [count] of HDF5's, to be freed by H5free_memory. */
static ddpm_status read_members(const ddpm_h5 *file, const char *dataset, hid_t type, hid_t whole, int64_t count,
                                int64_t *values, char **texts)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t number[NUMBER_BYTES_MAX / sizeof(int64_t)] = {0};
        texts[i] = H5Tget_member_name(type, (unsigned)i);
        if (!texts[i] || H5Tget_member_value(type, (unsigned)i, number) < 0 ||
            H5Tconvert(whole, H5T_NATIVE_INT64, 1, number, NULL, H5P_DEFAULT) < 0)
            return ddpm_h5_fail(DDPM_ERR_DATA, file, dataset, "the names of its values could not be read");
        values[i] = number[0];
    }
    return DDPM_OK;
}

static ddpm_status read_names(const ddpm_h5 *file, const char *dataset, hid_t type, int64_t *count, int64_t **values,
                              char ***names)
{
    const int64_t members = H5Tget_nmembers(type);
    const hid_t whole = H5Tget_super(type);
    char **texts = NULL;
    ddpm_status status = DDPM_NEW(&texts, members, "names of classes");
    if (status == DDPM_OK) status = DDPM_NEW(values, members, "classes");
    if (status == DDPM_OK && (whole < 0 || H5Tget_size(whole) > NUMBER_BYTES_MAX))
        status = ddpm_h5_fail(DDPM_ERR_DATA, file, dataset, "its type could not be examined");
    if (status == DDPM_OK) status = read_members(file, dataset, type, whole, members, *values, texts);
    if (status == DDPM_OK) status = ddpm_texts_copy(members, (const char *const *)texts, "names of classes", names);
    for (int64_t i = 0; texts && i < members; i++) (void)H5free_memory(texts[i]);
    if (whole >= 0) (void)H5Tclose(whole);
    ddpm_release(texts);
    if (status == DDPM_OK) *count = members;
    return status;
}

ddpm_status ddpm_h5_get_enumeration(const ddpm_h5 *file, const char *dataset, int64_t *count, int64_t **values,
                                    char ***names)
{
    DDPM_H5_READING(file->path);
    ddpm_h5_shape shape;
    hid_t id;
    *count = 0;
    *values = NULL;
    *names = NULL;
    DDPM_TRY(ddpm_h5_dataset_open(file, dataset, &id, &shape));
    const hid_t type = H5Dget_type(id);
    ddpm_status status = DDPM_OK;
    if (type < 0)
        status = ddpm_h5_fail(DDPM_ERR_DATA, file, dataset, "its type could not be examined");
    else if (shape.is_enumeration)
        status = read_names(file, dataset, type, count, values, names);
    if (type >= 0) (void)H5Tclose(type);
    (void)H5Dclose(id);
    if (status != DDPM_OK) {
        ddpm_release(*values);
        *values = NULL;
    }
    return status;
}
