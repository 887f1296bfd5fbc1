/* The formulas of network/linear.c and mixture.c as nodes. What the program computes in double is computed in double
 * here. */
#include "exchange/onnx.h"

#include "base/memory.h"

#include <math.h>

/* s, n, a and b of each row, [rows][1] in double. */
static ddpm_status coefficients(ddpm_onnx *o, const char *out[4])
{
    const ddpm_diffusion *d = &o->loaded->model.diffusion;
    const float *const tables[4] = {d->signal, d->noise, d->target_data, d->target_noise};
    const int64_t shape[2] = {o->spec->steps + 1, 1};
    double *table = NULL;
    DDPM_TRY(DDPM_NEW(&table, shape[0], "the model's graph"));
    for (int i = 0; i < 4; i++) {
        for (int64_t t = 0; t < shape[0]; t++) table[t] = (double)tables[i][t];
        out[i] = with_axis(o, "Gather", 0, doubles(o, 2, shape, table), "t");
    }
    ddpm_release(table);
    return DDPM_OK;
}

/* s^2 v + n^2, and (a s v + b n) / (s^2 v + n^2). */
static const char *spread(ddpm_onnx *o, const char *const c[4], const char *v)
{
    return op(o, "Add", op(o, "Mul", op(o, "Mul", c[0], c[0]), v), op(o, "Mul", c[1], c[1]));
}

static const char *slope(ddpm_onnx *o, const char *const c[4], const char *v, const char *q)
{
    const char *above = op(o, "Add", op(o, "Mul", op(o, "Mul", c[2], c[0]), v), op(o, "Mul", c[3], c[1]));
    return op(o, "Div", above, q);
}

/* across x + U' ((g - across) U x) */
static ddpm_status add_linear(ddpm_onnx *o, const char **out)
{
    const ddpm_components *parts = &o->loaded->checkpoint.components;
    const int64_t K = parts->count, D = parts->columns, shape[2] = {K, D}, row[2] = {1, K}, one[2] = {1, 1},
                  order[2] = {D, K};
    const char *c[4];
    float *turned = NULL;
    DDPM_TRY(coefficients(o, c));
    DDPM_TRY(DDPM_NEW(&turned, K * D, "the model's graph"));
    for (int64_t i = 0; i < K * D; i++) turned[i % D * K + i / D] = parts->direction[i];
    const char *v = doubles(o, 2, row, parts->variance), *rest = doubles(o, 2, one, parts->variance + K);
    const char *g = slope(o, c, v, spread(o, c, v)), *across = slope(o, c, rest, spread(o, c, rest));
    const char *z = op(o, "MatMul", "x", floats(o, 2, order, turned));
    z = op(o, "Mul", z, cast(o, op(o, "Sub", g, across), DDPM_GRAPH_FLOAT));
    const char *along = op(o, "MatMul", z, floats(o, 2, shape, parts->direction));
    *out = op(o, "Add", along, op(o, "Mul", cast(o, across, DDPM_GRAPH_FLOAT), "x"));
    ddpm_release(turned);
    return DDPM_OK;
}

/* Tables of a mixture that its formulas need beside its own. */
typedef struct mixture_tables {
    float *onto;      /* [D][C D] */
    double *center;   /* [C][D]: U m */
    float *mean;      /* [C][D] */
    double *constant; /* [T + 1][C]: ln w - sum of ln q / 2 */
} mixture_tables;

static ddpm_status fill_mixture(const ddpm_onnx *o, const ddpm_mixture *m, mixture_tables *out)
{
    const int64_t C = m->count, D = m->columns, T = o->spec->steps;
    const ddpm_diffusion *d = &o->loaded->model.diffusion;
    DDPM_TRY(DDPM_NEW(&out->onto, D * C * D, "the model's graph"));
    DDPM_TRY(DDPM_NEW(&out->center, C * D, "the model's graph"));
    DDPM_TRY(DDPM_NEW(&out->mean, C * D, "the model's graph"));
    DDPM_TRY(DDPM_NEW(&out->constant, (T + 1) * C, "the model's graph"));
    for (int64_t i = 0; i < C * D; i++) {
        for (int64_t j = 0; j < D; j++) {
            out->onto[j * C * D + i] = m->direction[i * D + j];
            out->center[i] += (double)m->direction[i * D + j] * m->mean[i / D * D + j];
        }
        out->mean[i] = (float)m->mean[i];
    }
    for (int64_t i = 0; i < (T + 1) * C; i++) {
        const double s = (double)d->signal[i / C], n = (double)d->noise[i / C];
        double sum = 0.0;
        for (int64_t k = 0; k < D; k++) sum += log(s * s * m->variance[i % C * D + k] + n * n);
        out->constant[i] = log(m->weight[i % C]) - 0.5 * sum;
    }
    return DDPM_OK;
}

static ddpm_status build_mixture(ddpm_onnx *o, const ddpm_mixture *m, const mixture_tables *tables, const char **out)
{
    const int64_t C = m->count, D = m->columns, parts[3] = {-1, C, D}, flat[2] = {-1, C * D}, one[3] = {1, C, D};
    const ddpm_graph_attributes keeps = {.integer = "keepdims", .integer_value = 0};
    const char *c[4], *wide[4];
    DDPM_TRY(coefficients(o, c));
    for (int i = 0; i < 4; i++) wide[i] = reshape(o, c[i], 3, (const int64_t[]){-1, 1, 1});
    const char *projected = op(o, "MatMul", "x", floats(o, 2, (const int64_t[]){D, C * D}, tables->onto));
    const char *z = reshape(o, cast(o, projected, DDPM_GRAPH_DOUBLE), 3, parts);
    z = op(o, "Sub", z, op(o, "Mul", wide[0], doubles(o, 3, one, tables->center)));
    const char *v = doubles(o, 3, one, m->variance), *q = spread(o, wide, v);
    const char *form = op(o, "Div", op(o, "Mul", z, z), q);
    form = ddpm_graph_node(&o->graph, "ReduceSum", &keeps,
                           (const char *const[]){form, integers(o, 1, (const int64_t[]){2}), NULL});
    const double half = 0.5;
    const char *constant =
        with_axis(o, "Gather", 0, doubles(o, 2, (const int64_t[]){o->spec->steps + 1, C}, tables->constant), "t");
    const char *logarithm = op(o, "Sub", constant, op(o, "Mul", form, doubles(o, 0, NULL, &half)));
    const char *share = with_axis(o, "Softmax", 1, logarithm, NULL);
    const char *each = reshape(o, share, 3, (const int64_t[]){-1, C, 1});
    const char *along = op(o, "Mul", op(o, "Mul", each, slope(o, wide, v, q)), z);
    along = cast(o, reshape(o, along, 2, flat), DDPM_GRAPH_FLOAT);
    along = op(o, "MatMul", along, floats(o, 2, (const int64_t[]){C * D, D}, m->direction));
    const char *middle = cast(o, op(o, "Mul", share, c[2]), DDPM_GRAPH_FLOAT);
    middle = op(o, "MatMul", middle, floats(o, 2, (const int64_t[]){C, D}, tables->mean));
    *out = op(o, "Add", along, middle);
    return DDPM_OK;
}

static ddpm_status add_mixture(ddpm_onnx *o, const char **out)
{
    const ddpm_mixture *m = &o->loaded->checkpoint.mixture;
    mixture_tables tables = {0};
    ddpm_status status = fill_mixture(o, m, &tables);
    if (status == DDPM_OK) status = build_mixture(o, m, &tables, out);
    ddpm_release(tables.onto);
    ddpm_release(tables.center);
    ddpm_release(tables.mean);
    ddpm_release(tables.constant);
    return status;
}

ddpm_status ddpm_onnx_baseline(ddpm_onnx *o, const char **out)
{
    *out = NULL;
    if (o->loaded->checkpoint.mixture.count > 0) return add_mixture(o, out);
    if (o->loaded->checkpoint.components.count > 0 && o->spec->components > 0) return add_linear(o, out);
    return DDPM_OK;
}
