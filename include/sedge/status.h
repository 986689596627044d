/* What a call of the library returns. Part of the promise of <sedge/sedge.h>. */
#ifndef SEDGE_STATUS_H
#define SEDGE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sedge_status {
#define STATUS(id, text) SEDGE_##id,
#include "status.def"
#undef STATUS
    SEDGE_STATUS_COUNT
} sedge_status;

#define SEDGE_ERROR_MAX 512

/* A failure: its status and one line that names file, node or field. Zero it before use;
 * a call that fails fills it, and the first failure wins. */
typedef struct sedge_error {
    sedge_status status;
    char msg[SEDGE_ERROR_MAX];
} sedge_error;

/* A few words for a status; never NULL. */
const char *sedge_status_text(sedge_status status);

#ifdef __cplusplus
}
#endif

#endif
