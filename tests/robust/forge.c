/* Forge a number of a checkpoint and seal the file again: forge FILE NUMBER ELEMENT VALUE. Without arguments: print how
 * many numbers and values there are. Exit code 1: the file has no such number. */
#include "fuzz/forge.h"

#include "file/digest.h"

#include <stdio.h>

int main(int count, char **words)
{
    if (count != 5) return printf("%d %d\n", FORGE_NUMBERS, FORGE_VALUES) < 0;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (!forge(words[1], (unsigned)atoi(words[2]), (unsigned)atoi(words[3]), (unsigned)atoi(words[4]))) return 1;
    return ddpm_digest_seal(words[1], DDPM_CHECKPOINT_FORMAT) == DDPM_OK ? 0 : 2;
}
