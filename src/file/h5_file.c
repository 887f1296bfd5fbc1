/* Makes, opens and closes HDF5 files. */
#define _GNU_SOURCE 1 /* memfd_create, dup3 */
#include "file/h5_handle.h"

#include "base/memory.h"
#include "file/file.h"
#include "file/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* HDF5 reads so many bytes of a contiguous dataset where fewer are asked for. Its default of 64 KiB makes reading the
 * scattered pieces of data/stream.c read many times what they hold. */
enum { SIEVE_BYTES = 4096 };

hid_t ddpm_h5_file_access(void)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return access;
    if (H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0)
        return access;
    (void)H5Pclose(access);
    return H5I_INVALID_HID;
}

/** HDF5 calls this before it follows a link into another file, also one that a link within this file leads to: remember
 * the target and refuse. */
static herr_t refuse_link(const char *from, const char *group, const char *to, const char *object, unsigned *flags,
                          hid_t access, void *context)
{
    char *outside = context;
    (void)from, (void)group, (void)object, (void)flags, (void)access;
    snprintf(outside, DDPM_H5_OUTSIDE_BYTES, "%s", to);
    return -1;
}

static ddpm_status make_access(ddpm_h5 *file)
{
    file->link_access = H5Pcreate(H5P_LINK_ACCESS);
    file->dataset_access = H5Pcreate(H5P_DATASET_ACCESS);
    if (file->link_access < 0 || file->dataset_access < 0 ||
        H5Pset_elink_cb(file->link_access, refuse_link, file->outside) < 0 ||
        H5Pset_elink_cb(file->dataset_access, refuse_link, file->outside) < 0 ||
        ddpm_h5_set_chunk_cache(file->dataset_access, DDPM_H5_CACHE_SLOTS, DDPM_H5_CACHE_BYTES) < 0)
        return ddpm_h5_fail(DDPM_ERR_INTERNAL, file, NULL, "HDF5 could not be set up");
    return DDPM_OK;
}

static void free_handle(ddpm_h5 *file)
{
    if (file->link_access > 0) (void)H5Pclose(file->link_access);
    if (file->dataset_access > 0) (void)H5Pclose(file->dataset_access);
    ddpm_release(file->outside);
    ddpm_release(file->path);
    ddpm_release(file);
}

ddpm_status ddpm_h5_handle(const char *path, ddpm_h5 **out)
{
    char room[DDPM_PATH_BYTES];
    const char *shown = ddpm_file_final(path, room);
    const size_t bytes = strlen(shown) + 1;
    ddpm_h5 *file = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&file, 1, "an HDF5 file"));
    file->id = H5I_INVALID_HID;
    file->memory = file->disk = -1;
    ddpm_status status = DDPM_NEW(&file->path, (int64_t)bytes, "a path");
    if (status == DDPM_OK) status = DDPM_NEW(&file->outside, DDPM_H5_OUTSIDE_BYTES, "the name of a link");
    if (status == DDPM_OK) {
        memcpy(file->path, shown, bytes);
        status = make_access(file);
    }
    if (status == DDPM_OK)
        *out = file;
    else
        free_handle(file);
    return status;
}

static ddpm_status wrap(hid_t id, const char *path, ddpm_h5 **out)
{
    const ddpm_status status = ddpm_h5_handle(path, out);
    if (status == DDPM_OK)
        (*out)->id = id;
    else
        (void)H5Fclose(id);
    return status;
}

/** HDF5 1.10 uses freed memory when a write fails while it closes a file, as on a full disk. So a file that is made is
 * kept in memory, where what is only declared is a hole and takes no space, and ddpm_h5_close copies it to the disk.
 * For that, the descriptor that HDF5 writes to is replaced by that of a file in memory. */
static ddpm_status move_to_memory(ddpm_h5 *file)
{
    int *descriptor = NULL;
    if (H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&descriptor) < 0 || !descriptor)
        return ddpm_h5_fail(DDPM_ERR_INTERNAL, file, NULL, "HDF5 gave no file descriptor for it");
    file->memory = memfd_create("ddpm", MFD_CLOEXEC);
    file->disk = fcntl(*descriptor, F_DUPFD_CLOEXEC, 0);
    if (file->memory < 0 || file->disk < 0) return ddpm_file_fail(file->path, "no file in memory could be made");
    DDPM_TRY(ddpm_h5_copy(file->disk, file->memory, file->path)); /* in case HDF5 has written already */
    if (dup3(file->memory, *descriptor, O_CLOEXEC) >= 0) return DDPM_OK;
    return ddpm_file_fail(file->path, "no file in memory could be used");
}

ddpm_status ddpm_h5_create(const char *path, int64_t user_block, ddpm_h5 **out)
{
    *out = NULL;
    ddpm_h5_quiet();
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    const hid_t access = ddpm_h5_file_access();
    hid_t id = H5I_INVALID_HID;
    /* without time stamps, equal content gives equal bytes */
    if (creation >= 0 && access >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
        H5Pset_userblock(creation, (hsize_t)user_block) >= 0 && H5Pset_fapl_sec2(access) >= 0)
        id = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    ddpm_status status = id < 0 ? ddpm_h5_fail_path(DDPM_ERR_IO, path, "could not be made") : DDPM_OK;
    if (creation >= 0) (void)H5Pclose(creation);
    if (access >= 0) (void)H5Pclose(access);
    DDPM_TRY(status);
    DDPM_TRY(wrap(id, path, out));
    status = move_to_memory(*out);
    return status == DDPM_OK ? DDPM_OK : ddpm_h5_finish(out, status);
}

ddpm_status ddpm_h5_probe(const char *path, int writing)
{
    struct stat about;
    if (stat(path, &about)) return ddpm_file_fail_open(path, "could not be found");
    if (S_ISDIR(about.st_mode)) return ddpm_fail(DDPM_ERR_MISSING, "%s: expected an HDF5 file, found a folder", path);
    if (!S_ISREG(about.st_mode)) return ddpm_fail(DDPM_ERR_IO, "%s: is not a regular file", path);
    if (access(path, writing ? R_OK | W_OK : R_OK))
        return ddpm_file_fail_open(path, writing ? "could not be opened for writing" : "could not be opened");
    if (!writing) ddpm_input_note(&about);
    return DDPM_OK;
}

ddpm_status ddpm_h5_open(const char *path, ddpm_h5 **out)
{
    DDPM_H5_READING(path);
    *out = NULL;
    ddpm_h5_quiet();
    DDPM_TRY(ddpm_h5_probe(path, 0));
    if (H5Fis_hdf5(path) == 0)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: is not an HDF5 file; of a table in another format 'analysis/import_table.py %s' makes "
                         "one",
                         path, path);
    const hid_t access = ddpm_h5_file_access();
    hid_t id = access;
    if (access >= 0)
        id = H5Pset_sieve_buf_size(access, SIEVE_BYTES) < 0 ? H5I_INVALID_HID : H5Fopen(path, H5F_ACC_RDONLY, access);
    ddpm_status status = DDPM_OK;
    if (id < 0)
        status = ddpm_h5_error_says("truncated file")
                     ? ddpm_fail(DDPM_ERR_DATA, "%s: is shorter than it was when written; copy it again", path)
                     : ddpm_h5_fail_path(DDPM_ERR_DATA, path, "could not be opened");
    if (access >= 0) (void)H5Pclose(access);
    DDPM_TRY(status);
    return wrap(id, path, out);
}

ddpm_status ddpm_h5_open_bytes(const char *name, const void *bytes, size_t count, ddpm_h5 **out)
{
    DDPM_H5_READING(name);
    *out = NULL;
    ddpm_h5_quiet();
    const hid_t access = ddpm_h5_file_access();
    hid_t id = H5I_INVALID_HID;
    if (access >= 0 && H5Pset_fapl_core(access, SIEVE_BYTES, 0) >= 0 &&
        H5Pset_file_image(access, (void *)(uintptr_t)bytes, count) >= 0)
        id = H5Fopen(name, H5F_ACC_RDONLY, access);
    const ddpm_status status = id < 0 ? ddpm_h5_fail_path(DDPM_ERR_DATA, name, "could not be opened") : DDPM_OK;
    if (access >= 0) (void)H5Pclose(access);
    DDPM_TRY(status);
    DDPM_TRY(wrap(id, name, out));
    (*out)->bytes = (int64_t)count;
    return DDPM_OK;
}

ddpm_status ddpm_h5_size(const ddpm_h5 *file, int64_t *bytes)
{
    int *descriptor = NULL;
    struct stat about;
    *bytes = file->bytes;
    if (file->bytes > 0) return DDPM_OK;
    if (H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&descriptor) < 0 || !descriptor)
        return ddpm_h5_fail(DDPM_ERR_INTERNAL, file, NULL, "HDF5 gave no file descriptor for it");
    if (fstat(*descriptor, &about)) return ddpm_file_fail(file->path, "could not be examined");
    *bytes = (int64_t)about.st_size;
    return DDPM_OK;
}

ddpm_status ddpm_h5_close(ddpm_h5 **handle)
{
    ddpm_h5 *file = *handle;
    ddpm_status status = DDPM_OK;
    *handle = NULL;
    if (!file) return DDPM_OK;
    for (int i = 0; i < DDPM_H5_KEPT; i++) ddpm_h5_forget(&file->kept[i]);
    if (file->id >= 0 && H5Fclose(file->id) < 0) {
        status = ddpm_h5_fail(DDPM_ERR_IO, file, NULL, "could not be closed");
        ddpm_h5_broken();
    }
    if (file->disk >= 0 && status == DDPM_OK) status = ddpm_h5_copy(file->memory, file->disk, file->path);
    if (file->memory >= 0) close(file->memory);
    if (file->disk >= 0 && close(file->disk) && errno != EINTR && status == DDPM_OK)
        status = ddpm_file_fail(file->path, "could not be written");
    if (file->comm) status = ddpm_agree(file->comm, status);
    free_handle(file);
    return status;
}

ddpm_status ddpm_h5_finish(ddpm_h5 **file, ddpm_status status)
{
    char message[DDPM_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", ddpm_error_message());
    const ddpm_status closed = ddpm_h5_close(file);
    return status == DDPM_OK ? closed : ddpm_fail(status, "%s", message);
}

const char *ddpm_h5_library(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    (void)H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}
