/* The real rows of an evaluation: those that training held out, those of a file, or new rows of a toy problem. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/permutation.h"
#include "base/random.h"
#include "base/split.h"
#include "data/dataset.h"
#include "data/source.h"
#include "file/file.h"
#include "model/same_data.h"
#include "model/toy.h"

#include <stdlib.h>
#include <string.h>

/* The most real rows of a kind: apart for all pairs of sets, and enough for the classifier. */
static int64_t rows_wanted(const ddpm_evaluation *e)
{
    return ddpm_larger(DDPM_EVALUATION_PAIRS * e->set_rows, e->options.samples);
}

static ddpm_status allocate(const ddpm_evaluation *e, int64_t count, ddpm_row_table *table)
{
    table->count = count;
    DDPM_TRY(DDPM_NEW(&table->rows, count * e->columns, "rows to evaluate"));
    return DDPM_NEW(&table->values, count * e->condition->count, "conditions of the rows to evaluate");
}

void ddpm_row_table_release(ddpm_row_table *table)
{
    ddpm_release(table->rows);
    ddpm_release(table->values);
    ddpm_release(table->numbers);
    ddpm_release(table->own);
    *table = (ddpm_row_table){0};
}

/* ---- rows of a file ---- */

/* Read rows first .. first+count-1 of a source into a table, from the table's row `at` on; and their conditions, where
 * the source has them. A sample that is not finite is not refused, since that is a finding about the samples. */
static ddpm_status read_rows(const ddpm_evaluation *e, ddpm_source *source, int64_t first, int64_t count,
                             ddpm_row_table *table, int64_t at)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    const ddpm_gaps gaps = table == &e->samples ? DDPM_GAPS_UNCHECKED : DDPM_GAPS_NONE;
    float *rows = table->rows + at * e->columns;
    DDPM_TRY(transform.vocabulary ? ddpm_source_read_tokens(source, &transform, first, count, rows)
                                  : ddpm_source_read_standardised(source, gaps, &transform, first, count, rows));
    if (!ddpm_source_conditions(source)) return DDPM_OK;
    return ddpm_condition_source_read(ddpm_source_conditions(source), e->condition, first, count,
                                      table->values + at * e->condition->count);
}

typedef struct numbered {
    int64_t number, at; /* a row of the file, and its place in the table */
} numbered;

static int by_number(const void *a, const void *b)
{
    const int64_t x = ((const numbered *)a)->number, y = ((const numbered *)b)->number;
    return (x > y) - (x < y);
}

/* Copy what is wanted of one piece of the file after another. room: for `most` rows of the file. */
static ddpm_status read_pieces(const ddpm_evaluation *e, ddpm_source *source, const numbered *wanted, int64_t most,
                               double *room, ddpm_row_table *table)
{
    for (int64_t i = 0; i < table->count;) {
        const int64_t first = wanted[i].number, count = ddpm_smaller(most, ddpm_source_rows(source) - first);
        DDPM_TRY(ddpm_source_read(source, DDPM_GAPS_UNCHECKED, first, count, room));
        for (; i < table->count && wanted[i].number < first + count; i++)
            memcpy(table->own + wanted[i].at * e->columns, room + (wanted[i].number - first) * e->columns,
                   (size_t)e->columns * sizeof *room);
    }
    return DDPM_OK;
}

/* Local. Read the values of a table's rows as its file has them, since tokens say less: a value between those of
 * training rows, or in a wide bin, is rounded. */
static ddpm_status read_own(const ddpm_evaluation *e, ddpm_source *source, ddpm_row_table *table)
{
    if (!ddpm_source_layouts(source) || !ddpm_loaded_transform(e->loaded).vocabulary) return DDPM_OK;
    if (table->count > 0 && table->numbers[0] < 0) return DDPM_OK;
    const int64_t most = ddpm_smaller(ddpm_source_room(source), ddpm_source_rows(source));
    numbered *wanted = NULL;
    double *room = NULL;
    ddpm_status status = DDPM_NEW(&table->own, table->count * e->columns, "rows to evaluate");
    if (status == DDPM_OK) status = DDPM_NEW(&wanted, table->count, "rows to evaluate");
    if (status == DDPM_OK) status = DDPM_NEW(&room, most * e->columns, "rows to evaluate");
    if (status == DDPM_OK) {
        for (int64_t i = 0; i < table->count; i++) wanted[i] = (numbered){table->numbers[i], i};
        qsort(wanted, (size_t)table->count, sizeof *wanted, by_number);
        status = read_pieces(e, source, wanted, most, room, table);
    }
    ddpm_release(wanted);
    ddpm_release(room);
    return status;
}

/* Read `count` rows that are spread evenly over all, since files are often sorted. */
static ddpm_status read_spread(const ddpm_evaluation *e, ddpm_source *source, int64_t count, ddpm_row_table *out)
{
    const int64_t all = ddpm_source_rows(source);
    DDPM_TRY(allocate(e, count, out));
    DDPM_TRY(DDPM_NEW(&out->numbers, count, "rows to evaluate"));
    for (int64_t i = 0; i < count; i++)
        out->numbers[i] = count == all ? i : (int64_t)((double)i * (double)all / (double)count);
    if (count == all) return read_rows(e, source, 0, all, out, 0);
    for (int64_t i = 0; i < count; i++) DDPM_TRY(read_rows(e, source, out->numbers[i], 1, out, i));
    return DDPM_OK;
}

/* The names of the model's conditions with their kinds, as for data.condition, since another file may hold them in
 * other types.
 *  @param[out] out  release its items. */
static ddpm_status name_conditions(const ddpm_condition *condition, ddpm_text_list *out)
{
    int64_t text = 0;
    *out = (ddpm_text_list){.count = condition->count};
    for (int64_t v = 0; v < condition->count; v++)
        text += (int64_t)(sizeof(char *) + sizeof "number:" + strlen(condition->names[v]));
    DDPM_TRY(ddpm_allocate(&out->items, text, 1, "conditions"));
    char *next = (char *)(out->items + condition->count);
    for (int64_t v = 0; v < condition->count; v++) {
        out->items[v] = next;
        next = stpcpy(stpcpy(next, condition->classes[v] ? "class:" : "number:"), condition->names[v]) + 1;
    }
    return DDPM_OK;
}

/* Open a file of rows, which must have the model's columns, in the same order where both have names. */
static ddpm_status open_file(const ddpm_evaluation *e, const ddpm_data_spec *spec, ddpm_source **out)
{
    DDPM_TRY(ddpm_source_open(spec, out));
    if (ddpm_source_columns(*out) != e->columns)
        return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, the model has %lld", spec->path,
                         spec->dataset, (long long)ddpm_source_columns(*out), (long long)e->columns);
    const char *const *names = ddpm_source_names(*out);
    char *const *own = e->loaded->checkpoint.column_names;
    for (int64_t j = 0; names && own && j < e->columns; j++)
        if (strcmp(names[j], own[j]) != 0)
            return ddpm_fail(DDPM_ERR_DATA,
                             "%s: dataset '%s', column %lld is '%s', that of the model is '%s'; write the columns in "
                             "the model's order",
                             spec->path, spec->dataset, (long long)j, names[j], own[j]);
    const ddpm_vocabulary *vocabulary = ddpm_loaded_transform(e->loaded).vocabulary;
    return vocabulary ? ddpm_source_adopt(*out, vocabulary) : DDPM_OK;
}

/* Local. Open the training data again, whose rows a data set holds as tokens. */
static ddpm_status read_own_of_training(ddpm_evaluation *e)
{
    const ddpm_vocabulary *vocabulary = ddpm_loaded_transform(e->loaded).vocabulary;
    ddpm_source *source = NULL;
    if (!vocabulary || !e->has_training_rows) return DDPM_OK;
    DDPM_TRY(ddpm_source_open(&e->data, &source));
    ddpm_status status = ddpm_source_adopt(source, vocabulary);
    if (status == DDPM_OK) status = read_own(e, source, &e->references);
    if (status == DDPM_OK) status = read_own(e, source, &e->others);
    ddpm_source_close(source);
    return status;
}

static void copy_row(const ddpm_evaluation *e, const ddpm_row_table *from, int64_t row, ddpm_row_table *to, int64_t at)
{
    const int64_t D = e->columns, V = e->condition->count;
    memcpy(to->rows + at * D, from->rows + row * D, (size_t)D * sizeof(float));
    to->numbers[at] = from->numbers[row];
    if (V > 0) memcpy(to->values + at * V, from->values + row * V, (size_t)V * sizeof(float));
}

/* Give half of the rows of `all` to each of two tables, in an order that the seed decides. */
static ddpm_status split(const ddpm_evaluation *e, const ddpm_row_table *all, ddpm_row_table *one,
                         ddpm_row_table *other)
{
    if (all->count < 2) return ddpm_fail(DDPM_ERR_DATA, "%s: at least two rows are needed", e->options.data);
    const ddpm_permutation order =
        ddpm_permutation_make(e->options.seed, DDPM_RANDOM_PAIRS, DDPM_CHOICE_SPLIT, all->count);
    DDPM_TRY(allocate(e, all->count / 2, one));
    DDPM_TRY(allocate(e, all->count / 2, other));
    DDPM_TRY(DDPM_NEW(&one->numbers, one->count, "rows to evaluate"));
    DDPM_TRY(DDPM_NEW(&other->numbers, other->count, "rows to evaluate"));
    for (int64_t i = 0; i < all->count / 2; i++) {
        copy_row(e, all, ddpm_permutation_at(&order, 2 * i), one, i);
        copy_row(e, all, ddpm_permutation_at(&order, 2 * i + 1), other, i);
    }
    return DDPM_OK;
}

/* Fill the tables from the source of --data. */
static ddpm_status read_tables(ddpm_evaluation *e, ddpm_source *source)
{
    const int64_t all = ddpm_source_rows(source), wanted = 2 * rows_wanted(e);
    ddpm_row_table pool = {0};
    if (e->options.count > 0) DDPM_TRY(read_spread(e, source, ddpm_smaller(e->options.count, all), &e->evaluated));
    if (e->options.samples <= 0) return DDPM_OK;
    ddpm_status status = read_spread(e, source, ddpm_smaller(wanted, all), &pool);
    if (status == DDPM_OK) status = split(e, &pool, &e->references, &e->others);
    if (status == DDPM_OK) status = read_own(e, source, &e->references);
    if (status == DDPM_OK) status = read_own(e, source, &e->others);
    ddpm_row_table_release(&pool);
    return status;
}

/* Local. Read the rows of --data; for the quality, in two halves. */
static ddpm_status read_file(ddpm_evaluation *e)
{
    ddpm_data_spec spec = e->data;
    ddpm_data_names names;
    ddpm_text_list named = {0};
    ddpm_source *source = NULL;
    ddpm_status status = ddpm_data_spec_point(&spec, e->options.data, "data", &names);
    if (status == DDPM_OK) status = name_conditions(e->condition, &named);
    spec.condition = named;
    if (status == DDPM_OK) status = open_file(e, &spec, &source);
    if (status == DDPM_OK) status = read_tables(e, source);
    ddpm_source_close(source);
    ddpm_release(named.items);
    return status;
}

/* ---- rows of the training data's kind ---- */

/* Make rows of the toy problem that neither training nor validation has seen, by another seed for each table. */
static ddpm_status make_new(const ddpm_evaluation *e, uint64_t which, int64_t count, ddpm_row_table *out)
{
    ddpm_data_spec spec = e->data;
    ddpm_source *source = NULL;
    spec.seed += DDPM_SEED_STRIDE * which;
    spec.count = count;
    DDPM_TRY(ddpm_source_open(&spec, &source));
    ddpm_status status = allocate(e, count, out);
    if (status == DDPM_OK) status = read_rows(e, source, 0, count, out, 0);
    ddpm_source_close(source);
    return status;
}

static ddpm_status copy_held_out(const ddpm_evaluation *e, const ddpm_dataset *dataset, int64_t count,
                                 ddpm_row_table *out)
{
    DDPM_TRY(allocate(e, count, out));
    DDPM_TRY(DDPM_NEW(&out->numbers, count, "rows to evaluate"));
    for (int64_t i = 0; i < count; i++) out->numbers[i] = ddpm_dataset_row_held_out(dataset, i);
    ddpm_dataset_fill_held_out(dataset, 0, count, out->rows, out->values);
    return DDPM_OK;
}

/* The data must be those of the training. */
static ddpm_status check_unchanged(const ddpm_evaluation *e, const ddpm_dataset *dataset)
{
    const ddpm_transform then = ddpm_loaded_transform(e->loaded);
    const int narrowed = ddpm_loaded_is_narrowed(e->loaded, ddpm_dataset_type(dataset));
    ddpm_status status =
        ddpm_same_transform(ddpm_dataset_transform(dataset), &then, ddpm_dataset_names(dataset), narrowed);
    if (status == DDPM_OK) status = ddpm_same_condition(ddpm_dataset_condition(dataset), e->condition);
    if (status == DDPM_OK) return DDPM_OK;
    const char *path = e->data.path;
    return ddpm_fail(
        status, "%s%sthe data are not those that the model was trained on: %s; name the rows to evaluate with --data",
        path, *path ? ": " : "", ddpm_error_message());
}

/* Collective. Fill a table with the first training rows. Streamed rows are prepared a batch at a time, for which
 * data.memory is known to suffice; a window is overwritten only when all ranks have copied from it. */
static ddpm_status copy_trained(ddpm_evaluation *e, ddpm_dataset *dataset, ddpm_row_table *out)
{
    for (int64_t first = 0; first < out->count; first += e->data.batch) {
        const int64_t count = ddpm_smaller(e->data.batch, out->count - first);
        DDPM_TRY(ddpm_dataset_prepare(dataset, first, count));
        ddpm_dataset_fill(dataset, first, count, out->rows + first * e->columns,
                          out->values + first * e->condition->count);
        for (int64_t i = 0; i < count; i++) out->numbers[first + i] = ddpm_dataset_row(dataset, first + i);
        ddpm_comm_barrier(e->comm);
    }
    e->has_training_rows = 1;
    return DDPM_OK;
}

/* Collective. Fill the tables from the data that the model was trained on. */
static ddpm_status fill_from(ddpm_evaluation *e, ddpm_dataset *dataset)
{
    const ddpm_evaluate_options *o = &e->options;
    const int toy = e->data.source != DDPM_DATA_HDF5;
    const int64_t held_out = ddpm_dataset_held_out(dataset), rows = ddpm_dataset_rows(dataset);
    const int64_t wanted = rows_wanted(e);
    ddpm_status status = check_unchanged(e, dataset);
    if (status == DDPM_OK && held_out == 0 && !toy)
        status = ddpm_fail(DDPM_ERR_DATA,
                           "training held no rows out (data.validation: %g of the rows is none); name rows to "
                           "evaluate with --data",
                           e->data.validation);
    DDPM_TRY(ddpm_agree(e->comm, status));
    if (o->count > 0)
        status = held_out > 0 ? copy_held_out(e, dataset, ddpm_smaller(o->count, held_out), &e->evaluated)
                              : make_new(e, 3, o->count, &e->evaluated);
    if (status == DDPM_OK && o->samples > 0 && toy) {
        status = make_new(e, 1, wanted, &e->references);
        if (status == DDPM_OK) status = make_new(e, 2, wanted, &e->others);
    }
    if (status == DDPM_OK && o->samples > 0 && !toy) {
        status = copy_held_out(e, dataset, ddpm_smaller(wanted, held_out), &e->references);
        if (status == DDPM_OK) status = allocate(e, ddpm_smaller(wanted, rows), &e->others);
        if (status == DDPM_OK) status = DDPM_NEW(&e->others.numbers, e->others.count, "rows to evaluate");
    }
    DDPM_TRY(ddpm_agree(e->comm, status));
    if (o->samples <= 0 || toy) return DDPM_OK;
    return copy_trained(e, dataset, &e->others);
}

/* Local. Read the samples of --samples-file. */
static ddpm_status read_samples(ddpm_evaluation *e)
{
    ddpm_data_spec spec = {0}; /* all columns, since a file of samples has the model's columns alone */
    ddpm_data_names names;
    ddpm_source *source = NULL;
    DDPM_TRY(ddpm_data_spec_point(&spec, e->options.samples_file, "samples", &names));
    ddpm_status status = open_file(e, &spec, &source);
    if (status == DDPM_OK)
        status = read_spread(e, source, ddpm_smaller(e->options.samples, ddpm_source_rows(source)), &e->samples);
    if (status == DDPM_OK) status = read_own(e, source, &e->samples);
    ddpm_source_close(source);
    return status;
}

ddpm_status ddpm_evaluation_read(ddpm_evaluation *e)
{
    const ddpm_evaluate_options *o = &e->options;
    if (o->data) {
        DDPM_TRY(ddpm_agree(e->comm, read_file(e)));
    } else {
        ddpm_dataset *dataset = NULL;
        DDPM_TRY(ddpm_dataset_create(e->comm, &e->data, &dataset));
        const ddpm_status status = fill_from(e, dataset);
        ddpm_dataset_free(dataset);
        DDPM_TRY(status);
        DDPM_TRY(ddpm_agree(e->comm, read_own_of_training(e)));
    }
    if (o->samples > 0 && o->samples_file) DDPM_TRY(ddpm_agree(e->comm, read_samples(e)));
    return DDPM_OK;
}
