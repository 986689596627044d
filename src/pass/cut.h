/* The cheapest cut of a flow network in two. */
#ifndef SG_PASS_CUT_H
#define SG_PASS_CUT_H

#include "base/mem.h"

#include <stdbool.h>

#define SG_CUT_NEVER ((int64_t)1 << 61) /* an arc that is never cut; the sum of all others must be less */

/* Arcs come in pairs: 2i and, against it, 2i + 1. */
typedef struct sg_arc {
    uint32_t to, next; /* next arc from the same node; 0: none */
    int64_t room;
} sg_arc;

typedef struct sg_cut {
    sg_mem *mem;
    uint32_t n; /* nodes: 0 is the source, 1 the sink */
    sg_arc *arc;
    size_t n_arc, cap_arc; /* [0], [1] unused */
    uint32_t *first, *now, *path, *queue, *level;
} sg_cut;

enum { SG_CUT_SOURCE, SG_CUT_SINK, SG_CUT_NODES };

sedge_status sg_cut_open(sg_cut *c, sg_mem *mem, uint32_t n);
void sg_cut_close(sg_cut *c);
sedge_status sg_cut_arc(sg_cut *c, uint32_t from, uint32_t to, int64_t cost);
/* side[v]: v stands with the source, in the smallest such set of least cost. False: given up, the network is too hard. */
bool sg_cut_solve(sg_cut *c, bool *side);

#endif
