/* One evaluation of a network as an ONNX graph: the formulas of network/mlp.c, residual.c and features.c. */
#include "exchange/onnx.h"

#include "base/memory.h"
#include "exchange/export.h"
#include "exchange/layout.h"
#include "file/json_file.h"
#include "file/output.h"
#include "kernel/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUMMED_COLUMNS = 64,   /* so many columns at most are projected one after the other, as the program adds them */
    FILE_MOST = 2000000000 /* bytes that the encoding can hold */
};

/* ---- layers ---- */

static const ddpm_tensor *find_tensor(const ddpm_onnx *o, const char *name)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(o->network, &tensors);
    for (int64_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
    return NULL;
}

/* A tensor of parameters as constants, by the name that safetensors gives it. */
static const char *parameter(ddpm_onnx *o, const char *layer, const char *what)
{
    char name[DDPM_TENSOR_NAME], given[DDPM_EXCHANGE_NAME];
    snprintf(name, sizeof name, "%.30s/%s", layer, what);
    const ddpm_tensor *t = find_tensor(o, name);
    const int64_t rows = t->rows, cols = t->cols;
    const int is_weight = ddpm_exchange_is_weight(t), is_bias = ddpm_exchange_is_bias(t);
    const float *from = o->parameters + t->offset;
    float *turned = NULL;
    if (DDPM_NEW(&turned, rows * cols, "weights") != DDPM_OK) {
        o->graph.failed = 1;
        return "";
    }
    for (int64_t i = 0; i < rows * cols; i++) turned[i] = is_weight ? from[i % rows * cols + i / rows] : from[i];
    ddpm_exchange_parameter_name(o->network, t, given);
    const char *out = ddpm_graph_keep(&o->graph, given);
    const int64_t shape[2] = {is_weight || is_bias ? cols : rows, is_weight ? rows : cols};
    ddpm_graph_constants(&o->graph, out, DDPM_GRAPH_FLOAT, is_bias ? 1 : 2, shape, turned);
    ddpm_release(turned);
    return out;
}

/* x W' + b */
static const char *linear(ddpm_onnx *o, const char *layer, const char *x)
{
    const ddpm_graph_attributes turned = {.integer = "transB", .integer_value = 1};
    const char *weight = parameter(o, layer, "weight"), *bias = parameter(o, layer, "bias");
    return ddpm_graph_node(&o->graph, "Gemm", &turned, (const char *const[]){x, weight, bias, NULL});
}

static const char *activate(ddpm_onnx *o, const char *x)
{
    const ddpm_graph_attributes slope = {.real = "alpha", .real_value = 0.01f};
    switch (o->spec->activation) {
    case DDPM_ACTIVATION_RELU:
        return op(o, "Relu", x, NULL);
    case DDPM_ACTIVATION_LEAKY_RELU:
        return ddpm_graph_node(&o->graph, "LeakyRelu", &slope, (const char *const[]){x, NULL});
    case DDPM_ACTIVATION_SILU:
        return op(o, "Mul", x, op(o, "Sigmoid", x, NULL));
    case DDPM_ACTIVATION_GELU: {
        const char *phi = op(o, "Erf", op(o, "Mul", x, ddpm_graph_float(&o->graph, 0.70710678f)), NULL);
        phi = op(o, "Mul", op(o, "Add", phi, ddpm_graph_float(&o->graph, 1.0f)), ddpm_graph_float(&o->graph, 0.5f));
        return op(o, "Mul", x, phi);
    }
    case DDPM_ACTIVATION_TANH:
        return op(o, "Tanh", x, NULL);
    case DDPM_ACTIVATION_SOFTPLUS:
        return op(o, "Softplus", x, NULL);
    case DDPM_ACTIVATION_IDENTITY:
    case DDPM_ACTIVATION_COUNT:
        break;
    }
    return x;
}

/* ---- inputs ---- */

/* Turns of the features, x B, summed over the columns in their order where these are few. */
static const char *project(ddpm_onnx *o)
{
    const int64_t D = o->spec->columns, F = o->spec->features;
    const float *frequencies = ddpm_network_frequencies(o->network);
    if (D > SUMMED_COLUMNS) return op(o, "MatMul", "x", floats(o, 2, (const int64_t[]){D, F}, frequencies));
    const char *column[SUMMED_COLUMNS], *sum = NULL;
    ddpm_graph_split(&o->graph, "x", 1, D, 1, column);
    for (int64_t j = 0; j < D; j++) {
        const char *part = op(o, "Mul", column[j], floats(o, 2, (const int64_t[]){1, F}, frequencies + j * F));
        sum = sum ? op(o, "Add", sum, part) : part;
    }
    return sum;
}

/* x beside its features. */
static const char *points(ddpm_onnx *o)
{
    if (o->spec->features == 0) return "x";
    const char *turns = project(o);
    const char *rest = op(o, "Sub", turns, op(o, "Round", turns, NULL));
    const char *angle = op(o, "Mul", rest, ddpm_graph_float(&o->graph, 6.28318531f));
    return join(o, "x", op(o, "Cos", angle, NULL), op(o, "Sin", angle, NULL));
}

static const char *embedding(ddpm_onnx *o)
{
    const int64_t shape[2] = {o->spec->steps + 1, o->spec->time_width};
    return with_axis(o, "Gather", 0, floats(o, 2, shape, ddpm_network_time_table(o->network)), "t");
}

static const char *condition(const ddpm_onnx *o)
{
    return o->spec->condition > 0 ? "condition" : NULL;
}

/* ---- the two kinds of networks ---- */

static const char *perceptron(ddpm_onnx *o)
{
    const int has_gain = o->spec->time == DDPM_TIME_GAIN_TABLE;
    const int64_t one = 1;
    const char *h = join(o, points(o), condition(o), has_gain ? NULL : embedding(o));
    const char *row =
        has_gain ? op(o, "Sub", "t", ddpm_graph_constants(&o->graph, NULL, DDPM_GRAPH_INT64, 0, NULL, &one)) : NULL;
    for (int64_t l = 0; l < o->spec->depth; l++) {
        char layer[32];
        snprintf(layer, sizeof layer, "hidden%lld", (long long)l);
        h = linear(o, layer, h);
        if (has_gain) h = op(o, "Mul", h, with_axis(o, "Gather", 0, parameter(o, layer, "gain"), row));
        h = activate(o, h);
    }
    return linear(o, "output", h);
}

/* norm(h) (1 + scale) + shift */
static const char *modulate(ddpm_onnx *o, const char *h, const char *ones, const char *scale, const char *shift)
{
    const ddpm_graph_attributes norm = {
        .integer = "axis", .integer_value = -1, .real = "epsilon", .real_value = DDPM_NORM_EPSILON};
    const char *normal = ddpm_graph_node(&o->graph, "LayerNormalization", &norm, (const char *const[]){h, ones, NULL});
    const char *factor = op(o, "Add", scale, ddpm_graph_float(&o->graph, 1.0f));
    return op(o, "Add", op(o, "Mul", normal, factor), shift);
}

static ddpm_status residual(ddpm_onnx *o, const char **out)
{
    const int64_t width = o->spec->width, depth = o->spec->depth, parts = 3 * depth + 2;
    const char **m = NULL;
    float *ones = NULL;
    ddpm_status status = ddpm_allocate(&m, parts, sizeof *m, "the model's graph");
    if (status == DDPM_OK) status = DDPM_NEW(&ones, width, "the model's graph");
    if (status == DDPM_OK) {
        for (int64_t i = 0; i < width; i++) ones[i] = 1.0f;
        const char *one = floats(o, 1, &width, ones);
        const char *time = activate(o, linear(o, "embedding", join(o, embedding(o), condition(o), NULL)));
        ddpm_graph_split(&o->graph, linear(o, "modulation", time), 1, parts, width, m);
        const char *h = linear(o, "input", points(o));
        for (int64_t b = 0; b < depth; b++) {
            char first[32], second[32];
            snprintf(first, sizeof first, "block%lld/first", (long long)b);
            snprintf(second, sizeof second, "block%lld/second", (long long)b);
            const char *inner = activate(o, linear(o, first, modulate(o, h, one, m[3 * b], m[3 * b + 1])));
            h = op(o, "Add", h, op(o, "Mul", m[3 * b + 2], linear(o, second, inner)));
        }
        *out = linear(o, "output", modulate(o, h, one, m[parts - 2], m[parts - 1]));
    }
    ddpm_release((void *)m);
    ddpm_release(ones);
    return status;
}

/* Add a part to the first D columns of the output. */
static const char *add_part(ddpm_onnx *o, const char *output, const char *part)
{
    const char *heads[2];
    if (!part) return output;
    if (o->spec->heads == 1) return op(o, "Add", output, part);
    ddpm_graph_split(&o->graph, output, 1, 2, o->spec->columns, heads);
    return join(o, op(o, "Add", heads[0], part), heads[1], NULL);
}

/* ---- the file ---- */

static ddpm_status build(ddpm_onnx *o)
{
    const char *output = NULL, *part = NULL;
    ddpm_graph_input(&o->graph, "x", DDPM_GRAPH_FLOAT, o->spec->columns);
    ddpm_graph_input(&o->graph, "t", DDPM_GRAPH_INT64, 0);
    if (o->spec->condition > 0) ddpm_graph_input(&o->graph, "condition", DDPM_GRAPH_FLOAT, o->spec->condition);
    if (o->spec->kind == DDPM_NETWORK_MLP)
        output = perceptron(o);
    else
        DDPM_TRY(residual(o, &output));
    DDPM_TRY(ddpm_onnx_baseline(o, &part));
    output = add_part(o, output, part);
    const char *const named[] = {output, NULL};
    ddpm_graph_name(&o->graph, "Identity", named, "output");
    ddpm_graph_output(&o->graph, "output", DDPM_GRAPH_FLOAT, ddpm_network_outputs(o->spec));
    return DDPM_OK;
}

static void print_numbers(FILE *to, int64_t count, const double *numbers)
{
    for (int64_t i = 0; i < count; i++) fprintf(to, "%s%.17g", i ? ", " : "[", numbers[i]);
    fputs("]", to);
}

/* Numbers as a JSON list. @param[out] out  to be freed. */
static ddpm_status list_numbers(int64_t count, const double *numbers, char **out)
{
    size_t bytes;
    FILE *to = open_memstream(out, &bytes);
    if (to) print_numbers(to, count, numbers);
    if (to && fclose(to) == 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the model's metadata");
}

/* The values of each column at the scores of model/quantiles.h, as a JSON list; null for a column that has no such map.
 * @param[out] out  to be freed; NULL: no column has one. */
static ddpm_status list_quantiles(const ddpm_checkpoint *c, char **out)
{
    size_t bytes;
    *out = NULL;
    if (!c->quantiles) return DDPM_OK;
    FILE *to = open_memstream(out, &bytes);
    for (int64_t j = 0; to && j < c->columns; j++) {
        const double *quantiles = c->quantiles + j * DDPM_QUANTILES;
        fputs(j ? ", " : "[", to);
        ddpm_quantiles_map(quantiles) ? print_numbers(to, DDPM_QUANTILES, quantiles) : (void)fputs("null", to);
    }
    if (to) fputs("]", to);
    if (to && fclose(to) == 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the model's metadata");
}

/* What the columns of the input `condition` are: the name of each condition, with what its classes are in the data and
 * are called, or with its mean and scale. @param[out] out  to be freed; NULL: there is none. */
static ddpm_status list_conditions(const ddpm_condition *c, char **out)
{
    size_t bytes;
    *out = NULL;
    if (c->count == 0) return DDPM_OK;
    FILE *to = open_memstream(out, &bytes);
    for (int64_t v = 0; to && v < c->count; v++) {
        fputs(v ? ", {\"name\": " : "[{\"name\": ", to);
        ddpm_json_text(to, c->names ? c->names[v] : "");
        if (c->classes[v] == 0) fprintf(to, ", \"mean\": %.17g, \"scale\": %.17g}", c->mean[v], c->scale[v]);
        for (int64_t k = 0; k < c->classes[v]; k++)
            fprintf(to, "%s%lld", k ? ", " : ", \"classes\": [", (long long)ddpm_condition_code(c, v, k));
        for (int64_t k = 0; k < c->classes[v]; k++) {
            fputs(k ? ", " : "], \"names\": [", to);
            ddpm_json_text(to, ddpm_condition_class_name(c, v, k));
        }
        if (c->classes[v] > 0) fputs("]}", to);
    }
    if (to) fputs("]", to);
    if (to && fclose(to) == 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the model's metadata");
}

static ddpm_status finish(ddpm_onnx *o, ddpm_weights weights, const char *path)
{
    static const char about[] =
        "One evaluation of a denoising network. x: rows of noisy data in standardised units, (data - transform.mean) / "
        "transform.scale, where the normal scores of a column in transform.quantiles are its data; t: steps, 1 to T; "
        "condition: of each of `conditions` its class one-hot, or its number, (number - mean) / scale, then 1 (zeros: "
        "none). output: what "
        "diffusion.predict "
        "of the configuration says, for schedule.beta, then the variance head where the variance is learned.";
    const ddpm_checkpoint *c = &o->loaded->checkpoint;
    char *lists[5] = {0};
    ddpm_wire file = {0};
    ddpm_status status = list_numbers(c->columns, c->mean, &lists[0]);
    if (status == DDPM_OK) status = list_numbers(c->columns, c->scale, &lists[1]);
    if (status == DDPM_OK) status = list_numbers(c->steps + 1, c->beta, &lists[2]);
    if (status == DDPM_OK) status = list_quantiles(c, &lists[3]);
    if (status == DDPM_OK) status = list_conditions(&c->condition, &lists[4]);
    if (status == DDPM_OK) {
        const char *text[] = {"config",
                              c->config,
                              "weights",
                              ddpm_config_choice("sampling.weights", weights),
                              "transform.mean",
                              lists[0],
                              "transform.scale",
                              lists[1],
                              "schedule.beta",
                              lists[2],
                              NULL,
                              NULL,
                              NULL,
                              NULL};
        int64_t count = 10;
        if (lists[3]) text[count++] = "transform.quantiles", text[count++] = lists[3];
        if (lists[4]) text[count++] = "conditions", text[count++] = lists[4];
        status = ddpm_graph_finish(&o->graph, about, count / 2, text, &file);
    }
    if (status == DDPM_OK && file.count > FILE_MOST)
        status =
            ddpm_fail(DDPM_ERR_USAGE, "the network has %.1f GB, and an ONNX file at most 2; write --format safetensors",
                      (double)file.count * 1e-9);
    if (status == DDPM_OK) status = ddpm_output_replace(path, file.bytes, file.count);
    for (int i = 0; i < 5; i++) free(lists[i]);
    ddpm_wire_release(&file);
    return status;
}

static ddpm_status check(const ddpm_loaded *loaded, const char *from)
{
    if (!ddpm_model_is_masked(&loaded->model)) return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_USAGE,
        "%s: its rows are tokens (diffusion.process: masked), for which there is no graph of numbers; take "
        "--format safetensors, or sample it by the library (include/ddpm)",
        from);
}

ddpm_status ddpm_export_onnx(const ddpm_loaded *loaded, const char *from, ddpm_weights weights, const char *path)
{
    ddpm_onnx o = {.loaded = loaded,
                   .network = loaded->model.network,
                   .spec = ddpm_network_get_spec(loaded->model.network),
                   .parameters = ddpm_loaded_weights(loaded, weights)};
    DDPM_TRY(check(loaded, from));
    ddpm_status status = build(&o);
    if (status == DDPM_OK) status = finish(&o, weights, path);
    ddpm_graph_release(&o.graph);
    return status;
}
