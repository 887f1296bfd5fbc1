/** What the attributes of a dataset say of its numbers, in the conventions of netCDF and of HDF5: which stand for no
 * value. Those that say that the numbers mean others are refused, since samples would not carry them. Local, main
 * thread. */
#ifndef DDPM_DATA_CONVENTIONS_H
#define DDPM_DATA_CONVENTIONS_H

#include "file/h5.h"

enum { DDPM_CONVENTIONS_FILLS = 16 };

/** All zeros: every number is a value. */
typedef struct ddpm_conventions {
    int applies; /* 0: every number is a value */
    int count;
    double fills[DDPM_CONVENTIONS_FILLS]; /* [count], in the type of the dataset */
    int is_bounded;
    double low, high; /* where is_bounded: what is beyond them is no value */
} ddpm_conventions;

/** Read those of a dataset. DDPM_ERR_DATA: its numbers are scaled or are to be read with another sign, or an attribute
 *  is not what the convention says; the message says what helps.
 *  @param path  for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_conventions_read(const ddpm_h5 *file, const char *path, const char *dataset,
                                                  ddpm_conventions *out);

/** Why a number is no value, as "stands for no value ..."; NULL: it is one. */
const char *ddpm_conventions_refuse(const ddpm_conventions *conventions, double x);

#endif
