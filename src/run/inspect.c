/* What a model holds, in numbers and as a drawing. */
#include <stdio.h>
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
    out->format = "onnx";
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

typedef struct writer {
    int (*write)(void *ctx, const char *text, size_t n);
    void *ctx;
    bool stopped;
} writer;

static void put(writer *w, const char *text)
{
    if (!w->stopped && w->write(w->ctx, text, strlen(text)) != 0)
        w->stopped = true;
}

/* Quoted for dot: quotes and backslashes escaped, control characters dropped. */
static void put_quoted(writer *w, const char *s)
{
    char buf[160];
    size_t n = 0;
    for (; *s && n + 3 < sizeof buf; s++) {
        if (*s == '"' || *s == '\\')
            buf[n++] = '\\';
        if ((unsigned char)*s >= 32)
            buf[n++] = *s;
    }
    buf[n] = 0;
    put(w, buf);
}

static void put_io(writer *w, const sg_graph *g, const sg_vid *list, size_t n, const char *what, const char *color)
{
    char line[64], type[128];
    for (size_t k = 0; k < n; k++) {
        const sg_value *v = &g->value[list[k]];
        snprintf(line, sizeof line, "  %s%zu [label=\"", what, k);
        put(w, line);
        put_quoted(w, v->name ? v->name : what);
        put(w, "\\n");
        put_quoted(w, sg_type_text(&v->type, &g->dims, type, sizeof type));
        put(w, "\", shape=oval, style=filled, fillcolor=");
        put(w, color);
        put(w, "];\n");
    }
}

static void put_edges(writer *w, const sg_graph *g, sg_nid id)
{
    char line[64], type[128];
    const sg_node *n = &g->node[id];
    for (int k = 0; k < n->n_in; k++) {
        sg_vid v = sg_node_in(g, id, k);
        if (!v || g->value[v].role == SG_CONST)
            continue;
        if (g->value[v].role == SG_COMPUTED) {
            snprintf(line, sizeof line, "  n%u -> n%u [label=\"", g->value[v].def, id);
        } else {
            size_t i = 0;
            while (i < g->n_input && g->input[i] != v)
                i++;
            snprintf(line, sizeof line, "  in%zu -> n%u [label=\"", i, id);
        }
        put(w, line);
        put_quoted(w, sg_type_text(&g->value[v].type, &g->dims, type, sizeof type));
        put(w, "\"];\n");
    }
}

sedge_status sedge_model_dot(const sedge_model *m, int (*write)(void *ctx, const char *text, size_t n), void *ctx)
{
    const sg_graph *g = m->graph;
    writer w = {write, ctx, false};
    char line[96];
    put(&w, "digraph model {\n  rankdir=TB;\n  node [fontname=\"sans\", shape=box];\n  edge [fontname=\"sans\", fontsize=9];\n");
    put_io(&w, g, g->input, g->n_input, "in", "lightblue");
    put_io(&w, g, g->output, g->n_output, "out", "palegreen");
    SG_EACH_NODE(g, n)
    {
        snprintf(line, sizeof line, "  n%u [label=\"", n);
        put(&w, line);
        put_quoted(&w, g->node[n].source ? g->node[n].source : g->node[n].op->name);
        put(&w, "\"];\n");
        put_edges(&w, g, n);
    }
    for (size_t k = 0; k < g->n_output; k++) {
        const sg_value *v = &g->value[g->output[k]];
        if (v->role != SG_COMPUTED)
            continue;
        snprintf(line, sizeof line, "  n%u -> out%zu;\n", v->def, k);
        put(&w, line);
    }
    put(&w, "}\n");
    return w.stopped ? SEDGE_E_IO : SEDGE_OK;
}
