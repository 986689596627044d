/* Names: one copy of each string, and tables from names to what they stand for. */
#include <string.h>

#include "import/onnx/state.h"

static uint32_t hash_bytes(sg_bytes b)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < b.n; i++)
        h = (h ^ b.p[i]) * 16777619u;
    return h ^ (h >> 15);
}

static bool words_grow(sg_onnx *s)
{
    size_t cap = s->cap_word ? s->cap_word * 2 : 256;
    sg_onnx_word *w = sg_calloc(s->mem, cap, sizeof *w);
    if (!w)
        return false;
    for (size_t i = 0; i < s->cap_word; i++) {
        if (!s->word[i].s)
            continue;
        size_t at = s->word[i].hash & (cap - 1);
        while (w[at].s)
            at = (at + 1) & (cap - 1);
        w[at] = s->word[i];
    }
    sg_free(s->mem, s->word, s->cap_word * sizeof *w);
    s->word = w;
    s->cap_word = cap;
    return true;
}

const char *sg_onnx_intern(sg_onnx *s, sg_bytes b)
{
    if (b.n == 0)
        return "";
    if (b.n >= UINT32_MAX || memchr(b.p, 0, b.n)) {
        sg_fail(s->err, SEDGE_E_FORMAT, "a name has a zero byte in it");
        return NULL;
    }
    if ((s->n_word + 1) * 2 > s->cap_word && !words_grow(s)) {
        sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
        return NULL;
    }
    uint32_t h = hash_bytes(b);
    size_t at = h & (s->cap_word - 1);
    for (; s->word[at].s; at = (at + 1) & (s->cap_word - 1))
        if (s->word[at].hash == h && s->word[at].len == b.n && memcmp(s->word[at].s, b.p, b.n) == 0)
            return s->word[at].s;
    const char *copy = sg_arena_str(s->arena, (const char *)b.p, b.n);
    if (!copy) {
        sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
        return NULL;
    }
    s->word[at] = (sg_onnx_word){copy, (uint32_t)b.n, h};
    s->n_word++;
    return copy;
}

static size_t home(const char *name, size_t cap)
{
    uint64_t x = (uint64_t)(uintptr_t)name * 0x9e3779b97f4a7c15u;
    return (size_t)(x >> 20) & (cap - 1);
}

sg_onnx_slot *sg_onnx_slot_find(const sg_onnx_table *t, const char *name)
{
    if (!t->cap)
        return NULL;
    for (size_t at = home(name, t->cap); t->slot[at].name; at = (at + 1) & (t->cap - 1))
        if (t->slot[at].name == name)
            return &t->slot[at];
    return NULL;
}

static bool table_grow(sg_onnx_table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 32;
    sg_onnx_slot *slot = sg_calloc(t->mem, cap, sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slot[i].name)
            continue;
        size_t at = home(t->slot[i].name, cap);
        while (slot[at].name)
            at = (at + 1) & (cap - 1);
        slot[at] = t->slot[i];
    }
    sg_free(t->mem, t->slot, t->cap * sizeof *slot);
    t->slot = slot;
    t->cap = cap;
    return true;
}

sg_onnx_slot *sg_onnx_slot_add(sg_onnx_table *t, const char *name, bool *fresh)
{
    *fresh = false;
    sg_onnx_slot *found = sg_onnx_slot_find(t, name);
    if (found)
        return found;
    if ((t->n + 1) * 2 > t->cap && !table_grow(t))
        return NULL;
    size_t at = home(name, t->cap);
    while (t->slot[at].name)
        at = (at + 1) & (t->cap - 1);
    t->slot[at] = (sg_onnx_slot){.name = name, .producer = -1};
    t->n++;
    *fresh = true;
    return &t->slot[at];
}

void sg_onnx_table_free(sg_onnx_table *t)
{
    sg_free(t->mem, t->slot, t->cap * sizeof *t->slot);
    t->slot = NULL;
    t->n = t->cap = 0;
}
