/* FlexAttention, whose scores and probabilities go through regions. */
#include <string.h>

#include "import/onnx/lower.h"
#include "import/onnx/region.h"

static sedge_status no_memory(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

/* A score or probability region and what it captures. */
typedef struct mod {
    const char *attr, **name;
    sg_vid *value;
    int n;
    bool has;
} mod;

static sedge_status mod_read(sg_onnx_node *n, const char *attr, mod *m)
{
    memset(m, 0, sizeof *m);
    m->attr = attr;
    m->has = sg_on_has(n, attr);
    return m->has ? sg_on_captures(n, attr, &m->name, &m->value, &m->n) : SEDGE_OK;
}

static sedge_status mod_make(sg_onnx_node *n, sg_nid node, int k, const sg_type *formal, const mod *m)
{
    SG_TRY(sg_on_region(n, m->attr, node, k, formal, 1, m->name, m->value, m->n));
    return n->g->node[node].region[k]->n_output == 1 ? SEDGE_OK
                                                     : sg_fail(n->err, SEDGE_E_FORMAT, "%s must have one output", m->attr);
}

/* Type of the scores that a region sees. */
static void score_type(const sg_type *q, const sg_type *k, sg_dtype t, sg_type *out)
{
    memset(out, 0, sizeof *out);
    out->dtype = (uint8_t)t;
    out->rank = -1;
    if (q->rank != 4 || k->rank != 4)
        return;
    out->rank = 4;
    memcpy(out->dim, q->dim, 3 * sizeof *out->dim);
    out->dim[3] = k->dim[2];
}

sedge_status sg_lower_flex_attention(sg_onnx_node *n)
{
    mod score, prob;
    if (n->n_in < 3 || !n->in[0] || !n->in[1] || !n->in[2])
        return sg_fail(n->err, SEDGE_E_FORMAT, "FlexAttention needs three inputs");
    SG_TRY(mod_read(n, "score_mod", &score));
    SG_TRY(mod_read(n, "prob_mod", &prob));
    sg_dtype def = sg_ib_in_type(n, 0)->dtype == SG_F64 ? SG_F64 : SG_F32, soft = sg_on_dtype(n, "softmax_precision", def);
    sg_type formal;
    score_type(sg_ib_in_type(n, 0), sg_ib_in_type(n, 1), soft, &formal);
    size_t total = 3 + (size_t)score.n + (size_t)prob.n;
    sg_vid *ins = sg_arena_array(n->g->arena, total, sizeof *ins);
    if (!ins)
        return no_memory(n);
    memcpy(ins, n->in, 3 * sizeof *ins);
    for (int i = 0; i < score.n; i++)
        ins[3 + i] = score.value[i];
    for (int i = 0; i < prob.n; i++)
        ins[3 + score.n + i] = prob.value[i];
    sg_nid node = sg_ib_emit(n, SG_OP_FLEX_ATTENTION, ins, (int)total, 1);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, (score.has ? 1 : 0) | (prob.has ? 2 : 0)) ||
        !sg_set_int(n->g, node, SG_A_n_then, score.n) || !sg_set_int(n->g, node, SG_A_softmax_precision, soft))
        return no_memory(n);
    if (sg_on_has(n, "scale") && !sg_set_float(n->g, node, SG_A_scale, sg_on_float(n, "scale", 0)))
        return no_memory(n);
    n->out[0] = sg_node_out(n->g, node, 0);
    if (score.has)
        SG_TRY(mod_make(n, node, 0, &formal, &score));
    if (prob.has)
        SG_TRY(mod_make(n, node, score.has ? 1 : 0, &formal, &prob));
    return sg_ib_done(n, node);
}
