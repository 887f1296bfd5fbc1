/** How far apart two names are, for suggestions in messages. Local, any thread. */
#ifndef DDPM_BASE_EDIT_DISTANCE_H
#define DDPM_BASE_EDIT_DISTANCE_H

enum { DDPM_EDIT_DISTANCE_BYTES = 127 }; /* of a name; further ones are ignored */

/** The least number of insertions, deletions, substitutions and swaps of neighbours that turn one name into the other
 *  (Damerau 1964, in its restricted form). */
int ddpm_edit_distance(const char *a, const char *b);

#endif
