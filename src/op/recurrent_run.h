/* The recurrences for one element type: included with REAL, RUN (name), WIDEN, ROOM and NARROW defined, and MADD, ACT and TURNED, by which
 * a backend's kernels run in place of loops (false: there are none). No guard:
 * it is a template. */
#include <string.h>
#include <tgmath.h>

#include "op/recurrent.h"
#include "op/widen.h"

/* out[j] += sum over i of v[i] * w[i * ld + j]: rows of w are contiguous, four at a time. */
static void axpy(REAL *restrict out, const REAL *restrict v, const REAL *restrict w, int64_t ld, int64_t k, int64_t n)
{
    int64_t i = 0;
    for (; i + 4 <= k; i += 4) {
        const REAL *w0 = w + i * ld, *w1 = w0 + ld, *w2 = w1 + ld, *w3 = w2 + ld;
        REAL a = v[i], b = v[i + 1], c = v[i + 2], d = v[i + 3];
        for (int64_t j = 0; j < n; j++)
            out[j] += a * w0[j] + b * w1[j] + c * w2[j] + d * w3[j];
    }
    for (; i < k; i++) {
        const REAL *w0 = w + i * ld;
        REAL a = v[i];
        for (int64_t j = 0; j < n; j++)
            out[j] += a * w0[j];
    }
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

/* A matrix [rows, cols] as the model has it, and transposed when that pays. */
typedef struct matrix {
    const REAL *w;
    REAL *t; /* [cols, rows] or NULL */
    int64_t rows, cols;
    const sg_rec *r;
} matrix;

/* out += rows [first, first + count) of m times v. */
static void apply(REAL *out, const matrix *m, int64_t first, int64_t count, const REAL *v)
{
    if (m->t && MADD(m->r, out, 0, v, 0, 1, m->t + first, m->rows, m->cols, count))
        return;
    if (m->t)
        axpy(out, v, m->t + first, m->rows, m->cols, count);
    for (int64_t j = 0; !m->t && j < count; j++)
        out[j] += dot(v, m->w + (first + j) * m->cols, m->cols);
}

static REAL sigmoid(REAL v)
{
    return 1 / (1 + exp(-v));
}

static void clip_run(double clip, REAL *v, int64_t n)
{
    REAL c = (REAL)clip;
    for (int64_t i = 0; clip > 0 && i < n; i++)
        v[i] = v[i] > c ? c : v[i] < -c ? -c : v[i];
}

static void act_run(const sg_rec_act *a, double clip, REAL *v, int64_t n)
{
    REAL p = (REAL)a->alpha, q = (REAL)a->beta;
    clip_run(clip, v, n);
    if (ACT(a, v, n))
        return;
    switch (a->kind) {
    case SG_REC_TANH:
        for (int64_t i = 0; i < n; i++)
            v[i] = tanh(v[i]);
        break;
    case SG_REC_SIGMOID:
        for (int64_t i = 0; i < n; i++)
            v[i] = sigmoid(v[i]);
        break;
    case SG_REC_RELU:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] < 0 ? 0 : v[i];
        break;
    case SG_REC_AFFINE:
        for (int64_t i = 0; i < n; i++)
            v[i] = p * v[i] + q;
        break;
    case SG_REC_LEAKY_RELU:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] < 0 ? p * v[i] : v[i];
        break;
    case SG_REC_THRESHOLDED_RELU:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] > p ? v[i] : 0;
        break;
    case SG_REC_SCALED_TANH:
        for (int64_t i = 0; i < n; i++)
            v[i] = p * tanh(q * v[i]);
        break;
    case SG_REC_HARD_SIGMOID:
        for (int64_t i = 0; i < n; i++) {
            REAL t = p * v[i] + q;
            v[i] = t < 0 ? 0 : t > 1 ? 1 : t;
        }
        break;
    case SG_REC_ELU:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] < 0 ? p * expm1(v[i]) : v[i];
        break;
    case SG_REC_SOFTSIGN:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] / (1 + fabs(v[i]));
        break;
    case SG_REC_SOFTPLUS:
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] > 20 ? v[i] : log1p(exp(v[i]));
        break;
    case SG_REC_ACTS: break;
    }
}

/* The arrays of one direction. */
typedef struct rec_dir {
    const REAL *x, *peep; /* peep: [3 hidden] or NULL */
    matrix w, r; /* [gates hidden, n_in], [gates hidden, hidden] */
    REAL *bias, *rbias; /* [gates hidden]; rbias: [hidden], what the reset gate of a GRU multiplies */
    REAL *gate, *tmp; /* [gates hidden], [2 hidden] */
    REAL *ahead; /* [steps, gates hidden]: what the inputs give, or NULL: step by step */
    const sg_rec_act *act;
} rec_dir;

static void matrix_set(matrix *m, const sg_rec *r, const float *turned, const REAL *w, int64_t rows, int64_t cols)
{
    m->r = r;
    m->w = w;
    m->rows = rows;
    m->cols = cols;
    if (turned) {
        m->t = TURNED(turned);
        return;
    }
    for (int64_t i = 0; m->t && i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            m->t[j * rows + i] = w[i * cols + j];
}

static void bias_set(const sg_rec *r, rec_dir *d, const REAL *b)
{
    int64_t h = r->hidden, gh = r->gates * h;
    memset(d->bias, 0, (size_t)gh * sizeof *d->bias);
    memset(d->rbias, 0, (size_t)h * sizeof *d->rbias);
    if (!b)
        return;
    bool split = r->kind == SG_REC_GRU && r->linear_before_reset;
    for (int64_t j = 0; j < gh; j++)
        d->bias[j] = b[j] + (split && j >= 2 * h ? 0 : b[gh + j]);
    for (int64_t j = 0; split && j < h; j++)
        d->rbias[j] = b[gh + 2 * h + j];
}

static void step_rnn(const sg_rec *r, const rec_dir *d, REAL *h)
{
    apply(d->gate, &d->r, 0, r->hidden, h);
    act_run(&d->act[0], r->clip, d->gate, r->hidden);
    memcpy(h, d->gate, (size_t)r->hidden * sizeof *h);
}

static void step_gru(const sg_rec *r, const rec_dir *d, REAL *h)
{
    int64_t n = r->hidden;
    REAL *z = d->gate, *reset = z + n, *cand = reset + n, *t = d->tmp;
    apply(z, &d->r, 0, 2 * n, h);
    act_run(&d->act[0], r->clip, z, 2 * n);
    if (r->linear_before_reset) {
        memcpy(t, d->rbias, (size_t)n * sizeof *t);
        apply(t, &d->r, 2 * n, n, h);
        for (int64_t j = 0; j < n; j++)
            cand[j] += reset[j] * t[j];
    } else {
        for (int64_t j = 0; j < n; j++)
            t[j] = reset[j] * h[j];
        apply(cand, &d->r, 2 * n, n, t);
    }
    act_run(&d->act[1], r->clip, cand, n);
    for (int64_t j = 0; j < n; j++)
        h[j] = (1 - z[j]) * cand[j] + z[j] * h[j];
}

static void step_lstm(const sg_rec *r, const rec_dir *d, REAL *h, REAL *c)
{
    int64_t n = r->hidden;
    REAL *i = d->gate, *o = i + n, *f = o + n, *g = f + n;
    apply(i, &d->r, 0, 4 * n, h);
    for (int64_t j = 0; d->peep && j < n; j++) {
        i[j] += d->peep[j] * c[j];
        f[j] += d->peep[2 * n + j] * c[j];
    }
    act_run(&d->act[0], r->clip, i, n);
    act_run(&d->act[0], r->clip, f, n);
    act_run(&d->act[1], r->clip, g, n);
    for (int64_t j = 0; r->couple && j < n; j++)
        f[j] = 1 - i[j];
    for (int64_t j = 0; j < n; j++)
        c[j] = f[j] * c[j] + i[j] * g[j];
    clip_run(r->cell_clip, c, n);
    for (int64_t j = 0; d->peep && j < n; j++)
        o[j] += d->peep[n + j] * c[j];
    act_run(&d->act[0], r->clip, o, n);
    memcpy(g, c, (size_t)n * sizeof *g);
    act_run(&d->act[2], 0, g, n);
    for (int64_t j = 0; j < n; j++)
        h[j] = o[j] * g[j];
}

/* One sequence of the batch in one direction; y NULL: only states are wanted. */
static void sequence(const sg_rec *r, const rec_dir *d, int64_t b, bool back, REAL *h, REAL *c, REAL *y)
{
    int64_t len = r->length ? r->length[b] : r->steps, gh = r->gates * r->hidden;
    for (int64_t t = 0; d->ahead && t < len; t++)
        memcpy(d->ahead + t * gh, d->bias, (size_t)gh * sizeof *d->bias);
    if (d->ahead)
        (void)MADD(r, d->ahead, gh, d->x + b * r->x_batch, r->x_step, len, d->w.t, gh, r->n_in, gh);
    for (int64_t s = 0; s < len; s++) {
        int64_t t = back ? len - 1 - s : s;
        memcpy(d->gate, d->ahead ? d->ahead + t * gh : d->bias, (size_t)gh * sizeof *d->gate);
        if (!d->ahead)
            apply(d->gate, &d->w, 0, gh, d->x + t * r->x_step + b * r->x_batch);
        if (r->kind == SG_REC_RNN)
            step_rnn(r, d, h);
        else if (r->kind == SG_REC_GRU)
            step_gru(r, d, h);
        else
            step_lstm(r, d, h, c);
        if (y)
            memcpy(y + t * r->y_step + b * r->y_batch, h, (size_t)r->hidden * sizeof *h);
    }
    for (int64_t t = len; y && t < r->steps; t++)
        memset(y + t * r->y_step + b * r->y_batch, 0, (size_t)r->hidden * sizeof *y);
}

/* Array of input k, NULL when absent; false: out of memory. */
static bool operand(sg_exec *x, int k, const REAL **v)
{
    *v = NULL;
    if (k >= x->n_in || !x->in[k])
        return true;
    return (*v = WIDEN(x, x->in[k])) != NULL;
}

/* Room for the state output k, filled from initial input `from`. */
static REAL *state(sg_exec *x, const sg_rec *r, int k, int from)
{
    size_t n = (size_t)(r->dirs * r->batch * r->hidden);
    const REAL *init;
    if (!operand(x, from, &init))
        return NULL;
    REAL *v = k < x->n_out && x->out[k] ? ROOM(x, x->out[k]) : sg_scratch(x, (n + 1) * sizeof *v);
    if (v && init)
        memcpy(v, init, n * sizeof *v);
    else if (v)
        memset(v, 0, n * sizeof *v);
    return v;
}

/* Transposing costs about as much as four products with the matrix. */
#define TURN_ABOVE 4

static bool dir_room(sg_exec *x, const sg_rec *r, rec_dir *d)
{
    size_t h = (size_t)r->hidden + 1, gh = (size_t)r->gates * h;
    bool turn = r->steps * r->batch > TURN_ABOVE && !r->madd;
    d->w.t = turn ? sg_scratch(x, gh * ((size_t)r->n_in + 1) * sizeof(REAL)) : NULL;
    d->r.t = turn ? sg_scratch(x, gh * h * sizeof(REAL)) : NULL;
    d->bias = sg_scratch(x, gh * sizeof(REAL));
    d->rbias = sg_scratch(x, h * sizeof(REAL));
    d->gate = sg_scratch(x, gh * sizeof(REAL));
    d->tmp = sg_scratch(x, 2 * h * sizeof(REAL));
    d->ahead = r->madd ? sg_scratch(x, gh * ((size_t)r->steps + 1) * sizeof(REAL)) : NULL;
    return (!turn || (d->w.t && d->r.t)) && (!r->madd || d->ahead) && d->bias && d->rbias && d->gate && d->tmp;
}

sedge_status RUN(sg_exec *x, const sg_rec *r)
{
    const REAL *w, *rec, *bias, *peep;
    rec_dir d;
    if (!operand(x, 0, &d.x) || !operand(x, 1, &w) || !operand(x, 2, &rec) || !operand(x, 3, &bias) || !operand(x, 7, &peep) ||
        !dir_room(x, r, &d))
        return SEDGE_E_NOMEM;
    REAL *y = x->out[0] ? ROOM(x, x->out[0]) : NULL;
    REAL *h = state(x, r, 1, 5), *c = state(x, r, 2, r->kind == SG_REC_LSTM ? 6 : 255);
    if ((x->out[0] && !y) || !h || !c)
        return SEDGE_E_NOMEM;
    int64_t n = r->hidden, gh = r->gates * n;
    for (int k = 0; k < r->dirs; k++) {
        matrix_set(&d.w, r, r->turned[k][0], w + k * gh * r->n_in, gh, r->n_in);
        matrix_set(&d.r, r, r->turned[k][1], rec + k * gh * n, gh, n);
        bias_set(r, &d, bias ? bias + k * 2 * gh : NULL);
        d.peep = peep ? peep + k * 3 * n : NULL;
        d.act = r->act[k];
        for (int64_t b = 0; b < r->batch; b++) {
            int64_t at = k * r->s_dir + b * r->s_batch;
            sequence(r, &d, b, k == 1 || r->reverse, h + at, c + at, y ? y + k * r->y_dir : NULL);
        }
    }
    if (y)
        NARROW(x->out[0], y);
    if (x->n_out > 1 && x->out[1])
        NARROW(x->out[1], h);
    if (x->n_out > 2 && x->out[2])
        NARROW(x->out[2], c);
    return SEDGE_OK;
}
