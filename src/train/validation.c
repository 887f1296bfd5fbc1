/* A fixed number of draws, in blocks as a batch has them; the blocks' shares of the loss are added exactly. */
#include "train/validation.h"

#include "kernel/fixed_sum.h"

#include <math.h>
#include <omp.h>

enum {
    DRAWS = 8192,  /* rows, with repetition */
    LOSS_BITS = 40 /* of the fixed point in which blocks' shares are added */
};

ddpm_status ddpm_validation_loss(ddpm_stepper *stepper, ddpm_state *state, double *loss)
{
    ddpm_stepper *s = stepper;
    const ddpm_batch draws = ddpm_batch_cut(DRAWS, s->batch.block_rows);
    const ddpm_range mine = ddpm_comm_part(s->all, draws.blocks);
    int64_t sum = 0, refused = 0;
    *loss = NAN;
    if (ddpm_dataset_held_out(s->dataset) == 0) return DDPM_OK;
    ddpm_stepper_gather(s, state, DDPM_STATE_AVERAGE);
    ddpm_stepper_pack_average(s, state->ema);
#pragma omp parallel num_threads(s->threads) reduction(+ : sum, refused)
    {
        const int thread = omp_get_thread_num();
#pragma omp for schedule(static)
        for (int64_t block = mine.first; block < mine.end; block++) {
            const double share =
                ddpm_block_validate(&s->thread_block[thread], DRAWS, ddpm_batch_rows(&draws, block, 1));
            ddpm_fixed_add(share, LOSS_BITS, draws.blocks, &sum, &refused);
        }
    }
    int64_t totals[2] = {sum, refused};
    ddpm_comm_sum_int64(s->all, totals, 2);
    *loss = totals[1] > 0 ? INFINITY : ddpm_fixed_value(totals[0], LOSS_BITS);
    ddpm_state_consider_best(s->model->network, *loss, state);
    return DDPM_OK;
}
