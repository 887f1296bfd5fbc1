/** A JSON file, complete or absent: it is made in memory, by printing to `to`, and written by ddpm_output_replace.
 * Local, main thread.
 */
#ifndef DDPM_FILE_JSON_FILE_H
#define DDPM_FILE_JSON_FILE_H

#include "base/status.h"

#include <stdint.h>
#include <stdio.h>

#define DDPM_JSON_BEGINS "{\"program\": \"ddpm " /* how every file begins that this program writes */

typedef struct ddpm_json_file {
    FILE *to;
    const char *path; /* borrowed */
    char *text;
    size_t bytes;
} ddpm_json_file;

/** Begin a file; after success ddpm_json_end must follow. */
DDPM_MUST_CHECK ddpm_status ddpm_json_begin(const char *path, ddpm_json_file *out);

/** Print `before`, then "name": value, where a value that is not finite is null. */
void ddpm_json_number(FILE *to, const char *before, const char *name, double value);

/** Print a list of numbers, to nine digits; what is not finite is null. */
void ddpm_json_numbers(FILE *to, int64_t count, const double *values);

/** Print a text in quotes. */
void ddpm_json_text(FILE *to, const char *text);

/** Write the file, and release what ddpm_json_begin took. */
DDPM_MUST_CHECK ddpm_status ddpm_json_end(ddpm_json_file *file);

#endif
