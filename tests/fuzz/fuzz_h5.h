/** For fuzzers of HDF5 files: an input as a file, and mutations that HDF5's own checksums do not refuse at once. */
#ifndef DDPM_TESTS_FUZZ_H5_H
#define DDPM_TESTS_FUZZ_H5_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t room);

/* HDF5's checksum of metadata (Jenkins' lookup3), exported by the library but declared in no public header. */
uint32_t H5_checksum_metadata(const void *data, size_t len, uint32_t initval);

/** Put the bytes, after `lead` zeros, into a file in memory. @return its name. */
static inline const char *fuzz_file(const uint8_t *data, size_t bytes, size_t lead)
{
    static char path[64];
    snprintf(path, sizeof path, "/dev/shm/ddpm-fuzz-%ld.h5", (long)getpid());
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)lead) || pwrite(fd, data, bytes, (off_t)lead) != (ssize_t)bytes || close(fd))
        abort();
    return path;
}

/** Recompute the checksums of the superblock (versions 2 and 3) and of object headers (version 2), as far as they can
 * be recognised. */
static inline void fuzz_reseal(uint8_t *data, size_t bytes)
{
    static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    enum { SUPERBLOCK = 44, HEADER_LEAST = 11 };
    if (bytes >= SUPERBLOCK + 4 && !memcmp(data, signature, sizeof signature) && data[8] >= 2) {
        const uint32_t sum = H5_checksum_metadata(data, SUPERBLOCK, 0);
        memcpy(data + SUPERBLOCK, &sum, sizeof sum);
    }
    for (size_t at = 0; at + HEADER_LEAST < bytes; at++) {
        if (memcmp(data + at, "OHDR", 4) || data[at + 4] != 2) continue;
        const uint8_t flags = data[at + 5];
        const size_t width = (size_t)1 << (flags & 3);
        size_t start = 6 + (flags & 0x20 ? 16u : 0u) + (flags & 0x10 ? 4u : 0u), size = 0;
        if (at + start + width > bytes) continue;
        memcpy(&size, data + at + start, width);
        start += width;
        if (size > bytes || at + start + size + 4 > bytes) continue;
        const uint32_t sum = H5_checksum_metadata(data + at, start + size, 0);
        memcpy(data + at + start + size, &sum, sizeof sum);
    }
}

static inline size_t fuzz_mutate(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    /* mostly of the same length, so that addresses in the file stay right */
    bytes = LLVMFuzzerMutate(data, bytes, seed % 4 ? bytes : room);
    if (seed % 8) fuzz_reseal(data, bytes);
    return bytes;
}

#endif
