/* The verb `ddpm info`: print what a file holds. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "assembly/load.h"
#include "base/memory.h"
#include "base/printable.h"
#include "data/column_names.h"
#include "data/source_vocabulary.h"
#include "file/digest.h"
#include "file/h5_column.h"
#include "model/column_text.h"
#include "sample/sampling.h"

#include <stdio.h>
#include <sys/stat.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm info FILE\n"
    "\n"
    "Print what a file holds: a checkpoint, a data set or a file of samples. For a run folder, print its\n"
    "latest checkpoint. The digest of a checkpoint is checked.\n";
/* clang-format on */

enum { LISTED = 200, CLASSES_LISTED = 40, COUNTED = 1 << 22 /* rows */ };

static void print_shape(void *context, const char *name, const ddpm_h5_shape *shape)
{
    (void)context;
    printf("  %s ", ddpm_padded(name, 31));
    for (int i = 0; i < shape->dims; i++) printf("%s%lld", i ? " x " : "", (long long)shape->size[i]);
    if (!shape->is_number) printf("%s(%s)", shape->dims ? " " : "", shape->found);
    putchar('\n');
}

static void print_link(void *context, const ddpm_h5_link *link)
{
    (void)context;
    printf("  %s -> %s%s%s (%s%s)\n", ddpm_padded(link->name, 31), link->file ? ddpm_printable(link->file) : "",
           link->file ? ":" : "", ddpm_printable(link->target), link->file ? "external link" : "soft link",
           link->is_there ? "" : "; the target is not there");
}

static ddpm_status print_names(const ddpm_h5 *file, const char *path, const char *dataset)
{
    ddpm_h5_shape shape;
    int64_t width = 1;
    char **names;
    if (ddpm_h5_shape_of(file, dataset, &shape) != DDPM_OK || !shape.is_number) return DDPM_OK;
    for (int i = 1; i < shape.dims; i++) width *= shape.size[i];
    DDPM_TRY(ddpm_column_names_read(file, path, dataset, width, &names));
    for (int64_t i = 0; names && i < width; i++) printf("%s%s", i ? ", " : "  columns: ", ddpm_printable(names[i]));
    if (names) putchar('\n');
    ddpm_release(names);
    return DDPM_OK;
}

/* The number and the name of a column or condition, in front of what there is to say of it. */
static void print_name(int64_t j, const char *name)
{
    printf("  %6lld %s ", (long long)j, ddpm_padded(name, 24));
}

static void print_column(int64_t j, const char *const *names, const ddpm_column_vocabulary *column)
{
    char text[DDPM_COLUMN_TEXT];
    print_name(j, names ? names[j] : "");
    printf("%s\n", ddpm_column_describe(column, sizeof text, text));
}

static int is_any_row(void *context, int64_t row)
{
    (void)context;
    (void)row;
    return 1;
}

/* Print what the columns of a table hold; how many rows have which values unless there are very many. */
static ddpm_status print_columns(ddpm_comm *alone, ddpm_source *source, const char *dataset)
{
    const int64_t rows = ddpm_source_rows(source), columns = ddpm_source_columns(source);
    const int is_small = rows <= COUNTED;
    ddpm_transform transform = {0};
    if (is_small) DDPM_TRY(ddpm_source_choose_tokens(alone, source, INT64_MAX, 1, is_any_row, NULL, &transform));
    printf("  %s is a table of %lld rows and %lld columns:\n", ddpm_printable(dataset), (long long)rows,
           (long long)columns);
    for (int64_t j = 0; j < columns && j < LISTED; j++) {
        const ddpm_column_vocabulary kind = {.layout = ddpm_source_layouts(source)[j]};
        print_column(j, ddpm_source_names(source), is_small ? &transform.vocabulary->column[j] : &kind);
    }
    if (columns > LISTED) printf("  ... and %lld more\n", (long long)columns - LISTED);
    ddpm_transform_release(&transform);
    return DDPM_OK;
}

/* A group may be something else than a table, which is no fault of the file. */
static void print_table(const char *path, const char *dataset)
{
    const ddpm_data_spec spec = {.source = DDPM_DATA_HDF5, .path = path, .dataset = dataset};
    ddpm_source *source = NULL;
    ddpm_comm *alone;
    ddpm_comm_start_alone(&alone);
    ddpm_status status = ddpm_source_open(&spec, &source);
    if (status == DDPM_OK) status = print_columns(alone, source, dataset);
    if (status != DDPM_OK)
        printf("  %s cannot be read as a table: %s\n", ddpm_printable(dataset), ddpm_printable(ddpm_error_message()));
    ddpm_source_close(source);
    ddpm_comm_stop(alone);
}

static int is_table(const ddpm_h5 *file, const char *name)
{
    const ddpm_h5_kind kind = ddpm_h5_kind_of(file, name);
    return kind == DDPM_H5_GROUP || kind == DDPM_H5_COMPOUND;
}

/* Print an attribute of the root, a text or a number, if there is one of that name. */
static void print_attribute(const ddpm_h5 *file, const char *name)
{
    char *text = NULL;
    int64_t number;
    double real;
    if (!ddpm_h5_has_attribute(file, "/", name)) return;
    if (ddpm_h5_get_text(file, "/", name, &text) == DDPM_OK)
        printf("  %s: %s\n", name, ddpm_printable(text));
    else if (ddpm_h5_get_int(file, "/", name, &number) == DDPM_OK)
        printf("  %s: %lld\n", name, (long long)number);
    else if (ddpm_h5_get_real(file, "/", name, &real) == DDPM_OK)
        printf("  %s: %g\n", name, real);
    ddpm_release(text);
}

static ddpm_status print_content(const ddpm_h5 *file, const char *path)
{
    static const char *const attributes[] = {"program", "kind", "checkpoint", "iteration", "seed"};
    const char *setting;
    printf("%s: HDF5 file\n", ddpm_printable(path));
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) print_attribute(file, attributes[i]);
    for (int i = 0; (setting = ddpm_sampling_name(i)); i++) print_attribute(file, setting);
    DDPM_TRY(ddpm_h5_list(file, LISTED, print_shape, NULL));
    DDPM_TRY(ddpm_h5_list_links(file, LISTED, print_link, NULL));
    static const char *const tables[] = {"data", "samples", "table"};
    for (int i = 0; i < 3; i++)
        if (is_table(file, tables[i]))
            print_table(path, tables[i]);
        else if (ddpm_h5_has(file, tables[i]))
            DDPM_TRY(print_names(file, path, tables[i]));
    return DDPM_OK;
}

static ddpm_status show_file(const char *path)
{
    ddpm_h5 *file;
    DDPM_TRY(ddpm_h5_open(path, &file));
    const ddpm_status status = print_content(file, path);
    return ddpm_h5_finish(&file, status);
}

static void print_tensors(const ddpm_network *network)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(network, &tensors);
    for (int64_t i = 0; i < count; i++)
        printf("  %-31s %lld x %lld\n", tensors[i].name, (long long)tensors[i].rows, (long long)tensors[i].cols);
}

/* The classes of a condition, with how many rows have each. */
static void print_classes(const ddpm_condition *condition, int64_t v)
{
    const int64_t classes = condition->classes[v], largest = ddpm_condition_code(condition, v, classes - 1);
    int64_t listed = 0;
    if (largest == classes - 1 && ddpm_condition_code(condition, v, 0) == 0)
        printf("classes 0 to %lld", (long long)largest);
    else
        printf("%lld classes", (long long)classes);
    for (int64_t k = 0; k < classes && listed < CLASSES_LISTED; k++) {
        const char *name = ddpm_condition_class_name(condition, v, k);
        const int64_t rows = ddpm_condition_rows(condition, v, k);
        if (rows <= 0) continue;
        printf("%s", listed++ ? ", " : "; rows of class ");
        if (*name) printf("%s (", ddpm_printable(name));
        printf("%lld%s: %lld", (long long)ddpm_condition_code(condition, v, k), *name ? ")" : "", (long long)rows);
    }
    printf("%s\n", listed == CLASSES_LISTED ? ", ..." : "");
}

static void print_conditions(const ddpm_condition *condition)
{
    const ddpm_condition *c = condition;
    if (c->count > 0) printf("  %lld conditions; numbers are standardised as (mean, scale):\n", (long long)c->count);
    for (int64_t v = 0; v < c->count; v++) {
        print_name(v, c->names[v]);
        if (c->classes[v] > 0) {
            print_classes(c, v);
            continue;
        }
        printf("%.6g, %.6g", c->mean[v], c->scale[v]);
        if (c->minimum && c->maximum)
            printf("; from %.6g to %.6g", c->minimum[v] * c->scale[v] + c->mean[v],
                   c->maximum[v] * c->scale[v] + c->mean[v]);
        printf("\n");
    }
}

static void print_number(int64_t j, const char *const *names, const ddpm_checkpoint *c)
{
    const double *quantiles = c->quantiles ? c->quantiles + j * DDPM_QUANTILES : NULL;
    print_name(j, names ? names[j] : "");
    if (quantiles && ddpm_quantiles_map(quantiles))
        printf("by its quantiles, from %.6g to %.6g\n", quantiles[0], quantiles[DDPM_QUANTILES - 1]);
    else
        printf("%.6g, %.6g\n", c->mean[j], c->scale[j]);
}

static void print_transform(const ddpm_checkpoint *c)
{
    const char *const *names = (const char *const *)c->column_names;
    const int has_tokens = c->vocabulary.columns > 0;
    printf("  %lld columns, %s:\n", (long long)c->columns,
           has_tokens ? "in training rows" : "standardised as (mean, scale)");
    for (int64_t j = 0; j < c->columns && j < LISTED; j++)
        if (has_tokens)
            print_column(j, names, &c->vocabulary.column[j]);
        else
            print_number(j, names, c);
    if (c->columns > LISTED) printf("  ... and %lld more\n", (long long)c->columns - LISTED);
}

static ddpm_status show_checkpoint(const char *path)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load(path, 0, &loaded));
    const ddpm_checkpoint *c = &loaded.checkpoint;
    printf("%s: checkpoint; its digest is right\n", ddpm_printable(path));
    printf("  iteration %lld of %lld\n", (long long)c->iteration,
           (long long)(c->horizon > 0 ? c->horizon : loaded.config.training.iterations));
    print_transform(c);
    print_conditions(&c->condition);
    printf("  %lld parameters:\n", (long long)ddpm_network_parameters(loaded.model.network));
    print_tensors(loaded.model.network);
    fflush(stdout);
    if (!ddpm_model_is_masked(&loaded.model)) ddpm_model_report_audit(&loaded.model.diffusion.schedule);
    printf("  configuration:\n");
    const ddpm_status status = ddpm_config_dump(&loaded.config, stdout);
    ddpm_loaded_release(&loaded);
    return status;
}

/* A folder is taken for a run folder. */
static int looks_like_checkpoint(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return 1;
    return ddpm_digest_begins(path);
}

static ddpm_status show(const char *path)
{
    return looks_like_checkpoint(path) ? show_checkpoint(path) : show_file(path);
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    static const struct option options[] = {{0}};
    ddpm_status status;
    while (ddpm_arguments_next(argc, argv, options, &status) != -1) DDPM_TRY(status);
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a file or run folder"));
    return DDPM_ON_RANK_0(comm, show(argv[optind]));
}

const ddpm_verb ddpm_verb_info = {
    .name = "info",
    .summary = "say what a checkpoint, data set or sample file holds: FILE",
    .help = help,
    .run = run,
    .is_local = 1,
};
