/* Tables with columns of different kinds: what is read of groups and of compound datasets, and what is refused. */
#include "data/table_file.h"

#include "base/log.h"
#include "base/memory.h"
#include "data/source.h"

enum { ROWS = 5 };

static const double weight[ROWS] = {1.5, NAN, -2.25, 1e300, 0.0};
static const int32_t age[ROWS] = {40, -1, 17, 40, 90};
static const int8_t cut[ROWS] = {7, 3, 9, 7, 3};
static const char city[ROWS][8] = {"Bonn", "", "Aachen", "Bonn", "Zug"};
static const char *const work[ROWS] = {"sales", "a longer name", "", "sales", "craft"};
static const char *const cuts[] = {"unknown", "good", "fair"};
static const int8_t codes[] = {9, 7, 3};

/* What the columns read as, in the order weight, age, cut, city, work. */
static const double expected[ROWS][5] = {
    {1.5, 40, 1, 1, 2}, {NAN, NAN, 2, NAN, 0}, {-2.25, 17, NAN, 0, NAN}, {1e300, 40, 1, 1, 2}, {0, 90, 2, 2, 1}};

static int make(void **state)
{
    ddpm_log_enable(0);
    return scratch_make(state);
}

static ddpm_data_spec spec_of(const char *file)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", in_scratch(file));
    return (ddpm_data_spec){.source = DDPM_DATA_HDF5, .path = path, .dataset = "data", .seed = 1};
}

static void put_all(hid_t file, hid_t group)
{
    const hid_t names = enumeration(3, cuts, codes), fixed = text_of(8), variable = text_of(H5T_VARIABLE);
    const int32_t none = -1, yes = 1;
    put_column(group, "age", H5T_STD_I32BE, H5T_NATIVE_INT32, ROWS, age);
    put_column(group, "city", fixed, fixed, ROWS, city);
    put_column(group, "cut", names, names, ROWS, cut);
    put_column(group, "weight", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, weight);
    put_column(group, "work", variable, variable, ROWS, work);
    put_attribute(file, "table/age", "gap", H5T_NATIVE_INT32, &none);
    put_text(file, "table/age", "units", "years");
    put_text(file, "table/age", "format", "%Y");
    put_text(file, "table/cut", "gap", "unknown");
    put_attribute(file, "table/cut", "ordered", H5T_NATIVE_INT32, &yes);
    put_attribute(file, "table/weight", "format", H5T_NATIVE_INT32, &yes); /* of another program */
    assert_true(H5Tclose(names) >= 0 && H5Tclose(fixed) >= 0 && H5Tclose(variable) >= 0);
}

static void write_group(const char *name)
{
    static const char order[5][8] = {"weight", "age", "cut", "city", "work"};
    hid_t group;
    const hid_t file = new_table(name, &group), text = text_of(8);
    const hsize_t columns = 5;
    const hid_t space = valid(H5Screate_simple(1, &columns, NULL));
    put_all(file, group);
    const hid_t id = valid(H5Acreate2(group, "columns", text, space, H5P_DEFAULT, H5P_DEFAULT));
    assert_true(H5Awrite(id, text, order) >= 0 && H5Aclose(id) >= 0 && H5Sclose(space) >= 0 && H5Tclose(text) >= 0);
    close_table(file, group);
}

static void expect_rows(ddpm_source *source, int columns, const int *which)
{
    double rows[ROWS * 5], column[ROWS];
    assert_int_equal(ddpm_source_rows(source), ROWS);
    assert_int_equal(ddpm_source_columns(source), columns);
    assert_int_equal(ddpm_source_holder(source), DDPM_NUMBER_FLOAT64);
    expect_ok(ddpm_source_read(source, DDPM_GAPS_ALLOWED, 0, 2, rows));
    expect_ok(ddpm_source_read(source, DDPM_GAPS_ALLOWED, 2, ROWS - 2, rows + 2 * columns));
    for (int j = 0; j < columns; j++) {
        expect_ok(ddpm_source_read_column(source, DDPM_GAPS_ALLOWED, j, 0, ROWS, column));
        for (int i = 0; i < ROWS; i++) {
            const double wanted = expected[i][which ? which[j] : j];
            if (!(column[i] == wanted || (isnan(wanted) && isnan(column[i]))))
                fail_msg("row %d, column %d is %g, expected %g", i, j, column[i], wanted);
            assert_true(memcmp(&rows[i * columns + j], &column[i], sizeof *rows) == 0);
        }
    }
}

static void groups(void **state)
{
    static const int kinds[] = {DDPM_COLUMN_NUMBER, DDPM_COLUMN_NUMBER, DDPM_COLUMN_CATEGORY, DDPM_COLUMN_CATEGORY,
                                DDPM_COLUMN_CATEGORY};
    ddpm_data_spec spec = spec_of("group.h5");
    ddpm_source *source;
    (void)state;
    write_group("group.h5");
    expect_ok(ddpm_source_open(&spec, &source));
    expect_rows(source, 5, NULL);
    const ddpm_column_layout *layouts = ddpm_source_layouts(source);
    for (int j = 0; j < 5; j++) assert_int_equal(layouts[j].kind, kinds[j]);
    assert_int_equal(layouts[1].number, DDPM_NUMBER_INT32);
    assert_true(layouts[1].has_gap_number && layouts[1].gap_number == -1 && !layouts[0].has_gap_number);
    assert_string_equal(layouts[1].units, "years");
    assert_true(!strcmp(layouts[1].format, "%Y") && !layouts[0].format);
    assert_true(layouts[2].count == 3 && layouts[2].gap == 0 && layouts[2].codes[2] == 3 && !layouts[2].is_text);
    assert_string_equal(layouts[2].names[1], "good");
    assert_true(layouts[2].is_ordered && !layouts[3].is_ordered);
    assert_true(layouts[4].is_text && layouts[4].count == 3 && layouts[4].gap == -1);
    assert_string_equal(layouts[4].names[0], "a longer name");
    ddpm_source_close(source);

    spec.columns = (ddpm_text_list){.count = 2, .items = (char *[]){"work", "age"}};
    expect_ok(ddpm_source_open(&spec, &source));
    assert_string_equal(ddpm_source_names(source)[0], "work");
    expect_rows(source, 2, (const int[]){4, 1});
    ddpm_source_close(source);
}

typedef struct record {
    double weight;
    int8_t cut;
    char city[8];
    const char *work;
} record;

static void compounds(void **state)
{
    ddpm_data_spec spec = spec_of("compound.h5");
    ddpm_source *source;
    record records[ROWS];
    (void)state;
    const hid_t file = valid(H5Fcreate(in_scratch("compound.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const hid_t names = enumeration(3, cuts, codes), fixed = text_of(8), variable = text_of(H5T_VARIABLE);
    const hid_t type = valid(H5Tcreate(H5T_COMPOUND, sizeof *records));
    assert_true(H5Tinsert(type, "weight", HOFFSET(record, weight), H5T_NATIVE_DOUBLE) >= 0);
    assert_true(H5Tinsert(type, "cut", HOFFSET(record, cut), names) >= 0);
    assert_true(H5Tinsert(type, "city", HOFFSET(record, city), fixed) >= 0);
    assert_true(H5Tinsert(type, "work", HOFFSET(record, work), variable) >= 0);
    for (int i = 0; i < ROWS; i++) {
        records[i] = (record){.weight = weight[i], .cut = cut[i] == 9 ? 7 : cut[i], .work = work[i]};
        memcpy(records[i].city, city[i], sizeof city[i]);
    }
    put_column(file, "data", type, type, ROWS, records);
    assert_true(H5Tclose(names) >= 0 && H5Tclose(fixed) >= 0 && H5Tclose(variable) >= 0 && H5Tclose(type) >= 0 &&
                H5Fclose(file) >= 0);
    spec.columns = (ddpm_text_list){.count = 3, .items = (char *[]){"work", "city", "weight"}};
    expect_ok(ddpm_source_open(&spec, &source));
    expect_rows(source, 3, (const int[]){4, 3, 0});
    ddpm_source_close(source);
}

/* Each of these is one line that names the file, the column and what helps. */
static void expect_refused(const ddpm_data_spec *spec, ddpm_status status, const char *words)
{
    ddpm_source *source;
    expect_failure(ddpm_source_open(spec, &source), status, words);
    assert_non_null(strstr(ddpm_error_message(), spec->path));
    assert_null(strchr(ddpm_error_message(), '\n'));
}

static void refusals(void **state)
{
    static const double ones[2 * ROWS] = {1, 2};
    static const int8_t wrong[ROWS] = {7, 3, 4, 7, 3};
    ddpm_data_spec spec = spec_of("bad.h5");
    const hsize_t square[] = {ROWS, 2};
    hid_t group;
    (void)state;
    const hid_t file = new_table("bad.h5", &group), names = enumeration(3, cuts, codes), fixed = text_of(8);
    put_column(group, "a", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, ROWS, ones);
    put_column(group, "b", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, ROWS + 1, ones);
    put_column(group, "c", names, names, ROWS, wrong);
    const hid_t space = valid(H5Screate_simple(2, square, NULL));
    const hid_t id = valid(H5Dcreate2(group, "d", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const hid_t opaque = valid(H5Tcreate(H5T_OPAQUE, sizeof *ones));
    put_column(group, "e", opaque, opaque, ROWS, ones);
    put_column(group, "g", H5T_STD_I8LE, H5T_NATIVE_INT8, ROWS, wrong);
    put_text(file, "table/g", "gap", "none");
    assert_true(H5Tclose(opaque) >= 0 && H5Dclose(id) >= 0 && H5Sclose(space) >= 0 && H5Tclose(names) >= 0 &&
                H5Tclose(fixed) >= 0);
    close_table(file, group);

    expect_refused(&spec, DDPM_ERR_DATA, "column 'b' of 'table' has 6 rows, but column 'a' has 5; leave it out");
    spec.columns = (ddpm_text_list){.count = 1, .items = (char *[]){"d"}};
    expect_refused(&spec, DDPM_ERR_DATA, "column 'd' of 'table' has 2 dimensions, not one");
    spec.columns.items[0] = "e";
    expect_refused(&spec, DDPM_ERR_DATA, "column 'e' of 'table' holds opaque bytes");
    spec.columns.items[0] = "g";
    expect_refused(&spec, DDPM_ERR_DATA, "attribute 'gap' of table/g: expected one integer");
    spec.columns.items[0] = "f";
    expect_refused(&spec, DDPM_ERR_DATA, "has no column 'f'");
    spec.condition = spec.columns;
    expect_refused(&spec, DDPM_ERR_CONFIG, "any of its columns can be given when sampling");
    spec.condition.count = 0;
    spec.pairs = 1;
    expect_refused(&spec, DDPM_ERR_CONFIG, "data.pairs");
    spec.pairs = 0;

    ddpm_source *source;
    double column[ROWS];
    spec.columns.items[0] = "c";
    expect_ok(ddpm_source_open(&spec, &source));
    expect_failure(ddpm_source_read_column(source, DDPM_GAPS_ALLOWED, 0, 0, ROWS, column), DDPM_ERR_DATA,
                   "column 'c' of 'table' has the code 4 in row 2 (from 0), which is no member");
    ddpm_source_close(source);
}

/* What a link leads to is a column as any other; a link that leads to none is no column less, but refused. */
static void links(void **state)
{
    static const struct {
        const char *target, *file, *found;
    } lost[] = {
        {"/absent", NULL, "is a soft link to '/absent', which leads to nothing"},
        {"/table/x", NULL, "is a soft link to '/table/x', which leads back to itself"},
        {"/store", NULL, "is a soft link to '/store', which leads to a group"},
        {"/table/age", "links.h5", "is an external link to 'links.h5:/table/age', which leads into another file"}};
    ddpm_data_spec spec = spec_of("links.h5");
    ddpm_source *source;
    hid_t group;
    (void)state;
    hid_t file = new_table("links.h5", &group);
    const hid_t store = valid(H5Gcreate2(file, "store", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const int32_t none = -1;
    put_column(store, "years", H5T_STD_I32BE, H5T_NATIVE_INT32, ROWS, age);
    put_attribute(file, "store/years", "gap", H5T_NATIVE_INT32, &none);
    put_column(group, "weight", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, ROWS, weight);
    assert_true(H5Lcreate_soft("/store/years", group, "age", H5P_DEFAULT, H5P_DEFAULT) >= 0 && H5Gclose(store) >= 0);
    close_table(file, group);
    expect_ok(ddpm_source_open(&spec, &source));
    assert_string_equal(ddpm_source_names(source)[0], "age");
    expect_rows(source, 2, (const int[]){1, 0});
    ddpm_source_close(source);

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        file = valid(H5Fopen(in_scratch("links.h5"), H5F_ACC_RDWR, H5P_DEFAULT));
        if (i > 0) assert_true(H5Ldelete(file, "table/x", H5P_DEFAULT) >= 0);
        assert_true((lost[i].file
                         ? H5Lcreate_external(lost[i].file, lost[i].target, file, "table/x", H5P_DEFAULT, H5P_DEFAULT)
                         : H5Lcreate_soft(lost[i].target, file, "table/x", H5P_DEFAULT, H5P_DEFAULT)) >= 0 &&
                    H5Fclose(file) >= 0);
        expect_refused(&spec, DDPM_ERR_DATA, "column 'x' of 'table' is a");
        expect_refused(&spec, DDPM_ERR_DATA, lost[i].found);
        expect_refused(&spec, DDPM_ERR_DATA, "or leave it out with data.columns");
    }
    spec.columns = (ddpm_text_list){.count = 1, .items = (char *[]){"weight"}};
    expect_ok(ddpm_source_open(&spec, &source));
    ddpm_source_close(source);
}

/* A column of texts that are all different is no category, and a text of any length costs no more memory. */
static void many_texts(void **state)
{
    enum { MANY = 70000, LONG = 3 << 20 };
    ddpm_data_spec spec = spec_of("texts.h5");
    char(*texts)[8] = calloc(MANY, sizeof *texts), *bomb = malloc(LONG);
    hid_t group;
    (void)state;
    assert_true(texts && bomb);
    for (int i = 0; i < MANY; i++) snprintf(texts[i], sizeof texts[i], "%d", i);
    memset(bomb, 'x', LONG);
    bomb[LONG - 1] = '\0';
    const hid_t file = new_table("texts.h5", &group), fixed = text_of(8), variable = text_of(H5T_VARIABLE);
    put_column(group, "id", fixed, fixed, MANY, texts);
    put_column(group, "note", variable, variable, 2, (const char *const[]){"short", bomb});
    assert_true(H5Tclose(fixed) >= 0 && H5Tclose(variable) >= 0);
    close_table(file, group);
    spec.columns = (ddpm_text_list){.count = 1, .items = (char *[]){"id"}};
    expect_refused(&spec, DDPM_ERR_DATA, "column 'id' of 'table' has more than 65536 different texts");
    spec.columns.items[0] = "note";
    expect_refused(&spec, DDPM_ERR_DATA, "table/note: the text of row 1 (from 0) has more than 4096 bytes");
    free(texts);
    free(bomb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(groups), TEST(compounds), TEST(refusals), TEST(links), TEST(many_texts)};
    return cmocka_run_group_tests(tests, make, scratch_remove);
}
