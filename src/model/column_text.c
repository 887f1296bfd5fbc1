/* Describes columns of a vocabulary in words. */
#include "model/column_text.h"

#include "base/printable.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { LISTED = 4 /* names, with their shares */, NAME_BYTES = 61 };

typedef struct text {
    char *out;
    size_t bytes, used;
} text;

DDPM_PRINTF(2, 3) static void say(text *t, const char *format, ...)
{
    va_list arguments;
    if (t->used + 1 >= t->bytes) return;
    va_start(arguments, format);
    t->used += (size_t)vsnprintf(t->out + t->used, t->bytes - t->used, format, arguments);
    va_end(arguments);
}

/* So much of a name as says which it is, in whole characters. */
static void say_name(text *t, const char *name)
{
    char some[NAME_BYTES];
    say(t, "%s", ddpm_printable_into(some, sizeof some, name));
}

static double all_rows(const ddpm_column_vocabulary *column)
{
    double rows = 0.0;
    for (int64_t k = 0; k < ddpm_column_tokens(column); k++) rows += column->rows[k];
    return rows;
}

/* Of the values with a token of their own, the most frequent that comes after token `after` (0: of all) in the order of
 * falling frequency; 0: there is none. */
static int64_t next_frequent(const ddpm_column_vocabulary *column, int64_t after)
{
    const double below = after > 0 ? column->rows[after] : INFINITY;
    int64_t best = 0;
    for (int64_t k = 1; k <= column->spikes; k++) {
        const int is_behind = column->rows[k] < below || (column->rows[k] == below && k > after);
        if (is_behind && (best == 0 || column->rows[k] > column->rows[best])) best = k;
    }
    return best;
}

/* As many digits as numbers of the column's type have; float32 has all of whole numbers up to 2^24. */
static void say_value(text *t, const ddpm_column_vocabulary *column, double value)
{
    const int is_exact = fabs(value) <= 0x1p24 && value == rint(value);
    say(t, "%.*g", column->layout.number == DDPM_NUMBER_FLOAT32 && !is_exact ? 7 : 10, value);
}

static void say_frequent(text *t, const ddpm_column_vocabulary *column)
{
    const double rows = all_rows(column);
    int64_t k = 0;
    for (int i = 0; i < LISTED && (k = next_frequent(column, k)) > 0; i++) {
        const double value = column->spike[k - 1];
        say(t, "%s", i ? ", " : ": ");
        if (column->layout.kind == DDPM_COLUMN_CATEGORY)
            say_name(t, column->layout.names[(int64_t)value]);
        else
            say_value(t, column, value);
        say(t, " %.3g %%", 100.0 * column->rows[k] / rows);
    }
    if (column->spikes > LISTED) say(t, ", ...");
}

static void say_range(text *t, const ddpm_column_vocabulary *column)
{
    double least, most;
    ddpm_vocabulary_range(column, &least, &most);
    if (!(least <= most)) return;
    say(t, " from ");
    say_value(t, column, least);
    say(t, " to ");
    say_value(t, column, most);
}

static void say_number(text *t, const ddpm_column_vocabulary *column)
{
    say(t, "number (%s)", ddpm_number_name(column->layout.number));
    if (column->layout.units) {
        say(t, " of ");
        say_name(t, column->layout.units);
    }
    if (!column->rows) return;
    say(t, ": ");
    if (column->bins == 0) {
        say(t, "%lld value%s", (long long)column->spikes, column->spikes == 1 ? "" : "s");
        say_range(t, column);
        return;
    }
    say(t, "%lld bin%s", (long long)column->bins, column->bins == 1 ? "" : "s");
    say_range(t, column);
    if (column->step > 1) say(t, " in steps of %.10g", (double)column->step * pow(10.0, -column->decimals));
    if (column->twin > 0)
        say(t, ", in %.3g %% of the rows %s column %lld (from 0)",
            100.0 * (1.0 - column->near->rows[0] / all_rows(column->near)),
            column->near->spikes == 1 && column->near->bins == 0 ? "the value of" : "near",
            (long long)column->twin - 1);
    if (column->spikes == 0) return;
    say(t, ", and %lld value%s of many rows", (long long)column->spikes, column->spikes == 1 ? "" : "s");
    say_frequent(t, column);
}

static void say_category(text *t, const ddpm_column_vocabulary *column)
{
    const int64_t names = column->layout.count - (column->layout.gap >= 0);
    say(t, "category (%s): %lld names", column->layout.is_text ? "text" : "enumeration", (long long)names);
    if (!column->rows) return;
    if (column->spikes < names) say(t, ", %lld of which occur", (long long)column->spikes);
    say_frequent(t, column);
}

const char *ddpm_column_describe(const ddpm_column_vocabulary *column, size_t bytes, char *out)
{
    text t = {.out = out, .bytes = bytes};
    *out = '\0';
    if (column->layout.kind == DDPM_COLUMN_CATEGORY)
        say_category(&t, column);
    else
        say_number(&t, column);
    if (!column->rows) return out;
    if (column->rows[0] > 0.0)
        say(&t, "; %.3g %% gaps", 100.0 * column->rows[0] / all_rows(column));
    else
        say(&t, "; no gaps");
    return out;
}
