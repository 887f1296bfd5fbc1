/* A vocabulary as tensors and texts, by way of its flat arrays. */
#include "exchange/vocabulary.h"

#include "base/memory.h"
#include "store/vocabulary_check.h"

#include <stdlib.h>
#include <string.h>

enum { CODES = DDPM_EXCHANGE_ARRAYS - 1, IS_ARRAY = DDPM_EXCHANGE_TEXTS - 1 };

static const char *const keys[DDPM_EXCHANGE_TEXTS] = {[DDPM_FLAT_NAME] = "vocabulary_name",
                                                      [DDPM_FLAT_UNITS] = "vocabulary_units",
                                                      [DDPM_FLAT_FORMAT] = "vocabulary_format",
                                                      [IS_ARRAY] = "vocabulary_array"};

void ddpm_exchange_vocabulary_name(int i, char out[DDPM_EXCHANGE_NAME])
{
    ddpm_exchange_write_points(i < DDPM_FLAT_COUNTS ? ddpm_flat_counts[i].name
                               : i < CODES          ? ddpm_flat_real_names[i - DDPM_FLAT_COUNTS]
                                                    : ddpm_flat_code_name,
                               out);
}

static int is_real(int i)
{
    return i >= DDPM_FLAT_COUNTS && i < CODES;
}

/* How many numbers array i has, by the counts. */
static int64_t length_of(const ddpm_flat_vocabulary *f, int i)
{
    if (i < DDPM_FLAT_COUNTS) return f->columns;
    return i < CODES ? ddpm_flat_reals(f, i - DDPM_FLAT_COUNTS) : ddpm_flat_total(f, DDPM_FLAT_CODES);
}

static void *numbers_of(const ddpm_flat_vocabulary *f, int i)
{
    if (i < DDPM_FLAT_COUNTS) return f->count[i];
    return i < CODES ? (void *)f->real[i - DDPM_FLAT_COUNTS] : (void *)f->code;
}

/* How many texts there are of a kind. */
static int64_t texts_of(const ddpm_flat_vocabulary *f, int kind)
{
    return kind == DDPM_FLAT_NAME ? ddpm_flat_total(f, DDPM_FLAT_CATEGORIES) : f->columns;
}

ddpm_named_tensor ddpm_exchange_vocabulary_tensor(const ddpm_flat_vocabulary *flat, int i, const char *name)
{
    const int64_t count = length_of(flat, i);
    return (ddpm_named_tensor){.name = name,
                               .type = is_real(i) ? DDPM_TENSOR_F64 : DDPM_TENSOR_I64,
                               .dims = 1,
                               .shape = {count},
                               .count = count,
                               .bytes = numbers_of(flat, i)};
}

ddpm_status ddpm_exchange_vocabulary_text(const ddpm_flat_vocabulary *flat, int i, const char **key, char **text)
{
    const char **texts = NULL;
    *key = keys[i];
    *text = NULL;
    if (i == IS_ARRAY) {
        *text = strdup(flat->is_array ? "1" : "0");
        return *text ? DDPM_OK : ddpm_fail(DDPM_ERR_MEMORY, "out of memory for a vocabulary");
    }
    const int64_t count = texts_of(flat, i);
    DDPM_TRY(DDPM_NEW(&texts, count, "a vocabulary"));
    const char *at = flat->text[i];
    for (int64_t n = 0; n < count; n++, at += strlen(at) + 1) texts[n] = at;
    const ddpm_status status = ddpm_safetensors_list(count, texts, text);
    ddpm_release((void *)texts);
    return status;
}

/* ---- reading ---- */

/* Whether an array is one of those that files of before lack, and values of it are none. */
static int may_lack(const ddpm_flat_vocabulary *f, int i)
{
    if (i < DDPM_FLAT_COUNTS) return i >= DDPM_FLAT_FIRST_YOUNG;
    return i < CODES && i - DDPM_FLAT_COUNTS >= DDPM_FLAT_FIRST_YOUNG_REAL && length_of(f, i) == 0;
}

static ddpm_status find(const ddpm_safetensors *file, const ddpm_flat_vocabulary *f, int i,
                        const ddpm_named_tensor **out)
{
    char name[DDPM_EXCHANGE_NAME];
    const int64_t count = length_of(f, i);
    ddpm_exchange_vocabulary_name(i, name);
    const ddpm_named_tensor *t = *out = ddpm_safetensors_find(file, name);
    if (!t && may_lack(f, i)) return DDPM_OK;
    if (!t) return ddpm_fail(DDPM_ERR_DATA, "tensor '%s' is missing, and others of the vocabulary are there", name);
    if (t->dims != 1 || t->count != count)
        return ddpm_fail(DDPM_ERR_DATA, "tensor '%s' has another shape than [%lld]", name, (long long)count);
    if (t->type == (is_real(i) ? DDPM_TENSOR_F64 : DDPM_TENSOR_I64)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "tensor '%s': expected the dtype %s, found %s", name, is_real(i) ? "F64" : "I64",
                     ddpm_tensor_type_name(t->type));
}

static ddpm_status copy(const ddpm_safetensors *file, const ddpm_flat_vocabulary *f, int i)
{
    const ddpm_named_tensor *t;
    DDPM_TRY(find(file, f, i, &t));
    if (t && t->count > 0) memcpy(numbers_of(f, i), t->bytes, (size_t)t->count * sizeof(double));
    return DDPM_OK;
}

static ddpm_status read_list(const ddpm_safetensors *file, const ddpm_flat_vocabulary *f, int kind, char ***out)
{
    const char *list = ddpm_safetensors_text(file, keys[kind]);
    if (!list && kind == DDPM_FLAT_YOUNG_TEXT) return DDPM_OK;
    if (list && ddpm_safetensors_unlist(list, texts_of(f, kind), out) == DDPM_OK) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "metadata '%s': expected a list of %lld texts", keys[kind],
                     (long long)texts_of(f, kind));
}

static ddpm_status read_counts(const ddpm_safetensors *file, int64_t columns, ddpm_flat_vocabulary *f)
{
    const char *is_array = ddpm_safetensors_text(file, keys[IS_ARRAY]);
    f->columns = columns;
    f->is_array = is_array && strcmp(is_array, "1") == 0;
    DDPM_TRY(ddpm_flat_allocate_counts(f));
    for (int i = 0; i < DDPM_FLAT_COUNTS; i++) DDPM_TRY(copy(file, f, i));
    return ddpm_flat_check_counts(f, columns);
}

/* @param texts  NULL: of a kind that files of before lack. */
static const char *text_of(char **texts, int64_t n)
{
    return texts ? texts[n] : "";
}

static ddpm_status read_values(const ddpm_safetensors *file, char **const texts[DDPM_FLAT_TEXTS],
                               ddpm_flat_vocabulary *f)
{
    const ddpm_named_tensor *found; /* all of them, before memory is allocated for what the counts claim */
    for (int i = DDPM_FLAT_COUNTS; i < DDPM_EXCHANGE_ARRAYS; i++) DDPM_TRY(find(file, f, i, &found));
    for (int k = 0; k < DDPM_FLAT_TEXTS; k++)
        for (int64_t n = 0; n < texts_of(f, k); n++) f->text_bytes[k] += (int64_t)strlen(text_of(texts[k], n)) + 1;
    DDPM_TRY(ddpm_flat_allocate_values(f));
    for (int i = DDPM_FLAT_COUNTS; i < DDPM_EXCHANGE_ARRAYS; i++) DDPM_TRY(copy(file, f, i));
    for (int k = 0; k < DDPM_FLAT_TEXTS; k++) {
        char *to = f->text[k];
        for (int64_t n = 0; n < texts_of(f, k); n++) to = stpcpy(to, text_of(texts[k], n)) + 1;
    }
    return ddpm_flat_check_values(f);
}

static ddpm_status read_all(const ddpm_safetensors *file, int64_t columns, ddpm_flat_vocabulary *f,
                            ddpm_vocabulary *out)
{
    char **texts[DDPM_FLAT_TEXTS] = {NULL};
    ddpm_status status = read_counts(file, columns, f);
    for (int k = 0; k < DDPM_FLAT_TEXTS && status == DDPM_OK; k++) status = read_list(file, f, k, &texts[k]);
    if (status == DDPM_OK) status = read_values(file, texts, f);
    if (status == DDPM_OK) status = ddpm_flat_build(f, out);
    for (int k = 0; k < DDPM_FLAT_TEXTS; k++) ddpm_release(texts[k]);
    return status;
}

ddpm_status ddpm_exchange_vocabulary_read(const ddpm_safetensors *file, int64_t columns, ddpm_vocabulary *out)
{
    char name[DDPM_EXCHANGE_NAME];
    ddpm_flat_vocabulary f = {0};
    *out = (ddpm_vocabulary){0};
    ddpm_exchange_vocabulary_name(DDPM_FLAT_KIND, name);
    if (!ddpm_safetensors_find(file, name)) return DDPM_OK;
    const ddpm_status status = read_all(file, columns, &f, out);
    if (status != DDPM_OK) ddpm_vocabulary_release(out);
    ddpm_flat_release(&f);
    return status;
}
