/** The activation functions, which the kernels of kernel/simd.h compute. */
#ifndef DDPM_KERNEL_ACTIVATION_H
#define DDPM_KERNEL_ACTIVATION_H

/** leaky_relu has slope 0.01 below zero; gelu is the exact form x Phi(x) (Hendrycks and Gimpel 2016). */
typedef enum ddpm_activation {
    DDPM_ACTIVATION_IDENTITY,
    DDPM_ACTIVATION_RELU,
    DDPM_ACTIVATION_LEAKY_RELU,
    DDPM_ACTIVATION_SILU,
    DDPM_ACTIVATION_GELU,
    DDPM_ACTIVATION_TANH,
    DDPM_ACTIVATION_SOFTPLUS,
    DDPM_ACTIVATION_COUNT
} ddpm_activation;

#endif
