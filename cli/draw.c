/* Graphs as pictures: one row a node, in the order of execution; what flows runs down in lanes at the left, as in a log of commits. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 20, LANE = 12, TOP = 64, LANES_MAX = 40, PANEL_GAP = 40, TEXT_WIDTH = 470 };

/* An input, a node or an output: a row of the picture. */
typedef struct row {
    char kind; /* i, n, o */
    int index, lane, last; /* last: the last row that reads it */
    const char *op, *source, *name, *kernel;
    char type[96];
} row;

typedef struct drawing {
    const sedge_graph *g;
    const sedge_plan *plan; /* NULL: as published */
    int n_input, n_node, n_output, n, lanes;
    row *row;
} drawing;

static int row_of(const drawing *d, const sedge_graph_edge *e)
{
    if (e->from == SEDGE_FROM_INPUT)
        return e->index;
    return e->from == SEDGE_FROM_NODE ? d->n_input + e->index : -1;
}

static int count_nodes(const sedge_graph *g)
{
    sedge_graph_node_info n;
    int k = 0;
    while (sedge_graph_node(g, k, &n))
        k++;
    return k;
}

/* The operand k of row r, as a row; -1: none. */
static int source_of(const drawing *d, int r, int k, sedge_graph_edge *e)
{
    const row *w = &d->row[r];
    if (w->kind == 'n' && sedge_graph_operand(d->g, w->index, k, e))
        return row_of(d, e);
    if (w->kind == 'o' && k == 0 && sedge_graph_result(d->g, w->index, e))
        return row_of(d, e);
    return -1;
}

static int operands(const drawing *d, int r)
{
    sedge_graph_node_info n = {0};
    if (d->row[r].kind == 'n')
        sedge_graph_node(d->g, d->row[r].index, &n);
    return d->row[r].kind == 'o' ? 1 : n.n_in;
}

static void mark_readers(drawing *d)
{
    sedge_graph_edge e;
    for (int r = 0; r < d->n; r++)
        for (int k = 0; k < operands(d, r); k++) {
            int from = source_of(d, r, k, &e);
            if (from < 0)
                continue;
            d->row[from].last = r;
            snprintf(d->row[from].type, sizeof d->row[from].type, "%s", e.type);
        }
}

/* A row takes the lane of an operand that ends in it, or the first free one. */
static void give_lanes(drawing *d)
{
    int until[LANES_MAX];
    for (int l = 0; l < LANES_MAX; l++)
        until[l] = -1;
    for (int r = 0; r < d->n; r++) {
        int lane = 0;
        while (lane < LANES_MAX - 1 && until[lane] > r)
            lane++;
        d->row[r].lane = lane;
        until[lane] = d->row[r].last;
        if (lane + 1 > d->lanes)
            d->lanes = lane + 1;
    }
}

static bool drawing_make(drawing *d, const sedge_model *m, const sedge_graph *g, const sedge_plan *plan)
{
    *d = (drawing){.g = g, .plan = plan, .n_input = sedge_model_inputs(m), .n_output = sedge_model_outputs(m)};
    d->n_node = count_nodes(g);
    d->n = d->n_input + d->n_node + d->n_output;
    d->row = calloc((size_t)d->n + 1, sizeof *d->row);
    if (!d->row)
        return false;
    for (int r = 0; r < d->n; r++) {
        row *w = &d->row[r];
        sedge_graph_node_info n = {0};
        sedge_io io = {0};
        w->last = r;
        w->kind = r < d->n_input ? 'i' : r < d->n_input + d->n_node ? 'n' : 'o';
        w->index = r - (w->kind == 'i' ? 0 : w->kind == 'n' ? d->n_input : d->n_input + d->n_node);
        w->kernel = w->source = "";
        if (w->kind == 'n') {
            const char *op, *name;
            sedge_graph_node(g, w->index, &n);
            w->op = n.op;
            w->source = n.source;
            w->name = n.name;
            if (plan && !sedge_plan_step(plan, w->index, &op, &name, &w->kernel))
                w->kernel = "";
            continue;
        }
        if (w->kind == 'i')
            sedge_model_input(m, w->index, &io);
        else
            sedge_model_output(m, w->index, &io);
        w->op = w->kind == 'i' ? "input" : "output";
        w->name = io.name ? io.name : "";
    }
    mark_readers(d);
    give_lanes(d);
    return true;
}

/* ---- SVG ------------------------------------------------------------------------------------ */

static void put_xml(FILE *f, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '&': fputs("&amp;", f); break;
        case '"': fputs("&quot;", f); break;
        default: fputc((unsigned char)*s < 32 ? ' ' : *s, f);
        }
}

/* At most n characters of s; the title of the row has it whole. */
static void put_short(FILE *f, const char *s, size_t n)
{
    char text[64];
    size_t len = strlen(s);
    snprintf(text, sizeof text, "%.*s", (int)(len > n ? n : len), s);
    put_xml(f, text);
    if (len > n)
        fputs("…", f);
}

static int x_of(const drawing *d, int r, int x0)
{
    return x0 + LANE / 2 + d->row[r].lane * LANE;
}

static int y_of(int r)
{
    return TOP + r * ROW;
}

static void put_edges(FILE *f, const drawing *d, int r, int x0)
{
    sedge_graph_edge e;
    for (int k = 0; k < operands(d, r); k++) {
        int from = source_of(d, r, k, &e);
        if (from < 0)
            continue;
        int xa = x_of(d, from, x0), xb = x_of(d, r, x0), ya = y_of(from), yb = y_of(r);
        fprintf(f, "<path d=\"M%d %dV%dC%d %d %d %d %d %d\"><title>", xa, ya, yb - ROW, xa, yb - ROW / 2, xb, yb - ROW / 2, xb,
                yb);
        put_xml(f, e.name);
        fputs(" ", f);
        put_xml(f, e.type);
        fputs("</title></path>\n", f);
    }
}

/* Rows of one op have one colour: its name, hashed. */
static unsigned hue_of(const char *op)
{
    unsigned h = 2166136261u;
    for (; *op; op++)
        h = (h ^ (unsigned char)*op) * 16777619u;
    return h % 360;
}

static void put_row(FILE *f, const drawing *d, int r, int x0)
{
    const row *w = &d->row[r];
    const char *what = d->plan || !*w->source ? w->op : w->source;
    int x = x0 + d->lanes * LANE + 8;
    fprintf(f, "<g><title>");
    put_xml(f, w->source);
    fputs(" ", f);
    put_xml(f, w->name);
    fputs(" ", f);
    put_xml(f, w->type);
    fprintf(f, "</title><circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"hsl(%u 65%% 50%%)\"/><text x=\"%d\" y=\"%d\"%s>",
            x_of(d, r, x0), y_of(r), hue_of(w->op), x, y_of(r) + 4, w->kind == 'n' ? "" : " font-weight=\"bold\"");
    put_short(f, what, 30);
    if (w->kind != 'n') {
        fputs(" ", f);
        put_short(f, w->name, 20);
    }
    fprintf(f, "</text><text class=\"dim\" x=\"%d\" y=\"%d\">", x + 210, y_of(r) + 4);
    put_short(f, w->type, 26);
    fputs("</text>", f);
    if (*w->kernel) {
        fprintf(f, "<text class=\"dim\" x=\"%d\" y=\"%d\">", x + 380, y_of(r) + 4);
        put_xml(f, w->kernel);
        fputs("</text>", f);
    }
    fputs("</g>\n", f);
}

static void put_panel(FILE *f, const drawing *d, const char *title, int x0)
{
    fprintf(f, "<text x=\"%d\" y=\"30\" font-size=\"16\" font-weight=\"bold\">%s: %d nodes</text>\n<g class=\"edge\">\n", x0,
            title, d->n_node);
    for (int r = 0; r < d->n; r++)
        put_edges(f, d, r, x0);
    fputs("</g>\n", f);
    for (int r = 0; r < d->n; r++)
        put_row(f, d, r, x0);
}

static void put_svg(FILE *f, const drawing *d, int n)
{
    static const char *const title[] = {"as published", "as planned"};
    int x[3] = {16, 16, 16}, rows = 0;
    for (int k = 0; k < n; k++) {
        x[k + 1] = x[k] + d[k].lanes * LANE + TEXT_WIDTH + PANEL_GAP;
        rows = d[k].n > rows ? d[k].n : rows;
    }
    fprintf(
        f,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
        "<style>svg{background:#fff;color:#222}text{fill:currentColor}.dim{opacity:.65}.edge path{fill:none;stroke:currentColor;"
        "stroke-opacity:.35;stroke-width:1.5}@media(prefers-color-scheme:dark){svg{background:#181818;color:#ddd}}</style>\n",
        x[n], TOP + rows * ROW + 20);
    for (int k = 0; k < n; k++)
        put_panel(f, &d[k], title[k], x[k]);
    fputs("</svg>\n", f);
}

/* ---- dot ------------------------------------------------------------------------------------ */

/* Quoted for dot: quotes and backslashes escaped, control characters dropped. */
static void put_quoted(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        if ((unsigned char)*s >= 32)
            fputc(*s, f);
    }
}

static void put_cluster(FILE *f, const drawing *d, int k)
{
    static const char *const title[] = {"as published", "as planned"};
    sedge_graph_edge e;
    fprintf(f, "  subgraph cluster%d {\n    label=\"%s\";\n", k, title[k]);
    for (int r = 0; r < d->n; r++) {
        const row *w = &d->row[r];
        fprintf(f, "    g%dr%d [shape=%s, label=\"", k, r, w->kind == 'n' ? "box" : "oval");
        put_quoted(f, d->plan || !*w->source ? w->op : w->source);
        if (w->kind != 'n' || *w->kernel) {
            fputs("\\n", f);
            put_quoted(f, w->kind != 'n' ? w->name : w->kernel);
        }
        fputs("\"];\n", f);
        for (int i = 0; i < operands(d, r); i++) {
            int from = source_of(d, r, i, &e);
            if (from < 0)
                continue;
            fprintf(f, "    g%dr%d -> g%dr%d [label=\"", k, from, k, r);
            put_quoted(f, e.type);
            fputs("\"];\n", f);
        }
    }
    fputs("  }\n", f);
}

static void put_dot(FILE *f, const drawing *d, int n)
{
    fputs("digraph model {\n  rankdir=TB;\n  node [fontname=\"sans\"];\n  edge [fontname=\"sans\", fontsize=9];\n", f);
    for (int k = 0; k < n; k++)
        put_cluster(f, &d[k], k);
    fputs("}\n", f);
}

int draw_graphs(const opened *o, const char *path)
{
    drawing d[2] = {{0}};
    saver s;
    size_t len = strlen(path);
    bool svg = len > 4 && strcmp(path + len - 4, ".svg") == 0;
    int n = o->plan ? 2 : 1, status = EXIT_OK;
    if (!svg && !(len > 4 && strcmp(path + len - 4, ".dot") == 0))
        return fail("%s: a graph is drawn as .svg or .dot", path);
    bool made = drawing_make(&d[0], o->model, sedge_model_graph(o->model), NULL) &&
                (n < 2 || drawing_make(&d[1], o->model, sedge_plan_graph(o->plan), o->plan));
    if (!made)
        status = fail("out of memory");
    else if (!save_begin(&s, path))
        status = fail("%s: %s", path, strerror(errno));
    else {
        (svg ? put_svg : put_dot)(s.f, d, n);
        if (!save_end(&s, true))
            status = fail("%s: cannot be written: %s", path, strerror(errno));
    }
    free(d[0].row);
    free(d[1].row);
    return status;
}
