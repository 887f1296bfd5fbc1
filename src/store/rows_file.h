/** A file of rows that all ranks write together, each its part, in rounds of limited memory (store/joint_file.h).
 *
 *  It holds /samples [N][D], or M layers of such rows, or both: /trajectory [M][N][D] with /trajectory_step [M], or
 * /draws [M][N][D]. Of a table (a transform with a vocabulary that is not of an array) these are groups with a dataset
 * for each column, [N] or [M][N] (store/table_file.h), and the types of samples and layers are float64.
 */
#ifndef DDPM_STORE_ROWS_FILE_H
#define DDPM_STORE_ROWS_FILE_H

#include "file/h5.h"
#include "model/transform.h"
#include "world/comm.h"

typedef struct ddpm_rows_file_spec {
    const char *path;
    int64_t rows, columns;
    int with_samples;                /* 0: only layers */
    int64_t layers;                  /* M */
    const char *layer_name;          /* "trajectory" */
    const int32_t *layer_step;       /* [M], to the dataset layer_name "_step"; NULL: none */
    const char *const *column_names; /* [D], or NULL */
    const ddpm_transform *transform; /* back to the data's units */
    ddpm_number number;              /* the type of the samples */
    ddpm_number layer_number;        /* the type of the layers */
    int64_t block_rows;              /* rows that are made in one call */
    /** Local: rank 0. Write the attributes of the root. */
    ddpm_status (*describe)(ddpm_h5 *file, const void *context);
    /** Local, main thread. Called before rows first .. first+count-1 are made; count may be 0. NULL: nothing to do. */
    ddpm_status (*prepare)(void *context, int64_t first, int64_t count);
    /** Local, any thread of a parallel region. Make rows first .. first+count-1 in standardised units: x [count][D] and
     *  layer i, [count][D], at layers + i * stride. */
    void (*make)(void *context, int thread, int64_t first, int64_t count, float *x, float *layers, int64_t stride);
    /** Local, as make. Called when rows are in the data's units and in the type of the file, to change them: given
     * values are put back, for example. NULL: nothing to do. */
    void (*adjust)(void *context, int64_t first, int64_t count, ddpm_number type, void *numbers);
    void *context;
    int threads;
    const char *unit;   /* for messages: "samples" */
    const char *remedy; /* for a row that is not finite: what the user can do */
} ddpm_rows_file_spec;

/** Collective. Make all rows and write them. On failure nothing is left behind but what ddpm_output_commit leaves.
 *  @return  DDPM_OK; DDPM_ERR_NUMERIC when a row is not finite, naming it; DDPM_ERR_IO; DDPM_ERR_MEMORY; what describe
 *  or prepare returned. */
DDPM_MUST_CHECK ddpm_status ddpm_rows_file_write(ddpm_comm *comm, const ddpm_rows_file_spec *spec);

#endif
