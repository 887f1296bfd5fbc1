/** What the files h5_*.c share: the handle, reports of errors, checked datasets. They alone include hdf5.h. Local, main
 * thread. */
#ifndef DDPM_FILE_H5_HANDLE_H
#define DDPM_FILE_H5_HANDLE_H

#include "file/h5.h"

#define H5_USE_110_API /* one spelling of the calls for HDF5 1.10 and what came after */
#include <hdf5.h>

enum { DDPM_H5_OUTSIDE_BYTES = 512 };

enum {
    DDPM_H5_KEPT = 4,
    DDPM_H5_CACHE_SLOTS = 12421,    /* a prime, many times the number of chunks that fit */
    DDPM_H5_CACHE_BYTES = 64 << 20, /* of a dataset's decoded chunks */
};

/** Set how many bytes of decoded chunks an open dataset keeps. Those that were read whole go first, but not only they:
 * with a weight of 1 HDF5 would keep all others for ever. */
static inline herr_t ddpm_h5_set_chunk_cache(hid_t access, size_t slots, size_t bytes)
{
    const double whole_first = 0.75; /* HDF5's default */
    return H5Pset_chunk_cache(access, slots, bytes, whole_first);
}

typedef struct ddpm_h5_kept {
    hid_t id;
    char *name; /* NULL: there is none */
    ddpm_h5_shape shape;
} ddpm_h5_kept;

struct ddpm_h5 {
    hid_t id;
    char *path;
    ddpm_comm *comm; /* NULL: the serial driver */
    int memory,
        disk; /* descriptors of a file that is being made: the one that HDF5 writes to, the one on the disk; else -1 */
    int64_t bytes; /* of a file that is read from memory; else 0 */
    hid_t link_access, dataset_access;
    char *outside; /* [DDPM_H5_OUTSIDE_BYTES] the target of the external link that was refused, or "" */
    /* The datasets of the last calls of ddpm_h5_read_rows stay open, for their caches of decoded chunks. */
    ddpm_h5_kept kept[DDPM_H5_KEPT];
    int next_kept; /* the one that gives way */
};

/** Switch off that HDF5 prints its errors; ddpm_h5_fail reports them. Call before any other function of HDF5. */
void ddpm_h5_quiet(void);

/** Fail with "path: object: what (reason)". The reason is that of the operating system if there was one (the status is
 * then DDPM_ERR_IO), else the innermost of HDF5. Call it before any other function of HDF5, which would clear its
 * errors.
 *  @param file     for its path, and for the external link that was refused.
 *  @param object   may be NULL. */
ddpm_status ddpm_h5_fail(ddpm_status status, const ddpm_h5 *file, const char *object, const char *what);

/** The same without a handle. */
ddpm_status ddpm_h5_fail_path(ddpm_status status, const char *path, const char *what);

/** Whether an error on HDF5's stack has these words; the errno of the innermost error that has one, else 0. */
int ddpm_h5_error_says(const char *words);
int ddpm_h5_error_number(void);

/** HDF5 reads this file until the scope is left: a crash until then is reported as the fault of this file
 * (ddpm_h5_guard). */
#define DDPM_H5_READING(path) \
    __attribute__((cleanup(ddpm_h5_leave), unused)) const char *const outer_ = ddpm_h5_enter(path)
const char *ddpm_h5_enter(const char *path);
void ddpm_h5_leave(const char *const *outer);

/** HDF5 could not close a file, as where a shell limits the size of files. Version 1.10.8 then uses freed memory when
 * the process ends: from now on a crash is silent, and has the exit code of DDPM_ERR_IO, whose message there is
 * already. */
void ddpm_h5_broken(void);

/** A handle without an open file. */
ddpm_status ddpm_h5_handle(const char *path, ddpm_h5 **out);

/** DDPM_OK for a regular file that may be opened, else a failure that says what is wrong with it.
 *  @param writing  whether it is to be written, too. */
ddpm_status ddpm_h5_probe(const char *path, int writing);

/** Copy an open file to an empty one, whose space is reserved where the file system can do that. */
ddpm_status ddpm_h5_copy(int from, int to, const char *path);

/** Access properties of every file: checksummed metadata; its objects are closed with it. Negative on failure. */
hid_t ddpm_h5_file_access(void);

/** Open a dataset and refuse what this program does not read: storage outside the file, unknown filters, too many
 * dimensions. Close *id with H5Dclose. */
ddpm_status ddpm_h5_dataset_open(const ddpm_h5 *file, const char *name, hid_t *id, ddpm_h5_shape *shape);

/** Close a dataset that was kept. */
void ddpm_h5_forget(ddpm_h5_kept *kept);

/** Describe an open dataset, or say why it is refused. */
ddpm_status ddpm_h5_dataset_describe(const ddpm_h5 *file, const char *name, hid_t id, ddpm_h5_shape *shape);

/** What elements of a type are; the rest of the shape stays as it is. */
void ddpm_h5_type_describe(hid_t type, ddpm_h5_shape *shape);

/** DDPM_ERR_DATA for a dataset that does not exist, with those that do, and the nearest name. */
ddpm_status ddpm_h5_missing(const ddpm_h5 *file, const char *name);

/** "[3][2]", or "scalar". */
const char *ddpm_h5_shape_text(int dims, const int64_t *size, char *out, size_t bytes);

/** HDF5's type for a number in a file (little-endian), and in memory. */
hid_t ddpm_h5_file_type(ddpm_h5_type type);
hid_t ddpm_h5_memory_type(ddpm_h5_type type);

/** Fixed-length UTF-8, padded with zeros. As an attribute it lies, unlike texts of variable length, in the checksummed
 * metadata. Close it with H5Tclose; negative on failure. */
hid_t ddpm_h5_text_type(size_t bytes);

/** Part `index` of a box of numbers that is cut into parts of at most `most` numbers, each of which is contiguous in
 * memory.
 *  @param[out] first, edge   [dims] of the part, within the box.
 *  @param[out] offset       of its first element.
 *  @return the number of parts; first, edge, offset are untouched when index is not below it. */
int64_t ddpm_h5_part(int dims, const int64_t *count, int64_t most, int64_t index, int64_t *first, int64_t *edge,
                     int64_t *offset);

#endif
