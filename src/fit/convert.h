/* What convert.c has of the cards' side. */
#ifndef SG_FIT_CONVERT_H
#define SG_FIT_CONVERT_H

#include "base/mem.h"
#include "sedge/sedge.h"

/* The text of a card, in the arena, once it has been read as one. */
sedge_status sg_convert_card(const sedge_model *m, const char *path, sg_mem *mem, sg_arena *arena, const char **out, sg_err *err);

#endif
