/** Messages in the encoding of Protocol Buffers, as far as writing them needs it: numbers, bytes, texts and messages
 * within messages, in memory. Local, any thread.
 *
 *  A few lines stand here in place of a library, since every library of the encoding wants a compiler of its own for
 * the description of the messages, and that description with the source. */
#ifndef DDPM_EXCHANGE_WIRE_H
#define DDPM_EXCHANGE_WIRE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/** A message that grows. One of zeros is empty; release it with ddpm_wire_release. */
typedef struct ddpm_wire {
    unsigned char *bytes; /* from malloc */
    size_t count, room;
    int failed; /* memory ran out: nothing more is added */
} ddpm_wire;

void ddpm_wire_release(ddpm_wire *wire);

/** Add a field of this number. */
void ddpm_wire_int(ddpm_wire *wire, int field, int64_t value);
void ddpm_wire_float(ddpm_wire *wire, int field, float value);
void ddpm_wire_bytes(ddpm_wire *wire, int field, const void *bytes, size_t count);
void ddpm_wire_text(ddpm_wire *wire, int field, const char *text);

/** Add a message, which is empty afterwards. */
void ddpm_wire_message(ddpm_wire *wire, int field, ddpm_wire *message);

/** Add all fields of another message, which is empty afterwards. */
void ddpm_wire_join(ddpm_wire *wire, ddpm_wire *message);

/** DDPM_ERR_MEMORY if memory ran out at any time. */
DDPM_MUST_CHECK ddpm_status ddpm_wire_check(const ddpm_wire *wire);

#endif
