/* Any bytes as a configuration, and as the value of --set. What is accepted must be written and read back the same. */
#include "base/memory.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static char *dump(const ddpm_config *config)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    if (!memory || ddpm_config_dump(config, memory) != DDPM_OK || fclose(memory) != 0) abort();
    return text;
}

static void check_round_trip(const ddpm_config *config)
{
    ddpm_config again;
    char *first = dump(config), *second;
    if (ddpm_config_defaults(&again) != DDPM_OK || ddpm_config_parse(&again, first, strlen(first), "again") != DDPM_OK)
        abort();
    second = dump(&again);
    if (strcmp(first, second) != 0 || ddpm_config_same_science(config, &again) != DDPM_OK) abort();
    ddpm_config_release(&again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    ddpm_config config;
    char *text = malloc(bytes + 1); /* of the exact size, so that reading beyond it is noticed */
    if (!text || ddpm_config_defaults(&config) != DDPM_OK) abort();
    memcpy(text, data, bytes);
    text[bytes] = '\0';
    if (bytes && text[0] == '=') { /* "=key=value" */
        if (ddpm_config_set(&config, text + 1) == DDPM_OK && ddpm_config_check(&config) == DDPM_OK)
            check_round_trip(&config);
    } else {
        char *exact = realloc(text, bytes ? bytes : 1);
        if (!exact) abort();
        text = exact;
        if (ddpm_config_parse(&config, text, bytes, "fuzz") == DDPM_OK && ddpm_config_check(&config) == DDPM_OK)
            check_round_trip(&config);
    }
    ddpm_config_release(&config);
    free(text);
    if (ddpm_memory_balance() != 0) abort();
    return 0;
}
