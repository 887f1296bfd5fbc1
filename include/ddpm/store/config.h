/** The configuration: one YAML file, one option table, one plain struct.
 *
 *  The table in config_table.c gives every key its type, default, range, meaning and whether it changes the science
 *  (what is computed) or only the run (where and how). Parsing, checking, `--set`, the resolved dump, the reference
 *  file and the comparison on resume all read it. Local, main thread.
 */
#ifndef DDPM_STORE_CONFIG_H
#define DDPM_STORE_CONFIG_H

#include "ddpm/base/status.h"
#include "ddpm/kernel/activation.h"
#include "ddpm/kernel/optimizer.h"
#include "ddpm/kernel/simd.h"
#include "ddpm/model/diffusion.h"
#include "ddpm/model/network.h"
#include "ddpm/model/objective.h"
#include "ddpm/model/sampler.h"
#include "ddpm/model/schedule.h"
#include "ddpm/model/timesteps.h"

#include <stdint.h>
#include <stdio.h>

enum { DDPM_CONFIG_TEXT = 1024 }; /* bytes of a text value, with its end */

typedef enum ddpm_data_source {
    DDPM_DATA_SWISS_ROLL,
    DDPM_DATA_TWO_MOONS,
    DDPM_DATA_S_CURVE,
    DDPM_DATA_HDF5,
    DDPM_DATA_SOURCE_COUNT
} ddpm_data_source;

typedef enum ddpm_standardize {
    DDPM_STANDARDIZE_COLUMN,
    DDPM_STANDARDIZE_GLOBAL,
    DDPM_STANDARDIZE_NONE
} ddpm_standardize;
typedef enum ddpm_decay { DDPM_DECAY_CONSTANT, DDPM_DECAY_COSINE, DDPM_DECAY_STEP } ddpm_decay;
typedef enum ddpm_weights { DDPM_WEIGHTS_EMA, DDPM_WEIGHTS_RAW } ddpm_weights;
typedef enum ddpm_clip { DDPM_CLIP_NONE, DDPM_CLIP_DATA } ddpm_clip;
typedef enum ddpm_reduction { DDPM_REDUCTION_EXACT, DDPM_REDUCTION_FLOAT32 } ddpm_reduction;

/** A list of texts ("columns: [energy, 3]"), or of numbers in their shortest exact form. Owned by the config. */
typedef struct ddpm_config_list {
    int64_t count;
    char **items;
} ddpm_config_list;

/** The value of every key, in the sections of the file. An "auto" real is NaN. */
typedef struct ddpm_config {
    struct {
        char name[DDPM_CONFIG_TEXT];
        uint64_t seed;
        char output[DDPM_CONFIG_TEXT]; /* empty: runs/<name> */
        double time_limit;             /* seconds; 0: none */
        double stop_margin;            /* seconds before the end of a SLURM job */
        int64_t report_every;          /* iterations between rows of metrics.csv */
    } run;
    struct {
        ddpm_data_source source;
        int64_t count;
        double noise; /* auto: the source's own */
        int64_t dimensions;
        char path[DDPM_CONFIG_TEXT];
        char dataset[DDPM_CONFIG_TEXT];
        ddpm_config_list columns; /* empty: all */
        ddpm_config_list condition;
        ddpm_standardize standardize;
        double validation; /* share held out */
        double memory;     /* MiB per node */
    } data;
    struct {
        int64_t steps;
        struct {
            ddpm_schedule_kind kind;
            double start, end, target, limit, offset, cap;
            int rescale;
            int zero_terminal_snr;
            ddpm_config_list values;
        } schedule;
        ddpm_prediction predict;
        ddpm_variance variance;
        ddpm_loss loss;
        double lambda;
        ddpm_weighting weighting;
        double gamma;
        ddpm_timesteps_kind timesteps;
        double condition_dropout;
    } diffusion;
    struct {
        ddpm_network_kind kind;
        int64_t width, depth;
        ddpm_activation activation;
        ddpm_time time;
        int64_t time_width;
    } network;
    struct {
        int64_t iterations, batch;
        ddpm_optimizer optimizer;
        double learning_rate, momentum, beta1, beta2, epsilon, weight_decay;
        int64_t warmup;
        ddpm_decay decay;
        int64_t decay_every;
        double decay_factor;
        double clip; /* largest global norm; 0: none */
        double ema;  /* 0: none */
        ddpm_factors factors;
        int64_t validate_every;
        int64_t recover; /* times to go back with half the learning rate */
    } training;
    struct {
        int64_t every, keep;
    } checkpoint;
    struct {
        ddpm_method method;
        int64_t steps; /* 0: all T */
        double eta;
        int64_t corrections;
        double correction_ratio;
        double guidance;
        ddpm_weights weights;
        ddpm_clip clip;
    } sampling;
    struct {
        ddpm_reduction reduction;
        int64_t block_rows; /* 0: chosen from batch and width */
    } parallel;
} ddpm_config;

/** Set every key to its default. What config held is not looked at: ddpm_config_release it first if it was used. */
DDPM_MUST_CHECK ddpm_status ddpm_config_defaults(ddpm_config *config);

/** Read the whole of a text file or pipe, ended by a zero byte; DDPM_ERR_MISSING, DDPM_ERR_IO, DDPM_ERR_CONFIG
 *  (beyond 1 MiB).
 *  @param[out] text   release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_config_read_file(const char *path, char **text, size_t *bytes);

/** Set the keys that a YAML text gives, over what config holds. DDPM_ERR_CONFIG: "file:line:column: ..." with the key,
 *  what was expected, what was found, and the nearest known key for an unknown one; config is then half set.
 *  A key may stand by its full name too ("diffusion.schedule.kind: linear").
 *  @param name   the file's name for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_config_parse(ddpm_config *config, const char *text, size_t bytes, const char *name);

/** One "section.key=value" of the command line; the value is YAML ("[1, 2]" is a list), nothing at all is an
 *  empty text. It overrides the file and earlier assignments. DDPM_ERR_CONFIG: "--set section.key=value: ...". */
DDPM_MUST_CHECK ddpm_status ddpm_config_set(ddpm_config *config, const char *assignment);

/** Every value's range, and rules that span keys (hdf5 needs a path, a table as long as T, velocity or data with zero
 *  terminal SNR ...). A key without meaning for the chosen kind is allowed. DDPM_ERR_CONFIG names the key. */
DDPM_MUST_CHECK ddpm_status ddpm_config_check(const ddpm_config *config);

/** Write every key of a checked config with its value as YAML that ddpm_config_parse reads back to the same struct
 *  (numbers to the last bit). */
DDPM_MUST_CHECK ddpm_status ddpm_config_dump(const ddpm_config *config, FILE *to);

/** Write the commented reference: every key with type, range, default, meaning, at its default value. */
DDPM_MUST_CHECK ddpm_status ddpm_config_reference(FILE *to);

/** DDPM_ERR_CONFIG naming the first science key in which the two differ, with both values. Both must have passed
 *  ddpm_config_check. training.iterations counts as science only where then->training.decay is cosine, since
 *  the learning rate depends on it there; otherwise a run may be prolonged. */
DDPM_MUST_CHECK ddpm_status ddpm_config_same_science(const ddpm_config *then, const ddpm_config *now);

/** The schedule's part, for ddpm_schedule_create.
 *  @param[out] table   [values.count] the list, which the spec points to; may be NULL when the list is empty. */
ddpm_schedule_spec ddpm_config_schedule(const ddpm_config *config, double *table);

/** libyaml's version, one line. */
const char *ddpm_config_library(void);

/** Free the lists; the struct may be parsed into again after ddpm_config_defaults. */
void ddpm_config_release(ddpm_config *config);

#endif
