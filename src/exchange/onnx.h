/** The parts of an ONNX graph of a network, and short names for the nodes that their formulas are written in. The
 * functions return the name of what they add (exchange/graph.h). Local. */
#ifndef DDPM_EXCHANGE_ONNX_H
#define DDPM_EXCHANGE_ONNX_H

#include "assembly/loaded.h"
#include "exchange/graph.h"

#include <stddef.h>

/** A network, and the graph of its evaluation so far. */
typedef struct ddpm_onnx {
    ddpm_graph graph;
    const ddpm_loaded *loaded;
    const ddpm_network *network;
    const ddpm_network_spec *spec;
    const float *parameters;
} ddpm_onnx;

static inline const char *op(ddpm_onnx *o, const char *name, const char *a, const char *b)
{
    return ddpm_graph_op(&o->graph, name, a, b);
}

static inline const char *doubles(ddpm_onnx *o, int dims, const int64_t *shape, const double *numbers)
{
    return ddpm_graph_constants(&o->graph, NULL, DDPM_GRAPH_DOUBLE, dims, shape, numbers);
}

static inline const char *floats(ddpm_onnx *o, int dims, const int64_t *shape, const float *numbers)
{
    return ddpm_graph_constants(&o->graph, NULL, DDPM_GRAPH_FLOAT, dims, shape, numbers);
}

static inline const char *integers(ddpm_onnx *o, int64_t count, const int64_t *numbers)
{
    return ddpm_graph_constants(&o->graph, NULL, DDPM_GRAPH_INT64, 1, &count, numbers);
}

static inline const char *cast(ddpm_onnx *o, const char *x, ddpm_graph_type type)
{
    const ddpm_graph_attributes to = {.integer = "to", .integer_value = type};
    return ddpm_graph_node(&o->graph, "Cast", &to, (const char *const[]){x, NULL});
}

static inline const char *with_axis(ddpm_onnx *o, const char *name, int64_t axis, const char *a, const char *b)
{
    const ddpm_graph_attributes at = {.integer = "axis", .integer_value = axis};
    return ddpm_graph_node(&o->graph, name, &at, (const char *const[]){a, b, NULL});
}

static inline const char *reshape(ddpm_onnx *o, const char *x, int64_t count, const int64_t *shape)
{
    return op(o, "Reshape", x, integers(o, count, shape));
}

/* Inputs side by side; those that are NULL are left out. */
static inline const char *join(ddpm_onnx *o, const char *a, const char *b, const char *c)
{
    const char *parts[4] = {0};
    int count = 0;
    const ddpm_graph_attributes axis = {.integer = "axis", .integer_value = 1};
    if (a) parts[count++] = a;
    if (b) parts[count++] = b;
    if (c) parts[count++] = c;
    return count == 1 ? parts[0] : ddpm_graph_node(&o->graph, "Concat", &axis, parts);
}

/** Add the linear part or the mixture of the model, [rows][D] in float32.
 *  @param[out] out  its name; NULL: the model has neither. */
DDPM_MUST_CHECK ddpm_status ddpm_onnx_baseline(ddpm_onnx *o, const char **out);

#endif
