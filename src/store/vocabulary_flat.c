/* From columns to flat arrays, and back. */
#include "store/vocabulary_flat.h"

#include "base/memory.h"
#include "base/text_list.h"
#include "model/twins.h"

#include <float.h>
#include <string.h>

#define GROUP "vocabulary/"

const ddpm_flat_count ddpm_flat_counts[DDPM_FLAT_COUNTS] = {
    [DDPM_FLAT_KIND] = {GROUP "kind", 0, DDPM_FLAT_ORDERED},
    [DDPM_FLAT_NUMBER] = {GROUP "number", 0, DDPM_NUMBERS - 1},
    [DDPM_FLAT_TEXT] = {GROUP "text", 0, 1},
    [DDPM_FLAT_CATEGORIES] = {GROUP "categories", 0, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_CODES] = {GROUP "codes", 0, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_GAP] = {GROUP "gap", -1, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_SPIKES] = {GROUP "spikes", 0, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_BINS] = {GROUP "bins", 0, DDPM_VOCABULARY_BINS},
    [DDPM_FLAT_DECIMALS] = {GROUP "decimals", DDPM_VOCABULARY_MIXED, DBL_DIG},
    [DDPM_FLAT_REPEATS] = {GROUP "repeats", 0, 1},
    [DDPM_FLAT_TWIN] = {GROUP "twin", 0, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_NEAR_SPIKES] = {GROUP "near_spikes", 0, DDPM_VOCABULARY_TOKENS_MAX},
    [DDPM_FLAT_NEAR_BINS] = {GROUP "near_bins", 0, DDPM_VOCABULARY_BINS},
    [DDPM_FLAT_NEAR_REPEATS] = {GROUP "near_repeats", 0, 1},
    [DDPM_FLAT_SCORES] = {GROUP "scores", 0, 1},
    [DDPM_FLAT_STEP] = {GROUP "step", 0, INT64_C(1) << 53},
    [DDPM_FLAT_RARE] = {GROUP "rare", 0, 1},
};

const char *const ddpm_flat_real_names[DDPM_FLAT_REALS] = {GROUP "spike",      GROUP "knot",      GROUP "rows",
                                                           GROUP "near_spike", GROUP "near_knot", GROUP "near_rows"};
const char *const ddpm_flat_text_names[DDPM_FLAT_TEXTS] = {GROUP "name", GROUP "units", GROUP "format"};
const char ddpm_flat_code_name[] = GROUP "code";

void ddpm_flat_release(ddpm_flat_vocabulary *f)
{
    ddpm_release(f->count[0]);
    for (int i = 0; i < DDPM_FLAT_REALS; i++) ddpm_release(f->real[i]);
    ddpm_release(f->code);
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) ddpm_release(f->text[i]);
    *f = (ddpm_flat_vocabulary){0};
}

int64_t ddpm_flat_reals_of(const ddpm_flat_vocabulary *f, int kind, int64_t j)
{
    const int is_near = kind >= DDPM_FLAT_NEAR_SPIKE;
    const int64_t spikes = f->count[is_near ? DDPM_FLAT_NEAR_SPIKES : DDPM_FLAT_SPIKES][j],
                  bins = f->count[is_near ? DDPM_FLAT_NEAR_BINS : DDPM_FLAT_BINS][j];
    if (is_near && f->count[DDPM_FLAT_TWIN][j] == 0) return 0;
    if (kind == DDPM_FLAT_SPIKE || kind == DDPM_FLAT_NEAR_SPIKE) return spikes;
    if (kind == DDPM_FLAT_KNOT || kind == DDPM_FLAT_NEAR_KNOT) return bins > 0 ? bins * DDPM_VOCABULARY_KNOTS + 1 : 0;
    return 1 + spikes + bins;
}

int64_t ddpm_flat_reals(const ddpm_flat_vocabulary *f, int kind)
{
    int64_t total = 0;
    for (int64_t j = 0; j < f->columns; j++) total += ddpm_flat_reals_of(f, kind, j);
    return total;
}

int64_t ddpm_flat_total(const ddpm_flat_vocabulary *f, int count)
{
    int64_t sum = 0;
    for (int64_t j = 0; j < f->columns; j++) sum += f->count[count][j];
    return sum;
}

ddpm_status ddpm_flat_allocate_counts(ddpm_flat_vocabulary *f)
{
    int64_t *block = NULL;
    DDPM_TRY(DDPM_NEW(&block, DDPM_FLAT_COUNTS * f->columns, "a vocabulary"));
    for (int i = 0; i < DDPM_FLAT_COUNTS; i++) f->count[i] = block + i * f->columns;
    return DDPM_OK;
}

ddpm_status ddpm_flat_allocate_values(ddpm_flat_vocabulary *f)
{
    for (int i = 0; i < DDPM_FLAT_REALS; i++) DDPM_TRY(DDPM_NEW(&f->real[i], ddpm_flat_reals(f, i), "a vocabulary"));
    DDPM_TRY(DDPM_NEW(&f->code, ddpm_flat_total(f, DDPM_FLAT_CODES), "a vocabulary"));
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) DDPM_TRY(DDPM_NEW(&f->text[i], f->text_bytes[i], "a vocabulary"));
    return DDPM_OK;
}

/* ---- from columns to flat arrays ---- */

static int64_t codes_of(const ddpm_column_layout *l)
{
    if (l->kind == DDPM_COLUMN_NUMBER) return l->has_gap_number != 0;
    return l->codes ? l->count : 0;
}

/* A text of a column, "" where it has none. */
static const char *text_of(const ddpm_column_layout *l, int which)
{
    const char *text = which == DDPM_FLAT_UNITS ? l->units : l->format;
    return text ? text : "";
}

static void flatten_counts(const ddpm_vocabulary *v, ddpm_flat_vocabulary *f)
{
    for (int64_t j = 0; j < f->columns; j++) {
        const ddpm_column_vocabulary *c = &v->column[j];
        const int64_t counts[DDPM_FLAT_COUNTS] = {
            [DDPM_FLAT_KIND] = c->layout.is_ordered ? DDPM_FLAT_ORDERED : (int64_t)c->layout.kind,
            [DDPM_FLAT_NUMBER] = c->layout.number,
            [DDPM_FLAT_TEXT] = c->layout.is_text,
            [DDPM_FLAT_CATEGORIES] = c->layout.count,
            [DDPM_FLAT_CODES] = codes_of(&c->layout),
            [DDPM_FLAT_GAP] = c->layout.gap,
            [DDPM_FLAT_SPIKES] = c->spikes,
            [DDPM_FLAT_BINS] = c->bins,
            [DDPM_FLAT_DECIMALS] = c->decimals,
            [DDPM_FLAT_REPEATS] = c->repeats,
            [DDPM_FLAT_TWIN] = c->twin,
            [DDPM_FLAT_NEAR_SPIKES] = c->near ? c->near->spikes : 0,
            [DDPM_FLAT_NEAR_BINS] = c->near ? c->near->bins : 0,
            [DDPM_FLAT_NEAR_REPEATS] = c->near ? c->near->repeats : 0,
            [DDPM_FLAT_SCORES] = c->has_scores,
            [DDPM_FLAT_STEP] = c->step,
            [DDPM_FLAT_RARE] = c->has_rare,
        };
        for (int i = 0; i < DDPM_FLAT_COUNTS; i++) f->count[i][j] = counts[i];
        for (int64_t i = 0; i < c->layout.count; i++)
            f->text_bytes[DDPM_FLAT_NAME] += (int64_t)strlen(c->layout.names[i]) + 1;
        for (int i = DDPM_FLAT_UNITS; i < DDPM_FLAT_TEXTS; i++)
            f->text_bytes[i] += (int64_t)strlen(text_of(&c->layout, i)) + 1;
    }
}

static void flatten_values(const ddpm_vocabulary *v, const ddpm_flat_vocabulary *f)
{
    double *real[DDPM_FLAT_REALS];
    char *text[DDPM_FLAT_TEXTS];
    int64_t *code = f->code;
    memcpy(real, f->real, sizeof real);
    memcpy(text, f->text, sizeof text);
    for (int64_t j = 0; j < f->columns; j++) {
        const ddpm_column_vocabulary *c = &v->column[j];
        const ddpm_column_vocabulary none = {0}, *near = c->near ? c->near : &none;
        const double *const from[DDPM_FLAT_REALS] = {c->spike, c->knot, c->rows, near->spike, near->knot, near->rows};
        for (int i = 0; i < DDPM_FLAT_REALS; i++)
            for (int64_t n = 0; n < ddpm_flat_reals_of(f, i, j); n++) *real[i]++ = from[i][n];
        for (int64_t n = 0; n < f->count[DDPM_FLAT_CODES][j]; n++)
            *code++ = c->layout.kind == DDPM_COLUMN_NUMBER ? c->layout.gap_number : c->layout.codes[n];
        for (int64_t n = 0; n < c->layout.count; n++)
            text[DDPM_FLAT_NAME] = stpcpy(text[DDPM_FLAT_NAME], c->layout.names[n]) + 1;
        for (int i = DDPM_FLAT_UNITS; i < DDPM_FLAT_TEXTS; i++) text[i] = stpcpy(text[i], text_of(&c->layout, i)) + 1;
    }
}

ddpm_status ddpm_flat_make(const ddpm_vocabulary *v, ddpm_flat_vocabulary *f)
{
    *f = (ddpm_flat_vocabulary){.columns = v->columns, .is_array = v->is_array};
    DDPM_TRY(ddpm_flat_allocate_counts(f));
    flatten_counts(v, f);
    DDPM_TRY(ddpm_flat_allocate_values(f));
    flatten_values(v, f);
    return DDPM_OK;
}

/* ---- and back ---- */

static const char *after(const char *text)
{
    return text + strlen(text) + 1;
}

/* Copy the column's names, which begin at *from, and move it behind them. */
static ddpm_status build_names(int64_t count, const char **from, char ***out)
{
    const char **names = NULL;
    if (count == 0) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&names, count, "names of categories"));
    for (int64_t i = 0; i < count; i++, *from = after(*from)) names[i] = *from;
    const ddpm_status status = ddpm_texts_copy(count, names, "names of categories", out);
    ddpm_release((void *)names);
    return status;
}

/* Copy a column's text, unless it is "", and move *from behind it. */
static ddpm_status build_text(const char **from, char **out)
{
    const char *text = *from;
    *from = after(text);
    return *text ? ddpm_text_copy(text, "the texts of a column", out) : DDPM_OK;
}

static ddpm_status build_layout(const ddpm_flat_vocabulary *f, int64_t j, const int64_t *code,
                                const char *text[DDPM_FLAT_TEXTS], ddpm_column_layout *out)
{
    const int64_t codes = f->count[DDPM_FLAT_CODES][j];
    const int is_ordered = f->count[DDPM_FLAT_KIND][j] == DDPM_FLAT_ORDERED;
    *out =
        (ddpm_column_layout){.kind = is_ordered ? DDPM_COLUMN_CATEGORY : (ddpm_column_kind)f->count[DDPM_FLAT_KIND][j],
                             .is_ordered = is_ordered,
                             .number = (ddpm_number)f->count[DDPM_FLAT_NUMBER][j],
                             .is_text = f->count[DDPM_FLAT_TEXT][j] != 0,
                             .count = f->count[DDPM_FLAT_CATEGORIES][j],
                             .gap = f->count[DDPM_FLAT_GAP][j]};
    DDPM_TRY(build_names(out->count, &text[DDPM_FLAT_NAME], &out->names));
    if (codes > 0 && out->kind == DDPM_COLUMN_NUMBER) {
        out->has_gap_number = 1;
        out->gap_number = *code;
    } else if (codes > 0) {
        DDPM_TRY(DDPM_NEW(&out->codes, codes, "codes of categories"));
        memcpy(out->codes, code, (size_t)codes * sizeof *code);
    }
    DDPM_TRY(build_text(&text[DDPM_FLAT_UNITS], &out->units));
    return build_text(&text[DDPM_FLAT_FORMAT], &out->format);
}

static ddpm_status build_near(const ddpm_flat_vocabulary *f, int64_t j, ddpm_column_vocabulary *c)
{
    c->twin = f->count[DDPM_FLAT_TWIN][j];
    if (c->twin == 0) return DDPM_OK;
    DDPM_TRY(ddpm_twins_allocate_near(c));
    c->near->repeats = (int)f->count[DDPM_FLAT_NEAR_REPEATS][j];
    return ddpm_vocabulary_allocate_column(f->count[DDPM_FLAT_NEAR_SPIKES][j], f->count[DDPM_FLAT_NEAR_BINS][j],
                                           c->near);
}

ddpm_status ddpm_flat_build(const ddpm_flat_vocabulary *f, ddpm_vocabulary *out)
{
    const double *real[DDPM_FLAT_REALS];
    const char *text[DDPM_FLAT_TEXTS];
    const int64_t *code = f->code;
    for (int i = 0; i < DDPM_FLAT_REALS; i++) real[i] = f->real[i];
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) text[i] = f->text[i];
    DDPM_TRY(ddpm_vocabulary_allocate(f->columns, out));
    out->is_array = f->is_array != 0;
    for (int64_t j = 0; j < f->columns; j++) {
        ddpm_column_vocabulary *c = &out->column[j];
        DDPM_TRY(ddpm_vocabulary_allocate_column(f->count[DDPM_FLAT_SPIKES][j], f->count[DDPM_FLAT_BINS][j], c));
        DDPM_TRY(build_layout(f, j, code, text, &c->layout));
        c->decimals = (int)f->count[DDPM_FLAT_DECIMALS][j];
        c->repeats = (int)f->count[DDPM_FLAT_REPEATS][j];
        c->has_scores = f->count[DDPM_FLAT_SCORES][j] != 0;
        c->step = f->count[DDPM_FLAT_STEP][j];
        c->has_rare = f->count[DDPM_FLAT_RARE][j] != 0;
        DDPM_TRY(build_near(f, j, c));
        const ddpm_column_vocabulary none = {0}, *near = c->near ? c->near : &none;
        double *const to[DDPM_FLAT_REALS] = {c->spike, c->knot, c->rows, near->spike, near->knot, near->rows};
        for (int i = 0; i < DDPM_FLAT_REALS; i++)
            for (int64_t n = 0; n < ddpm_flat_reals_of(f, i, j); n++) to[i][n] = *real[i]++;
        code += f->count[DDPM_FLAT_CODES][j];
    }
    return ddpm_twins_link(out);
}

ddpm_status ddpm_vocabulary_copy(const ddpm_vocabulary *from, ddpm_vocabulary *out)
{
    ddpm_flat_vocabulary flat;
    *out = (ddpm_vocabulary){0};
    ddpm_status status = ddpm_flat_make(from, &flat);
    if (status == DDPM_OK) status = ddpm_flat_build(&flat, out);
    ddpm_flat_release(&flat);
    return status;
}
