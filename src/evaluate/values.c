/* What no distance shows: samples outside the range of the training rows, and values that many real rows share exactly
 * and samples do not. */
#include "evaluate/values.h"

#include "base/memory.h"
#include "base/printable.h"
#include "evaluate/lines.h"
#include "file/json_file.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { SPIKE_ROWS = 10, SPIKES_SHOWN = 5 };
static const double SPIKE_SHARE = 0.02;  /* of the real rows */
static const double SPIKE_LACKS = 0.5;   /* of that share, below which samples lack it */
static const double SLACK_MOST = 1e-3;   /* deviations */
static const double OUTSIDE_MANY = 0.01; /* of the rows */

/* ---- measuring ---- */

/* What float32, in the data's own units, may move a standardised value by. */
static double slack_of(const ddpm_transform *transform, int64_t column, double value)
{
    const double offset = fabs(transform->mean[column]) / transform->scale[column];
    return fmin(2.0 * FLT_EPSILON * (1.0 + fabs(value) + offset), SLACK_MOST);
}

static int is_outside(const ddpm_transform *transform, int64_t column, double value)
{
    const double least = transform->minimum[column], most = transform->maximum[column];
    if (transform->vocabulary) return 0; /* tokens are those of training rows */
    return value < least - slack_of(transform, column, least) || value > most + slack_of(transform, column, most);
}

/* Count the rows with a value outside, by column too. A constant column is written as such, whatever samples have. */
static double outside_of(const ddpm_evaluation *e, const ddpm_row_table *table, int which)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    int64_t rows = 0;
    for (int64_t i = 0; i < table->count; i++) {
        int found = 0;
        for (int64_t j = 0; j < e->columns; j++) {
            if (e->left_out[j] || !is_outside(&transform, j, (double)table->rows[i * e->columns + j])) continue;
            e->values[j].outside[which]++;
            found = 1;
        }
        rows += found;
    }
    for (int64_t j = 0; j < e->columns; j++) e->values[j].outside[which] /= (double)table->count;
    return (double)rows / (double)table->count;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double share_near(const ddpm_evaluation *e, int64_t column, double value, double slack)
{
    int64_t count = 0;
    for (int64_t i = 0; i < e->samples.count; i++)
        count += fabs((double)e->samples.rows[i * e->columns + column] - value) <= slack;
    return (double)count / (double)e->samples.count;
}

/* Find the spike of a column of which samples lack most. scratch [rows]. */
static void find_spike(ddpm_evaluation *e, int64_t column, float *scratch)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    const int64_t rows = e->references.count;
    ddpm_column_values *found = &e->values[column];
    for (int64_t i = 0; i < rows; i++) scratch[i] = e->references.rows[i * e->columns + column];
    qsort(scratch, (size_t)rows, sizeof *scratch, by_size);
    for (int64_t first = 0, end; first < rows; first = end) {
        const double value = (double)scratch[first], slack = slack_of(&transform, column, value);
        for (end = first; end < rows && (double)scratch[end] == value;) end++;
        const double share = (double)(end - first) / (double)rows;
        if (end - first < SPIKE_ROWS || share <= SPIKE_SHARE) continue;
        const double samples = share_near(e, column, value, slack);
        if (samples >= SPIKE_LACKS * share || share - samples <= found->share[1] - found->share[0]) continue;
        const double own = ddpm_transform_value(&transform, column, value);
        found->spike = fabs(own) <= slack * transform.scale[column] ? 0.0 : own;
        found->share[0] = samples;
        found->share[1] = share;
    }
}

ddpm_status ddpm_evaluation_values(ddpm_evaluation *e)
{
    float *scratch = NULL;
    DDPM_TRY(DDPM_NEW(&e->values, e->columns, "values of columns"));
    DDPM_TRY(DDPM_NEW(&scratch, e->references.count, "values of a column"));
    e->outside[0] = outside_of(e, &e->samples, 0);
    e->outside[1] = outside_of(e, &e->references, 1);
    for (int64_t j = 0; j < e->columns; j++)
        if (!e->left_out[j]) find_spike(e, j, scratch);
    ddpm_release(scratch);
    return DDPM_OK;
}

/* ---- reporting ---- */

static int64_t worst_of(const ddpm_evaluation *e)
{
    int64_t worst = 0;
    for (int64_t j = 1; j < e->columns; j++)
        if (e->values[j].outside[0] > e->values[worst].outside[0]) worst = j;
    return worst;
}

static int has_spike(const ddpm_evaluation *e, int64_t column)
{
    return e->values[column].share[1] > 0.0;
}

static void print_spikes(const ddpm_evaluation *e)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    char label[256], number[32];
    int64_t count = 0, standardised = 0;
    for (int64_t j = 0; j < e->columns; j++) {
        const ddpm_column_values *v = &e->values[j];
        if (!has_spike(e, j)) continue;
        standardised += !transform.vocabulary && !ddpm_transform_has_quantiles(&transform, j);
        if (++count > SPIKES_SHOWN) continue;
        snprintf(label, sizeof label, "  exactly %.6g in column %s", v->spike,
                 ddpm_printable(ddpm_report_name(e, j, number)));
        ddpm_report_measure(label, v->share[0], v->share[1]);
    }
    if (count > SPIKES_SHOWN)
        printf("    and %lld more columns with a value that samples lack (--json lists them)\n",
               (long long)(count - SPIKES_SHOWN));
    if (standardised > 0)
        printf("    (noise is continuous, so samples of standardised columns do not repeat a value: data.transform:\n"
               "     quantile does, and so does diffusion.process: masked, as in configs/table.yaml)\n");
}

void ddpm_values_print(const ddpm_evaluation *e)
{
    char label[256], number[32];
    const int64_t worst = worst_of(e);
    const ddpm_column_values *v = &e->values[worst];
    printf("\nvalues, as shares of the rows\n");
    ddpm_report_heads();
    ddpm_report_measure("outside the range of the training rows", e->outside[0], e->outside[1]);
    if (v->outside[0] > 0.0) {
        snprintf(label, sizeof label, "  in column %s, the worst", ddpm_printable(ddpm_report_name(e, worst, number)));
        ddpm_report_measure(label, v->outside[0], v->outside[1]);
    }
    if (e->outside[0] > OUTSIDE_MANY && e->outside[0] > 2.0 * e->outside[1])
        printf("    (data.transform: quantile, in training, keeps samples inside; --clip data, or sampling.clip: data, "
               "keeps\n"
               "     those of this model inside, and some then lie exactly on a bound)\n");
    print_spikes(e);
}

void ddpm_values_put(const ddpm_evaluation *e, FILE *to)
{
    char number[32];
    const int64_t worst = worst_of(e);
    const char *before = "";
    fprintf(to, ",\n    \"outside\": {");
    ddpm_report_values(to, e->outside[0], e->outside[1]);
    fprintf(to, ",\n      \"worst_column\": {");
    ddpm_report_values(to, e->values[worst].outside[0], e->values[worst].outside[1]);
    fprintf(to, ", \"columns\": [%lld], \"names\": [", (long long)worst);
    ddpm_json_text(to, ddpm_report_name(e, worst, number));
    fprintf(to, "]},\n      \"by_column\": [");
    for (int64_t j = 0; j < e->columns; j++) fprintf(to, "%s%.9g", j > 0 ? ", " : "", e->values[j].outside[0]);
    fprintf(to, "]},\n    \"spikes\": [");
    for (int64_t j = 0; j < e->columns; j++) {
        if (!has_spike(e, j)) continue;
        fprintf(to, "%s{\"column\": %lld, \"name\": ", before, (long long)j);
        ddpm_json_text(to, ddpm_report_name(e, j, number));
        ddpm_json_number(to, ", ", "value", e->values[j].spike);
        ddpm_json_number(to, ", ", "share_samples", e->values[j].share[0]);
        ddpm_json_number(to, ", ", "share_data", e->values[j].share[1]);
        fprintf(to, "}");
        before = ", ";
    }
    fprintf(to, "]");
}
