/* Reads numbers of a configuration. This is stricter than strtod, so that a typing error is not taken for a number. */
#include "base/plain_locale.h"
#include "config/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum number_form { NOT_A_NUMBER, WHOLE, DECIMAL, SCALED } number_form;

/* strtod alone would accept "nan", "0x1p3" and " 1". A leading zero is refused, since it means octal in YAML 1.1.
 * SCALED is a whole number that is written with an exponent: 1e6, 1.5e3. */
static number_form form_of(const char *text)
{
    static const char digit[] = "0123456789";
    const char *c = text + (*text == '+' || *text == '-');
    const size_t whole = strspn(c, digit);
    size_t fraction = 0, exponent;
    number_form form = WHOLE;
    if (whole > 1 && *c == '0') return NOT_A_NUMBER;
    c += whole;
    if (*c == '.') {
        form = DECIMAL;
        fraction = strspn(c + 1, digit);
        c += 1 + fraction;
    }
    if (whole + fraction == 0) return NOT_A_NUMBER;
    if (*c == 'e' || *c == 'E') {
        const int negative = c[1] == '-';
        c += 1 + (c[1] == '-' || c[1] == '+');
        exponent = strspn(c, digit);
        if (exponent == 0) return NOT_A_NUMBER;
        form = !negative && strtoull(c, NULL, 10) >= fraction ? SCALED : DECIMAL;
        c += exponent;
    }
    return *c ? NOT_A_NUMBER : form;
}

int ddpm_config_to_real(const char *text, double *out)
{
    if (form_of(text) == NOT_A_NUMBER) return 0;
    *out = strtod_l(text, NULL, ddpm_plain_locale());
    return isfinite(*out);
}

int ddpm_config_to_int(const char *text, int64_t *out)
{
    const number_form form = form_of(text);
    errno = 0;
    if (form == WHOLE) {
        *out = strtoll(text, NULL, 10);
        return errno == 0;
    }
    const double value = form == SCALED ? strtod_l(text, NULL, ddpm_plain_locale()) : NAN;
    if (!(fabs(value) < 0x1p53)) return 0; /* beyond, not every integer is a double */
    *out = (int64_t)value;
    return 1;
}

int ddpm_config_to_uint(const char *text, uint64_t *out)
{
    int64_t value = 0;
    if (*text == '-') return 0;
    if (form_of(text) == WHOLE) {
        errno = 0;
        *out = strtoull(text, NULL, 10);
        return errno == 0;
    }
    if (!ddpm_config_to_int(text, &value)) return 0;
    *out = (uint64_t)value;
    return 1;
}

void ddpm_config_format_real(double value, char out[DDPM_REAL_BYTES])
{
    const locale_t before = uselocale(ddpm_plain_locale());
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, DDPM_REAL_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value) break;
    }
    uselocale(before);
}
