/* Allocates, copies and releases checkpoints, by the tables of checkpoint_table.c. */
#include "store/checkpoint_memory.h"

#include "base/memory.h"
#include "base/text_list.h"
#include "store/vocabulary_flat.h"

#include <stddef.h>
#include <string.h>

enum {
    FIELDS = DDPM_CHECKPOINT_FIELDS,
    ARRAYS = DDPM_CHECKPOINT_ARRAYS,
    LISTS = DDPM_CHECKPOINT_LISTS,
    ALLOCATIONS = DDPM_CHECKPOINT_ALLOCATIONS
};

/* The offset of the pointer to an allocation: those in the tables come first, then the configuration. */
static size_t offset_of(int i)
{
    if (i < FIELDS) return ddpm_checkpoint_fields[i].numbers;
    if (i < FIELDS + ARRAYS) return ddpm_checkpoint_arrays[i - FIELDS].numbers;
    return i < ALLOCATIONS - 1 ? ddpm_checkpoint_lists[i - FIELDS - ARRAYS].names : offsetof(ddpm_checkpoint, config);
}

void *ddpm_checkpoint_allocation(const ddpm_checkpoint *c, int i)
{
    return ddpm_checkpoint_pointer(c, offset_of(i));
}

/* @param i  of an allocation that there is. */
static int64_t bytes_of(const ddpm_checkpoint *c, int i)
{
    const void *memory = ddpm_checkpoint_allocation(c, i);
    int64_t shape[2];
    if (i < FIELDS)
        return ddpm_checkpoint_shape(&ddpm_checkpoint_fields[i], c, shape) *
               ddpm_number_bytes(ddpm_checkpoint_fields[i].type);
    if (i < FIELDS + ARRAYS) return c->parameter_count * (int64_t)sizeof(float);
    if (i < ALLOCATIONS - 1)
        return ddpm_texts_bytes(*ddpm_checkpoint_count(c, ddpm_checkpoint_lists[i - FIELDS - ARRAYS].rows), memory);
    return (int64_t)strlen(memory) + 1;
}

void ddpm_checkpoint_sizes(const ddpm_checkpoint *c, int64_t bytes[ALLOCATIONS])
{
    for (int i = 0; i < ALLOCATIONS; i++) bytes[i] = ddpm_checkpoint_allocation(c, i) ? bytes_of(c, i) : 0;
}

ddpm_status ddpm_checkpoint_make_room(const int64_t bytes[ALLOCATIONS], ddpm_checkpoint *c)
{
    for (int i = 0; i < ALLOCATIONS; i++) ddpm_checkpoint_set_pointer(c, offset_of(i), NULL);
    c->vocabulary = (ddpm_vocabulary){0};
    for (int i = 0; i < ALLOCATIONS; i++)
        if (bytes[i] > 0) DDPM_TRY(ddpm_allocate((char *)c + offset_of(i), bytes[i], 1, "a checkpoint"));
    return DDPM_OK;
}

void ddpm_checkpoint_link_names(ddpm_checkpoint *c)
{
    for (int i = 0; i < LISTS; i++) {
        char **names = ddpm_checkpoint_pointer(c, ddpm_checkpoint_lists[i].names);
        if (names) ddpm_texts_link(*ddpm_checkpoint_count(c, ddpm_checkpoint_lists[i].rows), names);
    }
}

ddpm_status ddpm_checkpoint_copy(const ddpm_checkpoint *from, ddpm_checkpoint *out)
{
    int64_t bytes[ALLOCATIONS];
    *out = *from;
    out->moment1 = out->moment2 = out->velocity = NULL;
    ddpm_checkpoint_sizes(out, bytes);
    DDPM_TRY(ddpm_checkpoint_make_room(bytes, out));
    for (int i = 0; i < ALLOCATIONS; i++)
        if (bytes[i] > 0)
            memcpy(ddpm_checkpoint_allocation(out, i), ddpm_checkpoint_allocation(from, i), (size_t)bytes[i]);
    ddpm_checkpoint_link_names(out);
    return ddpm_vocabulary_copy(&from->vocabulary, &out->vocabulary);
}

void ddpm_checkpoint_release(ddpm_checkpoint *checkpoint)
{
    for (int i = 0; i < ALLOCATIONS; i++) ddpm_release(ddpm_checkpoint_allocation(checkpoint, i));
    ddpm_vocabulary_release(&checkpoint->vocabulary);
    *checkpoint = (ddpm_checkpoint){0};
}
