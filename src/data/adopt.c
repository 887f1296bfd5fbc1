/* Finds the model's place of each name of a file. */
#include "data/adopt.h"

#include "base/memory.h"
#include "data/text_names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *kind_of(const ddpm_column_layout *layout)
{
    return layout && layout->kind == DDPM_COLUMN_CATEGORY ? "a category" : "a number";
}

static ddpm_status refuse(const ddpm_column_layout *file, const ddpm_column_layout *model, const char *name,
                          int64_t column, const char *path)
{
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: column %lld (from 0)%s%s%s is %s there and %s in the model; write it as the model's data have "
        "it (analysis/import_table.py --category NAME, --number NAME)",
        path, (long long)column, name ? " '" : "", name ? name : "", name ? "'" : "", kind_of(file), kind_of(model));
}

static double place_of(const ddpm_column_layout *model, const char *name)
{
    int64_t k = 0;
    if (model->is_text) return (double)ddpm_text_names_place(model->count, model->names, name);
    while (k < model->count && strcmp(model->names[k], name) != 0) k++;
    return k == model->count ? -1.0 : k == model->gap ? NAN : (double)k;
}

ddpm_status ddpm_adoption_create(const ddpm_column_layout *layouts, const char *const *names, const char *path,
                                 const ddpm_vocabulary *model, ddpm_adoption *out)
{
    *out = (ddpm_adoption){.columns = model->columns};
    DDPM_TRY(DDPM_NEW(&out->place, model->columns, "names of columns"));
    for (int64_t j = 0; j < model->columns; j++) {
        const ddpm_column_layout *file = layouts ? &layouts[j] : NULL, *own = &model->column[j].layout;
        const int is_category = own->kind == DDPM_COLUMN_CATEGORY;
        if ((file && file->kind == DDPM_COLUMN_CATEGORY) != is_category)
            return refuse(file, own, names ? names[j] : NULL, j, path);
        if (!is_category) continue;
        DDPM_TRY(DDPM_NEW(&out->place[j], file->count, "names of columns"));
        for (int64_t k = 0; k < file->count; k++) out->place[j][k] = place_of(own, file->names[k]);
    }
    return DDPM_OK;
}

void ddpm_adoption_release(ddpm_adoption *adoption)
{
    for (int64_t j = 0; adoption->place && j < adoption->columns; j++) ddpm_release(adoption->place[j]);
    ddpm_release(adoption->place);
    *adoption = (ddpm_adoption){0};
}

void ddpm_adoption_apply(const ddpm_adoption *adoption, int64_t count, double *rows)
{
    for (int64_t i = 0; i < count * adoption->columns; i++) {
        const double *place = adoption->place[i % adoption->columns];
        if (place && !isnan(rows[i])) rows[i] = place[(int64_t)rows[i]];
    }
}
