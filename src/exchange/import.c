/* Makes a checkpoint of tensors by the tables of store/checkpoint_table.h, which say what every number may be. */
#include "exchange/import.h"

#include "base/memory.h"
#include "base/printable.h"
#include "base/text_list.h"
#include "exchange/vocabulary.h"
#include "fit/principal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Schedules of the same configuration differ by the rounding of another program. */
static const double SCHEDULE_ROUNDING = 1e-6;

typedef struct importer {
    const ddpm_safetensors *file;
    const char *from;
    ddpm_loaded *loaded;
} importer;

static ddpm_status refuse(const importer *m, const char *tensor, const char *why)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s: tensor '%.200s' %s", m->from, ddpm_printable(tensor), why);
}

/* ---- fields ---- */

/* Whether a field has two dimensions. */
static int is_matrix(const ddpm_checkpoint_field *f)
{
    return f->columns > 0 || f->columns_at > 0;
}

/* Set the number of rows from the first tensor that has it. */
static ddpm_status set_rows(const importer *m, const ddpm_checkpoint_field *f, const ddpm_named_tensor *t,
                            ddpm_checkpoint *c)
{
    const int64_t rows = (t->dims > 0 ? t->shape[0] : 0) - f->more_rows;
    if (rows < 1 || rows > f->most_rows) return refuse(m, t->name, "has too few or too many rows");
    memcpy((char *)c + f->rows, &rows, sizeof rows);
    return DDPM_OK;
}

static void print_shape(int dims, const int64_t *shape, char out[60])
{
    if (dims == 1)
        snprintf(out, 60, "[%lld]", (long long)shape[0]);
    else if (dims == 2)
        snprintf(out, 60, "[%lld][%lld]", (long long)shape[0], (long long)shape[1]);
    else
        snprintf(out, 60, "%d dimensions", dims);
}

static ddpm_status check_shape(const importer *m, const ddpm_named_tensor *t, int dims, const int64_t shape[2])
{
    char why[160], wanted[60], found[60];
    if (t->dims == dims && t->shape[0] == shape[0] && (dims < 2 || t->shape[1] == shape[1])) return DDPM_OK;
    print_shape(dims, shape, wanted);
    print_shape(t->dims, t->shape, found);
    snprintf(why, sizeof why, "has another shape than %s: %s", wanted, found);
    return refuse(m, t->name, why);
}

static ddpm_status copy_numbers(const importer *m, const ddpm_named_tensor *t, ddpm_number type, void *out)
{
    const int is_whole = ddpm_number_is_integer(type);
    if (t->type == DDPM_TENSOR_OTHER) return refuse(m, t->name, "has a dtype that is not read; write F32 or F64");
    if (is_whole && t->type != DDPM_TENSOR_I64 && t->type != DDPM_TENSOR_I32)
        return refuse(m, t->name, "should hold whole numbers, I64");
    for (int64_t i = 0; i < t->count; i++)
        ddpm_number_set(
            type, is_whole ? (long double)ddpm_named_tensor_get_int(t, i) : (long double)ddpm_named_tensor_get(t, i),
            out, i);
    return DDPM_OK;
}

static ddpm_status read_field(const importer *m, const ddpm_checkpoint_field *f, ddpm_checkpoint *c)
{
    char name[DDPM_EXCHANGE_NAME];
    int64_t shape[2];
    if (!ddpm_exchange_field_name(f, name)) return DDPM_OK;
    const ddpm_named_tensor *t = ddpm_safetensors_find(m->file, name);
    if (!t) return DDPM_OK;
    if (f->most_rows > 0) DDPM_TRY(set_rows(m, f, t, c));
    const int64_t count = ddpm_checkpoint_shape(f, c, shape);
    DDPM_TRY(check_shape(m, t, is_matrix(f) ? 2 : 1, shape));
    if (count != t->count) return refuse(m, name, "has another shape");
    DDPM_TRY(ddpm_allocate((char *)c + f->numbers, count, (size_t)ddpm_number_bytes(f->type), name));
    DDPM_TRY(copy_numbers(m, t, f->type, ddpm_checkpoint_pointer(c, f->numbers)));
    return ddpm_checkpoint_check_field(f, c);
}

/* All arrays of a group, or none. */
static ddpm_status check_groups(const importer *m, const ddpm_checkpoint *c)
{
    for (int i = 0; i < DDPM_CHECKPOINT_FIELDS; i++) {
        const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
        char name[DDPM_EXCHANGE_NAME];
        const int is_wanted = *ddpm_checkpoint_count(c, f->rows) > 0 && f->is_optional == DDPM_CHECKPOINT_WITH_GROUP;
        if (ddpm_exchange_field_name(f, name) && is_wanted && !ddpm_checkpoint_pointer(c, f->numbers))
            return refuse(m, name, "is missing, and others of its kind are there");
    }
    return DDPM_OK;
}

static ddpm_status read_names(const importer *m, ddpm_checkpoint *c)
{
    for (int i = 0; i < DDPM_CHECKPOINT_LISTS; i++) {
        const ddpm_checkpoint_list_of_names *list = &ddpm_checkpoint_lists[i];
        const char *text = ddpm_safetensors_text(m->file, list->attribute);
        const int64_t count = *ddpm_checkpoint_count(c, list->rows);
        char **names = NULL;
        if (!text || count == 0) continue;
        if (ddpm_safetensors_unlist(text, count, &names) != DDPM_OK)
            return ddpm_fail(DDPM_ERR_DATA, "%s: metadata '%s': %s", m->from, list->attribute, ddpm_error_message());
        ddpm_checkpoint_set_pointer(c, list->names, names);
    }
    const char *number = ddpm_safetensors_text(m->file, "number");
    c->number = DDPM_NUMBER_FLOAT32;
    c->has_number = number != NULL;
    if (!number) return DDPM_OK;
    const int found = ddpm_number_find(number);
    if (found < 0) return ddpm_fail(DDPM_ERR_DATA, "%s: metadata 'number': no type of numbers", m->from);
    c->number = (ddpm_number)found;
    return DDPM_OK;
}

/* Rows of an unknown range are not clipped, and none of their columns is constant. */
static ddpm_status set_range(ddpm_checkpoint *c)
{
    if (c->minimum && c->maximum) return DDPM_OK;
    ddpm_release(c->minimum);
    ddpm_release(c->maximum);
    c->minimum = c->maximum = NULL;
    DDPM_TRY(DDPM_NEW(&c->minimum, c->columns, "column ranges"));
    DDPM_TRY(DDPM_NEW(&c->maximum, c->columns, "column ranges"));
    for (int64_t j = 0; j < c->columns; j++) {
        c->minimum[j] = -(double)FLT_MAX;
        c->maximum[j] = (double)FLT_MAX;
    }
    return DDPM_OK;
}

/* ---- the configuration and the schedule ---- */

static ddpm_status parse_own(const importer *m, const char *text, ddpm_config *out)
{
    DDPM_TRY(ddpm_config_defaults(out));
    DDPM_TRY(ddpm_config_parse_saved(out, text, strlen(text), "the file's configuration"));
    if (ddpm_config_check(out) == DDPM_OK) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: its configuration: %s", m->from, ddpm_error_message());
}

static ddpm_status text_of(const ddpm_config *config, char **out)
{
    char *text = NULL;
    DDPM_TRY(ddpm_config_text(config, &text));
    const ddpm_status status = DDPM_NEW(out, (int64_t)strlen(text) + 1, "configuration");
    if (status == DDPM_OK) memcpy(*out, text, strlen(text) + 1);
    free(text);
    return status;
}

/* The configuration that is given, with which the file must agree, or else the file's. */
static ddpm_status set_config(const importer *m, const ddpm_config *config, ddpm_checkpoint *c)
{
    const char *text = ddpm_safetensors_text(m->file, "config");
    ddpm_config own = {0};
    ddpm_status status = DDPM_OK;
    if (!text && !config)
        return ddpm_fail(DDPM_ERR_USAGE, "%s: says nothing of its network; name its configuration (--config)", m->from);
    if (!config && !c->beta) return refuse(m, "schedule.beta", "is missing");
    if (text) status = parse_own(m, text, &own);
    if (status == DDPM_OK && text && config) status = ddpm_config_same_meaning(&own, config, m->from);
    if (status == DDPM_OK) status = text_of(config ? config : &own, &c->config);
    ddpm_config_release(&own);
    return status;
}

/* @param config  of the checkpoint. */
static ddpm_status set_schedule(const importer *m, const ddpm_config *config, ddpm_checkpoint *c)
{
    ddpm_schedule schedule;
    DDPM_TRY(c->vocabulary.columns > 0 ? ddpm_model_masked_schedule(c->columns, &schedule)
                                       : ddpm_model_schedule(config, &schedule));
    ddpm_status status = DDPM_OK;
    if (!c->beta) {
        c->steps = schedule.steps;
        status = DDPM_NEW(&c->beta, c->steps + 1, "schedule");
        if (status == DDPM_OK) memcpy(c->beta, schedule.beta, (size_t)(c->steps + 1) * sizeof *c->beta);
    } else if (c->steps != schedule.steps)
        status = refuse(m, "schedule.beta", "does not have diffusion.steps + 1 elements");
    for (int64_t t = 1; status == DDPM_OK && t <= c->steps; t++)
        if (!(fabs(c->beta[t] - schedule.beta[t]) <= SCHEDULE_ROUNDING * schedule.beta[t]))
            status =
                ddpm_fail(DDPM_ERR_DATA,
                          "%s: schedule.beta is %.9g at t = %lld, and %.9g by the configuration; give that schedule, "
                          "with diffusion.schedule.kind: table if it is of no other kind",
                          m->from, c->beta[t], (long long)t, schedule.beta[t]);
    ddpm_schedule_release(&schedule);
    return status;
}

/* What the configuration says that the file has. */
static ddpm_status check_parts(const importer *m, const ddpm_config *config, const ddpm_checkpoint *c)
{
    const int is_masked = c->vocabulary.columns > 0, is_linear = config->network.components > 0 &&
                                                                 config->diffusion.predict != DDPM_PREDICT_CLASS &&
                                                                 c->columns <= DDPM_PRINCIPAL_COLUMNS_MAX && !is_masked;
    if (config->diffusion.process == DDPM_PROCESS_MASKED && !is_masked)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: has no vocabulary (tensors vocabulary.kind and so on), which diffusion.process: masked "
                         "has; 'ddpm export' writes one",
                         m->from);
    if (is_linear && c->components.count == 0)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "%s: has no components.variance and components.direction, along which network.components "
            "adds the best linear prediction to the output; for a network without it, give a configuration "
            "(--config) with network.components: 0",
            m->from);
    if (config->data.condition.count != c->condition.count)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: has %lld conditions (tensors condition.classes, condition.mean, condition.scale and the "
                         "list condition_names), and data.condition lists %lld",
                         m->from, (long long)c->condition.count, (long long)config->data.condition.count);
    return DDPM_OK;
}

static ddpm_status fit_to_config(const importer *m, ddpm_checkpoint *c)
{
    ddpm_config config;
    ddpm_status status = parse_own(m, c->config, &config);
    if (status == DDPM_OK) status = check_parts(m, &config, c);
    if (status == DDPM_OK) status = set_schedule(m, &config, c);
    ddpm_config_release(&config);
    return status;
}

/* ---- the network ---- */

static ddpm_status check_frequencies(const importer *m)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(m->loaded->model.network);
    const ddpm_named_tensor *t = ddpm_safetensors_find(m->file, DDPM_FREQUENCY_NAME);
    if (!t) return DDPM_OK;
    DDPM_TRY(check_shape(m, t, 2, (const int64_t[]){spec->columns, spec->features}));
    for (int64_t i = 0; t->type != DDPM_TENSOR_OTHER && i < t->count; i++)
        if (!(fabs(ddpm_named_tensor_get(t, i) - (double)ddpm_network_frequencies(m->loaded->model.network)[i]) < 1e-5))
            return refuse(m, t->name,
                          "has other frequencies than those that this program draws; train with "
                          "ddpm_analysis.random_numbers.frequencies, or with network.features: 0");
    return DDPM_OK;
}

/* The tensor of a parameter, of the right shape. */
static ddpm_status find_parameter(const importer *m, const ddpm_tensor *to, const ddpm_named_tensor **out)
{
    char name[DDPM_EXCHANGE_NAME];
    const int is_weight = ddpm_exchange_is_weight(to), is_bias = ddpm_exchange_is_bias(to);
    const int64_t shape[2] = {is_weight || is_bias ? to->cols : to->rows, is_weight ? to->rows : to->cols};
    ddpm_exchange_parameter_name(m->loaded->model.network, to, name);
    const ddpm_named_tensor *t = *out = ddpm_safetensors_find(m->file, name);
    if (!t) return refuse(m, name, "is missing; this network has it");
    if (t->type != DDPM_TENSOR_F32 && t->type != DDPM_TENSOR_F64)
        return refuse(m, name, "has a dtype that is not read; write F32 or F64");
    return check_shape(m, t, is_bias ? 1 : 2, shape);
}

static ddpm_status read_parameter(const importer *m, const ddpm_tensor *to, float *out)
{
    const int is_weight = ddpm_exchange_is_weight(to);
    const ddpm_named_tensor *t;
    DDPM_TRY(find_parameter(m, to, &t));
    for (int64_t i = 0; i < t->count; i++) {
        const int64_t at = is_weight ? i % to->rows * to->cols + i / to->rows : i;
        out[at] = (float)ddpm_named_tensor_get(t, i);
        if (!isfinite(out[at])) return refuse(m, t->name, "has a number that is not finite as float32");
    }
    return DDPM_OK;
}

/* A tensor that has no place is a sign of another network. */
static ddpm_status check_all_used(const importer *m, int64_t count, const ddpm_tensor *tensors)
{
    char name[DDPM_EXCHANGE_NAME];
    for (int64_t i = 0; i < ddpm_safetensors_count(m->file); i++) {
        const char *found = ddpm_safetensors_at(m->file, i)->name;
        int is_known = strcmp(found, DDPM_FREQUENCY_NAME) == 0;
        for (int f = 0; f < DDPM_CHECKPOINT_FIELDS && !is_known; f++)
            is_known = ddpm_exchange_field_name(&ddpm_checkpoint_fields[f], name) && strcmp(found, name) == 0;
        for (int64_t p = 0; p < count && !is_known; p++) {
            ddpm_exchange_parameter_name(m->loaded->model.network, &tensors[p], name);
            is_known = strcmp(found, name) == 0;
        }
        for (int v = 0; v < DDPM_EXCHANGE_ARRAYS && !is_known && m->loaded->checkpoint.vocabulary.columns > 0; v++) {
            ddpm_exchange_vocabulary_name(v, name);
            is_known = strcmp(found, name) == 0;
        }
        if (is_known) continue;
        char why[160];
        ddpm_exchange_parameter_name(m->loaded->model.network, &tensors[0], name);
        snprintf(why, sizeof why, "has no place in this network, whose parameters begin with '%s'", name);
        return refuse(m, found, why);
    }
    return DDPM_OK;
}

static ddpm_status read_network(importer *m)
{
    ddpm_checkpoint *c = &m->loaded->checkpoint;
    const ddpm_tensor *tensors;
    DDPM_TRY(ddpm_loaded_build(m->loaded));
    const int64_t count = ddpm_network_tensors(m->loaded->model.network, &tensors);
    DDPM_TRY(check_all_used(m, count, tensors));
    DDPM_TRY(check_frequencies(m));
    const ddpm_named_tensor *found; /* before memory is allocated for what the configuration claims */
    for (int64_t i = 0; i < count; i++) DDPM_TRY(find_parameter(m, &tensors[i], &found));
    c->parameter_count = ddpm_network_array_length(m->loaded->model.network);
    DDPM_TRY(DDPM_NEW(&c->parameters, c->parameter_count, "parameters"));
    DDPM_TRY(DDPM_NEW(&c->ema, c->parameter_count, "parameters"));
    for (int64_t i = 0; i < count; i++) DDPM_TRY(read_parameter(m, &tensors[i], c->parameters + tensors[i].offset));
    memcpy(c->ema, c->parameters, (size_t)c->parameter_count * sizeof *c->ema);
    return ddpm_checkpoint_check(c, count, tensors);
}

/* The mean and the deviation without which rows of the network are not those of the data. */
static ddpm_status check_transform(const importer *m, const ddpm_checkpoint *c)
{
    if (c->mean && c->scale) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: has no tensor %s [columns]; the network's rows are (data - mean) / scale, so add "
                     "transform.mean and transform.scale, of zeros and ones if the data were used as they are",
                     m->from, c->mean ? "transform.scale" : "transform.mean");
}

static ddpm_status read_all(importer *m, const ddpm_config *config)
{
    ddpm_checkpoint *c = &m->loaded->checkpoint;
    *c = (ddpm_checkpoint){.returned_to = -1, .best_iteration = -1, .best_loss = NAN, .baseline = NAN};
    for (int i = 0; i < DDPM_CHECKPOINT_FIELDS; i++) DDPM_TRY(read_field(m, &ddpm_checkpoint_fields[i], c));
    DDPM_TRY(check_transform(m, c));
    DDPM_TRY(ddpm_checkpoint_check_quantiles(c));
    DDPM_TRY(check_groups(m, c));
    DDPM_TRY(set_range(c));
    c->components.columns = c->mixture.columns = c->columns;
    DDPM_TRY(read_names(m, c));
    DDPM_TRY(ddpm_exchange_vocabulary_read(m->file, c->columns, &c->vocabulary));
    if (c->condition.count > 0) DDPM_TRY(ddpm_checkpoint_check_condition(&c->condition));
    DDPM_TRY(set_config(m, config, c));
    DDPM_TRY(fit_to_config(m, c));
    return read_network(m);
}

/* A message of the tables names the tensor, not the file. */
static ddpm_status read_model(importer *m, const ddpm_config *config)
{
    const ddpm_status status = read_all(m, config);
    if (status == DDPM_OK || strstr(ddpm_error_message(), m->from)) return status;
    return ddpm_fail(status, "%s: %s", m->from, ddpm_error_message());
}

ddpm_status ddpm_import_model(const ddpm_safetensors *file, const char *from, const ddpm_config *config,
                              ddpm_loaded *out)
{
    importer m = {.file = file, .from = from, .loaded = out};
    *out = (ddpm_loaded){0};
    const ddpm_status status = read_model(&m, config);
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}
