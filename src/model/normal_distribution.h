/** The distribution function of the standard normal law, and its inverse. Local, any thread. */
#ifndef DDPM_MODEL_NORMAL_DISTRIBUTION_H
#define DDPM_MODEL_NORMAL_DISTRIBUTION_H

/** The probability of a number below x. */
double ddpm_normal_share(double x);

/** The number below which a draw lies with probability p, 0 to 1. */
double ddpm_normal_quantile(double p);

#endif
