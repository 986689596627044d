/* What a session has been given. */
#ifndef SG_RUN_BOUND_H
#define SG_RUN_BOUND_H

#include <stdbool.h>

#include "sedge/sedge.h"

/* Input i as it is bound now; false: it is not. */
bool sg_session_bound(const sedge_session *s, int i, sedge_tensor *out);

#endif
