/* Makes one message of HDF5's stack of errors. */
#include "file/file.h"
#include "file/h5_handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_BYTES = 400 };

typedef struct search {
    const char *words; /* NULL: take the first description */
    char found[REASON_BYTES];
} search;

static herr_t search_step(unsigned index, const H5E_error2_t *error, void *context)
{
    search *s = context;
    (void)index;
    if (!error->desc || !*error->desc || (s->words && !strstr(error->desc, s->words))) return 0;
    snprintf(s->found, sizeof s->found, "%s", error->desc);
    return 1;
}

/** The innermost description that has these words, or "". */
static search search_stack(const char *words)
{
    search s = {.words = words};
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, search_step, &s);
    return s;
}

void ddpm_h5_quiet(void)
{
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

ddpm_h5_voice ddpm_h5_voice_of_process(void)
{
    H5E_auto2_t function = NULL;
    void *data = NULL;
    (void)H5Eget_auto2(H5E_DEFAULT, &function, &data);
    return (ddpm_h5_voice){(void (*)(void))function, data};
}

void ddpm_h5_give_voice(const ddpm_h5_voice *voice)
{
    (void)H5Eset_auto2(H5E_DEFAULT, (H5E_auto2_t)voice->function, voice->data);
}

int ddpm_h5_error_says(const char *words)
{
    return *search_stack(words).found != '\0';
}

int ddpm_h5_error_number(void)
{
    static const char key[] = "errno = ";
    const search s = search_stack(key);
    const char *at = strstr(s.found, key);
    return at ? atoi(at + sizeof key - 1) : 0;
}

/** What the user can do about some failures. */
static const char *advice(void)
{
    if (ddpm_h5_error_says("to lock"))
        return "; close the program that is writing it, or set HDF5_USE_FILE_LOCKING=FALSE where the file system has "
               "no locks";
    if (ddpm_h5_error_says("h5clear"))
        return "; a program that was writing it did not finish: write it again, or run 'h5clear -s' on it";
    return "";
}

static ddpm_status fail(ddpm_status status, const char *path, const char *object, const char *what)
{
    char room[DDPM_PATH_BYTES];
    const int number = ddpm_h5_error_number();
    path = ddpm_file_final(path, room);
    const char *between = object ? ": " : "";
    const search innermost = search_stack(NULL);
    if (!object) object = "";
    if (number)
        return ddpm_fail(DDPM_ERR_IO, "%s%s%s: %s (%s)%s", path, between, object, what, strerror(number), advice());
    if (!*innermost.found) return ddpm_fail(status, "%s%s%s: %s", path, between, object, what);
    return ddpm_fail(status, "%s%s%s: %s (HDF5: %s)%s", path, between, object, what, innermost.found, advice());
}

ddpm_status ddpm_h5_fail_path(ddpm_status status, const char *path, const char *what)
{
    return fail(status, path, NULL, what);
}

ddpm_status ddpm_h5_fail(ddpm_status status, const ddpm_h5 *file, const char *object, const char *what)
{
    if (*file->outside) {
        const ddpm_status refused = ddpm_fail(
            DDPM_ERR_DATA,
            "%s: %s: is a link into another file, '%s', which is not followed; name that file, or copy its data "
            "into this one (h5copy)",
            file->path, object ? object : "/", file->outside);
        *file->outside = '\0';
        return refused;
    }
    return fail(status, file->path, object, what);
}
