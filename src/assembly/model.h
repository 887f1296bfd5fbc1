/** The network, the diffusion and the loss that a configuration describes. Local. */
#ifndef DDPM_ASSEMBLY_MODEL_H
#define DDPM_ASSEMBLY_MODEL_H

#include "config/config.h"
#include "model/components.h"
#include "model/condition.h"
#include "model/diffusion.h"
#include "model/masked.h"
#include "model/mixture.h"
#include "model/objective.h"
#include "network/network.h"

/** It must not be moved once made: the objective points to the diffusion beside it. */
typedef struct ddpm_model {
    ddpm_network *network;
    ddpm_diffusion diffusion; /* of the masked process only its schedule is used */
    ddpm_objective objective;
    ddpm_masked masked;              /* no columns: the process is Gaussian */
    const ddpm_condition *condition; /* borrowed */
    int64_t columns;                 /* D, of a row; the network's input may have others */
} ddpm_model;

/** DDPM_ERR_CONFIG where a classifier's condition is not one class, or where the process does not fit the rows.
 *  @param config      checked.
 *  @param columns     D.
 *  @param vocabulary  of rows that are tokens, for the masked process; NULL: they are numbers. Borrowed until
 *                     ddpm_model_release, as is the condition.
 *  @param[out] out  release with ddpm_model_release. */
DDPM_MUST_CHECK ddpm_status ddpm_model_create(const ddpm_config *config, int64_t columns,
                                              const ddpm_vocabulary *vocabulary, const ddpm_condition *condition,
                                              ddpm_model *out);

/** The same with the schedule that a checkpoint holds, beta [T + 1], and with the precision of sampling. */
DDPM_MUST_CHECK ddpm_status ddpm_model_create_with_beta(const ddpm_config *config, int64_t columns,
                                                        const ddpm_vocabulary *vocabulary,
                                                        const ddpm_condition *condition, int64_t steps,
                                                        const double *beta, ddpm_model *out);
void ddpm_model_release(ddpm_model *model);

/** Let the network add the best linear prediction (network.components). Nothing is done where the components are not
 * known, or the configuration wants none. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_model_set_components(ddpm_model *model, const ddpm_components *components);

/** Let the network add the prediction of a mixture in its place (network.mixture). Nothing is done where its count is
 * 0. DDPM_ERR_DATA: it does not fit the columns, or its numbers are out of their range; DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_model_set_mixture(ddpm_model *model, const ddpm_mixture *mixture);

/** Bytes of its tables by t, the network's embedding included; the parameters are the caller's. */
int64_t ddpm_model_bytes(const ddpm_model *model);

/** Whether it predicts the class of a noisy row (diffusion.predict: class), and so cannot make rows. */
int ddpm_model_is_classifier(const ddpm_model *model);

/** Whether its rows are tokens and its process hides columns. */
int ddpm_model_is_masked(const ddpm_model *model);

/** Make the schedule of a configuration. @param[out] out  release with ddpm_schedule_release. */
DDPM_MUST_CHECK ddpm_status ddpm_model_schedule(const ddpm_config *config, ddpm_schedule *out);

/** That of the masked process, which follows from the number of columns. */
DDPM_MUST_CHECK ddpm_status ddpm_model_masked_schedule(int64_t columns, ddpm_schedule *out);

/** Log the audit of a schedule, and a warning that says what to do where its end is not noise. */
void ddpm_model_report_audit(const ddpm_schedule *schedule);

#endif
