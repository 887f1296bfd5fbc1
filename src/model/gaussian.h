/** What a sampler makes of normal data where its network is perfect. Every step is then a linear function of x with
 * normal noise, so that the distribution of the samples is followed exactly, without a network and without random
 * numbers. This tells whether method, steps, spacing and variance fit the schedule, before anything is trained. Local,
 * any thread.
 */
#ifndef DDPM_MODEL_GAUSSIAN_H
#define DDPM_MODEL_GAUSSIAN_H

#include "model/sampler.h"

/** Data of the distribution N(mean, deviation^2) in each column, and what their network gets wrong. */
typedef struct ddpm_gaussian {
    double mean, deviation;
    double error; /* standard deviation of an error that each prediction has by chance; 0: the network is perfect */
    double
        classifier; /* factor of a classifier's gradient, which has an error of this deviation, too; 0: there is none */
} ddpm_gaussian;

/** Follow the mean and the standard deviation of samples from N(0, 1) at T down the grid. Where the variance of a step
 * is learned, it is the one that a perfect network would learn. What x0 is clipped to is ignored. */
void ddpm_sampler_gaussian(const ddpm_sampler *sampler, const ddpm_gaussian *data, double *mean, double *deviation);

/** How samples of normal data differ from the data. */
typedef struct ddpm_sampler_audit {
    double wide;      /* the samples' deviation where that of the data is 1 */
    double narrow;    /* the samples' deviation in parts of the data's, for that deviation below 1, down to 1/10, where
                       * it is furthest from 1 */
    double deviation; /* of the data there */
    double mean;      /* of the samples, where mean and deviation of the data are DDPM_AUDIT_MEAN */
    double
        erring;   /* their deviation where that of the data is 1 and each prediction has an error of DDPM_AUDIT_ERROR */
    int is_right; /* whether the spread and the mean are off by at most DDPM_AUDIT_LIMIT, and the errors change the
                   * spread by at most DDPM_AUDIT_ERROR_LIMIT */
} ddpm_sampler_audit;

#define DDPM_AUDIT_MEAN 0.5
#define DDPM_AUDIT_LIMIT 0.01
#define DDPM_AUDIT_ERROR 0.01
#define DDPM_AUDIT_ERROR_LIMIT 0.02

/** @param classifier  as in ddpm_gaussian. */
ddpm_sampler_audit ddpm_sampler_audit_of(const ddpm_sampler *sampler, double classifier);

#endif
