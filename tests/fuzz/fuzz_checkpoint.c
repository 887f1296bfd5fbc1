/* Any bytes as a checkpoint with the right digest, which a hostile file can have, unlike a damaged one. Every other
 * mutation is a number at a limit of its range or beyond it. */
#include "fuzz_h5.h"

#include "forge.h"

#include "assembly/load.h"
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

/* Forge a number. @return the new length; 0: the input has no such number, or the result no room. */
static size_t forge_input(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    const char *path = fuzz_file(data, bytes, DDPM_DIGEST_BLOCK);
    size_t length = 0;
    if (forge(path, seed, seed / FORGE_NUMBERS, seed / 7)) {
        const int fd = open(path, O_RDONLY);
        const off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END) - DDPM_DIGEST_BLOCK;
        if (size > 0 && (size_t)size <= room && pread(fd, data, (size_t)size, DDPM_DIGEST_BLOCK) == size)
            length = (size_t)size;
        if (fd >= 0) close(fd);
    }
    unlink(path);
    return length;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    const size_t forged = seed % 2 ? forge_input(data, bytes, room, seed / 2) : 0;
    return forged ? forged : fuzz_mutate(data, bytes, room, seed / 2);
}
