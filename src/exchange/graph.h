/** An ONNX graph that grows node by node (IR version 8, operator set 17). The functions that add a node return the name
 * of its output, which lives as long as the graph. What fails is found at the end. Local. */
#ifndef DDPM_EXCHANGE_GRAPH_H
#define DDPM_EXCHANGE_GRAPH_H

#include "exchange/wire.h"

/** Types of elements, by ONNX's numbers. */
typedef enum ddpm_graph_type { DDPM_GRAPH_FLOAT = 1, DDPM_GRAPH_INT64 = 7, DDPM_GRAPH_DOUBLE = 11 } ddpm_graph_type;

enum { DDPM_GRAPH_NAME = 64, DDPM_GRAPH_BLOCK = 256 };

/** Names of tensors, in blocks that are not moved. */
typedef struct ddpm_graph_names {
    struct ddpm_graph_names *before;
    int used;
    char name[DDPM_GRAPH_BLOCK][DDPM_GRAPH_NAME];
} ddpm_graph_names;

/** One of zeros is empty; release it with ddpm_graph_release. */
typedef struct ddpm_graph {
    ddpm_wire nodes, initializers, inputs, outputs; /* fields of the graph, one after the other */
    ddpm_graph_names *names;
    int count;  /* of nodes and initializers so far */
    int failed; /* memory ran out */
} ddpm_graph;

void ddpm_graph_release(ddpm_graph *graph);

/** Declare an input or an output [rows][columns], where rows is a name: any number. columns 0: [rows]. */
void ddpm_graph_input(ddpm_graph *graph, const char *name, ddpm_graph_type type, int64_t columns);
void ddpm_graph_output(ddpm_graph *graph, const char *name, ddpm_graph_type type, int64_t columns);

/** Add constants of a shape. @param name  NULL: one is made. */
const char *ddpm_graph_constants(ddpm_graph *graph, const char *name, ddpm_graph_type type, int dims,
                                 const int64_t *shape, const void *numbers);
const char *ddpm_graph_float(ddpm_graph *graph, float value);

/** Attributes of a node; those of zeros are left out. */
typedef struct ddpm_graph_attributes {
    const char *integer, *real; /* names */
    int64_t integer_value;
    float real_value;
    const char *list; /* of integers */
    int64_t list_value;
} ddpm_graph_attributes;

/** Add a node. Inputs end with NULL.
 *  @param attributes  NULL: none. */
const char *ddpm_graph_node(ddpm_graph *graph, const char *op, const ddpm_graph_attributes *attributes,
                            const char *const *inputs);

/** A copy of a name, which lives as long as the graph. */
const char *ddpm_graph_keep(ddpm_graph *graph, const char *name);

/** Add a node of one output, which has this name. */
void ddpm_graph_name(ddpm_graph *graph, const char *op, const char *const *inputs, const char *name);

/** A node without attributes; b may be NULL. */
const char *ddpm_graph_op(ddpm_graph *graph, const char *op, const char *a, const char *b);

/** Add a node with several outputs, whose names go to out [count]. */
void ddpm_graph_split(ddpm_graph *graph, const char *input, int64_t axis, int64_t count, int64_t each,
                      const char **out);

/** The file of the graph, with texts as pairs of key and value, [2 * texts]. It takes the graph's parts, which are
 * empty afterwards. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_wire_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_graph_finish(ddpm_graph *graph, const char *description, int64_t texts,
                                              const char *const *text, ddpm_wire *out);

#endif
