/* Reads and writes the format, with jansson for the header. */
#include "exchange/safetensors.h"

#include "base/memory.h"
#include "base/printable.h"
#include "base/text_list.h"
#include "file/file.h"
#include "file/input.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH = 8 }; /* bytes before the header */

static const char metadata_key[] = "__metadata__";

struct ddpm_safetensors {
    unsigned char *bytes; /* [size], the whole file */
    size_t size;
    json_t *header;
    int64_t count;
    ddpm_named_tensor *tensors; /* by their places */
};

static const struct {
    const char *name;
    int bytes;
} types[] = {[DDPM_TENSOR_F64] = {"F64", 8},
             [DDPM_TENSOR_I64] = {"I64", 8},
             [DDPM_TENSOR_F32] = {"F32", 4},
             [DDPM_TENSOR_I32] = {"I32", 4}};

/* Types that are not read, whose sizes are checked all the same. */
static const struct {
    const char *name;
    int bytes;
} other_types[] = {{"U64", 8},     {"U32", 4},     {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"U16", 2},
                   {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};

const char *ddpm_tensor_type_name(ddpm_tensor_type type)
{
    return type < DDPM_TENSOR_OTHER ? types[type].name : "another type";
}

/* ---- reading ---- */

static ddpm_status damaged(const char *file, const char *what)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s: is no safetensors file, or was damaged: %s", file, what);
}

static ddpm_status refuse(const char *file, const char *tensor, const char *what)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s: tensor '%.200s': %s", file, ddpm_printable(tensor), what);
}

static int find_type(const char *name, ddpm_tensor_type *type)
{
    for (int i = 0; i < DDPM_TENSOR_OTHER; i++)
        if (strcmp(types[i].name, name) == 0) {
            *type = (ddpm_tensor_type)i;
            return types[i].bytes;
        }
    *type = DDPM_TENSOR_OTHER;
    for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++)
        if (strcmp(other_types[i].name, name) == 0) return other_types[i].bytes;
    return 0;
}

/* An integer of an array of JSON; -1: there is none that is not negative. */
static int64_t integer_at(const json_t *array, size_t i)
{
    const json_t *item = json_array_get(array, i);
    return json_is_integer(item) && json_integer_value(item) >= 0 ? (int64_t)json_integer_value(item) : -1;
}

/* @param data, size  what lies behind the header. */
static ddpm_status read_tensor(const char *file, const char *name, const json_t *entry, const unsigned char *data,
                               int64_t size, ddpm_named_tensor *out)
{
    const json_t *type = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape"),
                 *place = json_object_get(entry, "data_offsets");
    *out = (ddpm_named_tensor){.name = name, .count = 1};
    if (!json_is_string(type) || !json_is_array(shape) || !json_is_array(place) || json_array_size(place) != 2)
        return refuse(file, name, "expected a dtype, a shape and two data_offsets");
    const int64_t each = find_type(json_string_value(type), &out->type), first = integer_at(place, 0),
                  end = integer_at(place, 1);
    if (each == 0) return refuse(file, name, "its dtype is not known");
    if (json_array_size(shape) > DDPM_SAFETENSORS_DIMS) return refuse(file, name, "has too many dimensions");
    out->dims = (int)json_array_size(shape);
    for (int d = 0; d < out->dims; d++) {
        out->shape[d] = integer_at(shape, (size_t)d);
        if (out->shape[d] < 0 || __builtin_mul_overflow(out->count, out->shape[d], &out->count) || out->count > size)
            return refuse(file, name, "its shape is none, or is larger than the file");
    }
    if (first < 0 || end < first || end > size || end - first != out->count * each)
        return refuse(file, name, "its data_offsets do not fit its shape, or the file");
    out->bytes = data + first;
    return DDPM_OK;
}

static int by_place(const void *a, const void *b)
{
    const ddpm_named_tensor *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? 1 : -1;
    return (x->count > y->count) - (x->count < y->count); /* an empty one before the one that begins where it lies */
}

static int64_t bytes_of(const json_t *header, const ddpm_named_tensor *tensor)
{
    const json_t *place = json_object_get(json_object_get(header, tensor->name), "data_offsets");
    return integer_at(place, 1) - integer_at(place, 0);
}

/* The numbers of all tensors, one after the other, are all that lies behind the header. */
static ddpm_status check_places(const ddpm_safetensors *f, const char *file, const unsigned char *data)
{
    const unsigned char *at = data;
    for (int64_t i = 0; i < f->count; i++) {
        if (f->tensors[i].bytes != at)
            return refuse(file, f->tensors[i].name, "overlaps another one, or lies behind a gap");
        at += bytes_of(f->header, &f->tensors[i]);
    }
    return at == f->bytes + f->size ? DDPM_OK : damaged(file, "there are bytes behind the last tensor");
}

static ddpm_status read_metadata(const char *file, const json_t *metadata)
{
    const char *key;
    const json_t *value;
    if (metadata && !json_is_object(metadata)) return damaged(file, "its __metadata__ is no object");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value)) return damaged(file, "its __metadata__ has something else than texts");
    }
    return DDPM_OK;
}

static ddpm_status read_header(ddpm_safetensors *f, const char *file, size_t header_bytes)
{
    const unsigned char *data = f->bytes + LENGTH + header_bytes;
    json_error_t error;
    const char *name;
    const json_t *entry;
    if (f->bytes[LENGTH] != '{') return damaged(file, "its header does not begin with '{'");
    f->header = json_loadb((const char *)f->bytes + LENGTH, header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!f->header)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: is no safetensors file, or was damaged: its header, line %d, column %d: %s", file,
                         error.line, error.column, ddpm_printable(error.text));
    if (!json_is_object(f->header)) return damaged(file, "its header is no object");
    DDPM_TRY(read_metadata(file, json_object_get(f->header, metadata_key)));
    const int64_t entries = (int64_t)json_object_size(f->header);
    if (entries > DDPM_SAFETENSORS_TENSORS_MAX) return damaged(file, "it has too many tensors");
    DDPM_TRY(DDPM_NEW(&f->tensors, entries, "tensors"));
    json_object_foreach(f->header, name, entry)
    {
        if (strcmp(name, metadata_key) == 0) continue;
        DDPM_TRY(read_tensor(file, name, entry, data, (int64_t)(f->bytes + f->size - data), &f->tensors[f->count]));
        f->count++;
    }
    qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_place);
    return check_places(f, file, data);
}

static ddpm_status read_all(ddpm_safetensors *f, const char *file)
{
    uint64_t header = 0;
    if (f->size < LENGTH + 2) return damaged(file, "it is too short");
    for (int i = LENGTH - 1; i >= 0; i--) header = header << 8 | f->bytes[i];
    if (header < 2 || header > DDPM_SAFETENSORS_HEADER_MAX || header > f->size - LENGTH)
        return damaged(file, "the length of its header is beyond the file, or too large");
    return read_header(f, file, (size_t)header);
}

/* Read `size` bytes of an open file. */
static ddpm_status read_bytes(int fd, const char *path, size_t size, unsigned char *bytes)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ddpm_file_fail(path, "could not be read");
        if (got == 0) return damaged(path, "it became shorter while it was read");
        done += (size_t)got;
    }
    return DDPM_OK;
}

static ddpm_status finish(ddpm_safetensors *f, const char *name, ddpm_status status, ddpm_safetensors **out)
{
    if (status == DDPM_OK) status = read_all(f, name);
    *out = status == DDPM_OK ? f : NULL;
    if (status != DDPM_OK) ddpm_safetensors_close(f);
    return status;
}

ddpm_status ddpm_safetensors_parse(const void *bytes, size_t count, const char *name, ddpm_safetensors **out)
{
    ddpm_safetensors *f = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&f, 1, "tensors"));
    f->size = count;
    const ddpm_status status = DDPM_NEW(&f->bytes, (int64_t)count, "a file of tensors");
    if (status == DDPM_OK && count > 0) memcpy(f->bytes, bytes, count);
    return finish(f, name, status, out);
}

ddpm_status ddpm_safetensors_open(const char *path, ddpm_safetensors **out)
{
    ddpm_safetensors *f = NULL;
    struct stat about;
    int fd;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&f, 1, "tensors"));
    ddpm_status status = ddpm_input_open(path, &fd);
    if (status == DDPM_OK && fstat(fd, &about)) status = ddpm_file_fail(path, "could not be examined");
    if (status == DDPM_OK) {
        f->size = (size_t)about.st_size;
        status = DDPM_NEW(&f->bytes, (int64_t)f->size, "a file of tensors");
    }
    if (status == DDPM_OK) status = read_bytes(fd, path, f->size, f->bytes);
    if (fd >= 0) close(fd);
    return finish(f, path, status, out);
}

void ddpm_safetensors_close(ddpm_safetensors *file)
{
    if (!file) return;
    json_decref(file->header);
    ddpm_release(file->tensors);
    ddpm_release(file->bytes);
    ddpm_release(file);
}

const ddpm_named_tensor *ddpm_safetensors_find(const ddpm_safetensors *file, const char *name)
{
    for (int64_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

int64_t ddpm_safetensors_count(const ddpm_safetensors *file)
{
    return file->count;
}

const ddpm_named_tensor *ddpm_safetensors_at(const ddpm_safetensors *file, int64_t i)
{
    return &file->tensors[i];
}

const char *ddpm_safetensors_text(const ddpm_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, metadata_key), key));
}

/* ---- numbers ---- */

double ddpm_named_tensor_get(const ddpm_named_tensor *tensor, int64_t i)
{
    float narrow;
    double wide;
    if (tensor->type == DDPM_TENSOR_F32) {
        memcpy(&narrow, tensor->bytes + i * (int64_t)sizeof narrow, sizeof narrow);
        return (double)narrow;
    }
    if (tensor->type != DDPM_TENSOR_F64) return (double)ddpm_named_tensor_get_int(tensor, i);
    memcpy(&wide, tensor->bytes + i * (int64_t)sizeof wide, sizeof wide);
    return wide;
}

int64_t ddpm_named_tensor_get_int(const ddpm_named_tensor *tensor, int64_t i)
{
    int32_t narrow;
    int64_t wide;
    if (tensor->type == DDPM_TENSOR_I32) {
        memcpy(&narrow, tensor->bytes + i * (int64_t)sizeof narrow, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, tensor->bytes + i * (int64_t)sizeof wide, sizeof wide);
    return wide;
}

/* ---- lists of texts ---- */

ddpm_status ddpm_safetensors_list(int64_t count, const char *const *texts, char **list)
{
    json_t *array = json_array();
    int failed = !array;
    for (int64_t i = 0; i < count && !failed; i++) failed = json_array_append_new(array, json_string(texts[i])) != 0;
    *list = failed ? NULL : json_dumps(array, JSON_COMPACT);
    json_decref(array);
    return *list ? DDPM_OK : ddpm_fail(DDPM_ERR_DATA, "a name of a column, condition or class is not UTF-8");
}

ddpm_status ddpm_safetensors_unlist(const char *list, int64_t count, char ***out)
{
    json_error_t error;
    json_t *array = json_loads(list, 0, &error);
    const char **texts = NULL;
    ddpm_status status = DDPM_OK;
    *out = NULL;
    if (!json_is_array(array) || (int64_t)json_array_size(array) != count)
        status = ddpm_fail(DDPM_ERR_DATA, "expected a list of %lld texts", (long long)count);
    if (status == DDPM_OK) status = DDPM_NEW(&texts, count, "texts");
    for (int64_t i = 0; i < count && status == DDPM_OK; i++) {
        texts[i] = json_string_value(json_array_get(array, (size_t)i));
        if (!texts[i]) status = ddpm_fail(DDPM_ERR_DATA, "expected a list of texts");
    }
    if (status == DDPM_OK) status = ddpm_texts_copy(count, texts, "texts", out);
    ddpm_release((void *)texts);
    json_decref(array);
    return status;
}

/* ---- writing ---- */

static json_t *entry_of(const ddpm_named_tensor *t, int64_t *at)
{
    const int64_t first = *at, end = first + t->count * types[t->type].bytes;
    json_t *shape = json_array();
    for (int d = 0; d < t->dims; d++) json_array_append_new(shape, json_integer(t->shape[d]));
    *at = end;
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", types[t->type].name, "shape", shape, "data_offsets",
                     (json_int_t)first, (json_int_t)end);
}

/* The header as text; NULL: a text is not UTF-8, or memory ran out. */
static char *make_header(int64_t texts, const ddpm_metadata *metadata, int64_t tensors, const ddpm_named_tensor *tensor)
{
    json_t *header = json_object(), *all = json_object();
    int64_t at = 0;
    int failed = json_object_set_new(header, metadata_key, all) != 0;
    for (int64_t i = 0; i < texts && !failed; i++)
        failed = json_object_set_new(all, metadata[i].key, json_string(metadata[i].text)) != 0;
    for (int wide = 1; wide >= 0; wide--)
        for (int64_t i = 0; i < tensors && !failed; i++)
            if ((types[tensor[i].type].bytes == 8) == wide)
                failed = json_object_set_new(header, tensor[i].name, entry_of(&tensor[i], &at)) != 0;
    char *text = failed ? NULL : json_dumps(header, JSON_COMPACT);
    json_decref(header);
    return text;
}

ddpm_status ddpm_safetensors_make(int64_t texts, const ddpm_metadata *metadata, int64_t tensors,
                                  const ddpm_named_tensor *tensor, char **bytes, size_t *count)
{
    char *header = make_header(texts, metadata, tensors, tensor);
    *bytes = NULL;
    if (!header)
        return ddpm_fail(DDPM_ERR_DATA, "the header could not be made: a name or the configuration is not UTF-8");
    const size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    *count = LENGTH + padded;
    for (int64_t i = 0; i < tensors; i++) *count += (size_t)tensor[i].count * (size_t)types[tensor[i].type].bytes;
    *bytes = malloc(*count);
    if (*bytes) {
        char *at = *bytes + LENGTH + padded;
        for (int i = 0; i < LENGTH; i++) (*bytes)[i] = (char)(padded >> 8 * i & 0xff);
        memset(*bytes + LENGTH, ' ', padded);
        memcpy(*bytes + LENGTH, header, length);
        for (int wide = 1; wide >= 0; wide--)
            for (int64_t i = 0; i < tensors; i++) {
                const size_t size = (size_t)tensor[i].count * (size_t)types[tensor[i].type].bytes;
                if ((types[tensor[i].type].bytes == 8) != wide || size == 0) continue;
                memcpy(at, tensor[i].bytes, size);
                at += size;
            }
    }
    free(header);
    return *bytes ? DDPM_OK : ddpm_fail(DDPM_ERR_MEMORY, "out of memory for a file of tensors");
}
