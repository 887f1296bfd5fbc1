/** HDF5, as far as this program needs it. No other files than file/h5*.c include hdf5.h.
 *
 *  Every function but those marked Collective is Local and uses HDF5's serial driver. Messages name the file and the
 * dataset. Names may be paths inside the file ("parameters/hidden0/weight"); the groups in them are made. A file is not
 * trusted: links to other files, datasets stored in other files (external or virtual storage) and sizes that do not fit
 * are refused (DDPM_ERR_DATA). Reading fails with DDPM_ERR_DATA and writing with DDPM_ERR_IO; where the operating
 * system gives the reason it is DDPM_ERR_IO. Every function may fail with DDPM_ERR_MEMORY. HDF5's own error output is
 * switched off for the process. Files are locked as HDF5 does it (HDF5_USE_FILE_LOCKING). Main thread only.
 */
#ifndef DDPM_FILE_H5_H
#define DDPM_FILE_H5_H

#include "base/number.h"
#include "world/comm.h"

#include <stdint.h>

typedef struct ddpm_h5 ddpm_h5; /* an open file */

typedef ddpm_number ddpm_h5_type;
#define DDPM_H5_FLOAT32 DDPM_NUMBER_FLOAT32
#define DDPM_H5_FLOAT64 DDPM_NUMBER_FLOAT64
#define DDPM_H5_INT32 DDPM_NUMBER_INT32
#define DDPM_H5_INT64 DDPM_NUMBER_INT64

enum { DDPM_H5_MAX_DIMS = 8, DDPM_H5_TEXT_BYTES = 16 << 20 /* of a text attribute, at most */ };

enum { DDPM_H5_FOUND_BYTES = 48 };

typedef struct ddpm_h5_shape {
    char found[DDPM_H5_FOUND_BYTES]; /* for messages, what its elements are where they are no numbers, else "" */

    int dims; /* number of dimensions, 0 for a scalar */
    int64_t size[DDPM_H5_MAX_DIMS];
    int is_number;      /* an integer or floating-point type */
    int is_integer;     /* and of these an integer one */
    int is_enumeration; /* whole numbers with names, as booleans of h5py are; not is_number, but read as such */
    ddpm_h5_type
        type; /* of numbers and enumerations, the narrowest that holds all its numbers; float64 for wider floats */
} ddpm_h5_shape;

/* ---- files ---- */

/** Make a file, replacing one of that name. It has checksummed metadata (the format of HDF5 1.10) and no time stamps.
 * Until ddpm_h5_close writes it to the disk the file is kept in memory, where a dataset that is only declared
 * takes no space.
 *  @param user_block   bytes kept free at the start: 0, or a power of two of at least 512. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_create(const char *path, int64_t user_block, ddpm_h5 **out);

/** Open for reading. DDPM_ERR_MISSING when there is no such file, DDPM_ERR_DATA when it is not HDF5 or cut short,
 * DDPM_ERR_IO when it may not be read. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_open(const char *path, ddpm_h5 **out);

/** Open a copy of the bytes of a file for reading. @param name  for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_open_bytes(const char *name, const void *bytes, size_t count, ddpm_h5 **out);

/** Collective. Open an existing file for writing by all ranks through MPI-IO.
 *  @param comm  must outlive the file. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_open_parallel(ddpm_comm *comm, const char *path, ddpm_h5 **out);

/** Bytes of an open file, also when it has been removed since. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_size(const ddpm_h5 *file, int64_t *bytes);

/** Close. A file of ddpm_h5_create is written to the disk by this call, and the space of its declared datasets is
 * reserved where the file system can: a full disk is noticed here. Collective for a file of ddpm_h5_open_parallel.
 * *file becomes NULL; it may be NULL already. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_close(ddpm_h5 **file);

/** Close after work that ended with `status`. Return that failure, with its message, or else the status of closing.
 * Collective where ddpm_h5_close is. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_finish(ddpm_h5 **file, ddpm_status status);

/* ---- datasets ---- */

/** Whether this file has a dataset or group of that name. */
int ddpm_h5_has(const ddpm_h5 *file, const char *name);

/** The shape of a dataset that can be read. DDPM_ERR_DATA when there is none (the message lists up to ten datasets that
 * there are, and the nearest name), or when it is refused: for storage outside the file, for a filter that this HDF5
 * lacks, for more than DDPM_H5_MAX_DIMS dimensions. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_shape_of(const ddpm_h5 *file, const char *name, ddpm_h5_shape *out);

/** Write a whole dataset in chunks of about 1 MiB, with a Fletcher32 checksum on every chunk; a scalar or empty one
 * without chunks. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_write(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims,
                                          const int64_t *size, const void *data);

/** Make a contiguous dataset, to be filled by ddpm_h5_write_slab. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_declare(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims,
                                            const int64_t *size);

/** The same of an enumeration, and of texts of a fixed length, to be filled by ddpm_h5_write_slab_own.
 *  @param type   of the codes.
 *  @param names  [count], all different, and so are the codes (of uint64 their bits).
 *  @param bytes  of a text. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_declare_names(ddpm_h5 *file, const char *name, ddpm_h5_type type, int64_t count,
                                                  const char *const *names, const int64_t *codes, int dims,
                                                  const int64_t *size);
DDPM_MUST_CHECK ddpm_status ddpm_h5_declare_texts(ddpm_h5 *file, const char *name, int64_t bytes, int dims,
                                                  const int64_t *size);

/** Read a whole dataset of numbers whose shape must be this one (DDPM_ERR_DATA names both shapes); they are converted
 * to `type`. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_read(const ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims,
                                         const int64_t *size, void *data);

/** Read rows first .. first+count-1 of a dataset of numbers, or of an enumeration, as float32. A row is all numbers
 * with the same index in the first dimension. The dataset stays open until another is read, so that reading in order
 * decompresses each chunk once.
 *  @param[out] rows   [count][product of the other dimensions]. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_read_rows(ddpm_h5 *file, const char *name, int64_t first, int64_t count,
                                              float *rows);

/** The same as numbers of another type. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_read_rows_as(ddpm_h5 *file, const char *name, ddpm_h5_type type, int64_t first,
                                                 int64_t count, void *rows);

/** Collective on the communicator of ddpm_h5_open_parallel. Write a slab of a dataset that was declared with this type:
 * the box at `start` with edges `count`; a rank that has nothing to write calls it with count[0] = 0. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_write_slab(ddpm_h5 *file, const char *name, ddpm_h5_type type, int dims,
                                               const int64_t *start, const int64_t *count, const void *data);

/** The same for a dataset of an enumeration, as codes of its type, or of texts, each in its bytes and padded with
 * zeros.
 *  @param bytes  of an element. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_write_slab_own(ddpm_h5 *file, const char *name, int64_t bytes, int dims,
                                                   const int64_t *start, const int64_t *count, const void *data);

/** Call visit for each dataset below the root, depth first, for at most `limit` of them. The shape of one that would be
 * refused has no dimensions, and is not of numbers. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_list(const ddpm_h5 *file, int limit,
                                         void (*visit)(void *context, const char *name, const ddpm_h5_shape *shape),
                                         void *context);

/** A link to another name. */
typedef struct ddpm_h5_link {
    const char *name, *target; /* target: as the file has it, in its group unless it begins with '/' */
    const char *file;          /* that has the target; NULL: this one */
    int is_there;              /* whether the target is, at the end of all links within its file */
} ddpm_h5_link;

typedef void ddpm_h5_visit_link(void *context, const ddpm_h5_link *link);

/** Call visit for each soft and each external link in the groups of the file, for at most `limit` of them. A group that
 * a link leads to is not entered, so that links in a circle do no harm. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_list_links(const ddpm_h5 *file, int limit, ddpm_h5_visit_link *visit,
                                               void *context);

/** Whether a name is a soft or an external link that leads to no dataset.
 *  @param[out] what  [bytes] if so: "is a soft link to '/x', which leads to nothing" or the like. */
int ddpm_h5_link_is_lost(const ddpm_h5 *file, const char *name, char *what, size_t bytes);

/* ---- attributes: the object "/" is the file itself; texts are written with a fixed length, in UTF-8 ---- */

DDPM_MUST_CHECK ddpm_status ddpm_h5_put_text(ddpm_h5 *file, const char *object, const char *name, const char *text);
DDPM_MUST_CHECK ddpm_status ddpm_h5_put_int(ddpm_h5 *file, const char *object, const char *name, int64_t value);
DDPM_MUST_CHECK ddpm_status ddpm_h5_put_real(ddpm_h5 *file, const char *object, const char *name, double value);

int ddpm_h5_has_attribute(const ddpm_h5 *file, const char *object, const char *name);

/** Strings of fixed and of variable length are read. DDPM_ERR_DATA when the attribute is missing or of another type.
 *  @param[out] text  of at most DDPM_H5_TEXT_BYTES; release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_text(const ddpm_h5 *file, const char *object, const char *name, char **text);
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_int(const ddpm_h5 *file, const char *object, const char *name, int64_t *value);
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_real(const ddpm_h5 *file, const char *object, const char *name, double *value);

/** A number, or a list of at most `most`. DDPM_ERR_DATA also when there are more.
 *  @param[out] values  [most]. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_reals(const ddpm_h5 *file, const char *object, const char *name, int most,
                                              double *values, int *count);

/** Whether the maker of a dataset of numbers chose what rows that were never written have; and what. */
int ddpm_h5_fill_value(const ddpm_h5 *file, const char *dataset, double *value);

/** A list of names: an attribute of strings with one dimension, of at least one. On reading, *names is NULL and *count
 * 0 when there is no such attribute.
 *  @param[out] names   [count] texts in one block; release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_put_names(ddpm_h5 *file, const char *object, const char *name, int64_t count,
                                              const char *const *names);
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_names(const ddpm_h5 *file, const char *object, const char *name, int64_t *count,
                                              char ***names);

/** The names of an enumeration's values; *count is 0 where the dataset is of another type.
 *  @param[out] values, names  [count]; release each with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_h5_get_enumeration(const ddpm_h5 *file, const char *dataset, int64_t *count,
                                                    int64_t **values, char ***names);

/** From now on the process ends when HDF5 crashes while it reads (with the exit code of DDPM_ERR_DATA), or when this
 * thread computes for so many seconds in one call (DDPM_ERR_IO); waiting for a disk does not count. A message about the
 * file comes first, if `prints`. For programs, not for the library, since it handles the signals of crashes. */
void ddpm_h5_guard(int prints, double seconds);

/** The HDF5 library's version, one line. */
const char *ddpm_h5_library(void);

/* ---- the process ---- */

/** How HDF5 prints its errors in this process, which other functions switch off; the library puts it back, for programs
 * that use HDF5 themselves. */
typedef struct ddpm_h5_voice {
    void (*function)(void); /* of HDF5's own type */
    void *data;
} ddpm_h5_voice;
ddpm_h5_voice ddpm_h5_voice_of_process(void);
void ddpm_h5_give_voice(const ddpm_h5_voice *voice);

#endif
