/* The memory of packed matrices. */
#include "kernel/dense.h"

#include "base/memory.h"

ddpm_status ddpm_dense_make(const ddpm_kernels *kernels, ddpm_const_matrix w, ddpm_dense *out)
{
    const int64_t wide = ddpm_round_up(w.columns, kernels->panel);
    DDPM_TRY(DDPM_NEW(&out->weight, w.rows * wide, "packed weights"));
    DDPM_TRY(DDPM_NEW(&out->bias, wide, "packed weights"));
    kernels->pack(w, (ddpm_range){0, w.rows}, (ddpm_range){0, w.columns}, 0, out->weight);
    return DDPM_OK;
}

void ddpm_dense_release(ddpm_dense *dense)
{
    ddpm_release(dense->weight);
    ddpm_release(dense->bias);
    ddpm_release(dense->transposed);
}
