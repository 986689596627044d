/* Minimum cut by maximum flow: shortest augmenting paths in layers (Dinic 1970, "Algorithm for solution of a problem of maximum
 * flow in networks with power estimation"). */
#include "pass/cut.h"

#include <string.h>

/* Arcs looked at before giving up: about half a second. */
#define WORK_MAX ((int64_t)1 << 26)

sedge_status sg_cut_open(sg_cut *c, sg_mem *mem, uint32_t n)
{
    *c = (sg_cut){.mem = mem, .n = n};
    c->first = sg_calloc(mem, (size_t)n * 5, sizeof *c->first);
    sedge_status st = c->first ? sg_grow(mem, &c->arc, &c->cap_arc, 2, sizeof *c->arc) : SEDGE_E_NOMEM;
    if (st != SEDGE_OK) {
        sg_cut_close(c);
        return st;
    }
    c->n_arc = 2;
    c->now = c->first + n;
    c->path = c->now + n;
    c->queue = c->path + n;
    c->level = c->queue + n;
    return SEDGE_OK;
}

void sg_cut_close(sg_cut *c)
{
    sg_free(c->mem, c->first, (size_t)c->n * 5 * sizeof *c->first);
    sg_free(c->mem, c->arc, c->cap_arc * sizeof *c->arc);
    *c = (sg_cut){.mem = c->mem};
}

static void link_arc(sg_cut *c, uint32_t from, uint32_t to, int64_t room)
{
    c->arc[c->n_arc] = (sg_arc){to, c->first[from], room};
    c->first[from] = (uint32_t)c->n_arc++;
}

sedge_status sg_cut_arc(sg_cut *c, uint32_t from, uint32_t to, int64_t cost)
{
    if (c->n_arc > UINT32_MAX - 2)
        return SEDGE_E_LIMIT;
    SG_TRY(sg_grow(c->mem, &c->arc, &c->cap_arc, c->n_arc + 2, sizeof *c->arc));
    link_arc(c, from, to, cost);
    link_arc(c, to, from, 0);
    return SEDGE_OK;
}

/* Distances from the source along arcs with room, 0: unreached; true if the sink is reached. */
static bool layers(sg_cut *c, int64_t *work)
{
    uint32_t head = 0, tail = 0;
    memset(c->level, 0, c->n * sizeof *c->level);
    c->level[SG_CUT_SOURCE] = 1;
    c->queue[tail++] = SG_CUT_SOURCE;
    while (head < tail) {
        uint32_t v = c->queue[head++];
        for (uint32_t a = c->first[v]; a; a = c->arc[a].next, ++*work)
            if (c->arc[a].room > 0 && !c->level[c->arc[a].to]) {
                c->level[c->arc[a].to] = c->level[v] + 1;
                c->queue[tail++] = c->arc[a].to;
            }
    }
    return c->level[SG_CUT_SINK] != 0;
}

/* Sends what the path of n arcs takes; how far it still stands. */
static uint32_t push(sg_cut *c, uint32_t n)
{
    int64_t least = INT64_MAX;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++)
        if (c->arc[c->path[i]].room < least) {
            least = c->arc[c->path[i]].room;
            at = i;
        }
    for (uint32_t i = 0; i < n; i++) {
        c->arc[c->path[i]].room -= least;
        c->arc[c->path[i] ^ 1].room += least;
    }
    return at;
}

/* Fills the layers: a walk along arcs to the next layer, back where there is none. */
static void fill(sg_cut *c, int64_t *work)
{
    uint32_t n = 0, v = SG_CUT_SOURCE;
    memcpy(c->now, c->first, c->n * sizeof *c->now);
    while (*work <= WORK_MAX) {
        if (v == SG_CUT_SINK) {
            *work += n;
            n = push(c, n);
            v = c->arc[c->path[n] ^ 1].to;
        }
        uint32_t a = c->now[v];
        for (; a; a = c->arc[a].next, ++*work)
            if (c->arc[a].room > 0 && c->level[c->arc[a].to] == c->level[v] + 1)
                break;
        c->now[v] = a;
        if (a) {
            c->path[n++] = a;
            v = c->arc[a].to;
        } else if (n) {
            c->level[v] = 0;
            v = c->arc[c->path[--n] ^ 1].to;
        } else {
            return;
        }
    }
}

bool sg_cut_solve(sg_cut *c, bool *side)
{
    int64_t work = 0;
    while (layers(c, &work)) {
        fill(c, &work);
        if (work > WORK_MAX)
            return false;
    }
    for (uint32_t v = 0; v < c->n; v++)
        side[v] = c->level[v] != 0;
    return true;
}
