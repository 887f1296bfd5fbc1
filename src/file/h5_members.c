/* Finds the members of groups and of compound datasets. */
#include "file/h5_column.h"
#include "file/h5_handle.h"

#include "base/memory.h"
#include "base/text_list.h"

#include <stdlib.h>
#include <string.h>

ddpm_h5_kind ddpm_h5_kind_of(const ddpm_h5 *file, const char *name)
{
    DDPM_H5_READING(file->path);
    ddpm_h5_kind kind = DDPM_H5_PLAIN;
    if (!ddpm_h5_has(file, name)) return DDPM_H5_NOTHING;
    const hid_t id = H5Oopen(file->id, name, file->link_access);
    if (id >= 0 && H5Iget_type(id) == H5I_GROUP) kind = DDPM_H5_GROUP;
    if (id >= 0 && H5Iget_type(id) == H5I_DATASET) {
        const hid_t type = H5Dget_type(id);
        if (type >= 0 && H5Tget_class(type) == H5T_COMPOUND) kind = DDPM_H5_COMPOUND;
        if (type >= 0) (void)H5Tclose(type);
    }
    if (id >= 0) (void)H5Oclose(id);
    *file->outside = '\0';
    return kind;
}

/* Names that are gathered: texts of malloc. */
typedef struct gathered {
    const ddpm_h5 *file;
    int64_t count, room;
    char **names;
} gathered;

static int gather(gathered *g, const char *name)
{
    if (g->count == g->room) {
        char **more = realloc(g->names, (size_t)(2 * g->room + 64) * sizeof *more);
        if (!more) return -1;
        g->names = more;
        g->room = 2 * g->room + 64;
    }
    g->names[g->count] = strdup(name);
    return g->names[g->count] ? (g->count++, 0) : -1;
}

/* A link stands for a column, and so does what cannot be opened: opening it says why there is none. */
static herr_t gather_column(hid_t group, const char *name, const H5L_info_t *about, void *context)
{
    gathered *g = context;
    const hid_t id = H5Oopen(group, name, g->file->link_access);
    const int is_column = id < 0 || H5Iget_type(id) == H5I_DATASET || about->type != H5L_TYPE_HARD;
    if (id >= 0) (void)H5Oclose(id);
    return is_column ? gather(g, name) : 0;
}

static herr_t gather_group(gathered *g, hid_t group)
{
    unsigned order = 0;
    const hid_t creation = H5Gget_create_plist(group);
    if (creation >= 0) (void)H5Pget_link_creation_order(creation, &order);
    if (creation >= 0) (void)H5Pclose(creation);
    return H5Literate(group, order & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, NULL,
                      gather_column, g);
}

static herr_t gather_compound(gathered *g, hid_t dataset)
{
    const hid_t type = H5Dget_type(dataset);
    const int count = type >= 0 ? H5Tget_nmembers(type) : -1;
    herr_t result = count < 0 ? -1 : 0;
    for (int i = 0; i < count && result == 0; i++) {
        char *name = H5Tget_member_name(type, (unsigned)i);
        result = name ? gather(g, name) : -1;
        (void)H5free_memory(name);
    }
    if (type >= 0) (void)H5Tclose(type);
    return result;
}

ddpm_status ddpm_h5_members(const ddpm_h5 *file, const char *name, int64_t *count, char ***names)
{
    DDPM_H5_READING(file->path);
    gathered g = {.file = file};
    *count = 0;
    *names = NULL;
    const hid_t id = H5Oopen(file->id, name, file->link_access);
    const int is_group = id >= 0 && H5Iget_type(id) == H5I_GROUP;
    const herr_t result = id < 0 ? -1 : is_group ? gather_group(&g, id) : gather_compound(&g, id);
    ddpm_status status = DDPM_OK;
    if (result < 0) status = ddpm_h5_fail(DDPM_ERR_DATA, file, name, "its columns could not be listed");
    if (id >= 0) (void)H5Oclose(id);
    if (status == DDPM_OK && g.count > 0)
        status = ddpm_texts_copy(g.count, (const char *const *)g.names, "column names", names);
    if (status == DDPM_OK) *count = g.count;
    for (int64_t i = 0; i < g.count; i++) free(g.names[i]);
    free((void *)g.names);
    *file->outside = '\0';
    return status;
}
