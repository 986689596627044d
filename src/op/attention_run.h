/* Attention for one element type: included with REAL, RUN, FLEX (names), WIDEN, ROOM and NARROW defined. No guard:
 * it is a template. */
#include <string.h>
#include <tgmath.h>

#include "op/attention.h"
#include "op/widen.h"

static REAL rounded(sg_dtype t, REAL v)
{
    return t == SG_NONE ? v : (REAL)sg_att_round(t, (float)v);
}

/* Eight partial sums, so that the loop has independent lanes. */
static REAL dot(const REAL *a, const REAL *b, int64_t n)
{
    REAL s[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* One operand in REAL, with its strides. */
typedef struct att_in {
    const REAL *p;
    sg_att_view at;
} att_in;

/* Past and new steps one after the other as [batch, heads, n_kv, size], times `scale`. */
static bool pack(sg_exec *x, const sg_att *a, const sg_tensor *t, const sg_tensor *past, int64_t size, REAL scale, att_in *in)
{
    const REAL *fresh = WIDEN(x, t), *old = past ? WIDEN(x, past) : NULL;
    REAL *p = sg_scratch(x, ((size_t)(a->batch * a->kv_heads * a->n_kv * size) + 1) * sizeof *p);
    if (!fresh || !p || (past && !old))
        return false;
    REAL *to = p;
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t h = 0; h < a->kv_heads; h++)
            for (int64_t s = 0; s < a->n_kv; s++, to += size) {
                const REAL *from = s < a->n_past ? old + ((b * a->kv_heads + h) * a->n_past + s) * size
                                                 : fresh + b * in->at.batch + h * in->at.head + (s - a->n_past) * in->at.step;
                for (int64_t i = 0; i < size; i++)
                    to[i] = rounded(a->round, from[i] * scale);
            }
    in->p = p;
    in->at = (sg_att_view){a->kv_heads * a->n_kv * size, a->n_kv * size, size};
    return true;
}

/* The operands of all rows. Where intermediate results are rounded, sqrt(scale) goes to q and k each, as defined;
 * otherwise all of it goes to q and the keys stay where they are. */
typedef struct att_data {
    att_in q, k, v;
    REAL q_scale;
    const REAL *mask; /* additive */
    int64_t mask_cols, mask_stride[3];
    REAL *row_q, *bias, *score;
} att_data;

static bool data_init(sg_exec *x, const sg_att *a, att_data *d)
{
    memset(d, 0, sizeof *d);
    REAL half = rounded(a->round, (REAL)sqrt(a->scale));
    d->q = (att_in){WIDEN(x, x->in[0]), a->q};
    d->k.at = a->k;
    d->v.at = a->v;
    d->q_scale = a->round ? half : (REAL)a->scale;
    bool ok = d->q.p != NULL;
    if (a->round || a->past_k)
        ok = ok && pack(x, a, x->in[1], a->past_k, a->size, a->round ? half : 1, &d->k);
    else
        ok = ok && (d->k.p = WIDEN(x, x->in[1])) != NULL;
    if (a->past_v)
        ok = ok && pack(x, a, x->in[2], a->past_v, a->v_size, 1, &d->v);
    else
        ok = ok && (d->v.p = WIDEN(x, x->in[2])) != NULL;
    size_t n = (size_t)a->n_kv + 1;
    d->row_q = sg_scratch(x, ((size_t)a->size + 1) * sizeof(REAL));
    d->bias = sg_scratch(x, n * sizeof(REAL));
    d->score = sg_scratch(x, n * sizeof(REAL));
    return ok && d->row_q && d->bias && d->score;
}

static bool mask_init(sg_exec *x, const sg_att *a, att_data *d)
{
    const sg_tensor *t = a->mask;
    if (!t)
        return true;
    int64_t n = sg_numel(t), stride = t->dim[t->rank - 1];
    d->mask_cols = stride;
    for (int i = 2; i >= 0; i--) {
        int at = t->rank - 4 + i;
        int64_t dim = at >= 0 ? t->dim[at] : 1;
        d->mask_stride[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
    if (t->dtype != SG_BOOL)
        return (d->mask = WIDEN(x, t)) != NULL;
    REAL *m = sg_scratch(x, ((size_t)n + 1) * sizeof *m);
    for (int64_t i = 0; m && i < n; i++)
        m[i] = sg_load_i64(SG_BOOL, t->data, (size_t)i) ? 0 : -(REAL)INFINITY;
    return (d->mask = m) != NULL;
}

/* Keys [lo, hi) that the rules about positions leave to query i of batch item b. */
static void span_of(const sg_att *a, int64_t b, int64_t i, int64_t *lo, int64_t *hi)
{
    int64_t valid = a->n_kv, offset = a->n_past;
    if (a->nonpad) {
        valid = sg_load_i64((sg_dtype)a->nonpad->dtype, a->nonpad->data, (size_t)b);
        valid = valid < 0 ? 0 : valid > a->n_kv ? a->n_kv : valid;
        offset = valid - a->n_q;
    }
    int64_t at = i + offset;
    *lo = a->left >= 0 && a->left < at ? at - a->left : 0;
    *hi = valid;
    if (a->causal && at + 1 < *hi)
        *hi = at + 1;
    if (a->right >= 0 && a->right < *hi && at + a->right + 1 < *hi)
        *hi = at + a->right + 1;
    if (*hi < 0)
        *hi = 0;
    if (*lo > *hi)
        *lo = *hi;
}

/* Additive bias of one row; false when every key is masked. */
static bool bias_row(const sg_att *a, const att_data *d, int64_t b, int64_t h, int64_t i, int64_t lo, int64_t hi)
{
    const REAL *m = d->mask ? d->mask + b * d->mask_stride[0] + h * d->mask_stride[1] + i * d->mask_stride[2] : NULL;
    bool any = false;
    for (int64_t j = 0; j < a->n_kv; j++) {
        REAL v = j < lo || j >= hi || (m && j >= d->mask_cols) ? -(REAL)INFINITY : m ? m[j] : 0;
        d->bias[j] = v;
        any = any || !(v == -(REAL)INFINITY);
    }
    return any;
}

/* In place; a row of nothing but minus infinity gives zeros. */
static void softmax(REAL *s, int64_t n, sg_dtype round)
{
    REAL top = -(REAL)INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++)
        top = s[j] > top || s[j] != s[j] ? s[j] : top;
    if (top == -(REAL)INFINITY) {
        memset(s, 0, (size_t)n * sizeof *s);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        s[j] = rounded(round, exp(rounded(round, s[j] - top)));
    for (int64_t j = 0; j < n; j++) /* the definition adds bf16 one by one, f16 in f32 */
        sum += s[j];
    sum = rounded(round, sum);
    for (int64_t j = 0; j < n; j++)
        s[j] = rounded(round, s[j] / sum);
}

/* y = p V; keys without weight are not touched. */
static void weigh(REAL *y, const REAL *p, const REAL *v, int64_t step, int64_t n, int64_t size)
{
    memset(y, 0, (size_t)size * sizeof *y);
    for (int64_t j = 0; j < n; j++) {
        const REAL *row = v + j * step;
        REAL w = p[j];
        if (w != 0)
            for (int64_t e = 0; e < size; e++)
                y[e] += w * row[e];
    }
}

static const REAL *kv_at(const sg_att *a, const att_in *in, int64_t b, int64_t h)
{
    return in->p + b * in->at.batch + h / (a->q_heads / a->kv_heads) * in->at.head;
}

/* Scores of keys [lo, hi) for query i. */
static void score_row(const sg_att *a, const att_data *d, int64_t b, int64_t h, int64_t i, int64_t lo, int64_t hi, REAL *score)
{
    const REAL *q = d->q.p + b * d->q.at.batch + h * d->q.at.head + i * d->q.at.step, *k = kv_at(a, &d->k, b, h);
    for (int64_t e = 0; e < a->size; e++)
        d->row_q[e] = rounded(a->round, q[e] * d->q_scale);
    for (int64_t j = lo; j < hi; j++)
        score[j] = rounded(a->score_round, dot(d->row_q, k + j * d->k.at.step, a->size));
}

static void keep(REAL *qk, int want, int mode, const REAL *s, int64_t n)
{
    if (qk && want == mode)
        memcpy(qk, s, (size_t)n * sizeof *s);
}

static void row_run(const sg_att *a, const att_data *d, int64_t b, int64_t h, int64_t i, REAL *y, REAL *qk)
{
    int64_t lo, hi, n = a->n_kv;
    span_of(a, b, i, &lo, &hi);
    bool any = bias_row(a, d, b, h, i, lo, hi);
    if (!any && !qk) {
        memset(y, 0, (size_t)a->v_size * sizeof *y);
        return;
    }
    if (qk)
        lo = 0, hi = n;
    REAL *s = d->score;
    score_row(a, d, b, h, i, lo, hi, s);
    keep(qk, 0, a->mode, s, n);
    if (a->softcap > 0)
        for (int64_t j = lo; j < hi; j++)
            s[j] = rounded(a->score_round, (REAL)a->softcap * tanh(s[j] / (REAL)a->softcap));
    keep(qk, 1, a->mode, s, n);
    for (int64_t j = lo; j < hi; j++)
        s[j] = d->bias[j] == -(REAL)INFINITY ? d->bias[j] : rounded(a->score_round, s[j] + d->bias[j]);
    keep(qk, 2, a->mode, s, n);
    if (any)
        softmax(s + lo, hi - lo, a->softmax_round);
    else
        memset(s, 0, (size_t)n * sizeof *s);
    for (int64_t j = lo; a->round && j < hi; j++)
        s[j] = rounded(a->round, s[j]);
    keep(qk, 3, a->mode, s, n);
    weigh(y, s + lo, kv_at(a, &d->v, b, h) + lo * d->v.at.step, d->v.at.step, hi - lo, a->v_size);
}

/* Output k: the past and the new steps, byte for byte. */
static void present_copy(sg_exec *x, const sg_att *a, int k, const sg_tensor *t, const sg_tensor *past, sg_att_view at,
                         int64_t size)
{
    if (k >= x->n_out || !x->out[k])
        return;
    size_t elem = sg_dtype_bytes((sg_dtype)t->dtype, 1), row = (size_t)size * elem;
    char *to = x->out[k]->data;
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t h = 0; h < a->kv_heads; h++)
            for (int64_t s = 0; s < a->n_kv; s++, to += row) {
                const char *from = s < a->n_past
                                       ? (const char *)past->data + (size_t)((b * a->kv_heads + h) * a->n_past + s) * row
                                       : (const char *)t->data +
                                             (size_t)(b * at.batch + h * at.head + (s - a->n_past) * at.step) * elem;
                if (row)
                    memcpy(to, from, row);
            }
}

sedge_status RUN(sg_exec *x, const sg_att *a)
{
    att_data d;
    bool want_qk = x->n_out > 3 && x->out[3];
    REAL *y = ROOM(x, x->out[0]), *qk = want_qk ? ROOM(x, x->out[3]) : NULL;
    if (!data_init(x, a, &d) || !mask_init(x, a, &d) || !y || (want_qk && !qk))
        return SEDGE_E_NOMEM;
    present_copy(x, a, 1, x->in[1], a->past_k, a->k, a->size);
    present_copy(x, a, 2, x->in[2], a->past_v, a->v, a->v_size);
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t h = 0; h < a->q_heads; h++)
            for (int64_t i = 0; i < a->n_q; i++)
                row_run(a, &d, b, h, i, y + b * a->y.batch + h * a->y.head + i * a->y.step,
                        qk ? qk + ((b * a->q_heads + h) * a->n_q + i) * a->n_kv : NULL);
    NARROW(x->out[0], y);
    if (qk)
        NARROW(x->out[3], qk);
    return SEDGE_OK;
}

/* Passes the score matrix, of type t, through region k on top of what that region captures. */
static sedge_status through_region(sg_exec *x, const sg_att *a, int k, sg_dtype t, int first, int count, REAL *s)
{
    sg_tensor in = {.dtype = (uint8_t)t, .rank = 4, .dim = {a->batch, a->q_heads, a->n_q, a->n_kv}}, out = {0};
    bool same = sizeof(REAL) * 8 == sg_dtypes[t].bits;
    in.data = same ? (void *)s : sg_scratch(x, sg_tensor_bytes(&in) + 1);
    sg_tensor **ins = sg_scratch(x, ((size_t)count + 1) * sizeof *ins);
    if (!in.data || !ins)
        return SEDGE_E_NOMEM;
    if (!same)
        NARROW(&in, s);
    ins[0] = &in;
    for (int i = 0; i < count; i++)
        ins[1 + i] = x->in[first + i];
    SG_TRY(x->call(x, k, ins, 1 + count, &out, 1));
    if (out.dtype != t || !sg_same_shape(&out, &in))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "flex_attention: a region changes the type or shape of the scores");
    int64_t n = sg_numel(&in);
    for (int64_t i = 0; i < n; i++)
        s[i] = (REAL)sg_load_f64(t, out.data, (size_t)i);
    return SEDGE_OK;
}

sedge_status FLEX(sg_exec *x, const sg_att *a, sg_dtype t, sg_tensor *out)
{
    att_data d;
    int64_t mods = sg_get_int(x->attrs, SG_A_kind), rows = a->batch * a->q_heads * a->n_q, n = a->n_kv;
    int split = 3 + (int)sg_get_int(x->attrs, SG_A_n_then);
    REAL *y = ROOM(x, out), *s = sg_scratch(x, ((size_t)(rows * n) + 1) * sizeof *s);
    if (!data_init(x, a, &d) || !y || !s)
        return SEDGE_E_NOMEM;
    int64_t r = 0;
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t h = 0; h < a->q_heads; h++)
            for (int64_t i = 0; i < a->n_q; i++)
                score_row(a, &d, b, h, i, 0, n, s + n * r++);
    for (int64_t i = 0; a->softmax_round && i < rows * n; i++)
        s[i] = rounded(a->softmax_round, s[i]);
    if (mods & 1)
        SG_TRY(through_region(x, a, 0, t, 3, split - 3, s));
    for (r = 0; r < rows; r++)
        softmax(s + n * r, n, a->softmax_round);
    if (mods & 2)
        SG_TRY(through_region(x, a, mods & 1 ? 1 : 0, t, split, x->n_in - split, s));
    r = 0;
    for (int64_t b = 0; b < a->batch; b++)
        for (int64_t h = 0; h < a->q_heads; h++)
            for (int64_t i = 0; i < a->n_q; i++, r++)
                weigh(y + r * a->v_size, s + n * r, kv_at(a, &d.v, b, h), d.v.at.step, n, a->v_size);
    NARROW(out, y);
    return SEDGE_OK;
}
