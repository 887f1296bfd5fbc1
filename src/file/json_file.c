/* JSON files, made in memory. */
#include "file/json_file.h"

#include "file/output.h"

#include <math.h>
#include <stdlib.h>

ddpm_status ddpm_json_begin(const char *path, ddpm_json_file *out)
{
    *out = (ddpm_json_file){.path = path};
    out->to = open_memstream(&out->text, &out->bytes);
    return out->to ? DDPM_OK : ddpm_fail(DDPM_ERR_MEMORY, "no memory for %s", path);
}

void ddpm_json_number(FILE *to, const char *before, const char *name, double value)
{
    fprintf(to, "%s\"%s\": ", before, name);
    if (isfinite(value))
        fprintf(to, "%.17g", value);
    else
        fprintf(to, "null");
}

void ddpm_json_numbers(FILE *to, int64_t count, const double *values)
{
    fprintf(to, "[");
    for (int64_t i = 0; i < count; i++) {
        fprintf(to, i > 0 ? ", " : "");
        fprintf(to, isfinite(values[i]) ? "%.9g" : "null", values[i]);
    }
    fprintf(to, "]");
}

void ddpm_json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte < 0x20)
            fprintf(to, "\\u%04x", byte);
        else
            fprintf(to, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
    }
    fputc('"', to);
}

ddpm_status ddpm_json_end(ddpm_json_file *file)
{
    ddpm_status status = DDPM_OK;
    if (fclose(file->to) != 0) status = ddpm_fail(DDPM_ERR_MEMORY, "no memory for %s", file->path);
    if (status == DDPM_OK) status = ddpm_output_replace(file->path, file->text, file->bytes);
    free(file->text);
    return status;
}
