/** Numbers of files and settings have a point, also where the program that uses the library has set a locale with
 * another sign: the locale for strtod_l, strtold_l and uselocale. Local, any thread. */
#ifndef DDPM_BASE_PLAIN_LOCALE_H
#define DDPM_BASE_PLAIN_LOCALE_H

#include <locale.h>

/** The locale "C", which glibc and musl hold ready: it is not to be released. */
static inline locale_t ddpm_plain_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

#endif
