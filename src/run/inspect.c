/* What a model holds, in numbers. */
#include <string.h>

#include "op/macs.h"
#include "run/api.h"

static void count_consts(const sg_graph *g, int64_t *elements, int64_t *bytes)
{
    for (size_t i = 1; i < g->n_value; i++) {
        const sg_value *v = &g->value[i];
        if (v->role != SG_CONST)
            continue;
        int64_t n = sg_d_numel(&v->type);
        *elements += n > 0 ? n : 0;
        *bytes += n > 0 ? (int64_t)sg_dtype_bytes((sg_dtype)v->type.dtype, (size_t)n) : 0;
    }
    SG_EACH_NODE(g, n)
    for (int k = 0; k < g->node[n].n_region; k++)
        count_consts(g->node[n].region[k], elements, bytes);
}

static double node_macs(const sg_graph *g, const sg_node *n, sg_nid id)
{
    const sg_type *in[4] = {NULL};
    for (int k = 0; k < 4 && k < n->n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        in[k] = v ? &g->value[v].type : NULL;
    }
    sg_vid o = sg_node_out(g, id, 0);
    return o ? sg_op_macs(n->op, (sg_attrs){n->attr, n->n_attr}, in, n->n_in < 4 ? n->n_in : 4, &g->value[o].type) : 0;
}

static double count_macs(const sg_graph *g)
{
    double m = 0;
    SG_EACH_NODE(g, n)
    {
        m += node_macs(g, &g->node[n], n);
        for (int k = 0; k < g->node[n].n_region; k++)
            m += count_macs(g->node[n].region[k]);
    }
    return m;
}

void sedge_model_get_info(const sedge_model *m, sedge_model_info *out)
{
    memset(out, 0, sizeof *out);
    out->format = m->info.format;
    out->producer = m->info.producer ? m->info.producer : "";
    out->ir_version = m->info.ir_version;
    out->n_opset = m->info.n_opset;
    out->n_metadata = m->info.n_meta;
    out->opset_domain = m->opset_domain;
    out->opset_version = m->opset_version;
    out->metadata_key = m->meta_key;
    out->metadata_value = m->meta_value;
    count_consts(m->graph, &out->parameters, &out->weights_bytes);
    double macs = count_macs(m->graph);
    out->macs = macs < 9e18 ? (int64_t)macs : -1;
    for (int i = 0; i < m->n_op; i++)
        out->nodes += m->op_count[i];
}
