/* The memory that a run says it takes is the memory that it allocates: the allocations are counted while a run is built
 * and does its first steps. */
#include "ranks.h"

#include "bench/workload.h"
#include "train/memory.h"
#include "train/settings.h"

#include <stdlib.h>

static int64_t counted; /* bytes allocated since it was set to 0; nothing is released meanwhile */

int __real_posix_memalign(void **out, size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes);

int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes)
{
    counted += (int64_t)bytes;
    return __real_posix_memalign(out, alignment, bytes);
}

static const int64_t SMALL =
    32 << 10; /* bytes of what is not counted: names, tables of layers, padding to cache lines */

/* @param settings  of keys, over the defaults; NULL ends them. */
static void check(int threads, const char *const *settings)
{
    ddpm_config config;
    ddpm_dataset *dataset;
    ddpm_workload workload;
    expect_ok(ddpm_config_defaults(&config));
    for (int i = 0; settings[i]; i++) expect_ok(ddpm_config_set(&config, settings[i]));
    expect_ok(ddpm_config_check(&config));
    const ddpm_data_spec data = ddpm_config_data(&config);
    expect_ok(ddpm_dataset_create(comm, &data, &dataset));

    counted = 0;
    ddpm_workload_spec spec = ddpm_workload_settings(&config);
    if (config.training.local_steps > 1) spec.local = ddpm_settings_trainer(&config).local;
    expect_ok(ddpm_workload_create(comm, &config, &spec, dataset, threads, &workload));
    const ddpm_timed steps = ddpm_workload_steps(&workload);
    expect_ok(steps.run(steps.context, 2));
    const ddpm_memory memory = ddpm_memory_count(workload.stepper, workload.round, 0);
    const double total = (double)ddpm_memory_total(&memory);
    expect_near((double)counted, total, 0.01 * total + (double)SMALL, settings[0], threads);
    assert_true(memory.parameters > 0 && memory.packed > 0 && memory.sums > 0 && memory.activations > 0);

    ddpm_workload_release(&workload);
    ddpm_dataset_free(dataset);
    ddpm_config_release(&config);
}

static const char *const plain[] = {"network.width=256", "data.count=2000", NULL};
static const char *const many_steps[] = {"diffusion.steps=20000", "data.count=2000", NULL};
static const char *const importance[] = {"diffusion.timesteps=importance",
                                         "diffusion.steps=5000",
                                         "training.batch=20000",
                                         "data.count=2000",
                                         "network.width=64",
                                         NULL};
static const char *const local_steps[] = {"training.local_steps=2", "training.workers=4", "network.width=256",
                                          "data.count=2000", NULL};
static const char *const gains[] = {"network.kind=mlp", "network.time=gain_table", "diffusion.steps=1000",
                                    "data.count=2000", NULL};
static const char *const real[] = {"parallel.reduction=float32", "network.width=200", "network.depth=5",
                                   "data.count=2000", NULL};
static const char *const large_blocks[] = {"parallel.block_rows=2048",   "training.batch=8192",   "data.count=10000",
                                           "diffusion.variance=learned", "diffusion.loss=hybrid", NULL};

static const char *const linear[] = {"data.count=500",
                                     "network.width=16",
                                     "data.source=s_curve",
                                     "data.dimensions=3",
                                     "network.features=4000",
                                     "network.components=3",
                                     NULL};

static void test_stated_is_allocated(void **state)
{
    const char *const *const all[] = {plain, many_steps, importance, local_steps, gains, real, large_blocks, linear};
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) check(threads, all[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stated_is_allocated)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
