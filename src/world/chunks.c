/* A part of the parameters ends where the first chunk of the next one begins. */
#include "world/chunks.h"

#include "base/memory.h"
#include "base/split.h"

/* Parameters: so few that workers have equal parts of a small network, and that their sums are in the cache when they
 * are turned into numbers. */
enum { CHUNK = 2048 };

ddpm_status ddpm_chunks_create(const ddpm_network *network, ddpm_chunks *out)
{
    const ddpm_tensor *tensors;
    const int64_t tensor_count = ddpm_network_tensors(network, &tensors);
    *out = (ddpm_chunks){0};
    for (int pass = 0; pass < 2; pass++) { /* count, then fill */
        int64_t n = 0;
        for (int64_t i = 0; i < tensor_count; i++) {
            const int64_t size = tensors[i].rows * tensors[i].cols;
            for (int64_t at = 0; at < size; at += CHUNK, n++)
                if (pass == 1) out->list[n] = (ddpm_chunk){i, tensors[i].offset + at, ddpm_smaller(size - at, CHUNK)};
        }
        if (pass == 0) DDPM_TRY(DDPM_NEW(&out->list, n, "pieces of the parameters"));
        out->count = n;
    }
    return DDPM_OK;
}

ddpm_status ddpm_chunks_divide(ddpm_chunks *chunks, const ddpm_network *network, int parts)
{
    DDPM_TRY(DDPM_NEW(&chunks->bounds, parts + 1, "parts of nodes"));
    DDPM_TRY(DDPM_NEW(&chunks->parameter_bounds, parts + 1, "parts of nodes"));
    for (int part = 0; part < parts; part++) {
        const int64_t first = ddpm_part(chunks->count, part, parts).first;
        chunks->bounds[part] = first;
        chunks->parameter_bounds[part] = part == 0 ? 0 : chunks->list[first].offset;
    }
    chunks->bounds[parts] = chunks->count;
    chunks->parameter_bounds[parts] = ddpm_network_array_length(network);
    return DDPM_OK;
}

void ddpm_chunks_release(ddpm_chunks *chunks)
{
    ddpm_release(chunks->list);
    ddpm_release(chunks->bounds);
    ddpm_release(chunks->parameter_bounds);
    *chunks = (ddpm_chunks){0};
}
