/* Collects the tensors and the texts of a safetensors file. */
#include "exchange/export.h"

#include "base/memory.h"
#include "exchange/layout.h"
#include "exchange/vocabulary.h"
#include "file/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 9 + DDPM_EXCHANGE_TEXTS };

/* What a file is made of. */
typedef struct content {
    int64_t tensors, room;
    ddpm_named_tensor *tensor;        /* [room] */
    char (*name)[DDPM_EXCHANGE_NAME]; /* [room] */
    float *transposed;                /* weights as PyTorch has them */
    int64_t texts;
    ddpm_metadata metadata[TEXTS];
    char *lists[DDPM_CHECKPOINT_LISTS];
    ddpm_flat_vocabulary vocabulary; /* no columns: there is none */
    char *words[DDPM_EXCHANGE_TEXTS];
    char iteration[24];
} content;

static ddpm_named_tensor *add(content *c)
{
    ddpm_named_tensor *t = &c->tensor[c->tensors];
    t->name = c->name[c->tensors];
    t->count = 1;
    c->tensors++;
    return t;
}

static void set_shape(ddpm_named_tensor *t, int dims, int64_t first, int64_t second)
{
    t->dims = dims;
    t->shape[0] = first;
    t->shape[1] = second;
    t->count = dims == 1 ? first : first * second;
}

static void add_fields(content *c, const ddpm_checkpoint *checkpoint)
{
    static const ddpm_tensor_type of_number[] = {[DDPM_H5_FLOAT32] = DDPM_TENSOR_F32,
                                                 [DDPM_H5_FLOAT64] = DDPM_TENSOR_F64,
                                                 [DDPM_H5_INT32] = DDPM_TENSOR_I32,
                                                 [DDPM_H5_INT64] = DDPM_TENSOR_I64};
    for (int i = 0; i < DDPM_CHECKPOINT_FIELDS; i++) {
        const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
        const void *numbers = ddpm_checkpoint_pointer(checkpoint, f->numbers);
        int64_t shape[2];
        if (!ddpm_exchange_field_name(f, c->name[c->tensors]) || !numbers ||
            ddpm_checkpoint_shape(f, checkpoint, shape) == 0)
            continue;
        ddpm_named_tensor *t = add(c);
        t->type = of_number[f->type];
        t->bytes = numbers;
        set_shape(t, f->columns > 0 || f->columns_at > 0 ? 2 : 1, shape[0], shape[1]);
    }
}

static void add_parameters(content *c, const ddpm_network *network, const float *parameters)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(network, &tensors);
    for (int64_t i = 0; i < count; i++) {
        const ddpm_tensor *from = &tensors[i];
        const float *numbers = parameters + from->offset;
        ddpm_exchange_parameter_name(network, from, c->name[c->tensors]);
        ddpm_named_tensor *t = add(c);
        t->type = DDPM_TENSOR_F32;
        t->bytes = (const unsigned char *)numbers;
        set_shape(t, ddpm_exchange_is_bias(from) ? 1 : 2, ddpm_exchange_is_bias(from) ? from->cols : from->rows,
                  from->cols);
        if (!ddpm_exchange_is_weight(from)) continue;
        float *to = c->transposed + from->offset;
        for (int64_t o = 0; o < from->cols; o++)
            for (int64_t j = 0; j < from->rows; j++) to[o * from->rows + j] = numbers[j * from->cols + o];
        t->bytes = (const unsigned char *)to;
        set_shape(t, 2, from->cols, from->rows);
    }
}

static void add_frequencies(content *c, const ddpm_network *network)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    if (spec->features == 0) return;
    snprintf(c->name[c->tensors], DDPM_EXCHANGE_NAME, "%s", DDPM_FREQUENCY_NAME);
    ddpm_named_tensor *t = add(c);
    t->type = DDPM_TENSOR_F32;
    t->bytes = (const unsigned char *)ddpm_network_frequencies(network);
    set_shape(t, 2, spec->columns, spec->features);
}

static void add_vocabulary(content *c)
{
    for (int i = 0; i < DDPM_EXCHANGE_ARRAYS && c->vocabulary.columns > 0; i++) {
        char *name = c->name[c->tensors];
        ddpm_exchange_vocabulary_name(i, name);
        ddpm_named_tensor *t = add(c);
        *t = ddpm_exchange_vocabulary_tensor(&c->vocabulary, i, name);
    }
}

static void add_text(content *c, const char *key, const char *text)
{
    c->metadata[c->texts++] = (ddpm_metadata){key, text};
}

static ddpm_status add_texts(content *c, const ddpm_checkpoint *checkpoint, ddpm_weights weights)
{
    snprintf(c->iteration, sizeof c->iteration, "%lld", (long long)checkpoint->iteration);
    add_text(c, "format", "pt");
    _Static_assert(DDPM_EXCHANGE_FORMAT == 1, "the text below says so");
    add_text(c, "ddpm", "1");
    add_text(c, "program", "ddpm " DDPM_VERSION);
    add_text(c, "weights", ddpm_config_choice("sampling.weights", weights));
    add_text(c, "iteration", c->iteration);
    add_text(c, "config", checkpoint->config);
    for (int i = 0; i < DDPM_CHECKPOINT_LISTS; i++) {
        const ddpm_checkpoint_list_of_names *list = &ddpm_checkpoint_lists[i];
        const char *const *names = ddpm_checkpoint_pointer(checkpoint, list->names);
        if (!names) continue;
        DDPM_TRY(ddpm_safetensors_list(*ddpm_checkpoint_count(checkpoint, list->rows), names, &c->lists[i]));
        add_text(c, list->attribute, c->lists[i]);
    }
    for (int i = 0; i < DDPM_EXCHANGE_TEXTS && c->vocabulary.columns > 0; i++) {
        const char *key;
        DDPM_TRY(ddpm_exchange_vocabulary_text(&c->vocabulary, i, &key, &c->words[i]));
        add_text(c, key, c->words[i]);
    }
    if (checkpoint->has_number) add_text(c, "number", ddpm_number_name(checkpoint->number));
    return DDPM_OK;
}

static ddpm_status collect(content *c, const ddpm_loaded *loaded, ddpm_weights weights)
{
    const ddpm_network *network = loaded->model.network;
    const ddpm_tensor *tensors;
    c->room = ddpm_network_tensors(network, &tensors) + DDPM_CHECKPOINT_FIELDS + DDPM_EXCHANGE_ARRAYS + 1;
    DDPM_TRY(DDPM_NEW(&c->tensor, c->room, "tensors"));
    DDPM_TRY(ddpm_allocate(&c->name, c->room + 1, sizeof *c->name, "tensors"));
    DDPM_TRY(DDPM_NEW(&c->transposed, ddpm_network_array_length(network), "weights"));
    if (loaded->checkpoint.vocabulary.columns > 0)
        DDPM_TRY(ddpm_flat_make(&loaded->checkpoint.vocabulary, &c->vocabulary));
    add_fields(c, &loaded->checkpoint);
    add_parameters(c, network, ddpm_loaded_weights(loaded, weights));
    add_frequencies(c, network);
    add_vocabulary(c);
    return add_texts(c, &loaded->checkpoint, weights);
}

ddpm_status ddpm_export_safetensors(const ddpm_loaded *loaded, ddpm_weights weights, const char *path)
{
    content c = {0};
    char *bytes = NULL;
    size_t count = 0;
    ddpm_status status = collect(&c, loaded, weights);
    if (status == DDPM_OK) status = ddpm_safetensors_make(c.texts, c.metadata, c.tensors, c.tensor, &bytes, &count);
    if (status == DDPM_OK) status = ddpm_output_replace(path, bytes, count);
    free(bytes);
    for (int i = 0; i < DDPM_CHECKPOINT_LISTS; i++) free(c.lists[i]);
    for (int i = 0; i < DDPM_EXCHANGE_TEXTS; i++) free(c.words[i]);
    ddpm_flat_release(&c.vocabulary);
    ddpm_release(c.tensor);
    ddpm_release(c.name);
    ddpm_release(c.transposed);
    return status;
}
