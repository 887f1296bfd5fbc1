/** The principal components of a data set. */
#ifndef DDPM_FIT_PRINCIPAL_H
#define DDPM_FIT_PRINCIPAL_H

#include "data/dataset.h"
#include "model/components.h"

/** More columns have no components here: the time to compute them grows with the cube of the columns. */
#define DDPM_PRINCIPAL_COLUMNS_MAX 1024

/** Collective. Compute the first `most` components of the standardised training rows, from the first rows of the first
 * epoch, which are a random sample of them. The result has the same bits at any number of ranks and threads. Where the
 * data have more than DDPM_PRINCIPAL_COLUMNS_MAX columns, its count is 0. DDPM_ERR_MEMORY; the errors of
 * ddpm_dataset_prepare.
 *  @param batch     rows that are asked for at a time.
 *  @param[out] out  release with ddpm_components_release. */
DDPM_MUST_CHECK ddpm_status ddpm_principal_components(ddpm_comm *comm, ddpm_dataset *dataset, int64_t batch,
                                                      int64_t most, ddpm_components *out);

#endif
