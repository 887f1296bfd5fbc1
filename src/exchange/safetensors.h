/** Files of the format safetensors: 8 bytes with the length of a header, the header in JSON, which gives each tensor's
 * type, shape and place, and the numbers. Local; the only user of jansson.h.
 *
 *  A file may come from a stranger: lengths, places and shapes are checked before anything is used. */
#ifndef DDPM_EXCHANGE_SAFETENSORS_H
#define DDPM_EXCHANGE_SAFETENSORS_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DDPM_SAFETENSORS_HEADER_MAX = 1 << 26, /* bytes */
    DDPM_SAFETENSORS_TENSORS_MAX = 1 << 17,
    DDPM_SAFETENSORS_DIMS = 8
};

/** The types of numbers that are read and written, as the format names them: F64, F32, I64, I32. */
typedef enum ddpm_tensor_type {
    DDPM_TENSOR_F64,
    DDPM_TENSOR_I64,
    DDPM_TENSOR_F32,
    DDPM_TENSOR_I32,
    DDPM_TENSOR_OTHER /* of a tensor that is read: any other one */
} ddpm_tensor_type;

typedef struct ddpm_named_tensor {
    const char *name;
    ddpm_tensor_type type;
    int dims;
    int64_t shape[DDPM_SAFETENSORS_DIMS];
    int64_t count;              /* numbers */
    const unsigned char *bytes; /* of the numbers, perhaps not aligned */
} ddpm_named_tensor;

typedef struct ddpm_safetensors ddpm_safetensors;

/** Read a file. DDPM_ERR_MISSING, DDPM_ERR_IO, DDPM_ERR_DATA (what is wrong), DDPM_ERR_MEMORY.
 *  @param[out] out  close with ddpm_safetensors_close. */
DDPM_MUST_CHECK ddpm_status ddpm_safetensors_open(const char *path, ddpm_safetensors **out);

/** The same for a file's bytes, which are copied. @param name  of the file, for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_safetensors_parse(const void *bytes, size_t count, const char *name,
                                                   ddpm_safetensors **out);
void ddpm_safetensors_close(ddpm_safetensors *file);

/** A tensor of this name; NULL: there is none. */
const ddpm_named_tensor *ddpm_safetensors_find(const ddpm_safetensors *file, const char *name);

/** The number of tensors, and tensor i of them. */
int64_t ddpm_safetensors_count(const ddpm_safetensors *file);
const ddpm_named_tensor *ddpm_safetensors_at(const ddpm_safetensors *file, int64_t i);

/** A text of the header's __metadata__; NULL: there is none. */
const char *ddpm_safetensors_text(const ddpm_safetensors *file, const char *key);

/** Number i of a tensor. Not of type DDPM_TENSOR_OTHER. */
double ddpm_named_tensor_get(const ddpm_named_tensor *tensor, int64_t i);
int64_t ddpm_named_tensor_get_int(const ddpm_named_tensor *tensor, int64_t i);

/** The type's name in the format. */
const char *ddpm_tensor_type_name(ddpm_tensor_type type);

/** Texts as a JSON list, to be a text of the metadata, and back. DDPM_ERR_DATA: not UTF-8, or not such a list;
 * DDPM_ERR_MEMORY.
 *  @param[out] list  to be freed.
 *  @param[out] out   one block (base/text_list.h), of as many texts as there must be. */
DDPM_MUST_CHECK ddpm_status ddpm_safetensors_list(int64_t count, const char *const *texts, char **list);
DDPM_MUST_CHECK ddpm_status ddpm_safetensors_unlist(const char *list, int64_t count, char ***out);

typedef struct ddpm_metadata {
    const char *key, *text;
} ddpm_metadata;

/** The bytes of a file of these tensors, which follow each other as they are given, types of 8 bytes first, and of this
 * metadata, which comes first in the header. DDPM_ERR_DATA: a text is not UTF-8; DDPM_ERR_MEMORY.
 *  @param[out] bytes  [count], to be freed. */
DDPM_MUST_CHECK ddpm_status ddpm_safetensors_make(int64_t texts, const ddpm_metadata *metadata, int64_t tensors,
                                                  const ddpm_named_tensor *tensor, char **bytes, size_t *count);

#endif
