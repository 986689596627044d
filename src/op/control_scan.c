/* Reference of Scan: a body run over the slices of its inputs. The form of ONNX opset 8 has a leading batch axis
 * and an optional length for each row of the batch; the newer form is the same with one row and no such axis. */
#include "op/control.h"

#include <string.h>

typedef struct scan {
    int lead, ns, nx, ny; /* operands before the states; states, scanned inputs, stacked outputs */
    int64_t batch, len;
    sg_tensor *row;   /* [ns + nx] operands of one row of the batch */
    sg_tensor *slice; /* [nx] */
    sg_tensor **ins;  /* of the body */
    sg_tensor *outs;
    sg_tensor **y;    /* [ns + ny] outputs once their shape is known, else NULL */
} scan;

static int64_t listed(sg_exec *x, sg_attr_id id, int k)
{
    int n;
    const int64_t *v = sg_get_ints(x->attrs, id, &n);
    return v && k < n ? v[k] : 0;
}

static sedge_status scan_open(sg_exec *x, scan *s)
{
    memset(s, 0, sizeof *s);
    s->lead = sg_get_int(x->attrs, SG_A_batched) != 0;
    s->ns = (int)sg_get_int(x->attrs, SG_A_n_state);
    s->nx = (int)sg_get_int(x->attrs, SG_A_num_scan_inputs);
    s->ny = x->n_out - s->ns;
    size_t n_row = (size_t)(s->ns + s->nx);
    s->row = sg_scratch(x, n_row * sizeof *s->row);
    s->slice = sg_scratch(x, (size_t)s->nx * sizeof *s->slice);
    s->ins = sg_scratch(x, (size_t)x->n_in * sizeof *s->ins);
    s->outs = sg_scratch(x, ((size_t)x->n_out + 1) * sizeof *s->outs);
    s->y = sg_scratch(x, ((size_t)x->n_out + 1) * sizeof *s->y);
    if (!s->row || !s->slice || !s->ins || !s->outs || !s->y)
        return SEDGE_E_NOMEM;
    memset(s->y, 0, ((size_t)x->n_out + 1) * sizeof *s->y);
    return SEDGE_OK;
}

/* Axis of scanned input j in a row of the batch. */
static int in_axis(sg_exec *x, const scan *s, int j)
{
    return s->lead ? 0 : sg_axis(listed(x, SG_A_scan_input_axes, j), s->row[s->ns + j].rank);
}

/* Checks shapes, and prepares the slices: room of their own where a slice is not in one piece. */
static sedge_status scan_shapes(sg_exec *x, scan *s)
{
    s->batch = 1;
    for (int k = 0; k < s->ns + s->nx; k++) {
        const sg_tensor *t = x->in[s->lead + k];
        if (!t || t->kind != SG_TENSOR)
            return SG_EXEC_FAIL(x, SEDGE_E_TYPE, "input %d must be a tensor", s->lead + k);
        if (s->lead && (t->rank < 1 || (k && t->dim[0] != s->batch)))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "input %d has another batch size", k);
        if (s->lead)
            s->batch = t->dim[0];
        s->row[k] = *t;
        s->row[k].rank = (int8_t)(t->rank - s->lead);
        for (int i = 0; i < s->row[k].rank; i++)
            s->row[k].dim[i] = t->dim[i + s->lead];
    }
    for (int j = 0; j < s->nx; j++) {
        const sg_tensor *t = &s->row[s->ns + j];
        int at = in_axis(x, s, j);
        if (at < 0 || (j && t->dim[at] != s->len))
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "scan input %d has another length or no such axis", j);
        s->len = t->dim[at];
        sg_tensor *c = &s->slice[j];
        *c = *t;
        c->rank--;
        for (int i = at; i < c->rank; i++)
            c->dim[i] = t->dim[i + 1];
        c->data = sg_scratch(x, sg_tensor_bytes(c) + 1);
        if (!c->data)
            return SEDGE_E_NOMEM;
    }
    return SEDGE_OK;
}

static void row_view(sg_exec *x, scan *s, int64_t b, sg_tensor **first)
{
    for (int k = 0; k < s->ns + s->nx; k++) {
        s->row[k].data = x->in[s->lead + k]->data;
        size_t bytes = sg_tensor_bytes(&s->row[k]);
        if (b && s->row[k].data)
            s->row[k].data = (char *)s->row[k].data + (size_t)b * bytes;
        if (k < s->ns)
            first[k] = &s->row[k];
    }
}

static void slice_take(sg_exec *x, scan *s, int j, int64_t step)
{
    const sg_tensor *t = &s->row[s->ns + j];
    int at = in_axis(x, s, j);
    int64_t outer = sg_dim_span(t->dim, 0, at), inner = sg_dim_span(t->dim, at + 1, t->rank), n = t->dim[at];
    int64_t i = listed(x, SG_A_scan_input_directions, j) ? n - 1 - step : step;
    for (int64_t o = 0; o < outer; o++)
        sg_span_copy((sg_dtype)t->dtype, s->slice[j].data, o * inner, t->data, (o * n + i) * inner, inner);
}

/* Output k for pieces of type t, made at the first of them; k < ns: a state of one row of the batch. */
static sedge_status output_open(sg_exec *x, scan *s, int k, const sg_tensor *t)
{
    int rank = t->rank;
    int64_t dim[SG_RANK_MAX], numel;
    memcpy(dim, t->dim, sizeof dim);
    if (k >= s->ns)
        SG_TRY(sg_stacked_dims(x, t, s->lead ? 0 : listed(x, SG_A_scan_output_axes, k - s->ns), s->len, &rank, dim));
    if (s->lead) {
        if (rank >= SG_RANK_MAX)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the rank of output %d is too large", k);
        memmove(dim + 1, dim, (size_t)rank * sizeof *dim);
        dim[0] = s->batch;
        rank++;
    }
    if (t->kind != SG_TENSOR || !sg_numel_checked(dim, rank, &numel))
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "output %d is not a tensor or is too large", k);
    s->y[k] = sg_out(x, k, (sg_dtype)t->dtype, rank, dim);
    if (!s->y[k])
        return SEDGE_E_NOMEM;
    if (s->lead && k >= s->ns && numel)
        memset(s->y[k]->data, 0, sg_tensor_bytes(s->y[k])); /* rows may end early */
    return SEDGE_OK;
}

/* Puts a piece of output k at a step of row b. */
static sedge_status piece_put(sg_exec *x, scan *s, int k, const sg_tensor *t, int64_t b, int64_t step)
{
    if (!s->y[k])
        SG_TRY(output_open(x, s, k, t));
    const sg_tensor *y = s->y[k];
    int64_t numel = sg_numel(t), want = 1;
    int at = s->lead ? 1 : sg_axis(listed(x, SG_A_scan_output_axes, k - s->ns), y->rank);
    for (int i = 0; i < y->rank; i++)
        want *= i == at || i < s->lead ? 1 : y->dim[i];
    if (t->kind != SG_TENSOR || t->dtype != y->dtype || t->rank != y->rank - 1 - s->lead || numel != want)
        return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "stacked output %d changes its shape", k);
    int64_t outer = sg_dim_span(y->dim, s->lead, at), inner = sg_dim_span(y->dim, at + 1, y->rank), n = y->dim[at];
    int64_t i = listed(x, SG_A_scan_output_directions, k - s->ns) ? n - 1 - step : step;
    for (int64_t o = 0; o < outer; o++)
        sg_span_copy((sg_dtype)t->dtype, y->data, ((b * outer + o) * n + i) * inner, t->data, o * inner, inner);
    return SEDGE_OK;
}

static sedge_status scan_step(sg_exec *x, scan *s, sg_carry *c, int64_t b, int64_t step)
{
    int n_body = x->n_in - s->lead;
    for (int k = 0; k < n_body; k++)
        s->ins[k] = k < s->ns ? c->now[k] : k < s->ns + s->nx ? &s->slice[k - s->ns] : x->in[s->lead + k];
    for (int j = 0; j < s->nx; j++)
        slice_take(x, s, j, step);
    SG_TRY(x->call(x, 0, s->ins, n_body, s->outs, x->n_out));
    for (int k = s->ns; k < x->n_out; k++)
        SG_TRY(piece_put(x, s, k, &s->outs[k], b, step));
    return sg_carry_take(x, c, s->outs);
}

static sedge_status states_put(sg_exec *x, scan *s, const sg_carry *c, int64_t b)
{
    for (int k = 0; k < s->ns; k++) {
        const sg_tensor *t = c->now[k];
        if (!s->lead) {
            SG_TRY(sg_out_copy(x, k, t));
            continue;
        }
        if (!s->y[k])
            SG_TRY(output_open(x, s, k, t));
        int64_t numel = sg_numel(t);
        if (t->dtype != s->y[k]->dtype || sg_numel(s->y[k]) != numel * s->batch)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "state %d has another shape in row %lld", k, (long long)b);
        sg_span_copy((sg_dtype)t->dtype, s->y[k]->data, b * numel, t->data, 0, numel);
    }
    return SEDGE_OK;
}

static sedge_status row_run(sg_exec *x, scan *s, int64_t b, sg_tensor **first, sg_carry *c)
{
    int64_t len = s->len;
    const sg_tensor *lens = s->lead ? x->in[0] : NULL;
    if (lens) {
        len = b < sg_numel(lens) ? sg_load_i64((sg_dtype)lens->dtype, lens->data, (size_t)b) : -1;
        if (len < 0 || len > s->len)
            return SG_EXEC_FAIL(x, SEDGE_E_SHAPE, "the length of row %lld is out of range", (long long)b);
    }
    row_view(x, s, b, first);
    SG_TRY(sg_carry_init(x, c, first, s->ns));
    for (int64_t step = 0; step < len; step++)
        SG_TRY(scan_step(x, s, c, b, step));
    return states_put(x, s, c, b);
}

sedge_status sg_ref_scan(sg_exec *x)
{
    scan s;
    SG_TRY(scan_open(x, &s));
    SG_TRY(scan_shapes(x, &s));
    for (int k = 0; k < s.ns + s.nx && s.lead; k++)
        if (sg_dtypes[s.row[k].dtype].bits < 8)
            return SG_EXEC_FAIL(x, SEDGE_E_UNSUPPORTED, "batches of sub-byte types");
    sg_tensor **first = sg_scratch(x, ((size_t)s.ns + 1) * sizeof *first);
    if (!first)
        return SEDGE_E_NOMEM;
    for (int64_t b = 0; b < s.batch; b++) {
        sg_carry c = {0};
        sedge_status st = row_run(x, &s, b, first, &c);
        sg_carry_drop(x, &c);
        SG_TRY(st);
    }
    for (int k = s.ns; k < x->n_out; k++) {
        sg_tensor piece;
        if (s.y[k])
            continue;
        SG_TRY(sg_piece_type(x, k - s.ns, &piece));
        SG_TRY(output_open(x, &s, k, &piece));
    }
    for (int k = 0; k < s.ns && s.lead; k++)
        if (!s.y[k])
            SG_TRY(output_open(x, &s, k, &s.row[k]));
    return SEDGE_OK;
}
