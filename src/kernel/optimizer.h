/** The optimisers, whose updates the kernels of kernel/simd.h compute. */
#ifndef DDPM_KERNEL_OPTIMIZER_H
#define DDPM_KERNEL_OPTIMIZER_H

typedef enum ddpm_optimizer {
    DDPM_OPTIMIZER_ADAM,  /* weight decay, if any, is added to the gradient */
    DDPM_OPTIMIZER_ADAMW, /* weight decay is decoupled (Loshchilov and Hutter 2019) */
    DDPM_OPTIMIZER_SGD,   /* with momentum */
    DDPM_OPTIMIZER_COUNT
} ddpm_optimizer;

#endif
