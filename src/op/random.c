/* Random tensors and dropout. */
#include "op/elementwise.h"

#include <math.h>
#include <string.h>

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double sg_random_unit(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

uint64_t sg_random_state(sg_exec *x, bool seeded, double seed)
{
    uint64_t s = 0;
    if (seeded)
        memcpy(&s, &seed, sizeof s);
    else
        s = x->rng ? next(x->rng) : 1;
    return s;
}

/* Box and Muller, Annals of Mathematical Statistics 29 (1958). */
static double normal(uint64_t *state)
{
    double u = 1 - sg_random_unit(state), v = sg_random_unit(state);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* ---- random ---------------------------------------------------------------------------------------------- */

static sedge_status shape_attr(sg_infer *c, sg_type *t)
{
    int n;
    const int64_t *d = sg_get_ints(c->attrs, SG_A_shape, &n);
    if (n > SG_RANK_MAX)
        return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "rank %d is above %d", n, SG_RANK_MAX);
    t->rank = (int8_t)n;
    for (int i = 0; i < n; i++) {
        if (d[i] < 0)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "negative size %lld in the shape", (long long)d[i]);
        t->dim[i] = d[i];
    }
    return SEDGE_OK;
}

sedge_status sg_infer_random(sg_infer *c)
{
    int64_t kind = sg_get_int(c->attrs, SG_A_kind), dtype = sg_get_int(c->attrs, SG_A_dtype),
            size = sg_get_int(c->attrs, SG_A_sample_size);
    const sg_type *like = c->n_in ? c->in[0] : NULL;
    sg_type *t = &c->out[0];
    c->exact = true;
    if (kind < 0 || kind > SG_RANDOM_MULTINOMIAL || dtype < 0 || dtype >= SG_DTYPE_COUNT)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "unknown kind or element type");
    if (!like && kind >= SG_RANDOM_BERNOULLI)
        return SG_INFER_FAIL(c, SEDGE_E_FORMAT, "input 0 is missing");
    if (like && kind >= SG_RANDOM_BERNOULLI && like->dtype != SG_NONE && !sg_is_float((sg_dtype)like->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "probabilities are %s", sg_dtypes[like->dtype].name);
    if (like)
        *t = *like;
    else
        SG_TRY(shape_attr(c, t));
    if (dtype)
        t->dtype = (uint8_t)dtype;
    if (t->dtype == SG_STR || sg_is_complex((sg_dtype)t->dtype))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not give %s", sg_dtypes[t->dtype].name);
    if (kind == SG_RANDOM_MULTINOMIAL && t->rank >= 0) {
        if (t->rank != 2 || size < 0)
            return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "multinomial takes rank 2 and a sample size of 0 or more");
        t->dim[1] = size;
    }
    return SEDGE_OK;
}

/* One draw of row p, n unnormalised log-probabilities: the largest after adding Gumbel noise. */
static int64_t draw(const sg_tensor *p, int64_t row, int64_t n, uint64_t *state)
{
    int64_t best = 0;
    double top = -HUGE_VAL;
    for (int64_t i = 0; i < n; i++) {
        double v = sg_load_f64((sg_dtype)p->dtype, p->data, (size_t)(row * n + i)) -
                   log(-log(1 - sg_random_unit(state) * (1 - 0x1p-53)));
        if (v > top) {
            top = v;
            best = i;
        }
    }
    return best;
}

sedge_status sg_ref_random(sg_exec *x)
{
    int64_t kind = sg_get_int(x->attrs, SG_A_kind), size = sg_get_int(x->attrs, SG_A_sample_size);
    double low = sg_get_float(x->attrs, SG_A_low), high = sg_get_float(x->attrs, SG_A_high);
    double mean = sg_get_float(x->attrs, SG_A_mean), scale = sg_get_float(x->attrs, SG_A_scale);
    uint64_t state = sg_random_state(x, sg_attr_is_set(x->attrs, SG_A_seed), sg_get_float(x->attrs, SG_A_seed));
    const sg_tensor *in = x->n_in ? x->in[0] : NULL;
    sg_tensor *out = x->out[0];
    sg_dtype t = (sg_dtype)out->dtype;
    int64_t n = sg_numel(out);
    for (int64_t i = 0; i < n; i++) {
        if (kind == SG_RANDOM_UNIFORM)
            sg_store_f64(t, out->data, (size_t)i, low + (high - low) * sg_random_unit(&state));
        else if (kind == SG_RANDOM_NORMAL)
            sg_store_f64(t, out->data, (size_t)i, mean + scale * normal(&state));
        else if (kind == SG_RANDOM_BERNOULLI)
            sg_store_f64(t, out->data, (size_t)i, sg_random_unit(&state) < sg_load_f64((sg_dtype)in->dtype, in->data, (size_t)i));
        else
            sg_store_i64(t, out->data, (size_t)i, draw(in, i / size, in->dim[1], &state));
    }
    return SEDGE_OK;
}

/* ---- dropout ------------------------------------------------------------------------------------------------ */

sedge_status sg_infer_dropout(sg_infer *c)
{
    sg_dtype t = (sg_dtype)c->in[0]->dtype;
    if (t != SG_NONE && !sg_is_float(t))
        return SG_INFER_FAIL(c, SEDGE_E_TYPE, "does not take %s", sg_dtypes[t].name);
    SG_TRY(sg_infer_same(c));
    if (c->n_out > 1)
        c->out[1].dtype = SG_BOOL;
    return SEDGE_OK;
}

sedge_status sg_ref_dropout(sg_exec *x)
{
    const sg_tensor *in = x->in[0], *r = x->n_in > 1 ? x->in[1] : NULL, *m = x->n_in > 2 ? x->in[2] : NULL;
    sg_dtype t = (sg_dtype)in->dtype;
    bool training = m && sg_numel(m) == 1 && sg_load_i64((sg_dtype)m->dtype, m->data, 0) != 0;
    double ratio = r && sg_numel(r) == 1 ? sg_load_f64((sg_dtype)r->dtype, r->data, 0) : 0.5;
    uint8_t *mask = x->n_out > 1 && x->out[1] ? x->out[1]->data : NULL;
    uint64_t state = sg_random_state(x, sg_attr_is_set(x->attrs, SG_A_seed), (double)sg_get_int(x->attrs, SG_A_seed));
    int64_t n = sg_numel(in);
    if (training && !(ratio >= 0 && ratio < 1))
        return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "ratio %g is not in [0, 1)", ratio);
    for (int64_t i = 0; i < n; i++) {
        bool keep = !training || ratio == 0 || sg_random_unit(&state) >= ratio;
        if (x->out[0] && training)
            sg_store_f64(t, x->out[0]->data, (size_t)i, keep ? sg_load_f64(t, in->data, (size_t)i) / (1 - ratio) : 0);
        else if (x->out[0])
            sg_elem_copy(t, x->out[0]->data, (size_t)i, in->data, (size_t)i);
        if (mask)
            mask[i] = keep;
    }
    return SEDGE_OK;
}
