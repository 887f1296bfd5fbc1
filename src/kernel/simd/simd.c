/* The table of kernels of one instruction set and one precision of operands. The build compiles this file twice for
 * each instruction set, with DDPM_ISA its name: once for float32, and with DDPM_BFLOAT16 for bfloat16. */
#include "kernel/simd.h"

#include "dense.h"
#include "elementwise.h"
#include "gradient.h"
#include "limit.h"
#include "norm.h"
#include "softmax.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#ifdef DDPM_BFLOAT16
#define PRECISION bfloat16
#else
#define PRECISION float32
#endif
#define TABLE JOIN(JOIN(ddpm_kernels_, DDPM_ISA), JOIN(_, PRECISION))

extern const ddpm_kernels TABLE;

const ddpm_kernels TABLE = {
    .name = TEXT(DDPM_ISA),
    .precision = TEXT(PRECISION),
    .per_element = TERMS,
    .at_full_rate = AT_FULL_RATE,
    .panel = PANEL,
    .tile = TILE,
    .pack = pack,
    .pack_transposed = pack_transposed,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights_fixed = backward_weights_fixed,
    .backward_weights_float = backward_weights_float,
    .add_fixed = add_fixed,
    .add_float = add_float,
    .column_sums = column_sums,
    .sum_rows = sum_rows,
    .add_combination = add_combination,
    .drop = drop,
    .norm = norm,
    .norm_backward = norm_backward,
    .gate = gate,
    .gate_backward = gate_backward,
    .activate = activate,
    .softmax = softmax,
    .normal = normal,
    .collect_fixed = collect_fixed,
    .collect_float = collect_float,
    .merge_fixed = merge_fixed,
    .merge_float = merge_float,
    .adam = adam,
    .adamw = adamw,
    .sgd = sgd,
    .multiply_add = multiply_add,
};
