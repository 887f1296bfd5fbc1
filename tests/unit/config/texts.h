/** What the tests of configurations share: a configuration of defaults, a text put over it, and numbers drawn for
 * inputs. */
#ifndef DDPM_TESTS_CONFIG_TEXTS_H
#define DDPM_TESTS_CONFIG_TEXTS_H

#include "expect.h"

#include "base/memory.h"
#include "config/table.h"

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static inline uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static inline uint64_t below(uint64_t n)
{
    return draw() % n;
}

static inline void start(ddpm_config *config)
{
    if (ddpm_config_defaults(config) != DDPM_OK) fail_msg("%s", ddpm_error_message());
}

static inline ddpm_status parse(ddpm_config *config, const char *text)
{
    return ddpm_config_parse(config, text, strlen(text), "x.yaml");
}

static inline void set(ddpm_config *config, const char *assignment)
{
    if (ddpm_config_set(config, assignment) != DDPM_OK) fail_msg("%s", ddpm_error_message());
}

#endif
