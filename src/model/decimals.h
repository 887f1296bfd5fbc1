/** Decimal numbers: the digits behind the point that a value was written with, which its bits do not say.
 *  Local, any thread. */
#ifndef DDPM_MODEL_DECIMALS_H
#define DDPM_MODEL_DECIMALS_H

#include "base/number.h"

#include <stdint.h>

enum { DDPM_DECIMALS_MOST = 15 /* that are looked for: DBL_DIG */ };

/** How many units of the last of so many decimals, 0..DDPM_DECIMALS_MOST, make a whole. */
double ddpm_decimals_units(int decimals);

/** The fewest decimals that write a value of a type; DDPM_DECIMALS_MOST + 1: it has more than are looked for, or than
 * its type holds. */
int ddpm_decimals_of(ddpm_number number, double value);

/** A value with so many decimals, or below 0 as it is; with a step above 1, a whole number of steps, of so many of the
 * last decimals, from the first value. */
double ddpm_decimals_round_to_step(int decimals, int64_t step, double first, double value);

#endif
