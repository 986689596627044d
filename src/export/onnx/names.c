/* Names of values: those of the source where they are free, others made up; and the constants that go by them. */
#include <stdio.h>
#include <string.h>

#include "export/onnx/write.h"

sedge_status sg_ow_nomem(sg_ow *w)
{
    w->out.lost = true;
    return sg_fail(w->err, SEDGE_E_NOMEM, "out of memory");
}

/* The place of a name in the table, or the free one where it would stand. FNV-1a. */
static size_t place(const sg_ow *w, const char *name)
{
    uint32_t h = 2166136261u;
    for (const char *s = name; *s; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    size_t at = h & (w->cap_used - 1);
    while (w->used[at] && strcmp(w->used[at], name) != 0)
        at = (at + 1) & (w->cap_used - 1);
    return at;
}

static bool table_grow(sg_ow *w)
{
    size_t old = w->cap_used, cap = old ? 2 * old : 1024;
    const char **was = w->used, **now = sg_calloc(w->mem, cap, sizeof *now);
    if (!now)
        return false;
    w->used = now;
    w->cap_used = cap;
    for (size_t i = 0; i < old; i++)
        if (was[i])
            now[place(w, was[i])] = was[i];
    sg_free(w->mem, was, old * sizeof *was);
    return true;
}

const char *sg_ow_unique(sg_ow *w, const char *base)
{
    base = base && *base ? base : "v";
    size_t length = strlen(base), at;
    char *name = sg_arena_alloc(w->arena, length + 16);
    if (!name || (2 * w->n_used >= w->cap_used && !table_grow(w)))
        return sg_ow_nomem(w), "";
    memcpy(name, base, length + 1);
    for (at = place(w, name); w->used[at]; at = place(w, name))
        snprintf(name + length, 16, "_%u", ++w->number);
    w->n_used++;
    return w->used[at] = name;
}

sedge_status sg_ow_scope_open(sg_ow *w, const sg_graph *g, sg_ow_scope *sc)
{
    *sc = (sg_ow_scope){g, sg_arena_array(w->arena, g->n_value + 1, sizeof *sc->name)};
    return sc->name ? SEDGE_OK : sg_ow_nomem(w);
}

/* The name of an equal constant at the same place, or that of a new one. */
static const char *const_name(sg_ow *w, const sg_value *v)
{
    uint32_t *first = &w->bucket[((uintptr_t)v->data * 2654435761u >> 8) % 1024];
    sg_tensor t = {.data = (void *)(uintptr_t)v->data, .dtype = v->type.dtype, .rank = v->type.rank};
    memcpy(t.dim, v->type.dim, (size_t)t.rank * sizeof *t.dim);
    for (uint32_t i = *first; i; i = w->con[i].next)
        if (w->con[i].t.data == t.data && w->con[i].t.dtype == t.dtype && sg_same_shape(&w->con[i].t, &t))
            return w->con[i].name;
    if (sg_grow(w->mem, &w->con, &w->cap_con, w->n_con + 2, sizeof *w->con) != SEDGE_OK)
        return sg_ow_nomem(w), "";
    w->con[++w->n_con] = (sg_ow_const){sg_ow_unique(w, v->name ? v->name : "c"), t, *first};
    *first = (uint32_t)w->n_con;
    return w->con[w->n_con].name;
}

const char *sg_ow_name(sg_ow *w, sg_ow_scope *sc, sg_vid v)
{
    if (!v)
        return "";
    if (!sc->name[v]) {
        const sg_value *value = &sc->g->value[v];
        sc->name[v] = value->role == SG_CONST ? const_name(w, value) : sg_ow_unique(w, value->name);
    }
    return sc->name[v];
}
