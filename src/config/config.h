/** The configuration: a YAML file, a table of options, a plain struct.
 *
 *  The table in table.c gives every key its type, default, range and meaning, and says whether it is a key of science,
 *  which decides what is computed, or of the run. Parsing, checking, `--set`, the resolved configuration, the reference
 *  file and the comparison on resume all follow from it. Local, main thread.
 */
#ifndef DDPM_CONFIG_CONFIG_H
#define DDPM_CONFIG_CONFIG_H

#include "base/status.h"
#include "base/text_list.h"
#include "data/spec.h"
#include "kernel/activation.h"
#include "kernel/optimizer.h"
#include "kernel/simd.h"
#include "model/diffusion.h"
#include "model/learning_rate.h"
#include "model/masked.h"
#include "model/objective.h"
#include "model/sampler.h"
#include "model/schedule.h"
#include "model/timesteps.h"
#include "network/network.h"
#include "world/reduce.h"

#include <stdint.h>
#include <stdio.h>

enum {
    DDPM_CONFIG_TEXT = 1024, /* bytes of a text value, with its end */
    DDPM_OPTION_LIMIT = 104, /* the most keys; table.c asserts that it suffices */
};

/** Who gave a key of the table its value: nobody, so that it has its default or comes from a saved configuration, or a
 * file, or an assignment of the command line. */
typedef struct ddpm_given {
    int64_t line; /* of the file, from 1; 0: not the file */
    int worked;   /* whether the key has an effect in the file as it is */
    int assigned;
} ddpm_given;

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
        double noise; /* auto: the usual one of the source */
        int64_t dimensions;
        char path[DDPM_CONFIG_TEXT];
        char dataset[DDPM_CONFIG_TEXT];
        ddpm_text_list columns; /* empty: all that are not conditions */
        ddpm_text_list condition;
        int pairs; /* the rows are samples, each trained with its own noise */
        ddpm_standardize standardize;
        ddpm_map transform;
        ddpm_text_list transform_columns;
        double validation; /* share held out */
        double memory;     /* MiB of a node */
        int exact;
        int64_t piece; /* KiB; auto: chosen from memory */
    } data;
    struct {
        ddpm_process process;
        int64_t steps;
        struct {
            ddpm_schedule_kind kind;
            double start, end, target, limit, offset, cap;
            int rescale;
            int zero_terminal_snr;
            double log_mean, log_deviation;
            ddpm_text_list values;
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
        int64_t width, depth, components, mixture, features;
        ddpm_initial initial;
        ddpm_activation activation;
        ddpm_time time;
        int64_t time_width;
        double dropout; /* share of hidden units that are left out in training */
    } network;
    struct {
        char start_from[DDPM_CONFIG_TEXT]; /* a checkpoint or run folder; empty: random weights */
        int64_t iterations, batch;
        ddpm_optimizer optimizer;
        double learning_rate, momentum, beta1, beta2, epsilon, weight_decay;
        int64_t warmup;
        ddpm_decay decay;
        int64_t decay_every;
        double decay_factor;
        ddpm_text_list balance;       /* conditions whose classes are drawn evenly, or a weight */
        double clip;                  /* largest global norm; 0: none */
        double ema;                   /* 0: the average is the parameters */
        int64_t local_steps, workers; /* see train/round.h */
        double outer_rate, outer_momentum;
        ddpm_precision precision;
        int64_t validate_every;
        int keep_best;    /* the average with the least validation loss */
        int64_t patience; /* validations without a new least loss after which the run ends; 0: any number */
        int shorten;      /* a run that patience ends begins again, for fewer iterations */
        int64_t recover;  /* how many times a failed run goes back to a checkpoint */
    } training;
    struct {
        int64_t every, keep;
    } checkpoint;
    ddpm_sampling sampling;
    struct {
        ddpm_reduction reduction;
        int64_t block_rows; /* 0: chosen from the batch */
    } parallel;
    ddpm_given given[DDPM_OPTION_LIMIT]; /* in the order of the table */
} ddpm_config;

/** Set every key to its default. Lists that config held are forgotten: ddpm_config_release them first. */
DDPM_MUST_CHECK ddpm_status ddpm_config_defaults(ddpm_config *config);

/** Read the whole of a text file or pipe, ended by a zero byte; DDPM_ERR_MISSING, DDPM_ERR_IO, DDPM_ERR_CONFIG
 *  (beyond 1 MiB).
 *  @param[out] text   release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_config_read_file(const char *path, char **text, size_t *bytes);

/** Set the keys that a YAML text gives, and leave the others as they are. DDPM_ERR_CONFIG: "file:line:column: ..." with
 * the key, what was expected, what was found, and for an unknown key its present name or the nearest known one; config
 * is then half set. A key may stand by its full name too ("diffusion.schedule.kind: linear").
 *  @param name   the file's name for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_config_parse(ddpm_config *config, const char *text, size_t bytes, const char *name);

/** The same for a text that ddpm_config_dump wrote, perhaps of an earlier version: a key may have the name that it had
 *  then, and a key that did not exist then gets the value that stands for what the program did. */
DDPM_MUST_CHECK ddpm_status ddpm_config_parse_saved(ddpm_config *config, const char *text, size_t bytes,
                                                    const char *name);

/** Carry out a "section.key=value" of the command line. Of a key that is a text, the value is the bytes behind '=' as
 * they are; of other keys it is YAML ("[1, 2]" is a list), or an empty text if there is none. It overrides the file and
 * earlier assignments. DDPM_ERR_CONFIG: "section.key=value: ...". */
DDPM_MUST_CHECK ddpm_status ddpm_config_set(ddpm_config *config, const char *assignment);

/** Check every value's range, and rules that span keys (hdf5 needs a path; a table must have T values; ...).
 * DDPM_ERR_CONFIG names the key. */
DDPM_MUST_CHECK ddpm_status ddpm_config_check(const ddpm_config *config);

/** Refuse a key that was given, differs from its default, and has no effect: DDPM_ERR_CONFIG, "file:line: key: ..."
 *  with what it needs. A key of the file that has an effect there, which an assignment has taken away, gets its default
 *  instead, so that the resolved configuration can be read again. What a saved configuration gave is left as it is.
 *  @param name  the file's name for messages; NULL: there is no file. */
DDPM_MUST_CHECK ddpm_status ddpm_config_settle(ddpm_config *config, const char *name);

/** The part of ddpm_config_check that settings of sampling over a checked configuration can break. */
DDPM_MUST_CHECK ddpm_status ddpm_config_check_pairs(const ddpm_config *config);

/** Write every key of a checked config with its value as YAML that ddpm_config_parse reads back to the same struct
 *  (numbers to the last bit). */
DDPM_MUST_CHECK ddpm_status ddpm_config_dump(const ddpm_config *config, FILE *to);

/** The same as a text. DDPM_ERR_MEMORY. @param[out] text  to be freed. */
DDPM_MUST_CHECK ddpm_status ddpm_config_text(const ddpm_config *config, char **text);

/** Write the commented reference: every key with type, range, default, meaning, at its default value. */
DDPM_MUST_CHECK ddpm_status ddpm_config_reference(FILE *to);

/** DDPM_ERR_CONFIG names the first key of science in which the two differ, with both values. Both must have passed
 *  ddpm_config_check. training.iterations is a key of science only if then->training.decay is cosine, whose learning
 *  rate depends on it; otherwise a run may be prolonged. A key that has no effect in either may differ. */
DDPM_MUST_CHECK ddpm_status ddpm_config_same_science(const ddpm_config *then, const ddpm_config *now);

/** The same of one key, whatever it is. */
DDPM_MUST_CHECK ddpm_status ddpm_config_same_key(const char *key, const ddpm_config *then, const ddpm_config *now);

/** DDPM_ERR_CONFIG names the first key that decides what weights mean in which the two differ, with both values.
 *  @param then  of the run whose weights are taken.  @param from  its name, for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_config_same_meaning(const ddpm_config *then, const ddpm_config *now, const char *from);

/** The name that a configuration has for a value of an enumeration: ("sampling.method", DDPM_METHOD_DDIM) gives "ddim".
 *  @param key  of an enumeration. */
const char *ddpm_config_choice(const char *key, unsigned value);

/** The specification of the schedule, for ddpm_schedule_create.
 *  @param[out] table   [values.count] the list's numbers, to which the specification points; NULL if the list is empty.
 */
ddpm_schedule_spec ddpm_config_schedule(const ddpm_config *config, double *table);

/** The specification of the data set; its texts and lists are borrowed. */
ddpm_data_spec ddpm_config_data(const ddpm_config *config);

/** The specification of the learning rate. */
ddpm_learning_rate_spec ddpm_config_learning_rate(const ddpm_config *config);

/** training.validate_every of so many training rows, where it is auto: some passes over them, but in some range. */
#define DDPM_VALIDATE_PASSES 10
#define DDPM_VALIDATE_LEAST 5
#define DDPM_VALIDATE_MOST 100
int64_t ddpm_config_validate_every(const ddpm_config *config, int64_t rows);

/** libyaml's version, one line. */
const char *ddpm_config_library(void);

/** Free the lists. After ddpm_config_defaults the struct can be used again. */
void ddpm_config_release(ddpm_config *config);

#endif
