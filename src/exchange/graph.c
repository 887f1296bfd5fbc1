/* The messages of onnx.proto, by the numbers of their fields. */
#include "exchange/graph.h"

#include <stdio.h>
#include <stdlib.h>

enum { IR_VERSION = 8, OPERATOR_SET = 17 };

/* ModelProto */
enum {
    MODEL_IR = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOC = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_TEXT = 14
};
/* GraphProto */
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
/* NodeProto and AttributeProto */
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INT = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7 };
/* TensorProto */
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };

void ddpm_graph_release(ddpm_graph *graph)
{
    ddpm_wire_release(&graph->nodes);
    ddpm_wire_release(&graph->initializers);
    ddpm_wire_release(&graph->inputs);
    ddpm_wire_release(&graph->outputs);
    while (graph->names) {
        ddpm_graph_names *before = graph->names->before;
        free(graph->names);
        graph->names = before;
    }
    *graph = (ddpm_graph){0};
}

/* Room for another name; NULL: memory ran out. */
static char *add_name(ddpm_graph *graph)
{
    if (!graph->names || graph->names->used == DDPM_GRAPH_BLOCK) {
        ddpm_graph_names *more = calloc(1, sizeof *more);
        graph->failed = graph->failed || !more;
        if (!more) return NULL;
        more->before = graph->names;
        graph->names = more;
    }
    return graph->names->name[graph->names->used++];
}

/* A name that no other tensor has. */
static const char *new_name(ddpm_graph *graph)
{
    char *name = add_name(graph);
    if (!name) return "";
    snprintf(name, DDPM_GRAPH_NAME, "v%d", graph->count++);
    return name;
}

const char *ddpm_graph_keep(ddpm_graph *graph, const char *name)
{
    char *kept = add_name(graph);
    if (!kept) return "";
    snprintf(kept, DDPM_GRAPH_NAME, "%s", name);
    return kept;
}

/* A ValueInfoProto: a name, and a type that is an element's type and a shape. */
static void declare(ddpm_wire *to, int field, const char *name, ddpm_graph_type type, int64_t columns)
{
    ddpm_wire rows = {0}, column = {0}, shape = {0}, tensor = {0}, of_type = {0}, info = {0};
    ddpm_wire_text(&rows, 2, "rows");
    ddpm_wire_message(&shape, 1, &rows);
    if (columns > 0) {
        ddpm_wire_int(&column, 1, columns);
        ddpm_wire_message(&shape, 1, &column);
    }
    ddpm_wire_int(&tensor, 1, type);
    ddpm_wire_message(&tensor, 2, &shape);
    ddpm_wire_message(&of_type, 1, &tensor);
    ddpm_wire_text(&info, 1, name);
    ddpm_wire_message(&info, 2, &of_type);
    ddpm_wire_message(to, field, &info);
}

void ddpm_graph_input(ddpm_graph *graph, const char *name, ddpm_graph_type type, int64_t columns)
{
    declare(&graph->inputs, GRAPH_INPUT, name, type, columns);
}

void ddpm_graph_output(ddpm_graph *graph, const char *name, ddpm_graph_type type, int64_t columns)
{
    declare(&graph->outputs, GRAPH_OUTPUT, name, type, columns);
}

const char *ddpm_graph_constants(ddpm_graph *graph, const char *name, ddpm_graph_type type, int dims,
                                 const int64_t *shape, const void *numbers)
{
    ddpm_wire tensor = {0};
    size_t bytes = type == DDPM_GRAPH_FLOAT ? 4 : 8;
    if (!name) name = new_name(graph);
    for (int d = 0; d < dims; d++) {
        ddpm_wire_int(&tensor, TENSOR_DIMS, shape[d]);
        bytes *= (size_t)shape[d];
    }
    ddpm_wire_int(&tensor, TENSOR_TYPE, type);
    ddpm_wire_text(&tensor, TENSOR_NAME, name);
    ddpm_wire_bytes(&tensor, TENSOR_RAW, numbers, bytes);
    ddpm_wire_message(&graph->initializers, GRAPH_INITIALIZER, &tensor);
    return name;
}

const char *ddpm_graph_float(ddpm_graph *graph, float value)
{
    return ddpm_graph_constants(graph, NULL, DDPM_GRAPH_FLOAT, 0, NULL, &value);
}

static void add_attributes(ddpm_wire *node, const ddpm_graph_attributes *a)
{
    ddpm_wire attribute = {0};
    if (a->integer) {
        ddpm_wire_text(&attribute, ATTRIBUTE_NAME, a->integer);
        ddpm_wire_int(&attribute, ATTRIBUTE_INT, a->integer_value);
        ddpm_wire_int(&attribute, ATTRIBUTE_TYPE, TYPE_INT);
        ddpm_wire_message(node, NODE_ATTRIBUTE, &attribute);
    }
    if (a->real) {
        ddpm_wire_text(&attribute, ATTRIBUTE_NAME, a->real);
        ddpm_wire_float(&attribute, ATTRIBUTE_FLOAT, a->real_value);
        ddpm_wire_int(&attribute, ATTRIBUTE_TYPE, TYPE_FLOAT);
        ddpm_wire_message(node, NODE_ATTRIBUTE, &attribute);
    }
    if (a->list) {
        ddpm_wire_text(&attribute, ATTRIBUTE_NAME, a->list);
        ddpm_wire_int(&attribute, ATTRIBUTE_INTS, a->list_value);
        ddpm_wire_int(&attribute, ATTRIBUTE_TYPE, TYPE_INTS);
        ddpm_wire_message(node, NODE_ATTRIBUTE, &attribute);
    }
}

/* Add a node whose outputs have these names, [count]. */
static void add_node(ddpm_graph *graph, const char *op, const ddpm_graph_attributes *attributes,
                     const char *const *inputs, int64_t count, const char *const *outputs)
{
    ddpm_wire node = {0};
    for (int i = 0; inputs[i]; i++) ddpm_wire_text(&node, NODE_INPUT, inputs[i]);
    for (int64_t i = 0; i < count; i++) ddpm_wire_text(&node, NODE_OUTPUT, outputs[i]);
    ddpm_wire_text(&node, NODE_NAME, outputs[0]);
    ddpm_wire_text(&node, NODE_OP, op);
    if (attributes) add_attributes(&node, attributes);
    ddpm_wire_message(&graph->nodes, GRAPH_NODE, &node);
}

const char *ddpm_graph_node(ddpm_graph *graph, const char *op, const ddpm_graph_attributes *attributes,
                            const char *const *inputs)
{
    const char *name = new_name(graph);
    add_node(graph, op, attributes, inputs, 1, &name);
    return name;
}

void ddpm_graph_name(ddpm_graph *graph, const char *op, const char *const *inputs, const char *name)
{
    add_node(graph, op, NULL, inputs, 1, &name);
}

const char *ddpm_graph_op(ddpm_graph *graph, const char *op, const char *a, const char *b)
{
    return ddpm_graph_node(graph, op, NULL, (const char *const[]){a, b, NULL});
}

void ddpm_graph_split(ddpm_graph *graph, const char *input, int64_t axis, int64_t count, int64_t each, const char **out)
{
    const ddpm_graph_attributes attributes = {.integer = "axis", .integer_value = axis};
    int64_t *sizes = malloc((size_t)count * sizeof *sizes);
    if (!sizes) graph->failed = 1;
    for (int64_t i = 0; i < count; i++) {
        if (sizes) sizes[i] = each;
        out[i] = new_name(graph);
    }
    if (!sizes) return;
    const char *split = ddpm_graph_constants(graph, NULL, DDPM_GRAPH_INT64, 1, &count, sizes);
    add_node(graph, "Split", &attributes, (const char *const[]){input, split, NULL}, count, out);
    free(sizes);
}

ddpm_status ddpm_graph_finish(ddpm_graph *graph, const char *description, int64_t texts, const char *const *text,
                              ddpm_wire *out)
{
    ddpm_wire whole = {0}, set = {0}, pair = {0};
    *out = (ddpm_wire){0};
    if (graph->failed) whole.failed = 1;
    ddpm_wire_join(&whole, &graph->nodes);
    ddpm_wire_text(&whole, GRAPH_NAME, "ddpm");
    ddpm_wire_join(&whole, &graph->initializers);
    ddpm_wire_join(&whole, &graph->inputs);
    ddpm_wire_join(&whole, &graph->outputs);
    ddpm_wire_int(out, MODEL_IR, IR_VERSION);
    ddpm_wire_text(out, MODEL_PRODUCER, "ddpm");
    ddpm_wire_text(out, MODEL_PRODUCER_VERSION, DDPM_VERSION);
    ddpm_wire_text(out, MODEL_DOC, description);
    ddpm_wire_int(&set, 2, OPERATOR_SET);
    ddpm_wire_message(out, MODEL_OPSET, &set);
    for (int64_t i = 0; i < texts; i++) {
        ddpm_wire_text(&pair, 1, text[2 * i]);
        ddpm_wire_text(&pair, 2, text[2 * i + 1]);
        ddpm_wire_message(out, MODEL_TEXT, &pair);
    }
    ddpm_wire_message(out, MODEL_GRAPH, &whole);
    return ddpm_wire_check(out);
}
