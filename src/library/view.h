/** Views of a caller's rows (ddpm/ddpm.h), and the contiguous blocks that the rest of the program takes. Local, any
 * thread. */
#ifndef DDPM_LIBRARY_VIEW_H
#define DDPM_LIBRARY_VIEW_H

#include "base/number.h"
#include "base/status.h"
#include "ddpm/ddpm.h"

/** DDPM_ERR_USAGE: a view has another number of columns, or no memory for its rows.
 *  @param what  the argument, for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_view_check(const ddpm_view *view, int64_t columns, const char *what);

/** The type of a view's numbers. */
ddpm_number ddpm_view_number(const ddpm_view *view);

/** One number. */
double ddpm_view_get(const ddpm_view *view, int64_t row, int64_t column);

/** Copy rows first .. first+count-1 to numbers [count][columns] of the view's type. */
void ddpm_view_read(const ddpm_view *view, int64_t first, int64_t count, void *numbers);

/** Copy numbers [count][columns] of a type to rows first .. first+count-1.
 *  @param known  [count][columns], numbers of the view's type: only entries that are NaN there are written; NULL: all
 *  are. */
void ddpm_view_write(const ddpm_view *view, int64_t first, int64_t count, ddpm_number type, const void *numbers,
                     const void *known);

#endif
