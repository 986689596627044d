/* Support vector machines: regression, and classification by votes of pairs of classes as in LIBSVM (Chang and Lin,
 * 2011), with probabilities by pairwise coupling (Wu, Lin and Weng, 2004). */
#include <math.h>
#include <string.h>

#include "op/ml.h"

enum { KERNEL_LINEAR, KERNEL_POLY, KERNEL_RBF, KERNEL_SIGMOID };

typedef struct svm {
    const double *coef, *vector, *rho, *prob_a, *prob_b;
    const int64_t *per_class;
    int n_coef, n_rho, n_prob;
    int64_t n_vector, classes, features, pairs;
    int kernel, labels;
    double gamma, coef0, degree;
    bool voting; /* pairs of classes vote; else one linear score per class */
} svm;

static bool is_classifier(int n_out, sg_attrs a)
{
    int labels;
    sg_ml_label_dtype(a, &labels);
    return n_out > 1 || labels > 0;
}

static int64_t vectors_of(sg_attrs a, bool *bad)
{
    int n;
    int64_t sum = 0;
    const int64_t *v = sg_get_ints(a, SG_A_vectors_per_class, &n);
    for (int i = 0; i < n; i++) {
        if (v[i] < 0 || v[i] > INT32_MAX)
            *bad = true;
        else
            sum += v[i];
    }
    return sum;
}

/* Numbers of raw scores and of scores given. */
static void score_counts(sg_attrs a, int64_t *raw, int64_t *out)
{
    int labels, n_prob, n_rho;
    bool bad = false;
    sg_ml_label_dtype(a, &labels);
    sg_get_floats(a, SG_A_prob_a, &n_prob);
    sg_get_floats(a, SG_A_rho, &n_rho);
    int64_t c = labels > 1 ? labels : 1, vectors = vectors_of(a, &bad);
    *raw = vectors > 0 ? (n_prob ? c : c * (c - 1) / 2) : c;
    *out = *raw == 1 && n_rho == 1 && labels == 2 && sg_get_int(a, SG_A_post_transform) != SG_POST_PROBIT ? 2 : *raw;
}

sedge_status sg_infer_svm(sg_infer *c)
{
    int labels;
    int64_t raw, out;
    SG_TRY(sg_ml_want_rows(c));
    bool classes = is_classifier(c->n_out, c->attrs);
    c->out[0].dtype = classes ? (uint8_t)sg_ml_label_dtype(c->attrs, &labels) : SG_F32;
    c->out[0].rank = classes ? 1 : 2;
    c->out[0].dim[0] = sg_ml_row_count(c);
    c->out[0].dim[1] = 1;
    if (c->n_out < 2)
        return SEDGE_OK;
    score_counts(c->attrs, &raw, &out);
    c->out[1].dtype = SG_F32;
    c->out[1].rank = 2;
    c->out[1].dim[0] = c->out[0].dim[0];
    c->out[1].dim[1] = out;
    return SEDGE_OK;
}

static sedge_status svm_read(sg_exec *x, svm *s)
{
    int n_vec, n_param, n_b, n_class;
    int64_t rows;
    bool bad = false;
    memset(s, 0, sizeof *s);
    sg_ml_rows(x->in[0], &rows, &s->features);
    s->coef = sg_get_floats(x->attrs, SG_A_coefficients, &s->n_coef);
    s->vector = sg_get_floats(x->attrs, SG_A_support_vectors, &n_vec);
    s->rho = sg_get_floats(x->attrs, SG_A_rho, &s->n_rho);
    s->prob_a = sg_get_floats(x->attrs, SG_A_prob_a, &s->n_prob);
    s->prob_b = sg_get_floats(x->attrs, SG_A_prob_b, &n_b);
    s->per_class = sg_get_ints(x->attrs, SG_A_vectors_per_class, &n_class);
    const double *p = sg_get_floats(x->attrs, SG_A_kernel_params, &n_param);
    s->gamma = n_param > 0 ? p[0] : 0;
    s->coef0 = n_param > 1 ? p[1] : 0;
    s->degree = n_param > 2 ? p[2] : 0;
    sg_ml_label_dtype(x->attrs, &s->labels);
    bool classifier = is_classifier(x->n_out, x->attrs);
    s->classes = classifier && s->labels > 1 ? s->labels : 1;
    s->n_vector = classifier ? vectors_of(x->attrs, &bad) : sg_get_int(x->attrs, SG_A_n_supports);
    s->voting = classifier && s->n_vector > 0;
    s->kernel = s->n_vector > 0 ? (int)sg_get_int(x->attrs, SG_A_kind) : KERNEL_LINEAR;
    s->pairs = s->classes * (s->classes - 1) / 2;
    int64_t coefs = s->voting ? (s->classes - 1) * s->n_vector : s->n_vector > 0 ? s->n_vector : s->classes * s->features;
    if (bad || s->n_vector < 0 || s->n_vector > INT32_MAX || s->n_coef < coefs || s->n_rho < 1 ||
        (s->n_vector > 0 && n_vec / s->n_vector != s->features) ||
        (s->voting && (n_class != s->classes || s->n_rho < s->pairs || (s->n_prob && (s->n_prob < s->pairs || n_b < s->pairs)))))
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "svm: lists of numbers do not fit each other or the input");
    return SEDGE_OK;
}

static double kernel(const svm *s, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < s->features; i++)
        sum += s->kernel == KERNEL_RBF ? (a[i] - b[i]) * (a[i] - b[i]) : a[i] * b[i];
    switch (s->kernel) {
    case KERNEL_POLY: return pow(s->gamma * sum + s->coef0, s->degree);
    case KERNEL_RBF: return exp(-s->gamma * sum);
    case KERNEL_SIGMOID: return tanh(s->gamma * sum + s->coef0);
    default: return sum;
    }
}

/* k: kernel values of all support vectors. Scores of all pairs and votes of classes. */
static void vote(const svm *s, const double *k, double *score, double *votes)
{
    int64_t pair = 0, at_i = 0;
    for (int64_t i = 0; i < s->classes; i++)
        votes[i] = 0;
    for (int64_t i = 0; i < s->classes; at_i += s->per_class[i++]) {
        int64_t at_j = at_i + s->per_class[i];
        for (int64_t j = i + 1; j < s->classes; at_j += s->per_class[j++], pair++) {
            double sum = s->rho[pair];
            for (int64_t v = at_i; v < at_i + s->per_class[i]; v++)
                sum += s->coef[(j - 1) * s->n_vector + v] * k[v];
            for (int64_t v = at_j; v < at_j + s->per_class[j]; v++)
                sum += s->coef[i * s->n_vector + v] * k[v];
            score[pair] = sum;
            votes[sum > 0 ? i : j] += 1;
        }
    }
}

/* Class probabilities p from pairwise ones r[k * k], Wu et al.'s second method. q: scratch of k * k + k. */
static void couple(int64_t k, const double *r, double *p, double *q)
{
    double *qp = q + k * k;
    for (int64_t t = 0; t < k; t++) {
        p[t] = 1 / (double)k;
        q[t * k + t] = 0;
        for (int64_t j = 0; j < k; j++)
            if (j != t) {
                q[t * k + t] += r[j * k + t] * r[j * k + t];
                q[t * k + j] = -r[j * k + t] * r[t * k + j];
            }
    }
    for (int64_t step = 0; step < (k > 100 ? k : 100); step++) {
        double pqp = 0, worst = 0;
        for (int64_t t = 0; t < k; t++) {
            qp[t] = 0;
            for (int64_t j = 0; j < k; j++)
                qp[t] += q[t * k + j] * p[j];
            pqp += p[t] * qp[t];
        }
        for (int64_t t = 0; t < k; t++)
            worst = fabs(qp[t] - pqp) > worst ? fabs(qp[t] - pqp) : worst;
        if (worst < 0.005 / (double)k)
            return;
        for (int64_t t = 0; t < k; t++) {
            double d = (pqp - qp[t]) / q[t * k + t];
            p[t] += d;
            pqp = (pqp + d * (d * q[t * k + t] + 2 * qp[t])) / (1 + d) / (1 + d);
            for (int64_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + d * q[t * k + j]) / (1 + d);
                p[j] /= 1 + d;
            }
        }
    }
}

/* Pair scores to class probabilities in p; room: 2 k * k + k. */
static void probabilities(const svm *s, const double *score, double *p, double *room)
{
    int64_t k = s->classes, pair = 0;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i + 1; j < k; j++, pair++) {
            double v = 1 / (1 + exp(score[pair] * s->prob_a[pair] + s->prob_b[pair]));
            v = v < 1e-7 ? 1e-7 : v > 1 - 1e-7 ? 1 - 1e-7 : v;
            room[i * k + j] = v;
            room[j * k + i] = 1 - v;
        }
    couple(k, room, p, room + k * k);
}

static int64_t best_of(const double *v, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* The label's place: of votes when there are any, else of scores. */
static int64_t decide(const svm *s, const double *score, int64_t n, const double *votes)
{
    const double *v = votes ? votes : score;
    int64_t best = best_of(v, votes ? s->classes : n);
    if (s->n_rho != 1)
        return best;
    if (s->labels != 2)
        return v[best] > 0;
    bool positive = true;
    for (int i = 0; i < s->n_coef; i++)
        positive = positive && s->coef[i] >= 0;
    return !s->n_prob && positive && v[best] >= 0.5 ? 1 : best;
}

typedef struct work {
    double *v, *k, *score, *votes, *p, *room;
} work;

static bool work_new(sg_exec *x, const svm *s, work *w)
{
    size_t c = (size_t)s->classes;
    w->v = sg_scratch(x, ((size_t)s->features + 1) * sizeof(double));
    w->k = sg_scratch(x, ((size_t)(s->n_vector > 0 ? s->n_vector : 0) + 1) * sizeof(double));
    w->score = sg_scratch(x, (c + (size_t)s->pairs + 2) * sizeof(double));
    w->votes = sg_scratch(x, c * sizeof(double));
    w->p = sg_scratch(x, (c + 2) * sizeof(double));
    w->room = sg_scratch(x, (2 * c * c + c) * sizeof(double));
    return w->v && w->k && w->score && w->votes && w->p && w->room;
}

static void row_classify(sg_exec *x, const svm *s, work *w, int64_t r)
{
    int64_t raw, out;
    double *score = w->score;
    score_counts(x->attrs, &raw, &out);
    if (s->voting)
        vote(s, w->k, score, w->votes);
    for (int64_t c = 0; !s->voting && c < s->classes; c++)
        score[c] = s->rho[0] + kernel(s, w->v, s->coef + c * s->features);
    if (s->voting && s->n_prob) {
        probabilities(s, score, w->p, w->room);
        score = w->p;
    }
    int64_t best = decide(s, score, raw, s->voting ? w->votes : NULL);
    if (x->out[0])
        sg_ml_label_store(x->attrs, x->out[0], r, best);
    if (x->n_out < 2 || !x->out[1])
        return;
    if (out == 2 && raw == 1) {
        score[1] = score[0];
        score[0] = -score[0];
    }
    if (out > 1 || sg_get_int(x->attrs, SG_A_post_transform) == SG_POST_PROBIT)
        sg_ml_post((sg_post_kind)sg_get_int(x->attrs, SG_A_post_transform), score, out);
    for (int64_t i = 0; i < out; i++)
        ((float *)x->out[1]->data)[r * out + i] = (float)score[i];
}

static double row_regress(const svm *s, const work *w)
{
    double sum = s->rho[0];
    if (s->n_vector == 0)
        return sum + kernel(s, w->v, s->coef);
    for (int64_t i = 0; i < s->n_vector; i++)
        sum += s->coef[i] * w->k[i];
    return sum;
}

sedge_status sg_ref_svm(sg_exec *x)
{
    svm s;
    work w;
    SG_TRY(svm_read(x, &s));
    if (!work_new(x, &s, &w))
        return SEDGE_E_NOMEM;
    int64_t rows, features;
    sg_ml_rows(x->in[0], &rows, &features);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t f = 0; f < features; f++)
            w.v[f] = sg_load_f64((sg_dtype)x->in[0]->dtype, x->in[0]->data, (size_t)(r * features + f));
        for (int64_t i = 0; i < s.n_vector; i++)
            w.k[i] = kernel(&s, w.v, s.vector + i * features);
        if (is_classifier(x->n_out, x->attrs)) {
            row_classify(x, &s, &w, r);
            continue;
        }
        double y = row_regress(&s, &w);
        if (sg_get_int(x->attrs, SG_A_one_class))
            y = y > 0 ? 1 : -1;
        else
            sg_ml_post((sg_post_kind)sg_get_int(x->attrs, SG_A_post_transform), &y, 1);
        ((float *)x->out[0]->data)[r] = (float)y;
    }
    return SEDGE_OK;
}
