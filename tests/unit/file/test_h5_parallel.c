/* All ranks write one file, and every rank checks all of it. For any number of ranks. */
#include "ranks.h"
#include "scratch.h"

#include "file/h5.h"

static int make(void **state)
{
    const int failed = ddpm_comm_rank(comm) == 0 && scratch_make(state);
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

/** Rank 0 makes the file with datasets rows [n][3] and boxes [2][n][3], all open it. */
static ddpm_h5 *open_shared(const char *name, int64_t n)
{
    ddpm_h5 *file = NULL;
    ddpm_status status = DDPM_OK;
    if (ddpm_comm_rank(comm) == 0) {
        status = ddpm_h5_create(in_scratch(name), 0, &file);
        if (status == DDPM_OK) status = ddpm_h5_declare(file, "rows", DDPM_H5_FLOAT32, 2, (const int64_t[]){n, 3});
        if (status == DDPM_OK) status = ddpm_h5_declare(file, "boxes", DDPM_H5_FLOAT32, 3, (const int64_t[]){2, n, 3});
        if (status == DDPM_OK) status = ddpm_h5_declare(file, "doubles", DDPM_H5_FLOAT64, 2, (const int64_t[]){n, 3});
        status = ddpm_h5_finish(&file, status);
    }
    expect_ok(ddpm_agree(comm, status));
    expect_ok(ddpm_h5_open_parallel(comm, in_scratch(name), &file));
    return file;
}

/** This rank's part of n rows. The parts differ in size, and rank 0 has none if there are other ranks. */
static int64_t share(int64_t n, int64_t *first)
{
    const int rank = ddpm_comm_rank(comm), others = ddpm_comm_size(comm) - 1;
    *first = others ? n * (rank ? rank - 1 : 0) / others : 0;
    return others ? (rank ? n * rank / others - *first : 0) : n;
}

static void test_slabs(void **state)
{
    enum { N = 1009 };
    float *data = calloc(2 * N * 3, sizeof *data), *back = calloc(2 * N * 3, sizeof *back);
    int64_t first;
    const int64_t count = share(N, &first);
    (void)state;
    assert_true(data && back);
    for (int i = 0; i < N * 3; i++) data[i] = (float)i;
    for (int i = 0; i < N * 3; i++) data[N * 3 + i] = (float)-i;
    ddpm_h5 *file = open_shared("slabs.h5", N);
    expect_ok(ddpm_h5_write_slab(file, "rows", DDPM_H5_FLOAT32, 2, (const int64_t[]){first, 0},
                                 (const int64_t[]){count, 3}, data + first * 3));
    for (int64_t m = 0; m < 2; m++)
        expect_ok(ddpm_h5_write_slab(file, "boxes", DDPM_H5_FLOAT32, 3, (const int64_t[]){m, first, 0},
                                     (const int64_t[]){count > 0, count, 3}, data + (m * N + first) * 3));
    expect_ok(ddpm_h5_close(&file));
    expect_ok(ddpm_h5_open(in_scratch("slabs.h5"), &file));
    expect_ok(ddpm_h5_read_rows(file, "rows", 0, N, back));
    assert_memory_equal(back, data, N * 3 * sizeof *data);
    expect_ok(ddpm_h5_read_rows(file, "boxes", 0, 2, back));
    assert_memory_equal(back, data, 2 * N * 3 * sizeof *data);
    expect_ok(ddpm_h5_close(&file));
    free(data);
    free(back);
}

/** The failure of one rank is a failure on all, and the file can still be written afterwards. */
static void test_failure_is_shared(void **state)
{
    const int last = ddpm_comm_rank(comm) == ddpm_comm_size(comm) - 1;
    const float data[3] = {1, 2, 3};
    ddpm_h5 *none, *file = open_shared("wrong.h5", 10);
    (void)state;
    expect_failure(ddpm_h5_write_slab(file, "rows", DDPM_H5_FLOAT32, 2, (const int64_t[]){last ? 10 : 0, 0},
                                      (const int64_t[]){last, 3}, data),
                   DDPM_ERR_INTERNAL, "outside its dimension 0 of 10");
    expect_failure(
        ddpm_h5_write_slab(file, "doubles", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 0}, (const int64_t[]){0, 3}, data),
        DDPM_ERR_INTERNAL, "is not a float32 dataset");
    expect_failure(ddpm_h5_write_slab(file, last ? "row" : "rows", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 0},
                                      (const int64_t[]){0, 3}, data),
                   DDPM_ERR_DATA, "did you mean 'rows'");
    expect_ok(ddpm_h5_write_slab(file, "rows", DDPM_H5_FLOAT32, 2, (const int64_t[]){0, 0}, (const int64_t[]){last, 3},
                                 data));
    expect_ok(ddpm_h5_close(&file));
    expect_failure(ddpm_h5_open_parallel(comm, in_scratch(last ? "not there" : "wrong.h5"), &none), DDPM_ERR_MISSING,
                   "not there");
    assert_null(none);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_failure_is_shared),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
