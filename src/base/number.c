/* Numbers of a type that is known at run time. */
#include "base/number.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t bytes;
    int is_integer;
} types[] = {
#define X(constant, name, type) {name, sizeof(type), (type)0.5 == 0},
    DDPM_NUMBER_LIST(X)
#undef X
};

const char *ddpm_number_name(ddpm_number type)
{
    return types[type].name;
}

int ddpm_number_find(const char *name)
{
    for (int i = 0; i < DDPM_NUMBERS; i++)
        if (strcmp(types[i].name, name) == 0) return i;
    return -1;
}

int64_t ddpm_number_bytes(ddpm_number type)
{
    return types[type].bytes;
}

int ddpm_number_is_integer(ddpm_number type)
{
    return types[type].is_integer;
}

ddpm_number ddpm_number_holder(ddpm_number type)
{
    if (type == DDPM_NUMBER_FLOAT32 || types[type].bytes < 4) return DDPM_NUMBER_FLOAT32;
    return type == DDPM_NUMBER_INT64 || type == DDPM_NUMBER_UINT64 ? type : DDPM_NUMBER_FLOAT64;
}

long double ddpm_number_get(ddpm_number type, const void *numbers, int64_t i)
{
    switch (type) {
#define X(constant, name, type)  \
    case DDPM_NUMBER_##constant: \
        return (long double)((const type *)numbers)[i];
        DDPM_NUMBER_LIST(X)
#undef X
    case DDPM_NUMBERS:
        break;
    }
    return 0.0L;
}

/* The whole number of a type's range that is nearest. Both ends are exact, as all powers of two are, and the largest
 * number is one less than a power of two. */
static long double to_whole(ddpm_number type, long double value)
{
    const int is_signed = type >= DDPM_NUMBER_INT8 && type <= DDPM_NUMBER_INT64;
    const int bits = (int)(8 * types[type].bytes) - is_signed;
    const long double end = ldexpl(1.0L, bits), least = is_signed ? -end : 0.0L, whole = rintl(value);
    if (isnan(value)) return 0.0L;
    return whole < least ? least : whole >= end ? end - 1.0L : whole;
}

void ddpm_number_set(ddpm_number type, long double value, void *numbers, int64_t i)
{
    const long double kept = types[type].is_integer ? to_whole(type, value) : value;
    switch (type) {
#define X(constant, name, type)            \
    case DDPM_NUMBER_##constant:           \
        ((type *)numbers)[i] = (type)kept; \
        break;
        DDPM_NUMBER_LIST(X)
#undef X
    case DDPM_NUMBERS:
        break;
    }
}
