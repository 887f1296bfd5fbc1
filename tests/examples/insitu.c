/* A simulation on all ranks that trains a model of its own states while it runs, and then draws from it:
 *
 *     mpirun -n 2 insitu [MODEL.h5]
 *
 * The simulation is an ensemble of Lorenz's three equations (1963); each rank has some of its members. */
#include <ddpm/trainer.h>

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS = 96, SNAPSHOTS = 20, SPIN_UP = 5, STEPS = 50, ITERATIONS = 10, COLUMNS = 3 };

static void check(ddpm_status status)
{
    if (status == DDPM_OK) return;
    fprintf(stderr, "insitu: %s\n", ddpm_error_message());
    MPI_Abort(MPI_COMM_WORLD, ddpm_status_exit_code(status));
}

/* Advance a member by one snapshot. */
static void advance(double u[COLUMNS])
{
    const double dt = 0.005;
    for (int i = 0; i < STEPS; i++) {
        const double x = u[0], y = u[1], z = u[2];
        u[0] += dt * 10.0 * (y - x);
        u[1] += dt * (x * (28.0 - z) - y);
        u[2] += dt * (x * y - 8.0 / 3.0 * z);
    }
}

int main(int argc, char **argv)
{
    static const char config[] = "training: {iterations: 150, batch: 128}\n"
                                 "network: {width: 32, depth: 2}\n";
    static const char *const names[COLUMNS] = {"x", "y", "z"};
    int rank, size;
    double loss = 0.0;
    ddpm_training *training;
    ddpm_generator *generator;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    /* of all states, a random sample of 1500 is kept */
    check(ddpm_training_create(MPI_COMM_WORLD, config, COLUMNS, names, &(ddpm_training_rows){.most = 1500}, &training));
    double(*u)[COLUMNS] = calloc(MEMBERS, sizeof *u);
    for (int m = 0; u && m < MEMBERS; m++) u[m][0] = 1.0 + 0.01 * m, u[m][1] = 1.0, u[m][2] = 20.0;

    for (int snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
        for (int m = rank; u && m < MEMBERS; m += size) {
            advance(u[m]);
            const float row[COLUMNS] = {(float)u[m][0], (float)u[m][1], (float)u[m][2]};
            check(ddpm_training_push(training, (int64_t)snapshot * MEMBERS + m, 1, row));
        }
        /* the first step measures the rows: there should be typical ones by then */
        if (snapshot >= SPIN_UP) check(ddpm_training_step(training, ITERATIONS, &loss));
    }
    if (rank == 0) printf("loss %.3f after %lld iterations\n", loss, (long long)ddpm_training_iteration(training));
    if (argc > 1) check(ddpm_training_save(training, argv[1]));

    /* each rank draws states of its own */
    float state[4 * COLUMNS];
    const ddpm_view view = {state, DDPM_VIEW_FLOAT, 4, COLUMNS, COLUMNS, 1};
    check(ddpm_training_generator(training, &generator));
    check(ddpm_generator_sample(generator, 1, 4 * rank, NULL, &view));
    printf("rank %d draws x = %.2f, y = %.2f, z = %.2f\n", rank, (double)state[0], (double)state[1], (double)state[2]);

    ddpm_generator_close(generator);
    ddpm_training_free(training);
    free(u);
    MPI_Finalize();
    return 0;
}
