/* Finds out how many digits behind the point a number was written with, and rounds to as many. */
#include "model/decimals.h"

#include <math.h>

static const double POWERS[DDPM_DECIMALS_MOST + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

double ddpm_decimals_units(int decimals)
{
    return POWERS[decimals];
}

static double round_to(int decimals, double value)
{
    return decimals < 0 || decimals > DDPM_DECIMALS_MOST ? value : round(value * POWERS[decimals]) / POWERS[decimals];
}

double ddpm_decimals_round_to_step(int decimals, int64_t step, double first, double value)
{
    if (step <= 1 || decimals < 0 || decimals > DDPM_DECIMALS_MOST) return round_to(decimals, value);
    const double units = POWERS[decimals], apart = (double)step, from = round(first * units);
    return (from + apart * round((value * units - from) / apart)) / units;
}

/* The most digits behind the point that a value of a type can have been written with, and be found again in spite of
 * its rounding. */
static int decimals_most(ddpm_number number, double value)
{
    const double whole = number == DDPM_NUMBER_FLOAT32 ? 0x1p23 : 0x1p51;
    int decimals = DDPM_DECIMALS_MOST;
    while (decimals > 0 && fabs(value) * POWERS[decimals] >= whole) decimals--;
    return decimals;
}

static int has_decimals(ddpm_number number, double value, int decimals)
{
    const double rounded = round_to(decimals, value);
    return number == DDPM_NUMBER_FLOAT32 ? (float)rounded == (float)value : rounded == value;
}

int ddpm_decimals_of(ddpm_number number, double value)
{
    const int most = decimals_most(number, value);
    if (!has_decimals(number, value, most)) return DDPM_DECIMALS_MOST + 1;
    int decimals = 0;
    while (decimals < most && !has_decimals(number, value, decimals)) decimals++;
    return decimals;
}
