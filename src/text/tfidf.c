/* TfIdfVectorizer: counts of known n-grams, plain or weighted. */
#include <string.h>

#include "op/op.h"

static int64_t column_count(sg_attrs a)
{
    int n;
    int64_t max = -1;
    const int64_t *v = sg_get_ints(a, SG_A_ngram_indexes, &n);
    for (int i = 0; i < n; i++)
        max = v[i] > max ? v[i] : max;
    return max < INT32_MAX ? max + 1 : -1;
}

sedge_status sg_infer_tfidf(sg_infer *c)
{
    const sg_type *t = c->in[0];
    int64_t columns = column_count(c->attrs);
    if (columns < 0)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "tfidf: ngram_indexes are out of range");
    int n;
    bool strings = sg_get_strs(c->attrs, SG_A_pool_strings, &n) != NULL;
    if (t->dtype != SG_NONE && t->dtype != (strings ? SG_STR : SG_I32) && t->dtype != (strings ? SG_STR : SG_I64))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "tfidf: input is not of the type of the pool");
    if (t->rank > 2)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "tfidf: input must be [C] or [N,C], has rank %d", t->rank);
    c->out[0].dtype = SG_F32;
    c->out[0].rank = t->rank < 0 ? -1 : t->rank == 2 ? 2 : 1;
    if (t->rank == 2)
        c->out[0].dim[0] = t->dim[0];
    if (t->rank >= 0)
        c->out[0].dim[t->rank == 2 ? 1 : 0] = columns;
    return SEDGE_OK;
}

/* The pool as a trie: a node per prefix, found by a hash of its parent and its last item. */
typedef struct gram {
    int32_t parent;
    int32_t item; /* index into the pool */
    int32_t id;   /* 1 + number of the n-gram that ends here, 0: none */
} gram;

typedef struct tfidf {
    const int64_t *ints;
    const sg_str *strs;
    const int64_t *column;
    int n_pool, n_gram, min, max;
    int64_t skip;
    gram *node;
    int32_t n_node, *slot; /* slot: open addressing, 0: free */
    uint64_t mask;
    const sg_tensor *in;
} tfidf;

static bool same_str(const sg_str *a, const sg_str *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, (size_t)a->n) == 0);
}

/* An item of the pool or of the input. */
typedef struct item {
    sg_str s;
    int64_t v;
} item;

static item pool_item(const tfidf *t, int32_t i)
{
    return t->strs ? (item){t->strs[i], 0} : (item){{NULL, 0}, t->ints[i]};
}

/* FNV-1a. */
static uint64_t hash(const tfidf *t, int32_t parent, const item *e)
{
    uint64_t h = (14695981039346656037u ^ (uint32_t)parent) * 1099511628211u;
    if (!t->strs)
        h = (h ^ (uint64_t)e->v) * 1099511628211u;
    for (uint64_t i = 0; i < e->s.n; i++)
        h = (h ^ (uint8_t)e->s.p[i]) * 1099511628211u;
    return h ^ (h >> 31);
}

/* The slot of the child of node `parent` that holds e, or the free one where it belongs. */
static int32_t *child(const tfidf *t, int32_t parent, const item *e)
{
    for (uint64_t at = hash(t, parent, e);; at++) {
        int32_t *slot = &t->slot[at & t->mask];
        const gram *g = &t->node[*slot];
        if (!*slot)
            return slot;
        if (g->parent == parent && (t->strs ? same_str(&t->strs[g->item], &e->s) : t->ints[g->item] == e->v))
            return slot;
    }
}

static int32_t child_add(tfidf *t, int32_t parent, int32_t i)
{
    item e = pool_item(t, i);
    int32_t *slot = child(t, parent, &e);
    if (!*slot) {
        *slot = t->n_node++;
        t->node[*slot] = (gram){parent, i, 0};
    }
    return *slot;
}

/* Child of node `parent` for element i of the input; 0: none. */
static int32_t child_find(const tfidf *t, int32_t parent, int64_t i)
{
    item e = {{NULL, 0}, 0};
    if (t->strs)
        memcpy(&e.s, (const char *)t->in->data + (size_t)i * sizeof e.s, sizeof e.s);
    else
        e.v = sg_load_i64((sg_dtype)t->in->dtype, t->in->data, (size_t)i);
    return *child(t, parent, &e);
}

static bool trie_new(sg_exec *x, tfidf *t)
{
    uint64_t size = 4;
    while (size < 2 * (uint64_t)t->n_pool)
        size *= 2;
    t->mask = size - 1;
    t->slot = sg_scratch(x, (size_t)size * sizeof *t->slot);
    t->node = sg_scratch(x, ((size_t)t->n_pool + 1) * sizeof *t->node);
    if (!t->slot || !t->node)
        return false;
    memset(t->slot, 0, (size_t)size * sizeof *t->slot);
    t->node[0] = (gram){-1, 0, 0};
    t->n_node = 1;
    return true;
}

/* ngram_counts[k] is where the n-grams of length k + 1 start in the pool. */
static sedge_status pool_read(sg_exec *x, tfidf *t)
{
    int n_start, n_int;
    const int64_t *start = sg_get_ints(x->attrs, SG_A_ngram_counts, &n_start);
    t->strs = sg_get_strs(x->attrs, SG_A_pool_strings, &t->n_pool);
    t->ints = sg_get_ints(x->attrs, SG_A_pool_int64s, &n_int);
    t->n_pool = t->strs ? t->n_pool : n_int;
    t->column = sg_get_ints(x->attrs, SG_A_ngram_indexes, &t->n_gram);
    if (!trie_new(x, t))
        return SEDGE_E_NOMEM;
    int32_t id = 0;
    for (int k = 0; k < n_start; k++) {
        int64_t from = start[k], to = k + 1 < n_start ? start[k + 1] : t->n_pool;
        if (from < 0 || to < from || to > t->n_pool)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tfidf: ngram_counts are out of range");
        for (; from + k + 1 <= to; from += k + 1) {
            int32_t at = 0;
            if (id++ >= t->n_gram || t->column[id - 1] < 0)
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tfidf: ngram_indexes are too few or negative");
            for (int i = 0; k + 1 >= t->min && k + 1 <= t->max && i <= k; i++)
                at = child_add(t, at, (int32_t)from + i);
            t->node[at].id = at ? id : 0;
        }
    }
    return SEDGE_OK;
}

/* Counts the n-grams of elements [from, to) that start at `at` with the given distance between items. */
static void count_at(const tfidf *t, int64_t at, int64_t to, int64_t distance, int min, float *count)
{
    int32_t node = 0;
    for (int size = 1; size <= t->max && at < to; size++) {
        node = child_find(t, node, at);
        if (!node)
            return;
        if (size >= min && t->node[node].id)
            count[t->column[t->node[node].id - 1]] += 1;
        if (distance >= to - at)
            return;
        at += distance;
    }
}

/* Single items count once, whatever the distance. */
static void count_row(const tfidf *t, int64_t from, int64_t to, float *count)
{
    int min = t->min;
    for (int64_t skip = 0; skip <= t->skip && (skip == 0 || skip < to - from); skip++) {
        for (int64_t at = from; at < to; at++)
            count_at(t, at, to, skip + 1, min, count);
        if (min == 1 && ++min > t->max)
            return;
    }
}

static void weigh(sg_attrs a, float *y, int64_t n)
{
    int n_weight;
    const double *w = sg_get_floats(a, SG_A_weights, &n_weight);
    const char *mode = sg_get_str(a, SG_A_mode);
    bool idf = strcmp(mode, "IDF") == 0;
    if (!idf && strcmp(mode, "TFIDF") != 0)
        return;
    for (int64_t i = 0; i < n; i++) {
        float u = w && i < n_weight ? (float)w[i] : 1;
        y[i] = idf ? (y[i] > 0 ? u : 0) : y[i] * u;
    }
}

sedge_status sg_ref_tfidf(sg_exec *x)
{
    tfidf t = {.in = x->in[0], .skip = sg_get_int(x->attrs, SG_A_max_skip_count)};
    int64_t min = sg_get_int(x->attrs, SG_A_min_gram_length), max = sg_get_int(x->attrs, SG_A_max_gram_length);
    if (min < 1 || max < min || max > INT32_MAX / 2 || t.skip < 0)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tfidf: gram lengths or skip count are out of range");
    t.min = (int)min, t.max = (int)max;
    SG_TRY(pool_read(x, &t));
    int64_t columns = column_count(x->attrs), size = t.in->rank ? t.in->dim[t.in->rank - 1] : 1,
            rows = t.in->rank == 2 ? t.in->dim[0] : 1;
    float *y = x->out[0]->data;
    memset(y, 0, sg_tensor_bytes(x->out[0]));
    for (int64_t r = 0; r < rows; r++) {
        count_row(&t, r * size, (r + 1) * size, y + r * columns);
        weigh(x->attrs, y + r * columns, columns);
    }
    return SEDGE_OK;
}
