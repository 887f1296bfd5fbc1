/* Lists the datasets of a file, for users and for messages about one that is missing. */
#include "file/h5_handle.h"

#include "base/edit_distance.h"

#include <stdio.h>
#include <string.h>

enum { LISTED = 10, NAME_BYTES = 256 };

typedef struct walk {
    const ddpm_h5 *file;
    int left;
    void (*visit)(void *context, const char *name, const ddpm_h5_shape *shape);
    void *context;
} walk;

static herr_t walk_step(hid_t root, const char *name, const H5O_info_t *about, void *context)
{
    walk *w = context;
    ddpm_h5_shape shape = {0};
    if (about->type != H5O_TYPE_DATASET) return 0;
    if (w->left-- <= 0) return 1;
    const hid_t id = H5Dopen2(root, name, w->file->dataset_access);
    if (id < 0 || ddpm_h5_dataset_describe(w->file, name, id, &shape) != DDPM_OK)
        shape = (ddpm_h5_shape){.found = "it cannot be read"};
    if (id >= 0) (void)H5Dclose(id);
    w->visit(w->context, name, &shape);
    return 0;
}

ddpm_status ddpm_h5_list(const ddpm_h5 *file, int limit,
                         void (*visit)(void *context, const char *name, const ddpm_h5_shape *shape), void *context)
{
    DDPM_H5_READING(file->path);
    walk w = {file, limit, visit, context};
    if (H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_INC, walk_step, &w) < 0)
        return ddpm_h5_fail(DDPM_ERR_DATA, file, NULL, "its datasets could not be listed");
    return DDPM_OK;
}

/** Level by level, since HDF5 requires that all but the last part of a path exist. */
int ddpm_h5_has(const ddpm_h5 *file, const char *name)
{
    DDPM_H5_READING(file->path);
    char part[4 * NAME_BYTES];
    const size_t length = name ? strlen(name) : 0;
    int found = length > 0 && length < sizeof part;
    for (size_t end = 1; end <= length && found; end++) {
        if ((name[end] && name[end] != '/') || name[end - 1] == '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)end, name);
        found = H5Lexists(file->id, part, file->link_access) > 0 &&
                H5Oexists_by_name(file->id, part, file->link_access) > 0;
    }
    *file->outside = '\0';
    return found;
}

typedef struct suggestion {
    const char *wanted;
    int count, best, tables, others; /* tables: of numbers, with rows and columns; others: of no numbers */
    char nearest[NAME_BYTES], list[LISTED * (NAME_BYTES / 2)];
} suggestion;

static void suggest(void *context, const char *name, const ddpm_h5_shape *shape)
{
    suggestion *s = context;
    char text[DDPM_H5_MAX_DIMS * 24];
    const int far = ddpm_edit_distance(s->wanted, name);
    const size_t used = strlen(s->list);
    if (far < s->best) {
        s->best = far;
        snprintf(s->nearest, sizeof s->nearest, "%s", name);
    }
    if (s->count++ < LISTED)
        snprintf(s->list + used, sizeof s->list - used, "%s%s %s%s%s%s", used ? ", " : "", name,
                 ddpm_h5_shape_text(shape->dims, shape->size, text, sizeof text), *shape->found ? " (" : "",
                 shape->found, *shape->found ? ")" : "");
    s->tables += shape->is_number && shape->dims > 1;
    s->others += !shape->is_number;
}

ddpm_status ddpm_h5_missing(const ddpm_h5 *file, const char *name)
{
    enum { LOOKED_AT = 1000 };
    const char *bare = name + strspn(name, "/");
    suggestion s = {.wanted = bare, .best = (int)strnlen(bare, NAME_BYTES) / 2 + 1};
    const ddpm_status status = ddpm_h5_list(file, LOOKED_AT, suggest, &s);
    const int is_group = ddpm_h5_has(file, name);
    const char *what = is_group ? "is not a dataset, but a group" : "there is no such dataset";
    const int advise = is_group || s.others || !s.tables;
    if (status != DDPM_OK) return ddpm_fail(DDPM_ERR_DATA, "%s: %s: %s", file->path, name, what);
    if (!s.count) return ddpm_fail(DDPM_ERR_DATA, "%s: %s: %s; the file holds none", file->path, name, what);
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s: %s%s%s%s; the file holds %s%s%s%s%s", file->path, name, what,
                     *s.nearest ? "; did you mean '" : "", s.nearest, *s.nearest ? "'?" : "", s.list,
                     s.count > LISTED ? ", ..." : "", advise ? "; 'analysis/import_table.py " : "",
                     advise ? file->path : "", advise ? "' makes rows of numbers of such tables" : "");
}
