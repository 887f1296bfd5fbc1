/* Protocol Buffers' encoding: a field is a varint of its number and kind, then a varint, four bytes, or a length and
 * bytes. */
#include "exchange/wire.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, BYTES = 2, FOUR_BYTES = 5 }; /* kinds of a field */

void ddpm_wire_release(ddpm_wire *wire)
{
    free(wire->bytes);
    *wire = (ddpm_wire){0};
}

static void append(ddpm_wire *wire, const void *bytes, size_t count)
{
    if (count == 0 || wire->failed) return;
    if (wire->room - wire->count < count) {
        const size_t room = 2 * wire->room + count + 64;
        unsigned char *larger = room > count ? realloc(wire->bytes, room) : NULL;
        wire->failed = !larger;
        if (!larger) return;
        wire->bytes = larger;
        wire->room = room;
    }
    memcpy(wire->bytes + wire->count, bytes, count);
    wire->count += count;
}

static void append_varint(ddpm_wire *wire, uint64_t value)
{
    unsigned char bytes[10];
    size_t count = 0;
    do {
        bytes[count++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    append(wire, bytes, count);
}

static void append_key(ddpm_wire *wire, int field, int kind)
{
    append_varint(wire, (uint64_t)(field << 3 | kind));
}

void ddpm_wire_int(ddpm_wire *wire, int field, int64_t value)
{
    append_key(wire, field, VARINT);
    append_varint(wire, (uint64_t)value);
}

void ddpm_wire_float(ddpm_wire *wire, int field, float value)
{
    append_key(wire, field, FOUR_BYTES);
    append(wire, &value, sizeof value); /* little-endian, as every machine that this program runs on */
}

void ddpm_wire_bytes(ddpm_wire *wire, int field, const void *bytes, size_t count)
{
    append_key(wire, field, BYTES);
    append_varint(wire, count);
    append(wire, bytes, count);
}

void ddpm_wire_text(ddpm_wire *wire, int field, const char *text)
{
    ddpm_wire_bytes(wire, field, text, strlen(text));
}

void ddpm_wire_message(ddpm_wire *wire, int field, ddpm_wire *message)
{
    if (message->failed) wire->failed = 1;
    ddpm_wire_bytes(wire, field, message->bytes, message->count);
    ddpm_wire_release(message);
}

void ddpm_wire_join(ddpm_wire *wire, ddpm_wire *message)
{
    if (message->failed) wire->failed = 1;
    append(wire, message->bytes, message->count);
    ddpm_wire_release(message);
}

ddpm_status ddpm_wire_check(const ddpm_wire *wire)
{
    return wire->failed ? ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the model's graph") : DDPM_OK;
}
