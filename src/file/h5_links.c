/* Lists links to other names and to other files, which ddpm_h5_list does not follow, and says where one leads. */
#include "file/h5_handle.h"

#include "base/memory.h"
#include "file/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct walk {
    const ddpm_h5 *file;
    int left;
    ddpm_h5_visit_link *visit;
    void *context;
} walk;

/* Whether a file has an object; links in that file that lead into further files are not followed. */
static int is_in(const char *path, const char *object)
{
    ddpm_h5 *other = NULL;
    if (ddpm_h5_open(path, &other) != DDPM_OK) return 0;
    const int found = strspn(object, "/") == strlen(object) || ddpm_h5_has(other, object);
    return ddpm_h5_close(&other) == DDPM_OK && found;
}

/* A name that is not absolute is looked for beside the file that has the link, as HDF5 does it, and in the present
 * folder. */
static int is_elsewhere(const ddpm_h5 *file, const char *other, const char *object)
{
    const char *slash = strrchr(file->path, '/');
    char beside[DDPM_PATH_BYTES];
    snprintf(beside, sizeof beside, "%.*s%s", slash && *other != '/' ? (int)(slash + 1 - file->path) : 0, file->path,
             other);
    return is_in(access(beside, F_OK) == 0 ? beside : other, object);
}

static void show(const walk *w, const char *name, const H5L_info_t *about, const char *value)
{
    const char *other = NULL, *object = NULL;
    ddpm_h5_link link = {.name = name, .target = value};
    if (about->type == H5L_TYPE_EXTERNAL) {
        if (H5Lunpack_elink_val(value, about->u.val_size, NULL, &other, &object) < 0) return;
        link = (ddpm_h5_link){name, object, other, is_elsewhere(w->file, other, object)};
    } else {
        link.is_there = H5Oexists_by_name(w->file->id, name, w->file->link_access) > 0;
        *w->file->outside = '\0';
    }
    w->visit(w->context, &link);
}

static herr_t walk_step(hid_t root, const char *name, const H5L_info_t *about, void *context)
{
    walk *w = context;
    char *value = NULL;
    if (about->type != H5L_TYPE_SOFT && about->type != H5L_TYPE_EXTERNAL) return 0;
    if (w->left-- <= 0) return 1;
    if (ddpm_allocate(&value, (int64_t)about->u.val_size + 1, 1, "a link") != DDPM_OK) return 0;
    if (H5Lget_val(root, name, value, about->u.val_size, w->file->link_access) >= 0) show(w, name, about, value);
    ddpm_release(value);
    return 0;
}

ddpm_status ddpm_h5_list_links(const ddpm_h5 *file, int limit, ddpm_h5_visit_link *visit, void *context)
{
    DDPM_H5_READING(file->path);
    walk w = {file, limit, visit, context};
    if (H5Lvisit(file->id, H5_INDEX_NAME, H5_ITER_INC, walk_step, &w) < 0)
        return ddpm_h5_fail(DDPM_ERR_DATA, file, NULL, "its links could not be listed");
    return DDPM_OK;
}

/* What is at the end of a link instead of a dataset; NULL: a dataset. The caller clears `outside`. */
static const char *end_of(const ddpm_h5 *file, const char *name)
{
    const hid_t id = H5Oopen(file->id, name, file->link_access);
    if (id < 0) {
        if (*file->outside) return "leads into another file and is not followed";
        return ddpm_h5_error_says("too many links") ? "leads back to itself or is too long a chain"
                                                    : "leads to nothing";
    }
    const H5I_type_t type = H5Iget_type(id);
    (void)H5Oclose(id);
    return type == H5I_DATASET ? NULL : type == H5I_GROUP ? "leads to a group" : "leads to no dataset";
}

static void tell(const char *value, const H5L_info_t *about, const char *end, char *what, size_t bytes)
{
    const char *other = NULL, *object = value;
    const int is_external = about->type == H5L_TYPE_EXTERNAL;
    if (is_external && H5Lunpack_elink_val(value, about->u.val_size, NULL, &other, &object) < 0) other = object = "?";
    snprintf(what, bytes, "is %s to '%.150s%s%.150s', which %s", is_external ? "an external link" : "a soft link",
             is_external ? other : "", is_external ? ":" : "", object, end);
}

int ddpm_h5_link_is_lost(const ddpm_h5 *file, const char *name, char *what, size_t bytes)
{
    DDPM_H5_READING(file->path);
    H5L_info_t about;
    char *value = NULL;
    if (H5Lget_info(file->id, name, &about, file->link_access) < 0 ||
        (about.type != H5L_TYPE_SOFT && about.type != H5L_TYPE_EXTERNAL))
        return 0;
    const char *end = end_of(file, name);
    *file->outside = '\0';
    if (!end || ddpm_allocate(&value, (int64_t)about.u.val_size + 1, 1, "a link") != DDPM_OK) return 0;
    if (H5Lget_val(file->id, name, value, about.u.val_size, file->link_access) < 0) *value = '\0';
    tell(value, &about, end, what, bytes);
    ddpm_release(value);
    return 1;
}
