/* Rotary position embedding (Su et al., "RoFormer", 2021) and SwiGLU (Shazeer, "GLU variants", 2020). */
#include <math.h>
#include <string.h>

#include "op/attention.h"
#include "op/widen.h"

sedge_status sg_infer_rotary_embedding(sg_infer *c)
{
    c->exact = true;
    for (int k = 0; k < 3; k++)
        SG_TRY(sg_infer_need_float(c, k));
    if (c->n_in > 3 && c->in[3] && !sg_is_int((sg_dtype)c->in[3]->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "rotary_embedding: position_ids must be integers");
    c->out[0] = *c->in[0];
    if (c->in[0]->rank >= 0 && c->in[0]->rank != 3 && c->in[0]->rank != 4)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "rotary_embedding: input must have rank 3 or 4, has %d", c->in[0]->rank);
    return SEDGE_OK;
}

/* Sizes of a call. */
typedef struct rotary {
    int64_t batch, heads, steps, size, rot;
    sg_att_view at;
    int64_t rows; /* of the caches, counted over batch and steps or by position */
    const sg_tensor *ids;
} rotary;

static sedge_status rotary_read(sg_exec *x, rotary *r)
{
    const sg_tensor *t = x->in[0];
    int64_t heads = sg_get_int(x->attrs, SG_A_num_heads);
    r->batch = t->dim[0];
    if (t->rank == 4) {
        r->heads = t->dim[1], r->steps = t->dim[2], r->size = t->dim[3];
        r->at = (sg_att_view){r->heads * r->steps * r->size, r->steps * r->size, r->size};
    } else {
        if (heads < 1 || t->dim[2] % heads != 0)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "rotary_embedding: num_heads %lld does not divide the hidden size",
                                (long long)heads);
        r->heads = heads, r->steps = t->dim[1], r->size = t->dim[2] / heads;
        r->at = (sg_att_view){r->steps * t->dim[2], r->size, t->dim[2]};
    }
    r->rot = sg_get_int(x->attrs, SG_A_rotary_embedding_dim);
    r->rot = r->rot ? r->rot : r->size;
    if (r->rot < 0 || r->rot > r->size || r->rot % 2)
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "rotary_embedding: cannot rotate %lld of %lld elements", (long long)r->rot,
                            (long long)r->size);
    r->ids = x->n_in > 3 ? x->in[3] : NULL;
    int want = r->ids ? 2 : 3;
    for (int k = 1; k < 3; k++) {
        const sg_tensor *s = x->in[k];
        if (s->rank != want || s->dim[want - 1] != r->rot / 2 || !sg_same_shape(s, x->in[1]) ||
            (!r->ids && (s->dim[0] != r->batch || s->dim[1] != r->steps)))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "rotary_embedding: cache does not have the shape that the input asks for");
    }
    r->rows = sg_dim_span(x->in[1]->dim, 0, want - 1);
    if (r->ids && (r->ids->rank != 2 || r->ids->dim[0] != r->batch || r->ids->dim[1] != r->steps))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "rotary_embedding: position_ids must be [batch, steps]");
    return SEDGE_OK;
}

static void rotate(float *y, const float *v, const float *cs, const float *sn, int64_t rot, int64_t size, bool interleaved)
{
    int64_t half = rot / 2, step = interleaved ? 2 : 1, gap = interleaved ? 1 : half;
    for (int64_t i = 0; i < half; i++) {
        float a = v[i * step], b = v[i * step + gap];
        y[i * step] = cs[i] * a - sn[i] * b;
        y[i * step + gap] = sn[i] * a + cs[i] * b;
    }
    if (size > rot)
        memcpy(y + rot, v + rot, (size_t)(size - rot) * sizeof *y);
}

sedge_status sg_ref_rotary_embedding(sg_exec *x)
{
    rotary r;
    SG_TRY(rotary_read(x, &r));
    const float *v = sg_widen_f32(x, x->in[0]), *cs = sg_widen_f32(x, x->in[1]), *sn = sg_widen_f32(x, x->in[2]);
    float *y = sg_narrow_room_f32(x, x->out[0]);
    if (!v || !cs || !sn || !y)
        return SEDGE_E_NOMEM;
    bool interleaved = sg_get_int(x->attrs, SG_A_interleaved) != 0;
    for (int64_t b = 0; b < r.batch; b++)
        for (int64_t t = 0; t < r.steps; t++) {
            int64_t row = b * r.steps + t;
            if (r.ids) {
                int64_t id = sg_load_i64((sg_dtype)r.ids->dtype, r.ids->data, (size_t)row);
                row = id < 0 ? id + r.rows : id;
                if (row < 0 || row >= r.rows)
                    return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "rotary_embedding: position %lld is not in the cache of %lld",
                                        (long long)id, (long long)r.rows);
            }
            const float *c = cs + row * (r.rot / 2), *s = sn + row * (r.rot / 2);
            for (int64_t h = 0; h < r.heads; h++) {
                int64_t at = b * r.at.batch + h * r.at.head + t * r.at.step;
                rotate(y + at, v + at, c, s, r.rot, r.size, interleaved);
            }
        }
    sg_narrow_f32(x->out[0], y);
    return SEDGE_OK;
}

sedge_status sg_infer_swiglu(sg_infer *c)
{
    c->exact = true;
    SG_TRY(sg_infer_need_float(c, 0));
    const sg_type *a = c->in[0], *b = c->in[1];
    if (a->dtype != b->dtype)
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "swiglu: inputs are of different types");
    c->out[0] = a->rank < 0 ? *b : *a;
    bool same = a->rank < 0 || b->rank < 0 || a->rank == b->rank;
    for (int i = 0; same && a->rank >= 0 && b->rank >= 0 && i < a->rank; i++)
        same = sg_d_equal(c, a->dim[i], b->dim[i]);
    return same ? SEDGE_OK : SG_INFER_FAIL(c, SEDGE_E_SHAPE, "swiglu: inputs are of different shapes");
}

sedge_status sg_ref_swiglu(sg_exec *x)
{
    const sg_tensor *a = x->in[0], *b = x->in[1];
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)y->dtype;
    if (!sg_same_shape(a, b))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "swiglu: inputs are of different shapes");
    int64_t n = sg_numel(y);
    float alpha = (float)sg_get_float(x->attrs, SG_A_alpha);
    if (t == SG_F32) {
        const float *u = a->data, *v = b->data;
        float *to = y->data;
        for (int64_t i = 0; i < n; i++)
            to[i] = u[i] / (1 + expf(-alpha * u[i])) * v[i];
        return SEDGE_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        double u = sg_load_f64(t, a->data, (size_t)i), v = sg_load_f64(t, b->data, (size_t)i);
        double s = 1 / (1 + exp(-(double)alpha * u));
        if (t != SG_F64) { /* the swish is defined in the type of the operands */
            s = sg_att_round(t, (float)s);
            u = sg_att_round(t, (float)(u * s));
            sg_store_f64(t, y->data, (size_t)i, u * v);
        } else {
            sg_store_f64(t, y->data, (size_t)i, u * s * v);
        }
    }
    return SEDGE_OK;
}
