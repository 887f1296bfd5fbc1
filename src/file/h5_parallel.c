/* All ranks write one file through MPI-IO. One rank has made the file and its datasets before (ddpm_h5_declare); here
 * only numbers are written, and no metadata changes. */
#include "file/h5_handle.h"
#include "world/comm_mpi.h"

#include <string.h>

/* Of one collective write; well below 2^31, since counts of MPI are int. */
static const int64_t PART_BYTES = INT64_C(1) << 30;

/** Collective: HDF5 duplicates the communicator here. @return 0 when all is well. */
static int go_parallel(hid_t access, const ddpm_comm *comm)
{
    /* collective metadata reads are broken in 1.10.5 to 1.10.8 */
    return H5Pset_fapl_mpio(access, comm->all, MPI_INFO_NULL) < 0 || H5Pset_coll_metadata_write(access, 0) < 0 ||
           H5Pset_all_coll_metadata_ops(access, 0) < 0;
}

ddpm_status ddpm_h5_open_parallel(ddpm_comm *comm, const char *path, ddpm_h5 **out)
{
    ddpm_h5 *file = NULL;
    *out = NULL;
    ddpm_h5_quiet();
    /* A rank that cannot open the file would leave the others waiting. */
    DDPM_TRY(ddpm_agree(comm, ddpm_h5_probe(path, 1)));
    /* What can fail on one rank alone comes before the collective calls. */
    const hid_t access = ddpm_h5_file_access();
    ddpm_status status = access < 0 ? ddpm_h5_fail_path(DDPM_ERR_INTERNAL, path, "HDF5 could not be set up")
                                    : ddpm_h5_handle(path, &file);
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK && go_parallel(access, comm))
        status = ddpm_h5_fail_path(DDPM_ERR_INTERNAL, path, "MPI-IO could not be set up");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        file->id = H5Fopen(path, H5F_ACC_RDWR, access);
        status = file->id < 0 ? ddpm_h5_fail_path(DDPM_ERR_IO, path, "could not be opened by all ranks") : DDPM_OK;
        status = ddpm_agree(comm, status);
        /* H5Fclose is collective: a rank alone cannot close what it has opened, so it stays open. */
        if (status != DDPM_OK) file->id = H5I_INVALID_HID;
    }
    if (access >= 0) (void)H5Pclose(access);
    if (status != DDPM_OK) return ddpm_h5_finish(&file, status);
    file->comm = comm;
    *out = file;
    return DDPM_OK;
}

int64_t ddpm_h5_part(int dims, const int64_t *count, int64_t most, int64_t index, int64_t *first, int64_t *edge,
                     int64_t *offset)
{
    int axis = dims - 1; /* the axis that is cut */
    int64_t inner = 1;   /* numbers in a step along it */
    int64_t outer = 1;   /* lines along it in the box */
    int64_t whole = 1;   /* numbers in the box */
    while (axis > 0 && inner * count[axis] <= most) inner *= count[axis--];
    for (int i = 0; i < dims; i++) whole *= count[i];
    if (whole == 0) return 0;
    for (int i = 0; i < axis; i++) outer *= count[i];
    const int64_t step = ddpm_smaller(most / inner, count[axis]), parts = ddpm_pieces(count[axis], step);
    if (index >= parts * outer) return parts * outer;

    const int64_t at = index % parts * step;
    int64_t box = index / parts;
    *offset = (box * count[axis] + at) * inner;
    for (int i = dims - 1; i > axis; i--) first[i] = 0, edge[i] = count[i];
    first[axis] = at;
    edge[axis] = ddpm_smaller(step, count[axis] - at);
    for (int i = axis - 1; i >= 0; i--) {
        first[i] = box % count[i];
        edge[i] = 1;
        box /= count[i];
    }
    return parts * outer;
}

/** What is written, and where. */
typedef struct slab {
    const char *name;
    hid_t id, memory; /* the dataset, and the type of an element in memory */
    int64_t bytes;    /* of an element */
    int dims;
    const int64_t *start, *count;
    const void *data;
} slab;

/** Refuse, before the collective calls, what would fail on this rank alone or make HDF5 transfer without cooperation.
 */
static ddpm_status check_slab(const ddpm_h5 *file, const slab *s, const ddpm_h5_shape *shape)
{
    if (s->dims != shape->dims || s->dims == 0)
        return ddpm_fail(DDPM_ERR_INTERNAL, "%s: %s: is not a dataset of %d dimensions", file->path, s->name, s->dims);
    if (s->count[0] == 0) return DDPM_OK;
    for (int i = 0; i < s->dims; i++)
        if (s->start[i] < 0 || s->count[i] < 0 || s->count[i] > shape->size[i] ||
            s->start[i] > shape->size[i] - s->count[i])
            return ddpm_fail(DDPM_ERR_INTERNAL, "%s: %s: a slab of %lld from %lld is outside its dimension %d of %lld",
                             file->path, s->name, (long long)s->count[i], (long long)s->start[i], i,
                             (long long)shape->size[i]);
    return DDPM_OK;
}

/** The type of elements in memory. @param expected  of numbers; NULL: the dataset's own. */
static ddpm_status find_memory_type(const ddpm_h5 *file, slab *s, const ddpm_h5_type *expected)
{
    const hid_t type = H5Dget_type(s->id);
    ddpm_status status = DDPM_OK;
    if (type >= 0 && expected && H5Tequal(type, ddpm_h5_file_type(*expected)) > 0)
        s->memory = H5Tcopy(ddpm_h5_memory_type(*expected));
    else if (type >= 0 && !expected)
        s->memory = H5Tget_native_type(type, H5T_DIR_ASCEND);
    if (s->memory < 0 && expected)
        status = ddpm_fail(DDPM_ERR_INTERNAL, "%s: %s: is not a %s dataset", file->path, s->name,
                           ddpm_number_name(*expected));
    else if (s->memory < 0 || H5Tget_size(s->memory) != (size_t)s->bytes)
        status = ddpm_fail(DDPM_ERR_INTERNAL, "%s: %s: its elements have not %lld bytes", file->path, s->name,
                           (long long)s->bytes);
    if (type >= 0) (void)H5Tclose(type);
    return status;
}

/** Local. Select what this rank writes of part `index` of the slab, in the file and in memory; it may be nothing. */
static ddpm_status select_part(const ddpm_h5 *file, const slab *s, int64_t index, hid_t *in_file, hid_t *in_memory,
                               int64_t *offset)
{
    int64_t first[DDPM_H5_MAX_DIMS], edge[DDPM_H5_MAX_DIMS];
    hsize_t from[DDPM_H5_MAX_DIMS], size[DDPM_H5_MAX_DIMS], total = 1;
    const int64_t most = PART_BYTES / s->bytes;
    const int writes = s->count[0] > 0 && index < ddpm_h5_part(s->dims, s->count, most, index, first, edge, offset);
    for (int i = 0; i < s->dims && writes; i++) {
        from[i] = (hsize_t)(s->start[i] + first[i]);
        size[i] = (hsize_t)edge[i];
        total *= size[i];
    }
    *in_file = H5Dget_space(s->id);
    *in_memory = H5Screate_simple(1, &total, NULL);
    const int failed = *in_file < 0 || *in_memory < 0 ||
                       (writes ? H5Sselect_hyperslab(*in_file, H5S_SELECT_SET, from, NULL, size, NULL) < 0
                               : H5Sselect_none(*in_file) < 0 || H5Sselect_none(*in_memory) < 0);
    return failed ? ddpm_h5_fail(DDPM_ERR_INTERNAL, file, s->name, "a part of it could not be selected") : DDPM_OK;
}

/** Collective. Write part `index` of the slab, or nothing. */
static ddpm_status write_part(const ddpm_h5 *file, const slab *s, hid_t transfer, int64_t index)
{
    hid_t in_file = H5I_INVALID_HID, in_memory = H5I_INVALID_HID;
    int64_t offset = 0;
    const int64_t nothing = 0;
    ddpm_status status = ddpm_agree(file->comm, select_part(file, s, index, &in_file, &in_memory, &offset));
    if (status == DDPM_OK) {
        const void *from = s->count[0] > 0 ? (const char *)s->data + offset * s->bytes : (const char *)&nothing;
        if (H5Dwrite(s->id, s->memory, in_memory, in_file, transfer, from) < 0)
            status = ddpm_h5_fail(DDPM_ERR_IO, file, s->name, "could not be written");
        status = ddpm_agree(file->comm, status);
    }
    if (in_file >= 0) (void)H5Sclose(in_file);
    if (in_memory >= 0) (void)H5Sclose(in_memory);
    return status;
}

/** Collective. All ranks make as many calls as the one with the most parts. */
static ddpm_status write_parts(ddpm_h5 *file, const slab *s, hid_t transfer)
{
    int64_t unused[2 * DDPM_H5_MAX_DIMS + 1], parts = 0;
    ddpm_status status = DDPM_OK;
    if (s->count[0])
        parts = ddpm_h5_part(s->dims, s->count, PART_BYTES / s->bytes, INT64_MAX, unused, unused + s->dims,
                             unused + 2 * s->dims);
    ddpm_comm_max_int64(file->comm, &parts, 1);
    for (int64_t i = 0; i < parts && status == DDPM_OK; i++) status = write_part(file, s, transfer, i);
    return status;
}

/** Collective. @param expected  see find_memory_type. */
static ddpm_status write_slab(ddpm_h5 *file, slab *s, const ddpm_h5_type *expected)
{
    ddpm_h5_shape shape;
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    ddpm_status status = DDPM_OK;
    if (transfer < 0 || H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE) < 0)
        status = ddpm_h5_fail(DDPM_ERR_INTERNAL, file, s->name, "a collective write could not be set up");
    if (status == DDPM_OK) status = ddpm_h5_dataset_open(file, s->name, &s->id, &shape);
    const int opened = status == DDPM_OK;
    if (opened) status = find_memory_type(file, s, expected);
    if (status == DDPM_OK) status = check_slab(file, s, &shape);
    status = ddpm_agree(file->comm, status);
    if (status == DDPM_OK) status = write_parts(file, s, transfer);
    if (s->memory >= 0) (void)H5Tclose(s->memory);
    if (opened) (void)H5Dclose(s->id);
    if (transfer >= 0) (void)H5Pclose(transfer);
    return status;
}

ddpm_status ddpm_h5_write_slab(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims, const int64_t *start,
                               const int64_t *count, const void *data)
{
    slab s = {name, H5I_INVALID_HID, H5I_INVALID_HID, ddpm_number_bytes(type), dims, start, count, data};
    return write_slab(file, &s, &type);
}

ddpm_status ddpm_h5_write_slab_own(ddpm_h5 *file, const char *name, int64_t bytes, int dims, const int64_t *start,
                                   const int64_t *count, const void *data)
{
    slab s = {name, H5I_INVALID_HID, H5I_INVALID_HID, bytes, dims, start, count, data};
    return write_slab(file, &s, NULL);
}
