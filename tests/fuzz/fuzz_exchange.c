/* Fuzzer of files of other programs: safetensors, and the checkpoint that is made of one. Whatever the bytes are, they
 * are refused with a message, or all of what is used is inside its range; and no memory is left over. */
#include "base/memory.h"
#include "exchange/import.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t room);

enum { LENGTH = 8 }; /* bytes before the header */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    ddpm_safetensors *file = NULL;
    if (ddpm_safetensors_parse(data, bytes, "fuzz", &file) == DDPM_OK) {
        double sum = 0.0;
        for (int64_t i = 0; i < ddpm_safetensors_count(file); i++) {
            const ddpm_named_tensor *t = ddpm_safetensors_at(file, i);
            for (int64_t n = 0; t->type != DDPM_TENSOR_OTHER && n < t->count; n++) sum += ddpm_named_tensor_get(t, n);
        }
        ddpm_loaded loaded;
        if (ddpm_import_model(file, "fuzz", NULL, &loaded) == DDPM_OK)
            ddpm_loaded_release(&loaded);
        else if (sum == 1.0 && !*ddpm_error_message())
            abort();
    } else if (!*ddpm_error_message())
        abort();
    ddpm_safetensors_close(file);
    if (ddpm_memory_balance() != 0) abort();
    return 0;
}

/* Change the header alone, and let its length fit again; or any byte. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    uint64_t header = 0;
    for (int i = LENGTH - 1; bytes > LENGTH && i >= 0; i--) header = header << 8 | data[i];
    if (seed % 4 == 0 || header == 0 || bytes <= LENGTH || header > bytes - LENGTH)
        return LLVMFuzzerMutate(data, bytes, room);
    const size_t rest = bytes - LENGTH - (size_t)header, most = room - LENGTH - rest;
    uint8_t *behind = malloc(rest + 1), *text = malloc(most + 1);
    if (!behind || !text) abort();
    memcpy(behind, data + LENGTH + header, rest);
    memcpy(text, data + LENGTH, (size_t)header);
    const size_t length = LLVMFuzzerMutate(text, (size_t)header, most);
    memcpy(data + LENGTH, text, length);
    memcpy(data + LENGTH + length, behind, rest);
    for (int i = 0; i < LENGTH; i++) data[i] = (uint8_t)(length >> 8 * i);
    free(behind);
    free(text);
    return LENGTH + length + rest;
}
