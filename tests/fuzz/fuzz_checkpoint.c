/* Any bytes as a checkpoint with the right digest, which a hostile file can have, unlike a damaged one. */
#include "fuzz_h5.h"

#include "assembly/loaded.h"
#include "base/memory.h"
#include "file/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    ddpm_loaded loaded;
    const char *path = fuzz_file(data, bytes, DDPM_DIGEST_BLOCK);
    if (ddpm_digest_seal(path, DDPM_CHECKPOINT_FORMAT) != DDPM_OK) abort();
    if (ddpm_load(path, 1, &loaded) == DDPM_OK) ddpm_loaded_release(&loaded);
    unlink(path);
    if (ddpm_memory_balance() != 0) abort();
    return 0;
}
