/** A model for other programs. Local. */
#ifndef DDPM_EXCHANGE_EXPORT_H
#define DDPM_EXCHANGE_EXPORT_H

#include "assembly/loaded.h"

/** How a safetensors file of this program begins, behind the length of its header; and an ONNX file. */
#define DDPM_SAFETENSORS_BEGINS "{\"__metadata__\":{\"format\":\"pt\",\"ddpm\":"
#define DDPM_ONNX_BEGINS \
    "\x08\x08\x12\x04"   \
    "ddpm"

/** Write the weights and what they mean (exchange/layout.h) as safetensors. DDPM_ERR_DATA: a name is not UTF-8;
 * DDPM_ERR_IO, DDPM_ERR_MEMORY.
 *  @param weights  which of them. */
DDPM_MUST_CHECK ddpm_status ddpm_export_safetensors(const ddpm_loaded *loaded, ddpm_weights weights, const char *path);

/** Write one evaluation of the network as an ONNX graph, with the inputs x [rows][D] float32, standardised, t [rows]
 * int64, 1..T, and, where the model has conditions, condition [rows][C] float32 as the network reads it, and the output
 * `output`: the linear part or the mixture is a part of it. The metadata have the configuration, the transform and the
 * schedule as texts. DDPM_ERR_USAGE: the rows are tokens; and the errors of ddpm_export_safetensors.
 *  @param from  what the model is called in messages. */
DDPM_MUST_CHECK ddpm_status ddpm_export_onnx(const ddpm_loaded *loaded, const char *from, ddpm_weights weights,
                                             const char *path);

#endif
