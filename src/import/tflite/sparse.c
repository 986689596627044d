/* Constants that a file keeps sparse: their values in the order of a walk over the dimensions, some of which list only the places that
 * are not zero (the schema's SparsityParameters; after TACO, Kjolstad et al., OOPSLA 2017). They become dense when the model is read. */
#include <string.h>

#include "import/tflite/tflite.h"

#define LEVELS_MAX (2 * SG_RANK_MAX)

/* A dimension of the walk: dense of `size`, or the lists of places. */
typedef struct level {
    bool sparse;
    int axis; /* of the tensor */
    int64_t size, by; /* its place counts `by` elements of the axis */
    sg_fb_vec segment, index;
    int w_segment, w_index; /* bytes of their elements */
} level;

typedef struct walk {
    sg_tf *s;
    const sg_tf_tensor *t;
    level level[LEVELS_MAX];
    int n;
    int64_t at[SG_RANK_MAX], stride[SG_RANK_MAX];
    size_t n_value, n_steps;
    uint8_t *out;
} walk;

/* A list of places: a union of vectors of 32, 16 and 8 bits. */
static sg_fb_vec places(const sg_fb_table *dim, sg_tf_field kind, sg_tf_field list, int *width)
{
    static const int widths[] = {0, 4, 2, 1};
    int64_t type = sg_tf_get(dim, kind);
    sg_fb_table t = sg_tf_sub(dim, list);
    *width = type >= 1 && type <= 3 ? widths[type] : 0;
    return *width ? sg_fb_vector(&t, 0, *width) : (sg_fb_vec){.fb = dim->fb};
}

/* Element i; 8 and 16 bits have no sign. */
static int64_t place(const sg_fb_vec *v, int64_t i, int width)
{
    int64_t x = i >= 0 && i < v->n ? sg_fb_at(v, (uint32_t)i, width) : -1;
    return width < 4 && x < 0 && i < v->n ? x + ((int64_t)1 << (8 * width)) : x;
}

static sedge_status levels_read(walk *w, const sg_fb_table *p)
{
    sg_fb_vec order = sg_tf_vec(p, SG_TF_SPARSE_ORDER), block = sg_tf_vec(p, SG_TF_SPARSE_BLOCKS),
              dims = sg_tf_vec(p, SG_TF_SPARSE_DIMS);
    int rank = w->t->rank;
    int64_t in_block[SG_RANK_MAX];
    w->n = (int)order.n;
    if (order.n > LEVELS_MAX || order.n != (uint64_t)rank + block.n || dims.n != order.n)
        return sg_tf_bad(w->s, "sparse tensor");
    for (int i = 0; i < rank; i++)
        in_block[i] = 1;
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < w->n; k++) {
            level *l = &w->level[k];
            int64_t d = sg_fb_at(&order, (uint32_t)k, 4), axis = d < rank ? d : -1;
            if (d >= rank && d - rank < block.n)
                axis = sg_fb_at(&block, (uint32_t)(d - rank), 4);
            if (d < 0 || axis < 0 || axis >= rank)
                return sg_tf_bad(w->s, "sparse tensor");
            sg_fb_table dim = sg_fb_table_at(&dims, (uint32_t)k);
            *l = (level){.sparse = sg_tf_get(&dim, SG_TF_SPARSE_FORMAT) == 1,
                         .axis = (int)axis,
                         .size = sg_tf_get(&dim, SG_TF_SPARSE_SIZE)};
            l->segment = places(&dim, SG_TF_SPARSE_SEGMENTS_TYPE, SG_TF_SPARSE_SEGMENTS, &l->w_segment);
            l->index = places(&dim, SG_TF_SPARSE_INDICES_TYPE, SG_TF_SPARSE_INDICES, &l->w_index);
            l->by = d < rank ? in_block[axis] : 1;
            if (d >= rank && !pass)
                in_block[axis] = l->sparse || l->size < 1 || l->size > INT32_MAX ? 1 : l->size;
        }
    return w->s->fb.bad ? sg_tf_bad(w->s, "sparse tensor") : SEDGE_OK;
}

/* The tensor's values below place `at` of level k, where `before` counts places on the level above. */
static bool spread(walk *w, int k, int64_t before)
{
    const sg_tf_tensor *t = w->t;
    if (k == w->n) {
        int64_t to = 0;
        for (int i = 0; i < t->rank; i++) {
            if (w->at[i] < 0 || w->at[i] >= t->dim[i])
                return false;
            to += w->at[i] * w->stride[i];
        }
        if (before < 0 || (uint64_t)before >= w->n_value)
            return false;
        sg_elem_copy(t->dtype, w->out, (size_t)to, t->data.p, (size_t)before);
        return true;
    }
    const level *l = &w->level[k];
    int64_t from = 0, to = l->size;
    if (l->sparse) {
        from = place(&l->segment, before, l->w_segment);
        to = place(&l->segment, before + 1, l->w_segment);
    }
    for (int64_t i = from; i < to; i++) {
        int64_t p = l->sparse ? place(&l->index, i, l->w_index) : i;
        if (p < 0 || p > INT32_MAX || from < 0 || !w->n_steps--)
            return false;
        w->at[l->axis] += p * l->by;
        bool fine = spread(w, k + 1, l->sparse ? i : before * l->size + i);
        w->at[l->axis] -= p * l->by;
        if (!fine)
            return false;
    }
    return from <= to;
}

sedge_status sg_tf_sparse(sg_tf *s, const sg_fb_table *p, sg_tf_tensor *t)
{
    walk w = {.s = s, .t = t};
    int64_t n;
    size_t bits = sg_dtypes[t->dtype].bits;
    if (!sg_numel_checked(t->dim, t->rank, &n) || bits < 8 || t->dtype == SG_STR)
        return sg_fail(s->err, SEDGE_E_UNSUPPORTED, "tensor %.100s is sparse and of unknown size, or of no numbers", t->name);
    SG_TRY(levels_read(&w, p));
    for (int i = t->rank - 1, k = 0; i >= 0; i--, k++)
        w.stride[i] = k ? w.stride[i + 1] * t->dim[i + 1] : 1;
    w.n_value = t->data.n / (bits / 8);
    w.n_steps = ((size_t)n + 1) * LEVELS_MAX; /* a walk over more is no sparse tensor */
    w.out = sg_arena_alloc(s->arena, sg_dtype_bytes(t->dtype, (size_t)n) + 1);
    if (!w.out)
        return sg_fail(s->err, SEDGE_E_NOMEM, "out of memory");
    if (!spread(&w, 0, 0))
        return sg_tf_bad(s, "sparse tensor");
    t->data = (sg_bytes){w.out, sg_dtype_bytes(t->dtype, (size_t)n)};
    return SEDGE_OK;
}
