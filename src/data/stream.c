/* Reads windows of permuted pages. */
#include "data/stream.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/permutation.h"
#include "data/known.h"
#include "world/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_BYTES_MOST = 1 << 20,
    PAGE_BYTES_LEAST = 1 << 10,
    PLACES = 1 << 10, /* pages that a window should have: its distribution functions are off by 0.03 or so, then */
    SLOTS = 3, /* a batch, of a window at most, may need the end of one, a short last one, and the start of the next */
    HELD_OUT_BYTES = 16 << 20, /* at most, held in memory for the validation loss */
    HELD_OUT_SHARE = 4,        /* and at most this part of the memory */
    WINDOWS_LEAST = 4          /* with fewer of them, training sees few places of the file */
};

struct ddpm_stream {
    ddpm_comm *comm;
    uint64_t seed;
    ddpm_source *source;
    const ddpm_condition *condition;
    int64_t columns, numbers; /* of a row; numbers: with its conditions */
    int64_t page_bytes;       /* at most, unless a row has more */
    int64_t page_rows;
    int64_t full_pages, tail_rows; /* the rows after the full pages are the last page of every epoch */
    int64_t held_out_pages;
    int64_t kept_pages; /* the held-out pages that stay in memory */
    int64_t training_rows;
    int64_t window_pages, windows; /* pages of a window; windows of an epoch */
    ddpm_permutation split;        /* of the full pages; the first of them are held out */
    ddpm_transform transform;
    ddpm_shared *slots[SLOTS], *kept;
    int64_t loaded[SLOTS];    /* epoch * windows + window, -1: empty */
    struct page_place *pages; /* [window_pages] of the window that is read */
    int64_t tested_page;      /* of the last row that was to be measured; -1: none yet */
    int tested_takes_part;
};

/* A window of an epoch, with the order of its rows. */
typedef struct window {
    int64_t number; /* epoch * windows + window */
    int64_t first;  /* position of its first row in the run */
    int64_t rows;
    ddpm_permutation order;
} window;

/* Orders of an epoch: step epoch * (windows + 1) is that of its pages, the next `windows` steps are those of the rows
 * in each window. */
static int64_t page_order_step(const ddpm_stream *s, int64_t epoch)
{
    return epoch * (s->windows + 1);
}

static int64_t row_order_step(const ddpm_stream *s, int64_t epoch, int64_t index)
{
    return page_order_step(s, epoch) + 1 + index;
}

static int64_t window_rows(const ddpm_stream *s)
{
    return s->window_pages * s->page_rows;
}

static window window_of(const ddpm_stream *s, int64_t position)
{
    const int64_t epoch = position / s->training_rows, at = position % s->training_rows, index = at / window_rows(s);
    window w = {.number = epoch * s->windows + index, .first = epoch * s->training_rows + index * window_rows(s)};
    w.rows = ddpm_smaller(window_rows(s), s->training_rows - index * window_rows(s));
    w.order = ddpm_permutation_make(s->seed, DDPM_RANDOM_ORDER, row_order_step(s, epoch, index), w.rows);
    return w;
}

/* The first row, in the file, of page number `place` in an epoch's order; and the number of its rows. */
static int64_t page_at(const ddpm_stream *s, const ddpm_permutation *order, int64_t place, int64_t *rows)
{
    const int64_t training_pages = s->full_pages - s->held_out_pages;
    *rows = place < training_pages ? s->page_rows : s->tail_rows;
    if (place >= training_pages) return s->full_pages * s->page_rows;
    return ddpm_permutation_at(&s->split, s->held_out_pages + ddpm_permutation_at(order, place)) * s->page_rows;
}

/* A page to read: where it lies in the file, and where it goes to in memory. */
typedef struct page_place {
    int64_t first, rows, place;
} page_place;

static int by_first_row(const void *a, const void *b)
{
    const int64_t x = ((const page_place *)a)->first, y = ((const page_place *)b)->first;
    return (x > y) - (x < y);
}

/* Conditions of a slot's rows lie behind the rows. */
static float *values_of(const ddpm_stream *s, const ddpm_shared *slot, int64_t pages)
{
    return (float *)ddpm_shared_data(slot) + pages * s->page_rows * s->columns;
}

/* Read this rank's part of some pages into a slot that has room for `room` of them. They are read in the order of the
 * file, so that a chunk that holds several is decompressed once. */
static ddpm_status read_pages(ddpm_stream *s, int64_t count, page_place *pages, int64_t room, ddpm_shared *slot)
{
    const ddpm_range mine = ddpm_shared_part(s->comm, slot, count);
    qsort(pages, (size_t)count, sizeof *pages, by_first_row);
    for (int64_t i = mine.first; i < mine.end; i++) {
        float *to = (float *)ddpm_shared_data(slot) + pages[i].place * s->page_rows * s->columns;
        DDPM_TRY(ddpm_source_read_training(s->source, &s->transform, pages[i].first, pages[i].rows, to));
    }
    for (int64_t v = 0; v < s->condition->count; v++)
        for (int64_t i = mine.first; i < mine.end; i++) {
            float *to = values_of(s, slot, room) + pages[i].place * s->page_rows * s->condition->count;
            DDPM_TRY(ddpm_condition_source_read_value(ddpm_source_conditions(s->source), s->condition, v,
                                                      pages[i].first, pages[i].rows, to));
        }
    return DDPM_OK;
}

static ddpm_status read_window(ddpm_stream *s, int64_t number, ddpm_shared *slot)
{
    const int64_t epoch = number / s->windows, index = number % s->windows;
    const int64_t pages = s->full_pages - s->held_out_pages + (s->tail_rows > 0);
    const int64_t first = index * s->window_pages, count = ddpm_smaller(s->window_pages, pages - first);
    const ddpm_permutation order =
        ddpm_permutation_make(s->seed, DDPM_RANDOM_ORDER, page_order_step(s, epoch), s->full_pages - s->held_out_pages);
    for (int64_t i = 0; i < count; i++) {
        s->pages[i].place = i;
        s->pages[i].first = page_at(s, &order, first + i, &s->pages[i].rows);
    }
    return read_pages(s, count, s->pages, s->window_pages, slot);
}

static ddpm_status read_held_out(ddpm_stream *s)
{
    page_place *pages = NULL;
    DDPM_TRY(DDPM_NEW(&pages, s->kept_pages, "held-out rows"));
    for (int64_t i = 0; i < s->kept_pages; i++)
        pages[i] = (page_place){ddpm_permutation_at(&s->split, i) * s->page_rows, s->page_rows, i};
    const ddpm_status status = read_pages(s, s->kept_pages, pages, s->kept_pages, s->kept);
    ddpm_release(pages);
    return status;
}

/* Rows are asked for in order, so that a page's answer is kept for its rows. */
static int measure_takes_part(void *context, int64_t row)
{
    ddpm_stream *s = context;
    const int64_t page = row / s->page_rows;
    if (page != s->tested_page) {
        s->tested_page = page;
        s->tested_takes_part = page >= s->full_pages || ddpm_permutation_position(&s->split, page) >= s->held_out_pages;
    }
    return s->tested_takes_part;
}

/* The rows of a page: of so many KiB; or such that the memory's windows have enough of them. */
static void choose_page(ddpm_stream *s, const ddpm_data_spec *spec)
{
    const int64_t row_bytes = s->numbers * (int64_t)sizeof(float);
    const double even = spec->memory * 1048576.0 / SLOTS / PLACES;
    s->page_bytes = spec->piece > 0 ? spec->piece << 10 : (int64_t)fmin(PAGE_BYTES_MOST, fmax(PAGE_BYTES_LEAST, even));
    s->page_rows = ddpm_larger(1, s->page_bytes / row_bytes);
}

static int64_t pages_to_keep(const ddpm_stream *s, const ddpm_data_spec *spec, int64_t pages_in_memory)
{
    const int64_t most = HELD_OUT_BYTES / s->page_bytes;
    const int64_t share = spec->piece > 0 ? most : pages_in_memory / HELD_OUT_SHARE;
    return ddpm_smaller(s->held_out_pages, ddpm_smaller(most, share));
}

static ddpm_status plan(ddpm_stream *s, const ddpm_data_spec *spec)
{
    const int64_t rows = ddpm_source_rows(s->source), row_bytes = s->numbers * (int64_t)sizeof(float);
    choose_page(s, spec);
    const int64_t pages_in_memory = (int64_t)(spec->memory * 1048576.0) / (row_bytes * s->page_rows);
    s->full_pages = rows / s->page_rows;
    s->tail_rows = rows % s->page_rows;
    s->held_out_pages = (int64_t)(spec->validation * (double)s->full_pages);
    s->kept_pages = pages_to_keep(s, spec, pages_in_memory);
    s->training_rows = rows - s->held_out_pages * s->page_rows;
    s->window_pages = (pages_in_memory - s->kept_pages) / SLOTS;
    const int64_t window_least = ddpm_pieces(spec->batch, s->page_rows);
    if (s->window_pages < window_least)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.memory: expected at least %.0f MiB, for %d windows of a batch (training.batch: %lld "
                         "rows of %lld bytes) and the held-out pages, found %g",
                         ceil((double)((s->kept_pages + SLOTS * window_least) * s->page_rows * row_bytes) / 1048576.0),
                         SLOTS, (long long)spec->batch, (long long)row_bytes, spec->memory);
    s->windows = ddpm_pieces(s->training_rows, window_rows(s));
    s->split = ddpm_permutation_make(s->seed, DDPM_RANDOM_SPLIT, 0, s->full_pages);
    return DDPM_NEW(&s->pages, s->window_pages, "pages of a window");
}

static void warn_of_few(const ddpm_stream *s, int64_t visits)
{
    const int64_t windows = ddpm_pieces(visits, window_rows(s));
    if (visits == 0 || windows >= WINDOWS_LEAST || windows >= s->windows) return;
    ddpm_log_warning(
        "rows are streamed, and training visits %lld of them, which come from %lld of %lld windows (%.2g %% of "
        "the rows, from %lld places of the file); raise training.iterations, or data.memory to hold all rows",
        (long long)visits, (long long)windows, (long long)s->windows, 100.0 * (double)visits / (double)s->training_rows,
        (long long)(windows * s->window_pages));
}

/* Collective. */
static ddpm_status build(ddpm_stream *s, const ddpm_data_spec *spec)
{
    DDPM_TRY(ddpm_agree(s->comm, plan(s, spec)));
    warn_of_few(s, spec->visits);
    const size_t page_bytes = (size_t)(s->page_rows * s->numbers) * sizeof(float);
    DDPM_TRY(ddpm_known_or_measured(s->comm, spec, s->source, measure_takes_part, s, &s->transform));
    for (int i = 0; i < SLOTS; i++) {
        s->loaded[i] = -1;
        DDPM_TRY(
            ddpm_shared_create(s->comm, (size_t)s->window_pages * page_bytes, "a window of the data", &s->slots[i]));
    }
    DDPM_TRY(ddpm_shared_create(s->comm, (size_t)s->kept_pages * page_bytes, "held-out rows", &s->kept));
    DDPM_TRY(ddpm_agree(s->comm, read_held_out(s)));
    ddpm_comm_barrier_of_team(s->comm);
    return DDPM_OK;
}

ddpm_status ddpm_stream_create(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                               const ddpm_condition *condition, ddpm_stream **out)
{
    ddpm_stream *s = NULL;
    *out = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&s, 1, "data stream"));
    if (status != DDPM_OK) {
        ddpm_release(s); /* another rank may be the one that failed */
        ddpm_source_close(source);
        return status;
    }
    s->comm = comm;
    s->seed = spec->seed;
    s->tested_page = -1;
    s->source = source;
    s->columns = ddpm_source_columns(source);
    s->condition = condition;
    s->numbers = s->columns + condition->count;
    status = build(s, spec);
    if (status != DDPM_OK) {
        ddpm_stream_free(s);
        return status;
    }
    *out = s;
    return DDPM_OK;
}

void ddpm_stream_free(ddpm_stream *stream)
{
    if (!stream) return;
    for (int i = 0; i < SLOTS; i++) ddpm_shared_free(stream->slots[i]);
    ddpm_shared_free(stream->kept);
    ddpm_source_close(stream->source);
    ddpm_transform_release(&stream->transform);
    ddpm_release(stream->pages);
    ddpm_release(stream);
}

int64_t ddpm_stream_rows(const ddpm_stream *stream)
{
    return stream->training_rows;
}

int64_t ddpm_stream_held_out(const ddpm_stream *stream)
{
    return stream->kept_pages * stream->page_rows;
}

const ddpm_transform *ddpm_stream_transform(const ddpm_stream *stream)
{
    return &stream->transform;
}

int64_t ddpm_stream_bytes(const ddpm_stream *stream)
{
    return (SLOTS * stream->window_pages + stream->kept_pages) * stream->page_rows * stream->numbers *
           (int64_t)sizeof(float);
}

ddpm_status ddpm_stream_prepare(ddpm_stream *stream, int64_t first, int64_t count)
{
    if (count > window_rows(stream))
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "%lld rows at once do not fit a window of %lld rows; raise data.memory, or ask for fewer",
                         (long long)count, (long long)window_rows(stream));
    for (int64_t position = first; position < first + count;) {
        const window w = window_of(stream, position);
        ddpm_shared *slot = stream->slots[w.number % SLOTS];
        if (stream->loaded[w.number % SLOTS] != w.number) {
            DDPM_TRY(ddpm_agree(stream->comm, read_window(stream, w.number, slot)));
            ddpm_comm_barrier_of_team(stream->comm);
            stream->loaded[w.number % SLOTS] = w.number;
        }
        position = w.first + w.rows;
    }
    return DDPM_OK;
}

/* Copy row number `row` of a slot that has room for so many pages to row i of x and values. */
static void copy_row(const ddpm_stream *s, const ddpm_shared *slot, int64_t pages, int64_t row, int64_t i, float *x,
                     float *values)
{
    const int64_t columns = s->columns, V = s->condition->count;
    const float *rows = ddpm_shared_data(slot);
    memcpy(x + i * columns, rows + row * columns, (size_t)columns * sizeof *x);
    if (V > 0 && values) memcpy(values + i * V, values_of(s, slot, pages) + row * V, (size_t)V * sizeof *values);
}

void ddpm_stream_fill(const ddpm_stream *stream, int64_t first, int64_t count, float *x, float *values)
{
    enum { TOGETHER = 32 }; /* rows are scattered over the window, so some are prefetched before they are copied */
    int64_t places[TOGETHER];
    window w = {0};
    for (int64_t done = 0, some; done < count; done += some) {
        const int64_t position = first + done;
        if (position >= w.first + w.rows) w = window_of(stream, position);
        const ddpm_shared *slot = stream->slots[w.number % SLOTS];
        const float *rows = ddpm_shared_data(slot);
        some = ddpm_smaller(ddpm_smaller(TOGETHER, count - done), w.first + w.rows - position);
        for (int64_t i = 0; i < some; i++) places[i] = position + i - w.first;
        ddpm_permutation_map(&w.order, some, places);
        for (int64_t i = 0; i < some; i++) __builtin_prefetch(rows + places[i] * stream->columns);
        for (int64_t i = 0; i < some; i++) copy_row(stream, slot, stream->window_pages, places[i], done + i, x, values);
    }
}

int64_t ddpm_stream_row(const ddpm_stream *stream, int64_t position)
{
    const window w = window_of(stream, position);
    const int64_t epoch = position / stream->training_rows, index = w.number % stream->windows;
    const int64_t at = ddpm_permutation_at(&w.order, position - w.first);
    const ddpm_permutation order = ddpm_permutation_make(
        stream->seed, DDPM_RANDOM_ORDER, page_order_step(stream, epoch), stream->full_pages - stream->held_out_pages);
    int64_t rows;
    return page_at(stream, &order, index * stream->window_pages + at / stream->page_rows, &rows) +
           at % stream->page_rows;
}

void ddpm_stream_fill_held_out(const ddpm_stream *stream, int64_t first, int64_t count, float *x, float *values)
{
    for (int64_t i = 0; i < count; i++) copy_row(stream, stream->kept, stream->kept_pages, first + i, i, x, values);
}
