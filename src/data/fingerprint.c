/* A number that tells rows apart. */
#include "data/fingerprint.h"

#include "base/memory.h"
#include "base/split.h"
#include "file/digest.h"

enum { PLACES = 256, ROWS = 16 /* at a place */, NUMBERS = 1 << 20 /* at a place, at most, but for one row */ };

/* The sum is that of unsigned integers, which the order of the rows and the number of ranks do not change. */
static uint64_t rows_sum(int64_t first, int64_t count, size_t bytes, const char *rows)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ddpm_digest_bytes(rows + (size_t)i * bytes, bytes, (uint64_t)(first + i));
    return sum;
}

void ddpm_fingerprint_add(ddpm_comm *comm, int64_t count, size_t bytes, const void *rows, uint64_t *sum)
{
    const ddpm_range mine = ddpm_comm_part(comm, count);
    const char *from = (const char *)rows + (size_t)mine.first * bytes;
    int64_t part = (int64_t)rows_sum(mine.first, mine.end - mine.first, bytes, from);
    ddpm_comm_sum_int64(comm, &part, 1);
    *sum += (uint64_t)part;
}

/* Local: rank 0. */
static ddpm_status sample(ddpm_source *source, uint64_t *sum)
{
    const int64_t rows = ddpm_source_rows(source), columns = ddpm_source_columns(source);
    const int64_t most = ddpm_smaller(rows, ddpm_larger(1, ddpm_smaller(ROWS, NUMBERS / columns)));
    const size_t bytes = (size_t)(columns * ddpm_number_bytes(ddpm_source_holder(source)));
    char *numbers = NULL;
    DDPM_TRY(DDPM_NEW(&numbers, most * (int64_t)bytes, "rows of the data"));
    ddpm_status status = DDPM_OK;
    for (int64_t i = 0; i < PLACES && status == DDPM_OK; i++) {
        const int64_t first = ddpm_part(rows - most + 1, i, PLACES).first;
        status = ddpm_source_read(source, DDPM_GAPS_UNCHECKED, first, most, numbers);
        if (status == DDPM_OK) *sum += rows_sum(first, most, bytes, numbers);
    }
    ddpm_release(numbers);
    return status;
}

ddpm_status ddpm_fingerprint_sample(ddpm_comm *comm, ddpm_source *source, uint64_t *sum)
{
    const ddpm_status status = DDPM_ON_RANK_0(comm, sample(source, sum));
    ddpm_comm_broadcast(comm, sum, sizeof *sum);
    return status;
}

int64_t ddpm_fingerprint_value(uint64_t sum)
{
    const int64_t value = (int64_t)(sum & (((uint64_t)1 << 62) - 1));
    return value == DDPM_FINGERPRINT_UNKNOWN ? 1 : value;
}
