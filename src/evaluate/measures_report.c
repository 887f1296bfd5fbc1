/* The measures of tables in a report. */
#include "evaluate/measures_report.h"

#include "base/printable.h"
#include "base/split.h"
#include "evaluate/lines.h"
#include "file/json_file.h"

#include <math.h>

enum {
    WORST_SHOWN = 3,
    WORST_LISTED = 10, /* in JSON */
    COPIES_SHOWN = 5,
    PAIRS_LISTED = 10000 /* of columns, in JSON, at most: those of 142 columns */
};

static double share_of(int64_t count, int64_t rows)
{
    return rows > 0 ? (double)count / (double)rows : NAN;
}

int ddpm_measures_list(const ddpm_evaluation *e, ddpm_measure out[DDPM_MEASURES_OF_TABLES])
{
    const ddpm_likeness *l = &e->likeness;
    const ddpm_privacy *p = &e->privacy;
    int count = 0;
    if (l->rows > 0) {
        out[count++] = (ddpm_measure){"shape", {l->shape.mean[0], l->shape.mean[1]}};
        out[count++] = (ddpm_measure){"gaps", {l->gaps.mean[0], l->gaps.mean[1]}};
        out[count++] = (ddpm_measure){"trend", {l->trend.mean[0], l->trend.mean[1]}};
        out[count++] = (ddpm_measure){"trend_deciles", {l->trend_deciles.mean[0], l->trend_deciles.mean[1]}};
        out[count++] = (ddpm_measure){"alpha_precision", {l->precision[0], l->precision[1]}};
        out[count++] = (ddpm_measure){"beta_recall", {l->recall[0], l->recall[1]}};
    }
    if (!p->left_out && p->samples > 0) {
        out[count++] = (ddpm_measure){"membership", {p->membership[0], p->membership[1]}};
        out[count++] = (ddpm_measure){"closest", {p->closest[0], p->closest[1]}};
        out[count++] =
            (ddpm_measure){"copies", {share_of(p->copies[0], p->samples), share_of(p->copies[1], p->held_out)}};
    }
    return count;
}

/* ---- the table ---- */

/* "  in column age", or "  of columns age and sex" where an item is a pair. */
static void print_worst(const ddpm_evaluation *e, const ddpm_marginals *marginals)
{
    int64_t worst[WORST_SHOWN], both[2] = {0, 0};
    const int is_pair = marginals != &e->likeness.shape && marginals != &e->likeness.gaps;
    const int64_t count = ddpm_marginals_worst(marginals, WORST_SHOWN, worst);
    for (int64_t i = 0; i < count; i++) {
        char label[256], numbers[2][32];
        if (marginals->of[DDPM_SIDE_SAMPLES][worst[i]] >= 1.0) break; /* nothing is wrong with these */
        if (is_pair) ddpm_pair_columns(e->columns, worst[i], both);
        const char *first = ddpm_report_name(e, is_pair ? both[0] : worst[i], numbers[0]);
        if (is_pair)
            snprintf(label, sizeof label, "  of columns %s and %s", ddpm_printable(first),
                     ddpm_printable(ddpm_report_name(e, both[1], numbers[1])));
        else
            snprintf(label, sizeof label, "  in column %s", ddpm_printable(first));
        ddpm_report_measure(label, marginals->of[DDPM_SIDE_SAMPLES][worst[i]], marginals->of[DDPM_SIDE_REAL][worst[i]]);
    }
}

static void print_marginals(const ddpm_evaluation *e, const char *label, const ddpm_marginals *marginals)
{
    ddpm_report_measure(label, marginals->mean[DDPM_SIDE_SAMPLES], marginals->mean[DDPM_SIDE_REAL]);
    print_worst(e, marginals);
}

static void print_likeness(const ddpm_evaluation *e)
{
    const ddpm_likeness *l = &e->likeness;
    printf("\nlikeness: %lld samples, and in their place as many other real rows, beside %lld %s; 1 is best,\n"
           "  and the worst columns and pairs of columns follow\n",
           (long long)l->rows, (long long)l->real_rows, e->has_training_rows ? "training rows" : "real rows");
    ddpm_report_heads();
    print_marginals(e, "Shape, of the marginals of columns", &l->shape);
    if (l->has_gaps) print_marginals(e, "shares of gaps", &l->gaps);
    if (e->columns > 1) {
        ddpm_report_measure("Trend, of pairs of columns", l->trend.mean[DDPM_SIDE_SAMPLES],
                            l->trend.mean[DDPM_SIDE_REAL]);
        print_marginals(e, "Trend, with numbers in bins of deciles", &l->trend_deciles);
    }
    ddpm_report_measure("alpha-precision", l->precision[DDPM_SIDE_SAMPLES], l->precision[DDPM_SIDE_REAL]);
    ddpm_report_measure("beta-recall", l->recall[DDPM_SIDE_SAMPLES], l->recall[DDPM_SIDE_REAL]);
    printf("    (precision and recall by %lld rows of each)\n", (long long)l->near_rows);
}

static void print_copies(const ddpm_privacy *p)
{
    const int64_t shown = ddpm_smaller(COPIES_SHOWN, p->copies[DDPM_SIDE_SAMPLES]);
    printf("    %lld of %lld samples are copies, and %lld of %lld held-out rows\n",
           (long long)p->copies[DDPM_SIDE_SAMPLES], (long long)p->samples, (long long)p->copies[DDPM_SIDE_REAL],
           (long long)p->held_out);
    for (int64_t i = 0; i < shown; i++)
        printf("    sample %lld is row %lld of the data\n", (long long)p->copy[2 * i], (long long)p->copy[2 * i + 1]);
    if (p->copies[DDPM_SIDE_SAMPLES] > shown) printf("    (rows count from 0; --json lists all)\n");
}

static void print_privacy(const ddpm_evaluation *e)
{
    const ddpm_privacy *p = &e->privacy;
    if (p->left_out) {
        printf("\nprivacy: not measured: %s\n", p->left_out);
        return;
    }
    printf("\nprivacy: %s\n", p->has_memorised ? "the model has memorised training rows: samples tell which they are"
                                               : "no sign that the model has memorised training rows");
    printf("  by %lld samples, %lld training rows and %lld held-out rows; in the samples' place one half of the "
           "held-out rows\n",
           (long long)p->near_samples, (long long)p->near_training, (long long)p->near_held_out);
    ddpm_report_heads();
    ddpm_report_measure("membership inference, AUC (0.5 is best)", p->membership[DDPM_SIDE_SAMPLES],
                        p->membership[DDPM_SIDE_REAL]);
    ddpm_report_errors(p->membership_error[DDPM_SIDE_SAMPLES], p->membership_error[DDPM_SIDE_REAL]);
    ddpm_report_measure("nearer to a training row (0.5 is best)", p->closest[DDPM_SIDE_SAMPLES],
                        p->closest[DDPM_SIDE_REAL]);
    printf("    (than to a held-out row, by %lld of each)\n", (long long)p->closest_rows);
    ddpm_report_measure("copies of training rows", share_of(p->copies[DDPM_SIDE_SAMPLES], p->samples),
                        share_of(p->copies[DDPM_SIDE_REAL], p->held_out));
    print_copies(p);
}

void ddpm_measures_print(const ddpm_evaluation *e)
{
    if (e->likeness.rows == 0) return;
    print_likeness(e);
    print_privacy(e);
}

/* ---- JSON ---- */

static void put_list(FILE *to, const char *name, int64_t count, const double *values)
{
    fprintf(to, ",\n      \"%s\": ", name);
    ddpm_json_numbers(to, count, values);
}

static void put_marginals(const ddpm_evaluation *e, FILE *to, const char *name, const ddpm_marginals *marginals,
                          int is_pair)
{
    int64_t worst[WORST_LISTED], both[2] = {0, 0};
    const int64_t count = ddpm_marginals_worst(marginals, WORST_LISTED, worst);
    fprintf(to, ",\n    \"%s\": {", name);
    ddpm_report_values(to, marginals->mean[DDPM_SIDE_SAMPLES], marginals->mean[DDPM_SIDE_REAL]);
    fprintf(to, ", \"rows\": %lld, \"real_rows\": %lld,\n      \"worst\": [", (long long)e->likeness.rows,
            (long long)e->likeness.real_rows);
    for (int64_t i = 0; i < count; i++) {
        char number[32];
        both[0] = worst[i];
        if (is_pair) ddpm_pair_columns(e->columns, worst[i], both);
        fprintf(to, "%s{\"columns\": [%lld", i > 0 ? ",\n        " : "", (long long)both[0]);
        if (is_pair) fprintf(to, ", %lld", (long long)both[1]);
        fprintf(to, "], \"names\": [");
        ddpm_json_text(to, ddpm_report_name(e, both[0], number));
        if (is_pair) {
            fprintf(to, ", ");
            ddpm_json_text(to, ddpm_report_name(e, both[1], number));
        }
        fprintf(to, "], ");
        ddpm_report_values(to, marginals->of[DDPM_SIDE_SAMPLES][worst[i]], marginals->of[DDPM_SIDE_REAL][worst[i]]);
        fprintf(to, "}");
    }
    fprintf(to, "]");
    if (!is_pair || marginals->count <= PAIRS_LISTED) {
        put_list(to, is_pair ? "by_pair" : "by_column", marginals->count, marginals->of[DDPM_SIDE_SAMPLES]);
        put_list(to, is_pair ? "oracle_by_pair" : "oracle_by_column", marginals->count, marginals->of[DDPM_SIDE_REAL]);
    }
    fprintf(to, "}");
}

static void put_measure(FILE *to, const char *before, const char *name, const double of[DDPM_SIDES])
{
    fprintf(to, "%s\"%s\": {", before, name);
    ddpm_report_values(to, of[DDPM_SIDE_SAMPLES], of[DDPM_SIDE_REAL]);
}

static void put_privacy(const ddpm_evaluation *e, FILE *to)
{
    const ddpm_privacy *p = &e->privacy;
    const double copies[] = {share_of(p->copies[0], p->samples), share_of(p->copies[1], p->held_out)};
    fprintf(to, ",\n    \"privacy\": {");
    if (p->left_out) {
        fprintf(to, "\"left_out\": ");
        ddpm_json_text(to, p->left_out);
        fprintf(to, "}");
        return;
    }
    fprintf(to, "\"memorised\": %s, \"samples\": %lld, \"training_rows\": %lld, \"held_out_rows\": %lld",
            p->has_memorised ? "true" : "false", (long long)p->samples, (long long)p->training, (long long)p->held_out);
    put_measure(to, ",\n      ", "membership", p->membership);
    ddpm_json_number(to, ", ", "samples_error", p->membership_error[DDPM_SIDE_SAMPLES]);
    ddpm_json_number(to, ", ", "oracle_error", p->membership_error[DDPM_SIDE_REAL]);
    fprintf(to, ",\n        \"samples_rows\": %lld, \"training_rows\": %lld, \"held_out_rows\": %lld}",
            (long long)p->near_samples, (long long)p->near_training, (long long)p->near_held_out);
    put_measure(to, ",\n      ", "closest", p->closest);
    fprintf(to, ", \"rows\": %lld}", (long long)p->closest_rows);
    put_measure(to, ",\n      ", "copies", copies);
    fprintf(to, ", \"count\": %lld, \"oracle_count\": %lld,\n        \"rows\": [",
            (long long)p->copies[DDPM_SIDE_SAMPLES], (long long)p->copies[DDPM_SIDE_REAL]);
    for (int64_t i = 0; i < p->copies[DDPM_SIDE_SAMPLES]; i++)
        fprintf(to, "%s[%lld, %lld]", i > 0 ? ", " : "", (long long)p->copy[2 * i], (long long)p->copy[2 * i + 1]);
    fprintf(to, "]}}");
}

void ddpm_measures_put(const ddpm_evaluation *e, FILE *to)
{
    const ddpm_likeness *l = &e->likeness;
    if (l->rows == 0) return;
    put_marginals(e, to, "shape", &l->shape, 0);
    put_marginals(e, to, "gaps", &l->gaps, 0);
    put_marginals(e, to, "trend", &l->trend, 1);
    put_marginals(e, to, "trend_deciles", &l->trend_deciles, 1);
    put_measure(to, ",\n    ", "alpha_precision", l->precision);
    fprintf(to, ", \"rows\": %lld}", (long long)l->near_rows);
    put_measure(to, ",\n    ", "beta_recall", l->recall);
    fprintf(to, ", \"rows\": %lld}", (long long)l->near_rows);
    put_privacy(e, to);
}
