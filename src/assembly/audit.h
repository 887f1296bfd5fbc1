/** What is said of a way to make samples before any are made. Local. */
#ifndef DDPM_ASSEMBLY_AUDIT_H
#define DDPM_ASSEMBLY_AUDIT_H

#include "model/gaussian.h"

/** Log a warning where samples of a perfect network would have another spread than the data, or where the network's
 * errors would grow; it has the numbers, and settings that are right where there are any. Nothing is said where the
 * settings are right, of a classifier, or where memory does not suffice to tell.
 *  @param sampling    as configured.
 *  @param classifier  factor of a classifier's gradient; 0: there is none. */
void ddpm_audit_report_sampling(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, double classifier);

#endif
