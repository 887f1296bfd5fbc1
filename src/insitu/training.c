/* The trainer of ddpm/trainer.h: `ddpm train` without its folder, on rows in memory. */
#include "ddpm/trainer.h"

#include "base/memory.h"
#include "base/text_list.h"
#include "file/digest.h"
#include "insitu/kept.h"
#include "library/generator.h"
#include "train/settings.h"
#include "train/start.h"
#include "train/step.h"
#include "train/trainer.h"
#include "train/validation.h"
#include "world/comm_mpi.h"
#include "world/placement.h"

#include <math.h>
#include <string.h>

struct ddpm_training {
    ddpm_comm *comm;
    ddpm_config config;
    char **names; /* [columns], or NULL */
    ddpm_kept kept;
    int has_new; /* rows were given since the data set was made */
    ddpm_memory_rows given;
    ddpm_dataset *first; /* whose vocabulary a model of tokens points to, once there is another one; else NULL */
    ddpm_trainer trainer;
};

static const char SOURCE[] = "rows in memory"; /* in the place of a file's path */

/* Collective. Ranks that were told different things would wait for each other in vain. */
static ddpm_status check_alike(ddpm_comm *comm, const char *what, int64_t told)
{
    int64_t ends[2] = {told, ~told}; /* ~ turns the order round */
    ddpm_comm_max_int64(comm, ends, 2);
    if (ends[0] == ~ends[1]) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected the same on all ranks", what);
}

/* DDPM_ERR_USAGE for NULL, which a program has that did not look at the status of creating it. */
static ddpm_status check_created(const ddpm_training *t)
{
    return t ? DDPM_OK : ddpm_fail(DDPM_ERR_USAGE, "no trainer was created; look at the status of creating it");
}

/* Of what ddpm_training_create is told; NULL, which set_up refuses, is as an empty text. */
static int64_t digest(const char *config, int64_t columns, const char *const *names, const ddpm_training_rows *rows)
{
    const int64_t numbers[] = {columns, names != NULL, rows ? rows->most : 0, rows ? rows->is_window != 0 : 0};
    uint64_t found = ddpm_digest_bytes(numbers, sizeof numbers, 0);
    if (config) found = ddpm_digest_bytes(config, strlen(config), found);
    for (int64_t j = 0; names && j < columns; j++)
        found = ddpm_digest_bytes(names[j] ? names[j] : "", names[j] ? strlen(names[j]) + 1 : 1, found);
    return (int64_t)found;
}

/* Local. */
static ddpm_status read_config(const char *text, ddpm_config *out)
{
    DDPM_TRY(ddpm_config_defaults(out));
    DDPM_TRY(ddpm_config_parse(out, text, strlen(text), "the configuration"));
    out->data.source = DDPM_DATA_HDF5;
    if (!out->data.path[0]) memcpy(out->data.path, SOURCE, sizeof SOURCE);
    DDPM_TRY(ddpm_config_settle(out, "the configuration"));
    if (out->training.local_steps > 1)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.local_steps: expected 1 in the trainer of another program, whose rows may change "
                         "after every step, found %lld",
                         (long long)out->training.local_steps);
    return ddpm_config_check(out);
}

/* Local. */
static ddpm_status set_up(ddpm_training *t, const char *config, int64_t columns, const char *const *names,
                          const ddpm_training_rows *rows)
{
    const ddpm_training_rows all = {0};
    if (!rows) rows = &all;
    if (columns < 1 || rows->most < 0 || (rows->is_window && rows->most == 0))
        return ddpm_fail(DDPM_ERR_USAGE,
                         "expected at least one column, and how many rows a window has, found %lld "
                         "columns and %lld rows",
                         (long long)columns, (long long)rows->most);
    if (!config) return ddpm_fail(DDPM_ERR_USAGE, "config: expected the text of a configuration, found NULL");
    for (int64_t j = 0; names && j < columns; j++)
        if (!names[j]) return ddpm_fail(DDPM_ERR_USAGE, "names[%lld]: expected a text, found NULL", (long long)j);
    DDPM_TRY(read_config(config, &t->config));
    if (names) DDPM_TRY(ddpm_texts_copy(columns, names, "column names", &t->names));
    t->kept.spec = (ddpm_kept_spec){t->config.run.seed, columns, rows->most, rows->is_window};
    t->trainer = (ddpm_trainer){
        .comm = t->comm, .spec = ddpm_settings_trainer(&t->config), .config = &t->config, .last = {NAN, NAN}};
    t->trainer.spec.data.given = &t->given;
    return DDPM_OK;
}

ddpm_status ddpm_training_create(MPI_Comm comm, const char *config, int64_t columns, const char *const *names,
                                 const ddpm_training_rows *rows, ddpm_training **out)
{
    ddpm_comm *ranks = NULL;
    ddpm_training *t = NULL;
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    *out = NULL;
    DDPM_TRY(ddpm_comm_adopt(comm, &ranks));
    ddpm_status status = ddpm_agree(ranks, DDPM_NEW(&t, 1, "a trainer"));
    if (status != DDPM_OK) {
        ddpm_release(t);
        ddpm_comm_leave(ranks);
        return status;
    }
    t->comm = ranks;
    status = check_alike(ranks, "configuration, columns, names and rows", digest(config, columns, names, rows));
    if (status == DDPM_OK) status = ddpm_agree(ranks, set_up(t, config, columns, names, rows));
    if (status == DDPM_OK) status = ddpm_placement_check(ranks, ddpm_kernels_choose(t->config.training.precision));
    if (status == DDPM_OK)
        *out = t;
    else
        ddpm_training_free(t);
    return status;
}

ddpm_status ddpm_training_create_f(MPI_Fint comm, const char *config, int64_t columns, const char *const *names,
                                   const ddpm_training_rows *rows, ddpm_training **out)
{
    return ddpm_training_create(MPI_Comm_f2c(comm), config, columns, names, rows, out);
}

void ddpm_training_free(ddpm_training *training)
{
    if (!training) return;
    ddpm_trainer_release(&training->trainer);
    ddpm_dataset_free(training->first);
    ddpm_kept_release(&training->kept);
    ddpm_release(training->names);
    ddpm_config_release(&training->config);
    ddpm_comm_leave(training->comm);
    ddpm_release(training);
}

ddpm_status ddpm_training_push(ddpm_training *training, int64_t first, int64_t count, const float *rows)
{
    DDPM_TRY(check_created(training));
    if (count > 0) DDPM_TRY(ddpm_generator_check_given(rows, "rows"));
    DDPM_TRY(ddpm_kept_push(&training->kept, first, count, rows));
    training->has_new |= count > 0;
    return DDPM_OK;
}

ddpm_status ddpm_training_push_f(ddpm_training *training, int64_t first, int64_t count, int64_t columns,
                                 const float *rows)
{
    DDPM_TRY(check_created(training));
    const int64_t expected = training->kept.spec.columns;
    if (columns != expected)
        return ddpm_fail(DDPM_ERR_USAGE,
                         "the trainer was created for rows of %lld columns, found %lld: give an array (column, row)",
                         (long long)expected, (long long)columns);
    return ddpm_training_push(training, first, count, rows);
}

/* Collective. The first data set: the map of the data is measured, or comes from training.start_from. */
static ddpm_status begin(ddpm_training *t)
{
    const ddpm_train_options options = {.resume = DDPM_RESUME_NEVER};
    ddpm_trainer *trainer = &t->trainer;
    DDPM_TRY(ddpm_start_prepare(trainer, &options, ""));
    DDPM_TRY(ddpm_dataset_create(t->comm, &trainer->spec.data, &trainer->dataset));
    DDPM_TRY(ddpm_trainer_build(trainer));
    return ddpm_start_begin(trainer);
}

/* Collective. Another data set, whose rows are mapped as those before. */
static ddpm_status renew(ddpm_training *t)
{
    ddpm_trainer *trainer = &t->trainer;
    ddpm_dataset *before = trainer->dataset, *after = NULL;
    const ddpm_known known = {.model = SOURCE,
                              .transform = *ddpm_dataset_transform(before),
                              .names = ddpm_dataset_names(before),
                              .condition = ddpm_dataset_condition(before)};
    ddpm_data_spec spec = trainer->spec.data;
    spec.known = &known;
    DDPM_TRY(ddpm_dataset_create(t->comm, &spec, &after));
    if (ddpm_model_is_masked(&trainer->model) && !t->first)
        t->first = before;
    else
        ddpm_dataset_free(before);
    trainer->dataset = after;
    trainer->model.condition = ddpm_dataset_condition(after);
    ddpm_stepper_set_dataset(trainer->stepper, after);
    return DDPM_OK;
}

/* Collective. Let the rows that are kept now be those to train on. */
static ddpm_status refresh(ddpm_training *t)
{
    int64_t any = t->has_new || !t->trainer.dataset;
    float *numbers = NULL;
    ddpm_comm_max_int64(t->comm, &any, 1);
    if (!any) return DDPM_OK;
    t->given = (ddpm_memory_rows){.columns = t->kept.spec.columns, .names = t->names};
    ddpm_status status = ddpm_kept_gather(t->comm, &t->kept, &t->given.rows, &numbers);
    t->given.numbers = numbers;
    if (status == DDPM_OK) status = t->trainer.dataset ? renew(t) : begin(t);
    ddpm_release(numbers);
    t->given.numbers = NULL;
    if (status == DDPM_OK) t->has_new = 0;
    return status;
}

ddpm_status ddpm_training_step(ddpm_training *training, int64_t iterations, double *loss)
{
    DDPM_TRY(check_created(training));
    ddpm_trainer *trainer = &training->trainer;
    double sum = 0.0;
    DDPM_TRY(check_alike(training->comm, "iterations", iterations));
    if (iterations < 0 || iterations > trainer->spec.iterations - trainer->state.iteration)
        return ddpm_fail(DDPM_ERR_USAGE,
                         "%lld iterations were asked for after %lld, and training.iterations, by which the learning "
                         "rate falls, is %lld",
                         (long long)iterations, (long long)trainer->state.iteration,
                         (long long)trainer->spec.iterations);
    DDPM_TRY(refresh(training));
    ddpm_status status = DDPM_OK;
    for (int64_t i = 0; i < iterations && status == DDPM_OK; i++) {
        ddpm_reduced result;
        status = ddpm_stepper_iterate(trainer->stepper, &trainer->state, 0, &result);
        if (status == DDPM_OK) sum += result.loss;
    }
    ddpm_stepper_gather(trainer->stepper, &trainer->state, DDPM_STATE_AVERAGE); /* for a generator, which is local */
    if (loss && status == DDPM_OK) *loss = sum / (double)iterations;
    return status;
}

int64_t ddpm_training_iteration(const ddpm_training *training)
{
    return training ? training->trainer.state.iteration : 0;
}

/* Local. The same on all ranks. */
static ddpm_status check_begun(const ddpm_training *t)
{
    DDPM_TRY(check_created(t));
    if (t->trainer.stepper) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "there is no model before the first ddpm_training_step");
}

ddpm_status ddpm_training_validate(ddpm_training *training, double *loss)
{
    DDPM_TRY(check_begun(training));
    DDPM_TRY(ddpm_generator_check_given(loss, "loss"));
    return ddpm_validation_loss(training->trainer.stepper, &training->trainer.state, loss);
}

/* Local: rank 0. */
static ddpm_status write_file(const ddpm_training *t, const char *path)
{
    const ddpm_tensor *tensors;
    ddpm_checkpoint checkpoint;
    if (!path || !path[0]) return ddpm_fail(DDPM_ERR_USAGE, "path: expected the name of a file, found none");
    const int64_t count = ddpm_network_tensors(t->trainer.model.network, &tensors);
    DDPM_TRY(ddpm_trainer_checkpoint(&t->trainer, &checkpoint));
    return ddpm_checkpoint_write(path, &checkpoint, count, tensors);
}

ddpm_status ddpm_training_save(ddpm_training *training, const char *path)
{
    DDPM_TRY(check_begun(training));
    ddpm_stepper_gather(training->trainer.stepper, &training->trainer.state, DDPM_STATE_ALL);
    return DDPM_ON_RANK_0(training->comm, write_file(training, path));
}

ddpm_status ddpm_training_generator(const ddpm_training *training, ddpm_generator **out)
{
    ddpm_checkpoint borrowed, copy = {0};
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    *out = NULL;
    DDPM_TRY(check_begun(training));
    DDPM_TRY(ddpm_trainer_checkpoint(&training->trainer, &borrowed));
    const ddpm_status status = ddpm_checkpoint_copy(&borrowed, &copy);
    if (status == DDPM_OK) return ddpm_generator_take(&copy, out);
    ddpm_checkpoint_release(&copy);
    return status;
}
