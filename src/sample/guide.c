/* The network of the classifier: forward for the logits, backward for the gradient of a log-probability by x_t. */
#include "sample/guide.h"

#include "base/memory.h"
#include "model/classifier.h"
#include "model/same_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct thread_memory {
    ddpm_workspace *workspace;
    float *labels, *gradient; /* [rows], [rows][columns] */
    int32_t *t;               /* [rows] */
} thread_memory;

struct ddpm_guide {
    const ddpm_diffusion *diffusion; /* of the denoiser */
    const ddpm_network *network;
    int64_t class_rows;
    const float *class_values;
    double scale;
    ddpm_packed *packed;
    int threads;
    thread_memory *memory; /* [threads] */
};

static ddpm_status fail(const char *path, const char *what)
{
    return ddpm_fail(DDPM_ERR_USAGE,
                     "--classifier %s: %s; train both on the same rows, with the same data.*, diffusion.schedule, "
                     "diffusion.steps and run.seed",
                     path, what);
}

static int same_number(double a, double b, double unit)
{
    return fabs(a - b) <= 1e-6 * unit;
}

static ddpm_status check_transform(const ddpm_loaded *model, const ddpm_loaded *classifier, const char *path)
{
    const ddpm_transform of_model = ddpm_loaded_transform(model), of_classifier = ddpm_loaded_transform(classifier);
    const char *const *names = (const char *const *)model->checkpoint.column_names;
    const int narrowed = model->checkpoint.has_number != classifier->checkpoint.has_number;
    if (ddpm_same_transform(&of_classifier, &of_model, names, narrowed) == DDPM_OK) return DDPM_OK;
    return fail(path, ddpm_error_message());
}

ddpm_status ddpm_guide_check(const ddpm_loaded *model, const ddpm_loaded *classifier, const char *path)
{
    const ddpm_checkpoint *a = &model->checkpoint, *b = &classifier->checkpoint;
    char what[256];
    if (!ddpm_model_is_classifier(&classifier->model))
        return ddpm_fail(
            DDPM_ERR_USAGE,
            "--classifier %s: this model is no classifier; a classifier is trained with diffusion.predict: class",
            path);
    if (a->columns != b->columns) {
        snprintf(what, sizeof what, "it has %lld columns, the model has %lld", (long long)b->columns,
                 (long long)a->columns);
        return fail(path, what);
    }
    for (int64_t j = 0; a->column_names && b->column_names && j < a->columns; j++)
        if (strcmp(a->column_names[j], b->column_names[j]) != 0) {
            snprintf(what, sizeof what, "its column %lld is '%.80s', that of the model is '%.80s'", (long long)j,
                     b->column_names[j], a->column_names[j]);
            return fail(path, what);
        }
    if (a->steps != b->steps) {
        snprintf(what, sizeof what, "it has %lld diffusion steps, the model has %lld", (long long)b->steps,
                 (long long)a->steps);
        return fail(path, what);
    }
    for (int64_t t = 1; t <= a->steps; t++)
        if (!same_number(a->beta[t], b->beta[t], a->beta[t])) {
            snprintf(what, sizeof what, "beta at step %lld is %g there, %g in the model's schedule", (long long)t,
                     b->beta[t], a->beta[t]);
            return fail(path, what);
        }
    return check_transform(model, classifier, path);
}

static ddpm_status build(ddpm_guide *g, const float *weights, int64_t rows)
{
    const int64_t columns = ddpm_network_get_spec(g->network)->columns;
    DDPM_TRY(ddpm_packed_make(g->network, DDPM_PACK_INPUT_GRADIENT, weights, &g->packed));
    DDPM_TRY(DDPM_NEW(&g->memory, g->threads, "threads of the classifier"));
    for (int i = 0; i < g->threads; i++) {
        thread_memory *m = &g->memory[i];
        DDPM_TRY(ddpm_workspace_create(g->network, rows, rows, 1, &m->workspace));
        DDPM_TRY(DDPM_NEW(&m->labels, rows, "a block of classes"));
        DDPM_TRY(DDPM_NEW(&m->gradient, rows * columns, "a block of gradients"));
        DDPM_TRY(DDPM_NEW(&m->t, rows, "a block of classes"));
    }
    return DDPM_OK;
}

ddpm_status ddpm_guide_create(const ddpm_loaded *model, const ddpm_loaded *classifier, ddpm_weights weights,
                              double scale, int threads, int64_t rows, ddpm_guide **out)
{
    ddpm_guide *g = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&g, 1, "classifier"));
    g->diffusion = &model->model.diffusion;
    g->network = classifier->model.network;
    g->scale = scale;
    g->threads = threads;
    const ddpm_status status = build(g, ddpm_loaded_weights(classifier, weights), rows);
    if (status != DDPM_OK) {
        ddpm_guide_free(g);
        return status;
    }
    *out = g;
    return DDPM_OK;
}

void ddpm_guide_free(ddpm_guide *guide)
{
    if (!guide) return;
    for (int i = 0; guide->memory && i < guide->threads; i++) {
        ddpm_workspace_free(guide->memory[i].workspace);
        ddpm_release(guide->memory[i].labels);
        ddpm_release(guide->memory[i].gradient);
        ddpm_release(guide->memory[i].t);
    }
    ddpm_release(guide->memory);
    ddpm_packed_free(guide->packed);
    ddpm_release(guide);
}

void ddpm_guide_set_classes(ddpm_guide *guide, int64_t rows, const float *classes)
{
    guide->class_rows = rows;
    guide->class_values = classes;
}

void ddpm_guide_steer(ddpm_guide *guide, int thread, int64_t first, const float *xt, int32_t t, ddpm_matrix prediction)
{
    thread_memory *m = &guide->memory[thread];
    const int64_t rows = prediction.rows, columns = ddpm_network_get_spec(guide->network)->columns;
    const float factor = (float)(guide->scale * ddpm_diffusion_guidance(guide->diffusion, t));
    for (int64_t i = 0; i < rows; i++) {
        m->t[i] = t;
        m->labels[i] = guide->class_values[guide->class_rows > 1 ? first + i : 0];
    }
    const ddpm_const_matrix logits =
        ddpm_network_forward(guide->network, guide->packed, m->workspace, rows, xt, NULL, m->t);
    /* The gradient of the log-probability, which is minus the loss: hence the factor -1. */
    (void)ddpm_classifier_rows(logits, m->labels, NULL, -1.0, ddpm_workspace_dout(m->workspace, rows), NULL);
    ddpm_network_input_gradient(guide->network, guide->packed, m->workspace, rows, m->t, m->gradient);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            prediction.data[i * prediction.stride + j] += factor * m->gradient[i * columns + j];
}
