/** The training rows drawn evenly over their classes: a class, then a row of it, each a pure function of the seed and
 * the position in the run. Used by dataset.c alone.
 *
 *  A group is the training rows that agree in all the classes that are balanced. With G groups, the positions
 * r G .. r G + G - 1 visit each group once, in a permuted order, and round r visits row (r mod n) of a group's n rows
 * in the permuted order of the group's epoch (r div n). So after any number of rounds the shares are exact, and each
 * row of a group is visited as often as the others, to one visit.
 */
#ifndef DDPM_DATA_BALANCE_H
#define DDPM_DATA_BALANCE_H

#include "base/permutation.h"
#include "base/text_list.h"
#include "model/condition.h"
#include "world/shared.h"

typedef struct ddpm_balance {
    uint64_t seed;
    int64_t groups; /* that have training rows */
    int64_t *first; /* [groups + 1], where the rows of a group begin */
    ddpm_shared *places;
} ddpm_balance;

/** What the rows are, and which of them are trained on. Pointers are borrowed for the call. */
typedef struct ddpm_balance_rows {
    const ddpm_condition *condition;
    const float *values; /* [rows][V], of all rows, standardised */
    int64_t rows, held_out;
    const ddpm_permutation *split; /* of the rows; the first of them are held out */
} ddpm_balance_rows;

/** Collective. DDPM_ERR_CONFIG: a name is not that of a condition that is a class, or the classes have too many
 * combinations.
 *  @param names     of conditions; not empty.
 *  @param[out] out  release with ddpm_balance_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_balance_create(ddpm_comm *comm, uint64_t seed, const ddpm_text_list *names,
                                                const ddpm_balance_rows *rows, ddpm_balance *out);

/** Local. */
void ddpm_balance_release(ddpm_balance *balance);

/** Local, any thread. The row of the file that a position of the run visits. */
int64_t ddpm_balance_place(const ddpm_balance *balance, int64_t position);

/** Local. Training rows of the smallest group. */
int64_t ddpm_balance_least(const ddpm_balance *balance);

#endif
