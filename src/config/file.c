/* Reads the bytes of a configuration file. */
#include "config/config.h"

#include "base/memory.h"
#include "file/file.h"
#include "file/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT = 1 << 20 }; /* bytes: a larger file is not a configuration */

/* Read until the end of the file; a pipe gives a little at a time. */
static ddpm_status read_all(int fd, const char *path, char *text, size_t room, size_t *bytes)
{
    while (*bytes < room) {
        const ssize_t got = read(fd, text + *bytes, room - *bytes);
        if (got == 0) return DDPM_OK;
        if (got > 0)
            *bytes += (size_t)got;
        else if (errno == EISDIR)
            return ddpm_fail(DDPM_ERR_MISSING, "%s: expected a YAML file, found a folder", path);
        else if (errno != EINTR)
            return ddpm_fail(DDPM_ERR_IO, "%s: could not be read: %s", path, strerror(errno));
    }
    return ddpm_fail(DDPM_ERR_CONFIG, "%s: expected a configuration of at most %d bytes, found more", path, LIMIT);
}

ddpm_status ddpm_config_read_file(const char *path, char **text, size_t *bytes)
{
    char *buffer = NULL;
    *text = NULL;
    *bytes = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ddpm_file_fail_open(path, "the configuration could not be opened");
    struct stat about;
    if (fstat(fd, &about) == 0) ddpm_input_note(&about);
    ddpm_status status =
        DDPM_NEW(&buffer, LIMIT + 2, "a configuration file"); /* one byte beyond the limit, and a zero byte */
    if (status == DDPM_OK) status = read_all(fd, path, buffer, LIMIT + 1, bytes);
    close(fd);
    if (status != DDPM_OK) {
        ddpm_release(buffer);
        *bytes = 0;
        return status;
    }
    *text = buffer;
    return DDPM_OK;
}
