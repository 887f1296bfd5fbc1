/* The results of an evaluation: a table to read, JSON for programs, and arrays in an HDF5 file. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "file/file.h"
#include "file/h5.h"
#include "file/json_file.h"
#include "model/bound.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const double LN_2 = 0.69314718055994530942;

static double sum_of_terms(const ddpm_evaluation *e)
{
    double sum = 0.0;
    for (int64_t t = 2; t <= e->steps; t++) sum += e->term[t];
    return sum;
}

/* ---- the table ---- */

/* Print a number of nats and its value in other units. Only a complete negative log-density has a value in the data's
 * own units as well, since a change of units adds a constant to it. */
static void print_nats(const ddpm_evaluation *e, const char *name, double nats, int is_density)
{
    const double wide = (double)e->columns, own = nats + e->log_scale;
    printf("  %-30s %12.5f %12.5f %12.5f", name, nats, nats / wide, nats / (wide * LN_2));
    if (is_density) printf(" %12.5f %12.5f %12.5f", own, own / wide, own / (wide * LN_2));
    printf("\n");
}

static void print_conditions(const ddpm_evaluation *e)
{
    printf("each row under its own condition:");
    for (int64_t v = 0; v < e->condition->count; v++) printf("%s %s", v ? "," : "", e->condition->names[v]);
    printf("; guidance of samples %g\n", e->sampling.guidance);
}

static void print_bound(const ddpm_evaluation *e)
{
    const ddpm_schedule *schedule = &e->loaded->model.diffusion.schedule;
    printf("\nnegative log-likelihood of %lld rows\n", (long long)e->evaluated.count);
    printf("  %-30s %38s %38s\n", "", "standardised data", "data's own units");
    printf("  %-30s %12s %12s %12s %12s %12s %12s\n", "", "nats", "nats/column", "bits/dim", "nats", "nats/column",
           "bits/dim");
    print_nats(e, "L_T", e->prior, 0);
    print_nats(e, "L_1 + ... + L_{T-1}", sum_of_terms(e), 0);
    print_nats(e, "L_0", e->term[1], 0);
    print_nats(e, "variational bound", e->bound, 1);
    print_nats(e, "  its standard error", e->bound_error, 0);
    print_nats(e, "Sohl-Dickstein's form", e->old_bound, 1);
    print_nats(e, "  entropy of q(x_1 | x_0)", ddpm_bound_first_entropy(schedule, e->columns), 0);
    print_nats(e, "  entropy of q(x_T | x_0)", ddpm_bound_last_entropy(schedule, e->columns), 0);
    if (!e->options.likelihood) return;
    print_nats(e, "by the probability flow", -e->likelihood, 1);
    print_nats(e, "  its standard error", e->likelihood_error, 0);
    print_nats(e, "  tolerance of integration", e->likelihood_tolerance, 0);
    if (e->options.probes > 0)
        printf("  (the divergence is estimated by %lld random probe%s for each row)\n", (long long)e->options.probes,
               e->options.probes > 1 ? "s" : "");
}

static double ratio_of(const ddpm_evaluation *e, int i)
{
    return e->real_data[i] > 0.0 ? e->measured[i] / e->real_data[i] : NAN;
}

static void print_quality(const ddpm_evaluation *e)
{
    printf("\nquality of %lld samples against as many real rows, standardised, mean over %d pairs of sets\n",
           (long long)e->set_rows, DDPM_EVALUATION_PAIRS);
    printf("  %-30s %12s %12s %12s\n", "", "samples", "real data", "ratio");
    for (int i = 0; i < DDPM_EVALUATION_MEASURES; i++)
        printf("  %-30s %12.6f %12.6f %12.3f\n", ddpm_evaluation_measures[i], e->measured[i], e->real_data[i],
               ratio_of(e, i));
}

/* ---- JSON ---- */

static void put_density(FILE *to, const ddpm_evaluation *e, const char *name, double nats)
{
    const double wide = (double)e->columns, own = nats + e->log_scale;
    fprintf(to, ",\n  \"%s\": {", name);
    ddpm_json_number(to, "", "nats", nats);
    ddpm_json_number(to, ", ", "nats_per_column", nats / wide);
    ddpm_json_number(to, ", ", "bits_per_dim", nats / (wide * LN_2));
    ddpm_json_number(to, ", ", "own_nats", own);
    ddpm_json_number(to, ", ", "own_nats_per_column", own / wide);
    ddpm_json_number(to, ", ", "own_bits_per_dim", own / (wide * LN_2));
    fprintf(to, "}");
}

static void put_bound(FILE *to, const ddpm_evaluation *e)
{
    const ddpm_schedule *schedule = &e->loaded->model.diffusion.schedule;
    fprintf(to, ",\n  \"rows\": %lld, \"draws\": %lld", (long long)e->evaluated.count, (long long)e->options.draws);
    put_density(to, e, "bound", e->bound);
    ddpm_json_number(to, ",\n  ", "bound_error", e->bound_error);
    ddpm_json_number(to, ", ", "prior", e->prior);
    ddpm_json_number(to, ", ", "middle", sum_of_terms(e));
    ddpm_json_number(to, ", ", "reconstruction", e->term[1]);
    put_density(to, e, "sohl_dickstein", e->old_bound);
    ddpm_json_number(to, ",\n  ", "entropy_first", ddpm_bound_first_entropy(schedule, e->columns));
    ddpm_json_number(to, ", ", "entropy_last", ddpm_bound_last_entropy(schedule, e->columns));
    ddpm_json_number(to, ", ", "first_step", e->first_step);
    fprintf(to, ",\n  \"terms\": [");
    for (int64_t t = 1; t <= e->steps; t++) fprintf(to, "%s%.9g", t > 1 ? ", " : "", e->term[t]);
    fprintf(to, "]");
    if (!e->options.likelihood) return;
    put_density(to, e, "likelihood", -e->likelihood);
    ddpm_json_number(to, ",\n  ", "likelihood_error", e->likelihood_error);
    ddpm_json_number(to, ", ", "likelihood_tolerance", e->likelihood_tolerance);
    fprintf(to, ", \"probes\": %lld", (long long)e->options.probes);
}

static void put_quality(FILE *to, const ddpm_evaluation *e)
{
    fprintf(to, ",\n  \"quality\": {\"rows\": %lld, \"pairs\": %d", (long long)e->set_rows, DDPM_EVALUATION_PAIRS);
    ddpm_json_number(to, ", ", "mmd_width", e->width);
    if (!e->options.samples_file) {
        fprintf(to, ",\n    \"sampling\": ");
        ddpm_sampling_print_json(&e->sampling, to);
    }
    for (int i = 0; i < DDPM_EVALUATION_MEASURES; i++) {
        fprintf(to, ",\n    \"%s\": {", ddpm_evaluation_measures[i]);
        ddpm_json_number(to, "", "samples", e->measured[i]);
        ddpm_json_number(to, ", ", "oracle", e->real_data[i]);
        ddpm_json_number(to, ", ", "ratio", ratio_of(e, i));
        fprintf(to, "}");
    }
    fprintf(to, ",\n    \"ks\": [");
    for (int64_t j = 0; j < e->columns; j++) fprintf(to, "%s%.9g", j > 0 ? ", " : "", e->ks[j]);
    fprintf(to, "]}");
}

static ddpm_status write_json(const ddpm_evaluation *e)
{
    ddpm_json_file file;
    DDPM_TRY(ddpm_json_begin(e->options.json, &file));
    FILE *to = file.to;
    fprintf(to, "{\"program\": \"ddpm " DDPM_VERSION "\", \"iteration\": %lld, \"columns\": %lld, \"steps\": %lld, ",
            (long long)e->loaded->checkpoint.iteration, (long long)e->columns, (long long)e->steps);
    fprintf(to, "\"seed\": %llu, \"weights\": \"%s\"", (unsigned long long)e->options.seed,
            ddpm_sampling_weights(&e->sampling));
    ddpm_json_number(to, ", ", "log_scale", e->log_scale);
    if (e->evaluated.count > 0) put_bound(to, e);
    if (e->set_rows > 0) put_quality(to, e);
    fprintf(to, "}\n");
    return ddpm_json_end(&file);
}

/* ---- HDF5 ---- */

static ddpm_status write_rows(const ddpm_evaluation *e, ddpm_h5 *file)
{
    const int64_t steps = e->steps, rows = e->evaluated.count;
    int32_t *step = NULL;
    double *own = NULL;
    ddpm_status status = DDPM_NEW(&step, steps, "steps");
    if (status == DDPM_OK) status = DDPM_NEW(&own, rows, "numbers of the rows");
    for (int64_t t = 1; status == DDPM_OK && t <= steps; t++) step[t - 1] = (int32_t)t;
    if (status == DDPM_OK) status = ddpm_h5_write(file, "bound/step", DDPM_H5_INT32, 1, &steps, step);
    if (status == DDPM_OK) status = ddpm_h5_write(file, "bound/term", DDPM_H5_FLOAT64, 1, &steps, e->term + 1);
    for (int64_t i = 0; status == DDPM_OK && i < rows; i++) own[i] = e->row_bound[i] + e->log_scale;
    if (status == DDPM_OK) status = ddpm_h5_write(file, "bound/row", DDPM_H5_FLOAT64, 1, &rows, own);
    for (int64_t i = 0; status == DDPM_OK && i < rows; i++) own[i] = e->row_likelihood[i] - e->log_scale;
    if (status == DDPM_OK && e->options.likelihood)
        status = ddpm_h5_write(file, "log_likelihood", DDPM_H5_FLOAT64, 1, &rows, own);
    ddpm_release(step);
    ddpm_release(own);
    return status;
}

static ddpm_status write_content(const ddpm_evaluation *e, ddpm_h5 *file)
{
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", "evaluation"));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "checkpoint", e->options.checkpoint));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "iteration", e->loaded->checkpoint.iteration));
    DDPM_TRY(ddpm_h5_put_int(file, "/", "columns", e->columns));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "log_scale", e->log_scale));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "weights", ddpm_sampling_weights(&e->sampling)));
    if (e->evaluated.count > 0) {
        DDPM_TRY(write_rows(e, file));
        DDPM_TRY(ddpm_h5_put_real(file, "bound", "prior", e->prior));
        DDPM_TRY(ddpm_h5_put_real(file, "bound", "total", e->bound));
        DDPM_TRY(ddpm_h5_put_real(file, "bound", "total_error", e->bound_error));
        DDPM_TRY(ddpm_h5_put_real(file, "bound", "sohl_dickstein", e->old_bound));
        if (e->options.likelihood)
            DDPM_TRY(ddpm_h5_put_real(file, "log_likelihood", "tolerance", e->likelihood_tolerance));
    }
    for (int i = 0; e->set_rows > 0 && i < DDPM_EVALUATION_MEASURES; i++) {
        const double values[3] = {e->measured[i], e->real_data[i], ratio_of(e, i)};
        const int64_t three = 3;
        char name[64];
        snprintf(name, sizeof name, "quality/%s", ddpm_evaluation_measures[i]);
        DDPM_TRY(ddpm_h5_write(file, name, DDPM_H5_FLOAT64, 1, &three, values));
    }
    if (e->set_rows == 0) return DDPM_OK;
    DDPM_TRY(ddpm_h5_write(file, "quality/ks", DDPM_H5_FLOAT64, 1, &e->columns, e->ks));
    return e->options.samples_file ? DDPM_OK : ddpm_sampling_put(&e->sampling, file, "quality");
}

static ddpm_status write_h5(const ddpm_evaluation *e)
{
    char partial[DDPM_PATH_BYTES];
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_file_partial_name(e->options.output, partial));
    ddpm_status status = ddpm_h5_create(partial, 0, &file);
    if (status == DDPM_OK) status = ddpm_h5_finish(&file, write_content(e, file));
    if (status == DDPM_OK) return ddpm_file_commit(partial, e->options.output);
    unlink(partial);
    return status;
}

ddpm_status ddpm_evaluation_report(const ddpm_evaluation *e)
{
    printf("%s, iteration %lld, %lld columns, T = %lld\n", e->options.checkpoint,
           (long long)e->loaded->checkpoint.iteration, (long long)e->columns, (long long)e->steps);
    if (e->condition->count > 0) print_conditions(e);
    if (e->evaluated.count > 0) print_bound(e);
    if (e->set_rows > 0) print_quality(e);
    if (e->options.output) DDPM_TRY(write_h5(e));
    return e->options.json ? write_json(e) : DDPM_OK;
}
