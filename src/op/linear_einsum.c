/* Einstein sums over any number of operands, with ellipses and repeated labels. */
#include <string.h>

#include "op/op.h"

#define MAX_IN    16
#define MAX_LABEL 24

/* An equation applied to operands of given ranks. A label is a letter, or for an axis under an
 * ellipsis its number from the right, 1 to 8. */
typedef struct einsum {
    int n_in, n_label, n_out; /* labels [0, n_out) are the output's, in order; the others are summed */
    char label[MAX_LABEL];
    int rank[MAX_IN];
    char axis[MAX_IN][SG_RANK_MAX]; /* label of each axis */
    int ellipsis;                   /* the most axes under one */
} einsum;

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static int find(const einsum *e, char label)
{
    for (int i = 0; i < e->n_label; i++)
        if (e->label[i] == label)
            return i;
    return -1;
}

static bool add_label(einsum *e, char label)
{
    if (e->n_label == MAX_LABEL)
        return false;
    e->label[e->n_label++] = label;
    return true;
}

/* Reads one term up to ',' or '-' or the end; *dots: where the ellipsis stands, -1 without. */
static const char *read_term(const char *s, char *out, int *n, int *dots)
{
    *n = 0;
    *dots = -1;
    for (; *s && *s != ',' && *s != '-'; s++) {
        if (*s == ' ')
            continue;
        if (*s == '.' && s[1] == '.' && s[2] == '.' && *dots < 0) {
            *dots = *n;
            s += 2;
        } else if (is_letter(*s) && *n < SG_RANK_MAX) {
            out[(*n)++] = *s;
        } else {
            return NULL;
        }
    }
    return s;
}

/* Puts the labels of `count` ellipsis axes into a term of n letters. */
static bool open_dots(char *term, int *n, int dots, int count)
{
    if (dots < 0)
        return count == 0;
    if (count < 0 || *n + count > SG_RANK_MAX)
        return false;
    memmove(term + dots + count, term + dots, (size_t)(*n - dots));
    for (int i = 0; i < count; i++)
        term[dots + i] = (char)(count - i);
    *n += count;
    return true;
}

/* Without "->": ellipsis axes first, then the labels that occur once, in alphabetical order. */
static bool implicit_output(einsum *e)
{
    for (int i = e->ellipsis; i > 0; i--)
        if (!add_label(e, (char)i))
            return false;
    for (int ch = 'A'; ch <= 'z'; ch++) {
        int count = 0;
        for (int k = 0; k < e->n_in; k++)
            for (int i = 0; i < e->rank[k]; i++)
                count += e->axis[k][i] == ch;
        if (is_letter((char)ch) && count == 1 && !add_label(e, (char)ch))
            return false;
    }
    return e->n_label <= SG_RANK_MAX;
}

static bool occurs(const einsum *e, char label)
{
    for (int k = 0; k < e->n_in; k++)
        if (memchr(e->axis[k], label, (size_t)e->rank[k]))
            return true;
    return false;
}

static bool explicit_output(einsum *e, const char *s)
{
    char term[SG_RANK_MAX];
    int n, dots;
    s = read_term(s, term, &n, &dots);
    if (!s || *s || !open_dots(term, &n, dots, dots < 0 ? 0 : e->ellipsis))
        return false;
    for (int i = 0; i < n; i++)
        if (find(e, term[i]) >= 0 || !occurs(e, term[i]) || !add_label(e, term[i]))
            return false;
    return true;
}

static bool parse(einsum *e, const char *s, int n_in, const int *rank)
{
    memset(e, 0, sizeof *e);
    e->n_in = n_in;
    for (int k = 0; k < n_in; k++) {
        int n, dots;
        s = read_term(s, e->axis[k], &n, &dots);
        if (!s || !open_dots(e->axis[k], &n, dots, dots < 0 ? 0 : rank[k] - n) || n != rank[k])
            return false;
        int under = 0;
        for (int i = 0; i < n; i++)
            under += e->axis[k][i] <= SG_RANK_MAX;
        e->ellipsis = under > e->ellipsis ? under : e->ellipsis;
        e->rank[k] = n;
        if (k + 1 < n_in && *s++ != ',')
            return false;
    }
    bool arrow = s[0] == '-' && s[1] == '>';
    if (arrow ? !explicit_output(e, s + 2) : *s || !implicit_output(e))
        return false;
    e->n_out = e->n_label;
    for (int k = 0; k < n_in; k++)
        for (int i = 0; i < e->rank[k]; i++)
            if (find(e, e->axis[k][i]) < 0 && !add_label(e, e->axis[k][i]))
                return false;
    return true;
}

/* Joins the dims of one label: axes under an ellipsis broadcast; those of a letter are equal, or 1. */
static bool join(sg_infer *c, char label, sg_dim *d, sg_dim b)
{
    if (label <= SG_RANK_MAX) {
        sg_type ta = {.rank = 1, .dim = {*d}}, tb = {.rank = 1, .dim = {b}}, both = ta;
        bool ok = sg_d_broadcast(c, &ta, &tb, &both) == SEDGE_OK;
        *d = both.dim[0];
        return ok;
    }
    if (*d == 1 || (sg_dim_is_expr(*d) && !sg_dim_is_expr(b) && b != 1))
        *d = b;
    return *d == b || b == 1 || sg_dim_is_expr(b) || sg_dim_is_expr(*d);
}

sedge_status sg_infer_einsum(sg_infer *c)
{
    einsum e;
    int rank[MAX_IN];
    sg_type *y = &c->out[0];
    sg_dim dim[MAX_LABEL];
    y->dtype = c->in[0]->dtype;
    y->rank = -1;
    for (int k = 0; k < c->n_in; k++) {
        if (!c->in[k] || c->in[k]->dtype != y->dtype || y->dtype == SG_STR || sg_is_complex((sg_dtype)y->dtype))
            return SG_INFER_FAIL(c, SEDGE_E_TYPE, "operand %d is missing or of another type", k);
        rank[k] = c->in[k]->rank;
    }
    for (int k = 0; k < c->n_in; k++)
        if (rank[k] < 0)
            return SEDGE_OK;
    if (!parse(&e, sg_get_str(c->attrs, SG_A_equation), c->n_in, rank))
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "equation \"%.80s\" does not fit the operands",
                             sg_get_str(c->attrs, SG_A_equation));
    for (int i = 0; i < e.n_label; i++)
        dim[i] = 1;
    for (int k = 0; k < e.n_in; k++)
        for (int i = 0; i < e.rank[k]; i++)
            if (!join(c, e.axis[k][i], &dim[find(&e, e.axis[k][i])], c->in[k]->dim[i]))
                return SG_INFER_FAIL(c, SEDGE_E_SHAPE, "axis %d of operand %d has another size than its label", i, k);
    y->rank = (int8_t)e.n_out;
    for (int i = 0; i < e.n_out; i++)
        y->dim[i] = dim[i];
    return SEDGE_OK;
}

/* The loops of an einsum: size of every label and each operand's stride along it. */
typedef struct loops {
    int n, n_in;
    int64_t dim[MAX_LABEL], idx[MAX_LABEL], stride[MAX_IN][MAX_LABEL], off[MAX_IN];
} loops;

static bool set_loops(const einsum *e, sg_exec *x, loops *l)
{
    memset(l, 0, sizeof *l);
    l->n = e->n_label;
    l->n_in = e->n_in;
    for (int i = 0; i < l->n; i++)
        l->dim[i] = 1;
    for (int k = 0; k < e->n_in; k++) {
        int64_t stride[SG_RANK_MAX];
        sg_strides(x->in[k]->dim, x->in[k]->rank, stride);
        for (int i = 0; i < e->rank[k]; i++) {
            int at = find(e, e->axis[k][i]);
            int64_t d = x->in[k]->dim[i];
            if (d != 1 && l->dim[at] != 1 && l->dim[at] != d)
                return false;
            l->dim[at] = d == 1 ? l->dim[at] : d;
            l->stride[k][at] += d == 1 ? 0 : stride[i];
        }
    }
    return true;
}

/* Steps labels [from, to); false when they are through, offsets back at their start. */
static bool step(loops *l, int from, int to)
{
    for (int i = to - 1; i >= from; i--) {
        bool wraps = ++l->idx[i] == l->dim[i];
        for (int k = 0; k < l->n_in; k++)
            l->off[k] += wraps ? -l->stride[k][i] * (l->dim[i] - 1) : l->stride[k][i];
        if (!wraps)
            return true;
        l->idx[i] = 0;
    }
    return false;
}

static double sum_f64(loops *l, const einsum *e, sg_exec *x, sg_dtype t)
{
    double sum = 0;
    do {
        double v = 1;
        for (int k = 0; k < e->n_in; k++)
            v *= t == SG_F32 ? (double)((const float *)x->in[k]->data)[l->off[k]]
                             : sg_load_f64(t, x->in[k]->data, (size_t)l->off[k]);
        sum += v;
    } while (step(l, e->n_out, e->n_label));
    return sum;
}

static int64_t sum_i64(loops *l, const einsum *e, sg_exec *x, sg_dtype t)
{
    uint64_t sum = 0;
    do {
        uint64_t v = 1;
        for (int k = 0; k < e->n_in; k++)
            v *= (uint64_t)sg_load_i64(t, x->in[k]->data, (size_t)l->off[k]);
        sum += v;
    } while (step(l, e->n_out, e->n_label));
    return (int64_t)sum;
}

sedge_status sg_ref_einsum(sg_exec *x)
{
    einsum e;
    loops l;
    int rank[MAX_IN];
    sg_tensor *y = x->out[0];
    sg_dtype t = (sg_dtype)y->dtype;
    int64_t n = 1, summed = 1;
    for (int k = 0; k < x->n_in; k++)
        rank[k] = x->in[k]->rank;
    if (!parse(&e, sg_get_str(x->attrs, SG_A_equation), x->n_in, rank) || !set_loops(&e, x, &l))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "equation \"%.80s\" does not fit the operands",
                            sg_get_str(x->attrs, SG_A_equation));
    for (int i = 0; i < e.n_label; i++) {
        if (i < e.n_out ? i >= y->rank || y->dim[i] != l.dim[i] : false)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the operands");
        n *= i < e.n_out ? l.dim[i] : 1;
        summed *= i >= e.n_out && l.dim[i] == 0 ? 0 : 1;
    }
    if (n != sg_numel(y))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the output does not fit the operands");
    for (int64_t i = 0; i < n; i++, step(&l, 0, e.n_out)) {
        if (sg_is_float(t))
            sg_store_f64(t, y->data, (size_t)i, summed ? sum_f64(&l, &e, x, t) : 0);
        else
            sg_store_i64(t, y->data, (size_t)i, summed ? sum_i64(&l, &e, x, t) : 0);
    }
    return SEDGE_OK;
}
