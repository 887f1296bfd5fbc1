/* Aligned memory, with a count of the allocations that are not released. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Arrays of this size and more begin at a page of this size, so that the system can use such pages for them. */
enum { HUGE_PAGE = 2 << 20 };

static atomic_llong held;

ddpm_status ddpm_allocate(void *out, int64_t count, size_t size, const char *what)
{
    size_t bytes = 0;
    void *memory = NULL;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) || bytes > PTRDIFF_MAX - DDPM_ALIGNMENT)
        return ddpm_fail(DDPM_ERR_MEMORY, "%s: %lld elements of %zu bytes are more than can be addressed", what,
                         (long long)count, size);
    bytes = (bytes + DDPM_ALIGNMENT - 1) / DDPM_ALIGNMENT * DDPM_ALIGNMENT;
    if (bytes == 0) bytes = DDPM_ALIGNMENT;
    if (posix_memalign(&memory, bytes < HUGE_PAGE ? DDPM_ALIGNMENT : HUGE_PAGE, bytes) != 0)
        return ddpm_fail(DDPM_ERR_MEMORY,
                         "%s: %.1f MiB could not be allocated; use fewer threads or ranks on this node", what,
                         (double)bytes / 1048576.0);
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE) madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* advice: it may fail */
#endif
    memset(memory, 0, bytes);
    memcpy(out, &memory, sizeof memory);
    atomic_fetch_add_explicit(&held, 1, memory_order_relaxed);
    /* cppcheck-suppress memleak ; it lives on in *out */
    return DDPM_OK;
}

void ddpm_release(void *memory)
{
    if (!memory) return;
    atomic_fetch_sub_explicit(&held, 1, memory_order_relaxed);
    free(memory);
}

int64_t ddpm_memory_balance(void)
{
    return atomic_load(&held);
}
