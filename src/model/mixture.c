/* The memory of a mixture. */
#include "model/mixture.h"

#include "base/memory.h"

#include <string.h>

ddpm_status ddpm_mixture_allocate(int64_t columns, int64_t count, ddpm_mixture *out)
{
    *out = (ddpm_mixture){.count = count, .columns = columns, .directions = count * columns};
    DDPM_TRY(DDPM_NEW(&out->weight, count, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->mean, out->directions, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->variance, out->directions, "mixture"));
    return DDPM_NEW(&out->direction, out->directions * columns, "mixture");
}

void ddpm_mixture_release(ddpm_mixture *mixture)
{
    ddpm_release(mixture->weight);
    ddpm_release(mixture->mean);
    ddpm_release(mixture->variance);
    ddpm_release(mixture->direction);
    *mixture = (ddpm_mixture){0};
}

ddpm_status ddpm_mixture_copy(const ddpm_mixture *from, ddpm_mixture *out)
{
    DDPM_TRY(ddpm_mixture_allocate(from->columns, from->count, out));
    memcpy(out->weight, from->weight, (size_t)from->count * sizeof *from->weight);
    memcpy(out->mean, from->mean, (size_t)from->directions * sizeof *from->mean);
    memcpy(out->variance, from->variance, (size_t)from->directions * sizeof *from->variance);
    memcpy(out->direction, from->direction, (size_t)(from->directions * from->columns) * sizeof *from->direction);
    return DDPM_OK;
}
