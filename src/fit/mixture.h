/** The mixture of Gaussians that is near the rows of a data set. */
#ifndef DDPM_FIT_MIXTURE_H
#define DDPM_FIT_MIXTURE_H

#include "data/dataset.h"
#include "model/mixture.h"

/** The most numbers that the directions of a mixture may have, C D^2: a row meets them twice in each evaluation. */
#define DDPM_MIXTURE_NUMBERS_MAX 131072

/** Where the number of parts is left to the program: the most that it tries, and the most columns for which there is
 * one part only, since features tell the network where groups of rows are. */
#define DDPM_MIXTURE_AUTO 16
#define DDPM_MIXTURE_AUTO_COLUMNS 8

/** Collective. Fit mixtures to a random sample of the standardised training rows, the first rows of the first epoch:
 * with `count` parts, or where it is DDPM_AUTO, with as many as predict other rows best. The result
 * has the same bits at any number of ranks and threads. Its count is 0 where one Gaussian is as good, where, with
 * DDPM_AUTO, the rows are not normal within the parts, or where the rows are too few or the columns too many for two.
 * DDPM_ERR_CONFIG: they are too few or too many for `count`; DDPM_ERR_MEMORY; the errors of ddpm_dataset_prepare.
 *  @param batch     rows that are asked for at a time.
 *  @param[out] out  release with ddpm_mixture_release. */
DDPM_MUST_CHECK ddpm_status ddpm_mixture_fit(ddpm_comm *comm, ddpm_dataset *dataset, int64_t batch, int64_t count,
                                             uint64_t seed, ddpm_mixture *out);

#endif
