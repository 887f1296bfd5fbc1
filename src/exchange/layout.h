/** What a file for other programs holds of a model, and what it is called there.
 *
 *  Parameters have the names and the layout of PyTorch's layers: weight [outputs][inputs], bias [outputs]. Of a
 * perceptron they are layers.0 to layers.DEPTH; of residual blocks input, embedding, modulation, block.N.first,
 * block.N.second and output; gain.N [T][units] where t chooses gains. Beside them stand the fields of a checkpoint that
 * decide what the weights mean, with a point for a slash: transform.mean, schedule.beta, components.direction and so on
 * (store/checkpoint.h has their shapes), features.frequency [D][F], and the vocabulary of a model of tokens
 * (exchange/vocabulary.h). Local. */
#ifndef DDPM_EXCHANGE_LAYOUT_H
#define DDPM_EXCHANGE_LAYOUT_H

#include "assembly/loaded.h"
#include "store/checkpoint_table.h"

enum { DDPM_EXCHANGE_FORMAT = 1, DDPM_EXCHANGE_NAME = 64 };

#define DDPM_FREQUENCY_NAME "features.frequency"

/** A name of a checkpoint as one of a file: a slash becomes a point, and so does the border between a word and its
 * number, so that block0/first is block.0.first. */
void ddpm_exchange_write_points(const char *name, char out[DDPM_EXCHANGE_NAME]);

/** The name of a tensor of parameters. */
void ddpm_exchange_parameter_name(const ddpm_network *network, const ddpm_tensor *tensor, char out[DDPM_EXCHANGE_NAME]);

/** Whether a tensor of parameters is a weight, which is transposed, or a bias, which has one dimension. */
int ddpm_exchange_is_weight(const ddpm_tensor *tensor);
int ddpm_exchange_is_bias(const ddpm_tensor *tensor);

/** The name of a field of a checkpoint.
 *  @return whether the field is a part of the file: what only training needs is not. */
int ddpm_exchange_field_name(const ddpm_checkpoint_field *field, char out[DDPM_EXCHANGE_NAME]);

#endif
