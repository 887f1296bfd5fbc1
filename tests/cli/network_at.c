/* One evaluation of a checkpoint's network, for tests that compare it with other programs:
 *
 *     network_at CHECKPOINT ROWS < INPUTS > OUTPUTS
 *
 * INPUTS: x [rows][D] float32, standardised; condition [rows][C] float32; t [rows] int32. OUTPUTS: float32. */
#include "assembly/load.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 128 };

static ddpm_status read_all(void *out, int64_t count, size_t bytes)
{
    if (fread(out, bytes, (size_t)count, stdin) == (size_t)count) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "too few inputs");
}

static ddpm_status evaluate(const ddpm_loaded *loaded, int64_t rows)
{
    const ddpm_network *network = loaded->model.network;
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    const int64_t D = spec->columns, C = spec->condition, outputs = ddpm_network_outputs(spec);
    float *x, *condition;
    int32_t *t;
    ddpm_packed *packed;
    ddpm_workspace *workspace;
    DDPM_TRY(DDPM_NEW(&x, rows * D, "x"));
    DDPM_TRY(DDPM_NEW(&condition, rows * C, "condition"));
    DDPM_TRY(DDPM_NEW(&t, rows, "t"));
    DDPM_TRY(read_all(x, rows * D, sizeof *x));
    DDPM_TRY(read_all(condition, rows * C, sizeof *condition));
    DDPM_TRY(read_all(t, rows, sizeof *t));
    DDPM_TRY(ddpm_packed_make(network, DDPM_PACK_FORWARD, ddpm_loaded_weights(loaded, loaded->config.sampling.weights),
                              &packed));
    DDPM_TRY(ddpm_workspace_create(network, BLOCK, BLOCK, 0, &workspace));
    for (int64_t first = 0; first < rows; first += BLOCK) {
        const int64_t some = ddpm_smaller(BLOCK, rows - first);
        const ddpm_const_matrix y = ddpm_network_forward(network, packed, workspace, some, x + first * D,
                                                         C > 0 ? condition + first * C : NULL, t + first);
        for (int64_t i = 0; i < some; i++) fwrite(y.data + i * y.stride, sizeof(float), (size_t)outputs, stdout);
    }
    return DDPM_OK; /* memory ends with the program */
}

int main(int argc, char **argv)
{
    ddpm_loaded loaded;
    if (argc != 3) return 64;
    ddpm_status status = ddpm_load(argv[1], 0, &loaded);
    if (status == DDPM_OK) status = evaluate(&loaded, atoll(argv[2]));
    if (status != DDPM_OK) fprintf(stderr, "network_at: %s\n", ddpm_error_message());
    return ddpm_status_exit_code(status);
}
