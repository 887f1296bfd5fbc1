/* What was measured: a table for people, JSON for programs. */
#include "bench/parts.h"

#include "file/json_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void ddpm_bench_add(ddpm_bench_run *run, ddpm_bench_part part, const char *name, double seconds, double rate,
                    const char *unit, double share, const char *of, ...)
{
    if (run->row_count == DDPM_BENCH_ROWS) return; /* the parts add far fewer */
    ddpm_bench_row *row = &run->rows[run->row_count++];
    *row = (ddpm_bench_row){.part = part, .seconds = seconds, .rate = rate, .unit = unit, .share = share};
    snprintf(row->name, sizeof row->name, "%s", name);
    va_list arguments;
    va_start(arguments, of);
    vsnprintf(row->of, sizeof row->of, of, arguments);
    va_end(arguments);
}

static void print_seconds(double seconds)
{
    if (isnan(seconds))
        printf("%13s", "");
    else if (seconds < 1e-3)
        printf("%10.2f us", 1e6 * seconds);
    else if (seconds < 1.0)
        printf("%10.2f ms", 1e3 * seconds);
    else
        printf("%10.2f s ", seconds);
}

static void print_row(const ddpm_bench_row *row)
{
    char rate[DDPM_BENCH_NAME] = "", share[16] = "";
    if (!isnan(row->rate))
        snprintf(rate, sizeof rate, row->rate < 1e4 ? "%10.4g %s" : "%10.0f %s", row->rate, row->unit);
    if (!isnan(row->share)) snprintf(share, sizeof share, "%.2f", row->share);
    printf("  %-25s %-34s", row->name, row->of);
    print_seconds(row->seconds);
    printf("  %-35s %12s\n", rate, share);
}

static void print_link(const ddpm_bench_run *run)
{
    const ddpm_scaling *p = &run->scaling;
    printf("\nprediction for the configuration: %lld blocks of %.3g ms each, over ranks of %lld thread%s, %lld on a "
           "node; %.3g ms once a step on a node alone, %.3g ms on one of very many; %.3g MB summed over the nodes\n",
           (long long)p->blocks, 1e3 * p->block_seconds, (long long)p->threads, p->threads == 1 ? "" : "s",
           (long long)p->team, 1e3 * p->once_seconds, 1e3 * p->part_seconds, 1e-6 * p->bytes);
    if (p->local_steps > 1)
        printf("%lld workers of so many blocks each; after every %lld local steps %.3g ms on every node, and %.3g MB "
               "summed over the nodes\n",
               (long long)p->workers, (long long)p->local_steps, 1e3 * p->round_seconds, 1e-6 * p->round_bytes);
    printf("link between nodes: latency %.3g us, %.3g GB/s, %s\n", 1e6 * p->latency, 1e-9 * p->rate,
           run->measured_link ? "measured or given" : "assumed (give --latency and --rate, or run on several nodes)");
    printf("on this number of ranks: %.4g ms predicted, %.4g ms measured\n", 1e3 * run->predicted, 1e3 * run->measured);
}

static void print_prediction(const ddpm_bench_run *run)
{
    const ddpm_scaling *p = &run->scaling;
    print_link(run);
    printf("  %10s %12s %12s %12s %12s %12s\n", "ranks", "ms a step", "blocks, ms", "once, ms", "sum, ms",
           "efficiency");
    for (int i = 0;; i++) {
        const int64_t ranks = ddpm_scaling_ranks(i);
        if (ranks == 0 || ranks > run->options->ranks) break;
        printf("  %10lld %12.4g %12.4g %12.4g %12.4g %12.3f\n", (long long)ranks, 1e3 * ddpm_scaling_step(p, ranks),
               1e3 * ddpm_scaling_blocks(p, ranks), 1e3 * ddpm_scaling_once(p, ranks), 1e3 * ddpm_scaling_sum(p, ranks),
               ddpm_scaling_efficiency(p, ranks));
    }
}

/* Print the lines of a part under its name. */
static void print_part(const ddpm_bench_run *run, ddpm_bench_part part)
{
    int found = 0;
    for (int i = 0; i < run->row_count; i++) {
        if (run->rows[i].part != part) continue;
        if (!found) printf("%s\n", ddpm_bench_parts[part]);
        found = 1;
        print_row(&run->rows[i]);
    }
    if (part == DDPM_BENCH_ALLREDUCE && !found && ddpm_bench_wants(run, part))
        printf("%s\n  one rank: nothing to measure (mpirun -n 2 ddpm bench)\n", ddpm_bench_parts[part]);
}

void ddpm_bench_print(const ddpm_bench_run *run)
{
    const int ranks = ddpm_comm_size(run->comm);
    printf("ddpm " DDPM_VERSION ", %d rank%s of %d thread%s, %s kernels, %s precision. Times are medians; for the "
           "limits they are the best. The "
           "last column is the share of the multiply-add rate, measured in the same round.\n",
           ranks, ranks == 1 ? "" : "s", run->threads, run->threads == 1 ? "" : "s", run->kernels->name,
           run->kernels->precision);
    printf("  %-60s%13s  %10s %-24s %s\n", "", "time", "rate", "", "of the limit");
    for (int part = 0; part < DDPM_BENCH_PARTS; part++) print_part(run, (ddpm_bench_part)part);
    if (run->has_scaling) print_prediction(run);
}

static void put_row(FILE *to, const ddpm_bench_row *row)
{
    fprintf(to, "{\"part\": \"%s\", \"name\": \"%s\", \"of\": \"%s\"", ddpm_bench_parts[row->part], row->name, row->of);
    ddpm_json_number(to, ", ", "seconds", row->seconds);
    ddpm_json_number(to, ", ", "rate", row->rate);
    fprintf(to, ", \"unit\": \"%s\"", row->unit);
    ddpm_json_number(to, ", ", "share", row->share);
    fprintf(to, "}");
}

static void put_prediction(FILE *to, const ddpm_bench_run *run)
{
    const ddpm_scaling *p = &run->scaling;
    fprintf(to,
            ",\n  \"prediction\": {\"blocks\": %lld, \"threads\": %lld, \"ranks_of_a_node\": %lld, \"link\": \"%s\"",
            (long long)p->blocks, (long long)p->threads, (long long)p->team,
            run->measured_link ? "measured or given" : "assumed");
    ddpm_json_number(to, ", ", "block_seconds", p->block_seconds);
    ddpm_json_number(to, ", ", "once_seconds", p->once_seconds);
    ddpm_json_number(to, ", ", "part_seconds", p->part_seconds);
    ddpm_json_number(to, ", ", "bytes", p->bytes);
    if (p->local_steps > 1) {
        fprintf(to, ", \"local_steps\": %lld, \"workers\": %lld", (long long)p->local_steps, (long long)p->workers);
        ddpm_json_number(to, ", ", "round_seconds", p->round_seconds);
        ddpm_json_number(to, ", ", "round_bytes", p->round_bytes);
    }
    ddpm_json_number(to, ", ", "latency", p->latency);
    ddpm_json_number(to, ", ", "rate", p->rate);
    ddpm_json_number(to, ", ", "predicted_seconds", run->predicted);
    ddpm_json_number(to, ", ", "measured_seconds", run->measured);
    fprintf(to, ",\n    \"points\": [");
    for (int i = 0; ddpm_scaling_ranks(i) > 0; i++) {
        const int64_t ranks = ddpm_scaling_ranks(i);
        fprintf(to, "%s\n      {\"ranks\": %lld", i ? "," : "", (long long)ranks);
        ddpm_json_number(to, ", ", "seconds", ddpm_scaling_step(p, ranks));
        ddpm_json_number(to, ", ", "blocks", ddpm_scaling_blocks(p, ranks));
        ddpm_json_number(to, ", ", "once", ddpm_scaling_once(p, ranks));
        ddpm_json_number(to, ", ", "sum", ddpm_scaling_sum(p, ranks));
        ddpm_json_number(to, ", ", "efficiency", ddpm_scaling_efficiency(p, ranks));
        fprintf(to, "}");
    }
    fprintf(to, "]}");
}

ddpm_status ddpm_bench_write_json(const ddpm_bench_run *run, const char *path)
{
    ddpm_json_file file;
    DDPM_TRY(ddpm_json_begin(path, &file));
    FILE *to = file.to;
    fprintf(to,
            DDPM_JSON_BEGINS DDPM_VERSION
            "\", \"kernels\": \"%s\", \"precision\": \"%s\", \"ranks\": %d, \"threads\": %d",
            run->kernels->name, run->kernels->precision, ddpm_comm_size(run->comm), run->threads);
    ddpm_json_number(to, ", ", "limit", run->multiply_add);
    fprintf(to, ",\n  \"rows\": [");
    for (int i = 0; i < run->row_count; i++) {
        fprintf(to, "%s\n    ", i ? "," : "");
        put_row(to, &run->rows[i]);
    }
    fprintf(to, "]");
    if (run->has_scaling) put_prediction(to, run);
    fprintf(to, "}\n");
    return ddpm_json_end(&file);
}
