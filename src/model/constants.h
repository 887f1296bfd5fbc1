/** Constants of mathematics that the standard of C does not name. */
#ifndef DDPM_MODEL_CONSTANTS_H
#define DDPM_MODEL_CONSTANTS_H

#define DDPM_PI 3.14159265358979323846
#define DDPM_LN_2PI 1.83787706640934548356

#endif
