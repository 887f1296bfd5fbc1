/* Training inside a program, for tests: every rank gives some of the rows of a file.
 *
 *     push_rows CONFIG ROWS COLUMNS MOST WINDOW PARTS OUTPUT
 *
 * ROWS: float32. They are given in PARTS parts, with as many iterations after each as there are in all, divided by
 * PARTS; -1: all in one part, and each rank asks for other iterations; -2: every rank gives row 0. The model's sample 0
 * of seed 1 is printed by every rank. */
#include "ddpm/trainer.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All ranks have the same status, and end. */
static void check(ddpm_status status, const char *what)
{
    if (status == DDPM_OK) return;
    fprintf(stderr, "ddpm: %s: %s\n", what, ddpm_error_message());
    MPI_Finalize();
    exit(ddpm_status_exit_code(status));
}

static void push(ddpm_training *t, int64_t number, const float *row)
{
    if (ddpm_training_push(t, number, 1, row) != DDPM_OK) MPI_Abort(MPI_COMM_WORLD, 70);
}

static char *read_file(const char *path, long *bytes)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file || fseek(file, 0, SEEK_END) || (*bytes = ftell(file)) < 0 || fseek(file, 0, SEEK_SET)) exit(66);
    text = calloc((size_t)*bytes + 1, 1);
    if (!text || fread(text, 1, (size_t)*bytes, file) != (size_t)*bytes) exit(66);
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    long bytes;
    int rank, size;
    double loss;
    ddpm_training *t;
    ddpm_generator *g;
    MPI_Errhandler before, after;
    setlocale(LC_ALL, ""); /* as programs with windows do */
    MPI_Init(&argc, &argv);
    if (argc != 8) return 64;
    char *config = read_file(argv[1], &bytes);
    float *rows = (float *)read_file(argv[2], &bytes);
    const int64_t columns = atoll(argv[3]), count = bytes / 4 / columns, how = atoll(argv[6]),
                  parts = how > 0 ? how : 1;
    const ddpm_training_rows kept = {atoll(argv[4]), atoi(argv[5])};
    const char *iterations = strstr(config, "iterations: ");
    const int64_t each = (iterations ? atoll(iterations + 12) : 20000) / parts;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    check(ddpm_training_create(MPI_COMM_WORLD, config, columns, NULL, &kept, &t), "create");
    for (int64_t part = 0; part < parts; part++) {
        for (int64_t i = count * part / parts; i < count * (part + 1) / parts; i++)
            if ((i / 7) % size == rank || (how == -2 && i == 0)) push(t, i, rows + i * columns);
        check(ddpm_training_step(t, how == -1 ? each - rank : each, &loss), "step");
    }
    check(ddpm_training_validate(t, &loss), "validate");
    check(ddpm_training_save(t, argv[7]), "save");
    check(ddpm_training_generator(t, &g), "generator");
    ddpm_training_free(t);
    const int64_t D = ddpm_generator_columns(g);
    float *sample = calloc((size_t)D, sizeof *sample);
    const ddpm_view view = {sample, DDPM_VIEW_FLOAT, 1, D, D, 1};
    check(ddpm_generator_sample(g, 1, 0, NULL, &view), "sample");
    for (int64_t j = 0; j < D; j++) printf("%a%c", (double)sample[j], j + 1 < D ? ' ' : '\n');
    ddpm_generator_close(g);
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &after);
    before = MPI_ERRORS_RETURN;
    if (before != after) return 70;
    free(sample);
    free(rows);
    free(config);
    MPI_Finalize();
    return 0;
}
