/* Looks for what `ddpm sample` wrote beside its rows. */
#include "data/pairs.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static ddpm_status refuse(const ddpm_data_spec *spec, const char *why)
{
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: data.pairs: expected samples that `ddpm sample` made of noise with heun, dpm_solver or ddim, "
                     "and data.dataset: samples; found %s",
                     spec->path, why);
}

/* Whether a text attribute of the file is one of the texts of a list that ends with NULL. */
static int is_one_of(const ddpm_h5 *file, const char *name, const char *const *texts)
{
    char *found = NULL;
    int is = 0;
    if (!ddpm_h5_has_attribute(file, "/", name)) return 0;
    if (ddpm_h5_get_text(file, "/", name, &found) != DDPM_OK) return 0;
    for (; *texts; texts++) is |= strcmp(found, *texts) == 0;
    ddpm_release(found);
    return is;
}

ddpm_status ddpm_pairs_seed(const ddpm_h5 *file, const ddpm_data_spec *spec, uint64_t *seed)
{
    static const char *const samples[] = {"samples", NULL}, *const solvers[] = {"heun", "dpm_solver", "ddim", NULL};
    int64_t corrections;
    double eta;
    char *text = NULL, *end;
    if (strcmp(spec->dataset, "samples") != 0) return refuse(spec, "another dataset");
    if (!is_one_of(file, "kind", samples)) return refuse(spec, "another kind of file");
    if (!is_one_of(file, "sampler", solvers)) return refuse(spec, "samples for which noise was drawn in every step");
    if (ddpm_h5_has_attribute(file, "/", "given")) return refuse(spec, "completed rows");
    DDPM_TRY(ddpm_h5_get_int(file, "/", "corrections", &corrections));
    DDPM_TRY(ddpm_h5_get_real(file, "/", "eta", &eta));
    if (corrections > 0 || eta > 0.0) return refuse(spec, "samples for which noise was drawn in every step");
    DDPM_TRY(ddpm_h5_get_text(file, "/", "seed", &text));
    *seed = strtoull(text, &end, 10);
    const int is_number = end != text && *end == '\0';
    ddpm_release(text);
    return is_number ? DDPM_OK : refuse(spec, "a seed that is no number");
}
