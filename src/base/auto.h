/** How a setting says that the program is to choose. */
#ifndef DDPM_BASE_AUTO_H
#define DDPM_BASE_AUTO_H

/** An integer setting that is "auto", which no other value of it is. For a real one NaN stands for it. */
enum { DDPM_AUTO = -1 };

#endif
