/* The results of an evaluation: a table to read, JSON for programs, and arrays in an HDF5 file. */
#include "evaluate/lines.h"

#include "base/memory.h"
#include "base/printable.h"
#include "evaluate/measures_report.h"
#include "evaluate/values.h"
#include "file/h5.h"
#include "file/json_file.h"
#include "file/output.h"
#include "model/bound.h"
#include "sample/sampling_file.h"

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
    const double wide = fmax(1.0, (double)e->counted), own = nats + e->log_scale;
    const double values[] = {nats, nats / wide, nats / (wide * LN_2), own, own / wide, own / (wide * LN_2)};
    printf("  %-30s", name);
    for (int i = 0; i < (is_density ? 6 : 3); i++) ddpm_report_number(5, values[i]);
    printf("\n");
}

static void print_conditions(const ddpm_evaluation *e)
{
    printf("each row under its own condition:");
    for (int64_t v = 0; v < e->condition->count; v++)
        printf("%s %s", v ? "," : "", ddpm_printable(e->condition->names[v]));
    printf("; guidance of samples %g\n", e->sampling.guidance);
}

static void print_bound(const ddpm_evaluation *e)
{
    const ddpm_schedule *schedule = &e->loaded->model.diffusion.schedule;
    printf("\nnegative log-likelihood of %lld rows\n", (long long)e->evaluated.count);
    if (e->counted < e->columns)
        printf("  (of %lld columns; the others have one value only, and so no density)\n", (long long)e->counted);
    if (isinf(e->log_scale))
        printf(
            "  (no density in the data's own units: many rows share values of columns that are mapped by quantiles)\n");
    printf("  %-30s %38s %38s\n", "", "standardised data", "data's own units");
    printf("  %-30s %12s %12s %12s %12s %12s %12s\n", "", "nats", "nats/column", "bits/dim", "nats", "nats/column",
           "bits/dim");
    print_nats(e, "L_T", e->prior, 0);
    print_nats(e, "L_1 + ... + L_{T-1}", sum_of_terms(e), 0);
    print_nats(e, "L_0", e->term[1], 0);
    print_nats(e, "variational bound", e->bound, 1);
    print_nats(e, "  its standard error", e->bound_error, 0);
    print_nats(e, "Sohl-Dickstein's form", e->old_bound, 1);
    print_nats(e, "  entropy of q(x_1 | x_0)", ddpm_bound_first_entropy(schedule, e->counted), 0);
    print_nats(e, "  entropy of q(x_T | x_0)", ddpm_bound_last_entropy(schedule, e->counted), 0);
    if (!e->options.likelihood) return;
    print_nats(e, "by the probability flow", -e->likelihood, 1);
    print_nats(e, "  its standard error", e->likelihood_error, 0);
    if (e->no_tolerance)
        printf("    no tolerance of integration: %s\n", e->no_tolerance);
    else
        print_nats(e, "  tolerance of integration", e->likelihood_tolerance, 0);
    if (e->options.probes > 0)
        printf(
            "  (the divergence is estimated by %lld random probe%s for each row; that error is in the standard error, "
            "not in the tolerance)\n",
            (long long)e->options.probes, e->options.probes > 1 ? "s" : "");
}

static void print_accuracy(const ddpm_evaluation *e, int64_t columns, const ddpm_separation *found)
{
    char label[256], numbers[2][32];
    const char *names[2] = {ddpm_report_name(e, found->columns[0], numbers[0]), ""};
    if (columns == 2) names[1] = ddpm_report_name(e, found->columns[1], numbers[1]);
    snprintf(label, sizeof label, "  on %s %s%s%s alone", columns == 1 ? "column" : "columns", ddpm_printable(names[0]),
             columns == 1 ? "" : " and ", ddpm_printable(names[1]));
    ddpm_report_measure(label, found->samples, found->real_data);
}

static void print_two_sample(const ddpm_evaluation *e)
{
    const ddpm_two_sample *test = &e->two_sample;
    printf("\nquality: samples are %s from real rows", test->is_told_apart ? "told apart" : "not told apart");
    if (test->not_finite > 0) printf(": %lld samples are not finite", (long long)test->not_finite);
    printf(
        "\n  by a random forest of %d trees, which judges rows that it was not trained on, among %lld samples and as "
        "many real rows\n",
        DDPM_TWO_SAMPLE_TREES, (long long)test->rows);
    ddpm_report_heads();
    ddpm_report_measure("accuracy (0.5 is perfect)", test->whole.samples, test->whole.real_data);
    ddpm_report_errors(ddpm_two_sample_error(test, test->whole.samples),
                       ddpm_two_sample_error(test, test->whole.real_data));
    print_accuracy(e, 1, &test->column);
    if (e->columns > 1) print_accuracy(e, 2, &test->pair);
}

static void print_too_few(const ddpm_evaluation *e)
{
    if (e->two_sample.not_finite > 0)
        printf("\nquality: samples are told apart from real rows: %lld samples are not finite\n",
               (long long)e->two_sample.not_finite);
    else
        printf("\nquality: not tested with a classifier, which needs at least %d rows in a set\n",
               DDPM_TWO_SAMPLE_ROWS_LEAST);
}

static void print_quality(const ddpm_evaluation *e)
{
    if (e->two_sample.rows > 0)
        print_two_sample(e);
    else
        print_too_few(e);
    ddpm_measures_print(e);
    ddpm_values_print(e);
    printf("\ndistances of %lld samples to as many real rows, standardised, mean over %d pairs of sets\n",
           (long long)e->set_rows, DDPM_EVALUATION_PAIRS);
    ddpm_report_heads();
    for (int i = 0; i < DDPM_EVALUATION_MEASURES; i++)
        ddpm_report_measure(ddpm_evaluation_measures[i], e->measured[i], e->real_data[i]);
}

static void print_masked_bound(const ddpm_evaluation *e)
{
    printf("\nnegative log-likelihood of %lld rows, nats a row: numbers as the bin that they are in\n",
           (long long)e->evaluated.count);
    printf("  %-42s %12.5f\n", "variational bound", e->bound);
    printf("  %-42s %12.5f\n", "  its standard error", e->bound_error);
    printf("  %-42s %12.5f\n", "columns drawn independently", e->loaded->model.masked.independent);
}

/* ---- JSON ---- */

static void put_terms(FILE *to, const ddpm_evaluation *e)
{
    fprintf(to, ",\n  \"terms\": ");
    ddpm_json_numbers(to, e->steps, e->term + 1);
}

static void put_masked_bound(FILE *to, const ddpm_evaluation *e)
{
    fprintf(to, ",\n  \"rows\": %lld, \"draws\": %lld", (long long)e->evaluated.count, (long long)e->options.draws);
    ddpm_json_number(to, ",\n  \"bound\": {", "nats", e->bound);
    ddpm_json_number(to, "},\n  ", "bound_error", e->bound_error);
    ddpm_json_number(to, ", ", "independent", e->loaded->model.masked.independent);
    put_terms(to, e);
}

static void put_density(FILE *to, const ddpm_evaluation *e, const char *name, double nats)
{
    const double wide = fmax(1.0, (double)e->counted), own = nats + e->log_scale;
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
    ddpm_json_number(to, ",\n  ", "entropy_first", ddpm_bound_first_entropy(schedule, e->counted));
    ddpm_json_number(to, ", ", "entropy_last", ddpm_bound_last_entropy(schedule, e->counted));
    ddpm_json_number(to, ", ", "first_step", e->first_step);
    put_terms(to, e);
    if (!e->options.likelihood) return;
    put_density(to, e, "likelihood", -e->likelihood);
    ddpm_json_number(to, ",\n  ", "likelihood_error", e->likelihood_error);
    ddpm_json_number(to, ", ", "likelihood_tolerance", e->likelihood_tolerance);
    if (e->no_tolerance) {
        fprintf(to, ", \"no_tolerance\": ");
        ddpm_json_text(to, e->no_tolerance);
    }
    fprintf(to, ", \"probes\": %lld", (long long)e->options.probes);
}

static void put_separation(FILE *to, const ddpm_evaluation *e, const char *name, int64_t columns,
                           const ddpm_separation *found)
{
    char number[32];
    fprintf(to, ",\n      \"%s\": {", name);
    ddpm_report_values(to, found->samples, found->real_data);
    fprintf(to, ", \"columns\": [");
    for (int64_t i = 0; i < columns; i++) fprintf(to, "%s%lld", i > 0 ? ", " : "", (long long)found->columns[i]);
    fprintf(to, "], \"names\": [");
    for (int64_t i = 0; i < columns; i++) {
        fprintf(to, "%s", i > 0 ? ", " : "");
        ddpm_json_text(to, ddpm_report_name(e, found->columns[i], number));
    }
    fprintf(to, "]}");
}

static void put_two_sample(FILE *to, const ddpm_evaluation *e)
{
    const ddpm_two_sample *test = &e->two_sample;
    const int is_known = test->rows > 0 || test->not_finite > 0;
    fprintf(to, "\"forest\": {\"told_apart\": %s, ", !is_known ? "null" : test->is_told_apart ? "true" : "false");
    ddpm_report_values(to, test->whole.samples, test->whole.real_data);
    fprintf(to, ", \"not_finite\": %lld, \"rows\": %lld", (long long)test->not_finite, (long long)test->rows);
    if (test->rows > 0) {
        ddpm_json_number(to, ",\n      ", "samples_error", ddpm_two_sample_error(test, test->whole.samples));
        ddpm_json_number(to, ", ", "oracle_error", ddpm_two_sample_error(test, test->whole.real_data));
        fprintf(to, ", \"trees\": %d", DDPM_TWO_SAMPLE_TREES);
        put_separation(to, e, "worst_column", 1, &test->column);
        if (e->columns > 1) put_separation(to, e, "worst_pair", 2, &test->pair);
    }
    fprintf(to, "}");
}

static void put_quality(FILE *to, const ddpm_evaluation *e)
{
    fprintf(to, ",\n  \"quality\": {");
    put_two_sample(to, e);
    fprintf(to, ",\n    \"rows\": %lld, \"pairs\": %d", (long long)e->set_rows, DDPM_EVALUATION_PAIRS);
    ddpm_json_number(to, ", ", "mmd_width", e->width);
    if (!e->options.samples_file) {
        fprintf(to, ",\n    \"sampling\": ");
        ddpm_sampling_print_json(&e->sampling, to);
    }
    for (int i = 0; i < DDPM_EVALUATION_MEASURES; i++) {
        fprintf(to, ",\n    \"%s\": {", ddpm_evaluation_measures[i]);
        ddpm_report_values(to, e->measured[i], e->real_data[i]);
        fprintf(to, "}");
    }
    ddpm_measures_put(e, to);
    ddpm_values_put(e, to);
    fprintf(to, ",\n    \"ks\": ");
    ddpm_json_numbers(to, e->columns, e->ks);
    fprintf(to, "}");
}

static ddpm_status write_json(const ddpm_evaluation *e)
{
    ddpm_json_file file;
    DDPM_TRY(ddpm_json_begin(e->options.json, &file));
    FILE *to = file.to;
    fprintf(to, DDPM_JSON_BEGINS DDPM_VERSION "\", \"iteration\": %lld, \"columns\": %lld, \"steps\": %lld, ",
            (long long)e->loaded->checkpoint.iteration, (long long)e->columns, (long long)e->steps);
    fprintf(to, "\"seed\": %llu, \"weights\": \"%s\"", (unsigned long long)e->options.seed,
            ddpm_sampling_weights(&e->sampling));
    ddpm_json_number(to, ", ", "log_scale", e->log_scale);
    if (e->evaluated.count > 0) ddpm_model_is_masked(&e->loaded->model) ? put_masked_bound(to, e) : put_bound(to, e);
    if (e->set_rows > 0) put_quality(to, e);
    fprintf(to, "}\n");
    return ddpm_json_end(&file);
}

/* ---- HDF5 ---- */

static double volume_of(const ddpm_evaluation *e, int64_t row)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    return ddpm_transform_log_volume(&transform, e->evaluated.rows + row * e->columns);
}

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
    for (int64_t i = 0; status == DDPM_OK && i < rows; i++) own[i] = e->row_bound[i] + volume_of(e, i);
    if (status == DDPM_OK) status = ddpm_h5_write(file, "bound/row", DDPM_H5_FLOAT64, 1, &rows, own);
    for (int64_t i = 0; status == DDPM_OK && e->options.likelihood && i < rows; i++)
        own[i] = e->row_likelihood[i] - volume_of(e, i);
    if (status == DDPM_OK && e->options.likelihood)
        status = ddpm_h5_write(file, "log_likelihood", DDPM_H5_FLOAT64, 1, &rows, own);
    ddpm_release(step);
    ddpm_release(own);
    return status;
}

/* A dataset of the group "quality": of samples, of real data, and the ratio. */
static ddpm_status write_values(ddpm_h5 *file, const char *name, double samples, double real_data)
{
    const double values[3] = {samples, real_data, ddpm_report_ratio(samples, real_data)};
    const int64_t three = 3;
    char path[64];
    snprintf(path, sizeof path, "quality/%s", name);
    return ddpm_h5_write(file, path, DDPM_H5_FLOAT64, 1, &three, values);
}

static ddpm_status write_separation(const ddpm_evaluation *e, ddpm_h5 *file, const char *name, int64_t columns,
                                    const ddpm_separation *found)
{
    char numbers[2][32], path[64];
    const char *names[2] = {"", ""};
    for (int64_t i = 0; i < columns; i++) names[i] = ddpm_report_name(e, found->columns[i], numbers[i]);
    DDPM_TRY(write_values(file, name, found->samples, found->real_data));
    snprintf(path, sizeof path, "quality/%s", name);
    return ddpm_h5_put_names(file, path, "columns", columns, names);
}

static ddpm_status write_two_sample(const ddpm_evaluation *e, ddpm_h5 *file)
{
    static const char forest[] = "quality/forest";
    const ddpm_two_sample *test = &e->two_sample;
    DDPM_TRY(write_values(file, "forest", test->whole.samples, test->whole.real_data));
    DDPM_TRY(ddpm_h5_put_int(file, forest, "rows", test->rows));
    DDPM_TRY(ddpm_h5_put_int(file, forest, "not_finite", test->not_finite));
    DDPM_TRY(ddpm_h5_put_int(file, forest, "told_apart", test->is_told_apart));
    if (test->rows == 0) return DDPM_OK;
    DDPM_TRY(ddpm_h5_put_real(file, forest, "samples_error", ddpm_two_sample_error(test, test->whole.samples)));
    DDPM_TRY(ddpm_h5_put_real(file, forest, "oracle_error", ddpm_two_sample_error(test, test->whole.real_data)));
    DDPM_TRY(write_separation(e, file, "worst_column", 1, &test->column));
    return e->columns > 1 ? write_separation(e, file, "worst_pair", 2, &test->pair) : DDPM_OK;
}

static ddpm_status write_quality(const ddpm_evaluation *e, ddpm_h5 *file)
{
    DDPM_TRY(write_two_sample(e, file));
    for (int i = 0; i < DDPM_EVALUATION_MEASURES; i++)
        DDPM_TRY(write_values(file, ddpm_evaluation_measures[i], e->measured[i], e->real_data[i]));
    ddpm_measure measures[DDPM_MEASURES_OF_TABLES];
    const int count = ddpm_measures_list(e, measures);
    for (int i = 0; i < count; i++)
        DDPM_TRY(
            write_values(file, measures[i].name, measures[i].of[DDPM_SIDE_SAMPLES], measures[i].of[DDPM_SIDE_REAL]));
    DDPM_TRY(ddpm_h5_write(file, "quality/ks", DDPM_H5_FLOAT64, 1, &e->columns, e->ks));
    return e->options.samples_file ? DDPM_OK : ddpm_sampling_put(&e->sampling, file, "quality");
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
        if (e->no_tolerance)
            DDPM_TRY(ddpm_h5_put_text(file, "log_likelihood", "no_tolerance", e->no_tolerance));
        else if (e->options.likelihood)
            DDPM_TRY(ddpm_h5_put_real(file, "log_likelihood", "tolerance", e->likelihood_tolerance));
    }
    return e->set_rows > 0 ? write_quality(e, file) : DDPM_OK;
}

static ddpm_status write_h5(const ddpm_evaluation *e)
{
    char partial[DDPM_PATH_BYTES];
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_output_begin(e->options.output, partial));
    ddpm_status status = ddpm_h5_create(partial, 0, &file);
    if (status == DDPM_OK) status = ddpm_h5_finish(&file, write_content(e, file));
    if (status == DDPM_OK) return ddpm_output_commit(partial, e->options.output);
    unlink(partial);
    return status;
}

ddpm_status ddpm_evaluation_report(const ddpm_evaluation *e)
{
    printf("%s, iteration %lld, %lld columns, T = %lld\n", ddpm_printable(e->options.checkpoint),
           (long long)e->loaded->checkpoint.iteration, (long long)e->columns, (long long)e->steps);
    if (e->condition->count > 0) print_conditions(e);
    if (e->set_rows > 0) print_quality(e);
    if (e->evaluated.count > 0) ddpm_model_is_masked(&e->loaded->model) ? print_masked_bound(e) : print_bound(e);
    if (e->options.output) DDPM_TRY(write_h5(e));
    return e->options.json ? write_json(e) : DDPM_OK;
}
