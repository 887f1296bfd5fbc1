/* Opens files for reading, and remembers which. */
#include "file/input.h"

#include "file/file.h"

#include <fcntl.h>
#include <unistd.h>

enum { REMEMBERED = 64 }; /* more than a verb reads; the library, which writes no files, may read more */

static _Thread_local struct {
    dev_t device;
    ino_t number;
} known[REMEMBERED];
static _Thread_local size_t notes;

int ddpm_input_was_read(const struct stat *about)
{
    for (size_t i = 0; i < notes && i < REMEMBERED; i++)
        if (known[i].device == about->st_dev && known[i].number == about->st_ino) return 1;
    return 0;
}

void ddpm_input_note(const struct stat *about)
{
    if (ddpm_input_was_read(about)) return;
    known[notes % REMEMBERED].device = about->st_dev;
    known[notes++ % REMEMBERED].number = about->st_ino;
}

void ddpm_input_forget(const struct stat *about)
{
    for (size_t i = 0; i < notes && i < REMEMBERED; i++)
        if (known[i].device == about->st_dev && known[i].number == about->st_ino) known[i].number = 0;
}

static ddpm_status examine(int fd, const char *path)
{
    struct stat about;
    if (fstat(fd, &about)) return ddpm_file_fail(path, "could not be examined");
    if (!S_ISREG(about.st_mode))
        return ddpm_fail(DDPM_ERR_IO, "%s: is not a file, but a %s", path,
                         S_ISDIR(about.st_mode) ? "folder" : "pipe or a device");
    ddpm_input_note(&about);
    return DDPM_OK;
}

ddpm_status ddpm_input_open(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) return ddpm_file_fail_open(path, "could not be opened");
    const ddpm_status status = examine(*fd, path);
    if (status == DDPM_OK) return DDPM_OK;
    close(*fd);
    *fd = -1;
    return status;
}
