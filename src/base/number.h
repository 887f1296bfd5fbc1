/** The types of numbers that files hold, as a value that is known at run time. Local, any thread. */
#ifndef DDPM_BASE_NUMBER_H
#define DDPM_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define DDPM_NUMBER_LIST(X)       \
    X(FLOAT32, "float32", float)  \
    X(FLOAT64, "float64", double) \
    X(INT8, "int8", int8_t)       \
    X(INT16, "int16", int16_t)    \
    X(INT32, "int32", int32_t)    \
    X(INT64, "int64", int64_t)    \
    X(UINT8, "uint8", uint8_t)    \
    X(UINT16, "uint16", uint16_t) \
    X(UINT32, "uint32", uint32_t) \
    X(UINT64, "uint64", uint64_t)

typedef enum ddpm_number {
#define X(constant, name, type) DDPM_NUMBER_##constant,
    DDPM_NUMBER_LIST(X)
#undef X
        DDPM_NUMBERS
} ddpm_number;

/** As in numpy: "float32". */
const char *ddpm_number_name(ddpm_number type);

/** The type of a name; -1: none has it. */
int ddpm_number_find(const char *name);

/** Bytes of a number. */
int64_t ddpm_number_bytes(ddpm_number type);

int ddpm_number_is_integer(ddpm_number type);

/** The narrowest of float32, float64, int64 and uint64 that holds all numbers of a type. */
ddpm_number ddpm_number_holder(ddpm_number type);

/** Number i of an array. A long double holds the numbers of all types exactly where it has 64 bits of precision, as on
 * x86, or more. */
long double ddpm_number_get(ddpm_number type, const void *numbers, int64_t i);

/** Set number i of an array. For an integer type the value is rounded, to the even one of two that are as near; beyond
 * the range of the type it becomes the least or the largest. NaN becomes 0. */
void ddpm_number_set(ddpm_number type, long double value, void *numbers, int64_t i);

#endif
