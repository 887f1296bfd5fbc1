/** The digest in a checkpoint's user block: 512 bytes of text lines before the HDF5 file,
 *
 *      ddpm checkpoint 1
 *      bytes <length of the whole file>
 *      xxh3 <XXH3, 128 bits, of all after the block: tail -c +513 FILE | xxhsum -H2>
 *
 *  and zeros to its end. All of the block but the format number follows from the rest of the file, so that a changed
 * byte is found; the caller compares the format number with the one inside. Local, main thread.
 */
#ifndef DDPM_FILE_DIGEST_H
#define DDPM_FILE_DIGEST_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_DIGEST_BLOCK = 512 };

/** Write the block of a file that is closed. The caller makes it durable.
 *  @param format  the number of the checkpoint's format, for the first line. */
DDPM_MUST_CHECK ddpm_status ddpm_digest_seal(const char *path, int format);

/** Read the whole file and compare its block. DDPM_ERR_MISSING, DDPM_ERR_IO, DDPM_ERR_DATA (not a checkpoint, or
 * damaged).
 *  @param[out] format   the number in the first line. */
DDPM_MUST_CHECK ddpm_status ddpm_digest_check(const char *path, int *format);

/** The same for the bytes of a file. @param name  for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_digest_check_bytes(const char *name, const void *bytes, size_t count, int *format);

/** Local, any thread. XXH3, 64 bits, of bytes in memory. */
uint64_t ddpm_digest_bytes(const void *data, size_t bytes, uint64_t seed);

/** Whether a file begins as a checkpoint does, or as one whose first bytes are damaged in part. */
int ddpm_digest_begins(const char *path);

/** DDPM_ERR_DATA, with the message for a damaged file. */
ddpm_status ddpm_digest_damaged(const char *path);

#endif
