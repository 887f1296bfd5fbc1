/* Reads columns of tables. */
#include "file/h5_column.h"
#include "file/h5_handle.h"

#include "base/memory.h"
#include "base/text_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CACHE_SLOTS = 521,
    TEXT_ROWS = 1 << 13,  /* read at once */
    TEXTS_BYTES = 1 << 20 /* of them, at most */
};

struct ddpm_h5_column {
    ddpm_h5 *file;
    char *label;  /* for messages */
    char *member; /* of a compound dataset, else NULL */
    hid_t id;     /* of the dataset */
    hid_t type;   /* of an element in the file */
    ddpm_h5_element element;
    int is_truth; /* a bit field of one byte, as PyTables writes truth values, is read as h5py's enumeration of them */
    ddpm_h5_shape shape;
};

/* ---- opening ---- */

static ddpm_status copy_text(const char *text, char **out)
{
    DDPM_TRY(DDPM_NEW(out, (int64_t)strlen(text) + 1, "a name"));
    memcpy(*out, text, strlen(text));
    return DDPM_OK;
}

static ddpm_status open_dataset(ddpm_h5_column *c, const char *name, int64_t cache)
{
    const hid_t access = H5Pcopy(c->file->dataset_access);
    if (access < 0 || ddpm_h5_set_chunk_cache(access, CACHE_SLOTS, (size_t)cache) < 0) {
        if (access >= 0) (void)H5Pclose(access);
        return ddpm_h5_fail(DDPM_ERR_INTERNAL, c->file, name, "could not be set up");
    }
    c->id = H5Dopen2(c->file->id, name, access);
    const ddpm_status status = c->id < 0 ? ddpm_h5_fail(DDPM_ERR_DATA, c->file, name, "could not be opened") : DDPM_OK;
    (void)H5Pclose(access);
    return status == DDPM_OK ? ddpm_h5_dataset_describe(c->file, name, c->id, &c->shape) : status;
}

/* The type of an element, and what it is. */
static ddpm_status find_type(ddpm_h5_column *c)
{
    const hid_t whole = H5Dget_type(c->id);
    const int at = c->member && whole >= 0 ? H5Tget_member_index(whole, c->member) : 0;
    c->type = whole < 0 || at < 0 ? H5I_INVALID_HID
              : c->member         ? H5Tget_member_type(whole, (unsigned)at)
                                  : H5Tcopy(whole);
    if (whole >= 0) (void)H5Tclose(whole);
    if (c->type < 0) return ddpm_h5_fail(DDPM_ERR_DATA, c->file, c->label, "its type could not be read");
    ddpm_h5_type_describe(c->type, &c->shape);
    const H5T_class_t class = H5Tget_class(c->type);
    c->element = class == H5T_ENUM ? DDPM_H5_NAME : class == H5T_STRING ? DDPM_H5_TEXT : DDPM_H5_OTHER;
    if (c->shape.is_number) c->element = DDPM_H5_NUMBER;
    if (class == H5T_BITFIELD && H5Tget_size(c->type) == 1) {
        c->element = DDPM_H5_NAME;
        c->shape.type = DDPM_NUMBER_UINT8;
        c->is_truth = 1;
    }
    return DDPM_OK;
}

static ddpm_status build(ddpm_h5_column *c, const char *object, ddpm_h5_kind kind, const char *member, int64_t cache)
{
    char label[2 * DDPM_H5_OUTSIDE_BYTES];
    snprintf(label, sizeof label, "%s/%s", object, member);
    DDPM_TRY(copy_text(label, &c->label));
    if (kind == DDPM_H5_COMPOUND) DDPM_TRY(copy_text(member, &c->member));
    DDPM_TRY(open_dataset(c, c->member ? object : label, cache));
    return find_type(c);
}

ddpm_status ddpm_h5_column_open(ddpm_h5 *file, const char *object, ddpm_h5_kind kind, const char *member, int64_t cache,
                                ddpm_h5_column **out)
{
    DDPM_H5_READING(file->path);
    ddpm_h5_column *c = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&c, 1, "a column"));
    c->file = file;
    c->id = c->type = H5I_INVALID_HID;
    const ddpm_status status = build(c, object, kind, member, cache);
    if (status == DDPM_OK)
        *out = c;
    else
        ddpm_h5_column_close(c);
    return status;
}

void ddpm_h5_column_close(ddpm_h5_column *column)
{
    if (!column) return;
    if (column->type >= 0) (void)H5Tclose(column->type);
    if (column->id >= 0) (void)H5Dclose(column->id);
    ddpm_release(column->label);
    ddpm_release(column->member);
    ddpm_release(column);
}

ddpm_h5_element ddpm_h5_column_element(const ddpm_h5_column *column)
{
    return column->element;
}

const ddpm_h5_shape *ddpm_h5_column_shape(const ddpm_h5_column *column)
{
    return &column->shape;
}

/* ---- names ---- */

/* The code of a member, which the file holds in the enumeration's own type. */
static int read_code(hid_t type, hid_t base, unsigned member, int64_t *code)
{
    char value[64] = {0};
    if (H5Tget_size(base) > sizeof value || H5Tget_member_value(type, member, value) < 0 ||
        H5Tconvert(base, H5T_NATIVE_INT64, 1, value, NULL, H5P_DEFAULT) < 0)
        return -1;
    memcpy(code, value, sizeof *code);
    return 0;
}

static ddpm_status read_codes(const ddpm_h5_column *c, int64_t count, int64_t *codes)
{
    const hid_t base = H5Tget_super(c->type);
    int failed = base < 0;
    for (int64_t i = 0; i < count && !failed; i++) failed = read_code(c->type, base, (unsigned)i, &codes[i]) != 0;
    const ddpm_status status =
        failed ? ddpm_h5_fail(DDPM_ERR_DATA, c->file, c->label, "its enumeration could not be read") : DDPM_OK;
    if (base >= 0) (void)H5Tclose(base);
    return status;
}

/* Copy the names into one block, of which `bytes` follow the pointers. */
static ddpm_status read_names(const ddpm_h5_column *c, int64_t count, char ***names)
{
    size_t bytes = 0;
    for (int pass = 0; pass < 2; pass++) {
        char *at = pass ? (char *)(*names + count) : NULL;
        for (int64_t i = 0; i < count; i++) {
            char *name = H5Tget_member_name(c->type, (unsigned)i);
            if (!name) return ddpm_h5_fail(DDPM_ERR_DATA, c->file, c->label, "its enumeration could not be read");
            bytes += strlen(name) + 1;
            if (pass) {
                (*names)[i] = at;
                at = stpcpy(at, name) + 1;
            }
            (void)H5free_memory(name);
        }
        if (!pass) DDPM_TRY(ddpm_allocate(names, count * (int64_t)sizeof(char *) + (int64_t)bytes, 1, "names"));
    }
    return DDPM_OK;
}

static ddpm_status name_truths(char ***names, int64_t **codes)
{
    DDPM_TRY(ddpm_texts_copy(2, (const char *const[]){"FALSE", "TRUE"}, "names", names));
    DDPM_TRY(DDPM_NEW(codes, 2, "codes"));
    (*codes)[1] = 1;
    return DDPM_OK;
}

ddpm_status ddpm_h5_column_names(const ddpm_h5_column *column, int64_t *count, char ***names, int64_t **codes)
{
    DDPM_H5_READING(column->file->path);
    const int members = column->is_truth ? 2 : H5Tget_nmembers(column->type);
    *names = NULL;
    *codes = NULL;
    *count = members;
    if (members < 0)
        return ddpm_h5_fail(DDPM_ERR_DATA, column->file, column->label, "its enumeration could not be read");
    ddpm_status status = column->is_truth ? name_truths(names, codes) : DDPM_NEW(codes, members, "codes");
    if (status == DDPM_OK && !column->is_truth) status = read_codes(column, members, *codes);
    if (status == DDPM_OK && !column->is_truth) status = read_names(column, members, names);
    if (status != DDPM_OK) {
        ddpm_release(*names);
        ddpm_release(*codes);
        *names = NULL;
        *codes = NULL;
    }
    return status;
}

/* ---- reading ---- */

/* The type in memory of an element, within a compound that has it alone where the file has one. */
static hid_t in_memory(const ddpm_h5_column *c, hid_t element)
{
    if (element < 0 || !c->member) return element < 0 ? element : H5Tcopy(element);
    const hid_t type = H5Tcreate(H5T_COMPOUND, H5Tget_size(element));
    if (type >= 0 && H5Tinsert(type, c->member, 0, element) >= 0) return type;
    if (type >= 0) (void)H5Tclose(type);
    return H5I_INVALID_HID;
}

/* Read rows in a type of memory. */
static ddpm_status read_slab(const ddpm_h5_column *c, hid_t element, int64_t first, int64_t count, hid_t transfer,
                             void *to)
{
    ddpm_status status = DDPM_OK;
    const hsize_t start = (hsize_t)first, edge = (hsize_t)count;
    const hid_t type = in_memory(c, element), in_file = H5Dget_space(c->id), room = H5Screate_simple(1, &edge, NULL);
    if (type < 0 || in_file < 0 || room < 0 ||
        H5Sselect_hyperslab(in_file, H5S_SELECT_SET, &start, NULL, &edge, NULL) < 0 ||
        H5Dread(c->id, type, room, in_file, transfer, to) < 0)
        status = ddpm_h5_fail(DDPM_ERR_DATA, c->file, c->label, "rows could not be read");
    if (type >= 0) (void)H5Tclose(type);
    if (in_file >= 0) (void)H5Sclose(in_file);
    if (room >= 0) (void)H5Sclose(room);
    return status;
}

static ddpm_status check_range(const ddpm_h5_column *c, int64_t first, int64_t count)
{
    if (c->shape.dims == 1 && first >= 0 && count >= 0 && count <= c->shape.size[0] &&
        first <= c->shape.size[0] - count)
        return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s: %lld rows from row %lld on are not there", c->file->path, c->label,
                     (long long)count, (long long)first);
}

/* Bytes are read to the end of the room for the numbers, and become numbers from its beginning on. */
static ddpm_status read_truths(const ddpm_h5_column *c, int64_t first, int64_t count, double *values)
{
    const uint8_t *bytes = (const uint8_t *)values + (sizeof *values - 1) * (size_t)count;
    DDPM_TRY(read_slab(c, H5T_NATIVE_B8, first, count, H5P_DEFAULT, (void *)(uintptr_t)bytes));
    for (int64_t i = 0; i < count; i++) {
        const double truth = bytes[i] != 0;
        memcpy(&values[i], &truth, sizeof truth);
    }
    return DDPM_OK;
}

ddpm_status ddpm_h5_column_read(const ddpm_h5_column *column, int64_t first, int64_t count, double *values)
{
    DDPM_H5_READING(column->file->path);
    DDPM_TRY(check_range(column, first, count));
    if (count == 0) return DDPM_OK;
    if (column->is_truth) return read_truths(column, first, count, values);
    return read_slab(column, H5T_NATIVE_DOUBLE, first, count, H5P_DEFAULT, values);
}

/* ---- texts ---- */

/* Where HDF5 puts texts of variable length. What does not fit makes it fail, so that a file that claims long texts
 * costs no more memory than this. */
typedef struct arena {
    char *bytes; /* [room] */
    size_t room, used;
    int is_full;
} arena;

static void *arena_take(size_t size, void *context)
{
    arena *a = context;
    if (size > a->room - a->used) {
        a->is_full = 1;
        return NULL;
    }
    void *taken = a->bytes + a->used;
    a->used += size;
    return taken;
}

static void arena_leave(void *memory, void *context)
{
    (void)memory, (void)context;
}

typedef struct text_reader {
    const ddpm_h5_column *column;
    int is_variable;
    hid_t type, transfer;
    size_t width; /* bytes of an element in memory: a pointer, or a text of fixed length with a zero behind it */
    arena arena;
    char **pointers;
} text_reader;

static ddpm_status refuse_long(const ddpm_h5_column *c, int64_t row)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s: the text of row %lld (from 0) has more than %d bytes", c->file->path,
                     c->label, (long long)row, DDPM_H5_COLUMN_TEXT_BYTES);
}

static ddpm_status prepare_reader(text_reader *r, int64_t count)
{
    const ddpm_h5_column *c = r->column;
    r->is_variable = H5Tis_variable_str(c->type) > 0;
    r->width = r->is_variable ? sizeof(char *) : H5Tget_size(c->type) + 1;
    if (!r->is_variable && r->width > DDPM_H5_COLUMN_TEXT_BYTES + 1) return refuse_long(c, 0);
    const int64_t rows = ddpm_smaller(count, TEXT_ROWS);
    const int64_t room =
        ddpm_smaller(TEXTS_BYTES, rows * (r->is_variable ? DDPM_H5_COLUMN_TEXT_BYTES + 1 : (int64_t)r->width));
    r->arena.room = (size_t)room;
    DDPM_TRY(DDPM_NEW(&r->arena.bytes, room, "texts"));
    if (r->is_variable) DDPM_TRY(DDPM_NEW(&r->pointers, rows, "texts"));
    r->type = H5Tcopy(H5T_C_S1);
    r->transfer = H5Pcreate(H5P_DATASET_XFER);
    if (r->type < 0 || r->transfer < 0 || H5Tset_size(r->type, r->is_variable ? H5T_VARIABLE : r->width) < 0 ||
        H5Tset_cset(r->type, H5Tget_cset(c->type)) < 0 || H5Tset_strpad(r->type, H5T_STR_NULLTERM) < 0 ||
        H5Pset_vlen_mem_manager(r->transfer, arena_take, &r->arena, arena_leave, NULL) < 0)
        return ddpm_h5_fail(DDPM_ERR_INTERNAL, c->file, c->label, "could not be set up");
    return DDPM_OK;
}

/* Read as many rows as fit, of `*count` at most. */
static ddpm_status read_piece(text_reader *r, int64_t first, int64_t *count)
{
    if (!r->is_variable) *count = ddpm_smaller(*count, (int64_t)(TEXTS_BYTES / r->width));
    for (;; *count /= 2) {
        r->arena.used = 0;
        r->arena.is_full = 0;
        void *to = r->is_variable ? (void *)r->pointers : r->arena.bytes;
        const ddpm_status status = read_slab(r->column, r->type, first, *count, r->transfer, to);
        if (status == DDPM_OK || !r->arena.is_full) return status;
        if (*count == 1) return refuse_long(r->column, first);
    }
}

static ddpm_status visit_piece(const text_reader *r, int64_t first, int64_t count,
                               ddpm_status (*visit)(void *context, int64_t row, const char *text), void *context)
{
    for (int64_t i = 0; i < count; i++) {
        const char *text = r->is_variable ? r->pointers[i] : r->arena.bytes + (size_t)i * r->width;
        if (!text) text = "";
        if (strnlen(text, DDPM_H5_COLUMN_TEXT_BYTES + 1) > DDPM_H5_COLUMN_TEXT_BYTES)
            return refuse_long(r->column, first + i);
        DDPM_TRY(visit(context, first + i, text));
    }
    return DDPM_OK;
}

ddpm_status ddpm_h5_column_read_texts(const ddpm_h5_column *column, int64_t first, int64_t count,
                                      ddpm_status (*visit)(void *context, int64_t row, const char *text), void *context)
{
    DDPM_H5_READING(column->file->path);
    text_reader r = {.column = column, .type = H5I_INVALID_HID, .transfer = H5I_INVALID_HID};
    ddpm_status status = check_range(column, first, count);
    if (status == DDPM_OK) status = prepare_reader(&r, count);
    for (int64_t done = 0; done < count && status == DDPM_OK;) {
        int64_t part = ddpm_smaller(TEXT_ROWS, count - done);
        status = read_piece(&r, first + done, &part);
        if (status == DDPM_OK) status = visit_piece(&r, first + done, part, visit, context);
        done += part;
    }
    if (r.type >= 0) (void)H5Tclose(r.type);
    if (r.transfer >= 0) (void)H5Pclose(r.transfer);
    ddpm_release(r.arena.bytes);
    ddpm_release(r.pointers);
    return status;
}
