/* Any bytes as a file of data: it is opened, listed, and read at its beginning and end. */
#include "fuzz_h5.h"

#include "base/memory.h"
#include "data/source.h"
#include "file/h5.h"

static void visit(void *context, const char *name, const ddpm_h5_shape *shape)
{
    *(size_t *)context += strlen(name) + (size_t)shape->dims;
}

static void list(const char *path)
{
    ddpm_h5 *file = NULL;
    size_t sum = 0;
    if (ddpm_h5_open(path, &file) != DDPM_OK) return;
    if (ddpm_h5_list(file, 1000, visit, &sum) != DDPM_OK) sum = 0;
    if (ddpm_h5_close(&file) != DDPM_OK) return;
}

static void read_rows(ddpm_source *source)
{
    enum { ROWS = 64, NUMBERS = 1 << 22 };
    const int64_t rows = ddpm_source_rows(source), columns = ddpm_source_columns(source);
    const int64_t count = rows < ROWS ? rows : ROWS;
    const ddpm_gaps gaps = ddpm_source_layouts(source) ? DDPM_GAPS_ALLOWED : DDPM_GAPS_NONE;
    double *values = NULL; /* large enough for each type */
    if (columns > NUMBERS / ROWS || DDPM_NEW(&values, count * columns, "rows") != DDPM_OK) return;
    if (ddpm_source_read(source, gaps, 0, count, values) == DDPM_OK &&
        ddpm_source_read(source, gaps, rows - count, count, values) != DDPM_OK)
        values[0] = 0;
    ddpm_release(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char wanted[] = "x";
    char *columns[] = {wanted};
    const char *path = fuzz_file(data, bytes, 0);
    const ddpm_data_spec spec = {.source = DDPM_DATA_HDF5,
                                 .path = path,
                                 .dataset = "data",
                                 .columns = {.count = (int64_t)(bytes % 2), .items = columns}};
    ddpm_source *source = NULL;
    list(path);
    if (ddpm_source_open(&spec, &source) == DDPM_OK) {
        read_rows(source);
        ddpm_source_close(source);
    }
    unlink(path);
    if (ddpm_memory_balance() != 0) abort();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t room, unsigned seed)
{
    return fuzz_mutate(data, bytes, room, seed);
}
