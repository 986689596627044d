/* Classifiers, which are two rows in the graph, and trees, whose nodes ONNX names by tree and number. */
#include <string.h>

#include "export/onnx/write.h"
#include "import/kinds.h"

/* The lists of a tree ensemble operator in the making: nodes, then what its leaves say. */
typedef struct trees {
    int n_node, n_leaf;
    int64_t *tree, *id, *feature, *yes, *no, *nan_true, *at; /* at: branch of the row, -1: a leaf */
    sg_str *mode;
    double *value;
    int64_t *leaf_tree, *leaf_node, *leaf_target;
    double *leaf_weight;
} trees;

/* The lists of the row. */
typedef struct forest {
    const int64_t *feature, *to[2], *leaf[2], *nan_true, *root, *count, *target;
    const sg_tensor *mode, *split, *weight;
    int n_branch, n_root, n_target;
} forest;

static sg_str text(const char *s)
{
    return (sg_str){s, strlen(s)};
}

static void put_ints(sg_ow *w, const char *name, const int64_t *v, int n)
{
    sg_ow_attr(w, name, &(sg_attr){.kind = SG_AK_INTS, .set = true, .n = (uint32_t)n, .u.ints = v});
}

/* Numbers that f32 has go as such, others as a tensor of f64. */
static void put_reals(sg_ow *w, const char *name, const char *twin, const double *v, int n)
{
    const sg_tensor t = {.data = (void *)(uintptr_t)v, .dtype = SG_F64, .rank = 1, .dim = {n}};
    bool exact = true;
    for (int i = 0; i < n; i++)
        exact = exact && (double)(float)v[i] == v[i];
    if (exact)
        sg_ow_attr(w, name, &(sg_attr){.kind = SG_AK_FLOATS, .set = true, .n = (uint32_t)n, .u.floats = v});
    else
        sg_ow_attr(w, twin, &(sg_attr){.kind = SG_AK_TENSOR, .set = true, .u.t = &t});
}

static bool forest_read(sg_attrs a, forest *f)
{
    int n;
    f->feature = sg_get_ints(a, SG_A_nodes_featureids, &f->n_branch);
    f->to[0] = sg_get_ints(a, SG_A_nodes_falsenodeids, &n);
    f->to[1] = sg_get_ints(a, SG_A_nodes_truenodeids, &n);
    f->leaf[0] = sg_get_ints(a, SG_A_nodes_falseleafs, &n);
    f->leaf[1] = sg_get_ints(a, SG_A_nodes_trueleafs, &n);
    f->nan_true = sg_get_ints(a, SG_A_nodes_missing_value_tracks_true, &n);
    f->root = sg_get_ints(a, SG_A_tree_roots, &f->n_root);
    f->target = sg_get_ints(a, SG_A_leaf_targetids, &f->n_target);
    f->count = sg_get_ints(a, SG_A_leaf_counts, &n);
    f->mode = sg_get_tensor(a, SG_A_nodes_modes);
    f->split = sg_get_tensor(a, SG_A_nodes_splits);
    f->weight = sg_get_tensor(a, SG_A_leaf_weights);
    return f->feature && f->to[0] && f->to[1] && f->leaf[0] && f->leaf[1] && f->nan_true && f->root && f->target && f->count &&
           f->mode && f->split && f->weight;
}

static bool trees_room(sg_ow *w, const forest *f, trees *t)
{
    size_t nodes = 3 * (size_t)f->n_branch + 1, leaves = 2 * (size_t)f->n_target + 1;
    int64_t **list[] = {&t->tree, &t->id, &t->feature, &t->yes, &t->no, &t->nan_true, &t->at};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!(*list[i] = sg_arena_array(w->arena, nodes, sizeof(int64_t))))
            return false;
    t->mode = sg_arena_array(w->arena, nodes, sizeof *t->mode);
    t->value = sg_arena_array(w->arena, nodes, sizeof *t->value);
    t->leaf_tree = sg_arena_array(w->arena, leaves, sizeof(int64_t));
    t->leaf_node = sg_arena_array(w->arena, leaves, sizeof(int64_t));
    t->leaf_target = sg_arena_array(w->arena, leaves, sizeof(int64_t));
    t->leaf_weight = sg_arena_array(w->arena, leaves, sizeof *t->leaf_weight);
    return t->mode && t->value && t->leaf_tree && t->leaf_node && t->leaf_target && t->leaf_weight;
}

/* What a leaf says, as node k. False: the lists are no trees. */
static bool leaf_add(const forest *f, trees *t, int k, int64_t at)
{
    if (at < 0 || at >= f->n_target || f->count[at] > f->n_target - at)
        return false;
    for (int64_t i = at; i < at + f->count[at] && t->n_leaf < 2 * f->n_target; i++) {
        int l = t->n_leaf++;
        t->leaf_tree[l] = t->tree[k];
        t->leaf_node[l] = t->id[k];
        t->leaf_target[l] = f->target[i];
        t->leaf_weight[l] = sg_load_f64((sg_dtype)f->weight->dtype, f->weight->data, (size_t)i);
    }
    return true;
}

static bool branch_add(const forest *f, trees *t, int k, int64_t at)
{
    static const char *const mode[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
    int64_t m = at >= 0 && at < f->n_branch ? sg_load_i64((sg_dtype)f->mode->dtype, f->mode->data, (size_t)at) : -1;
    if (m < 0 || m >= (int64_t)(sizeof mode / sizeof *mode))
        return false;
    t->mode[k] = text(mode[m]);
    t->feature[k] = f->feature[at];
    t->nan_true[k] = f->nan_true[at];
    t->value[k] = sg_load_f64((sg_dtype)f->split->dtype, f->split->data, (size_t)at);
    return true;
}

/* A branch or a leaf of the row; its number is its place in the tree. */
static bool node_add(const forest *f, trees *t, int64_t tree, int first, int64_t at, bool leaf)
{
    if (t->n_node >= 3 * f->n_branch)
        return false;
    int k = t->n_node++;
    t->tree[k] = tree;
    t->id[k] = k - first;
    t->at[k] = leaf ? -1 : at;
    t->mode[k] = text("LEAF");
    return leaf ? leaf_add(f, t, k, at) : branch_add(f, t, k, at);
}

/* The nodes of a tree, its root first: the list of what was added is the queue of what is to be looked at. */
static bool tree_add(const forest *f, trees *t, int64_t tree)
{
    int first = t->n_node;
    bool good = node_add(f, t, tree, first, f->root[tree], false);
    for (int k = first; good && k < t->n_node; k++) {
        int64_t at = t->at[k];
        if (at < 0)
            continue;
        t->yes[k] = t->n_node - first;
        good = node_add(f, t, tree, first, f->to[1][at], f->leaf[1][at] != 0);
        t->no[k] = t->n_node - first;
        if (f->to[0][at] == f->to[1][at] && f->leaf[0][at] == f->leaf[1][at])
            t->no[k] = t->yes[k];
        else
            good = good && node_add(f, t, tree, first, f->to[0][at], f->leaf[0][at] != 0);
    }
    return good;
}

static sedge_status trees_write(sg_ow *w, sg_attrs a, bool classes)
{
    forest f = {0};
    trees t = {0};
    bool good = forest_read(a, &f);
    if (good && !trees_room(w, &f, &t))
        return sg_ow_nomem(w);
    for (int64_t k = 0; good && k < f.n_root; k++)
        good = tree_add(&f, &t, k);
    if (!good)
        return sg_fail(w->err, SEDGE_E_UNSUPPORTED, "these trees have no form in ONNX");
    put_ints(w, "nodes_treeids", t.tree, t.n_node);
    put_ints(w, "nodes_nodeids", t.id, t.n_node);
    put_ints(w, "nodes_featureids", t.feature, t.n_node);
    put_ints(w, "nodes_truenodeids", t.yes, t.n_node);
    put_ints(w, "nodes_falsenodeids", t.no, t.n_node);
    put_ints(w, "nodes_missing_value_tracks_true", t.nan_true, t.n_node);
    sg_ow_attr(w, "nodes_modes", &(sg_attr){.kind = SG_AK_STRS, .set = true, .n = (uint32_t)t.n_node, .u.strs = t.mode});
    put_reals(w, "nodes_values", "nodes_values_as_tensor", t.value, t.n_node);
    put_ints(w, classes ? "class_treeids" : "target_treeids", t.leaf_tree, t.n_leaf);
    put_ints(w, classes ? "class_nodeids" : "target_nodeids", t.leaf_node, t.n_leaf);
    put_ints(w, classes ? "class_ids" : "target_ids", t.leaf_target, t.n_leaf);
    put_reals(w, classes ? "class_weights" : "target_weights", classes ? "class_weights_as_tensor" : "target_weights_as_tensor",
              t.leaf_weight, t.n_leaf);
    int n_base;
    const double *base = sg_get_floats(a, SG_A_base_values, &n_base);
    if (base)
        put_reals(w, "base_values", "base_values_as_tensor", base, n_base);
    return SEDGE_OK;
}

static void post_write(sg_ow *w, sg_attrs a)
{
    static const char *const word[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    const char *s = word[sg_get_int(a, SG_A_post_transform)];
    sg_ow_attr_str(w, "post_transform", s, strlen(s));
}

static sedge_status regressor_write(sg_ow *w, sg_ow_scope *sc, sg_nid id)
{
    static const char *const aggregate[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    sg_attrs a = sg_ow_attrs(sc, id);
    const char *how = aggregate[sg_get_int(a, SG_A_aggregate_function)];
    sg_pbw_mark m = sg_ow_node_open(w, sc, id, id, "ai.onnx.ml", "TreeEnsembleRegressor", 1, 1);
    sg_ow_attr_int(w, "n_targets", sg_get_int(a, SG_A_n_targets));
    sg_ow_attr_str(w, "aggregate_function", how, strlen(how));
    post_write(w, a);
    SG_TRY(trees_write(w, a, false));
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, "ai.onnx.ml", 3);
}

static bool is_model(const sg_op *op)
{
    return op == SG_ROW(TREE_ENSEMBLE) || op == SG_ROW(LINEAR_MODEL);
}

/* Scores by `model` and the choice by `id`, together. */
static sedge_status classifier_write(sg_ow *w, sg_ow_scope *sc, sg_nid id, sg_nid model)
{
    const sg_node *n = &sc->g->node[id];
    sg_attrs a = sg_ow_attrs(sc, model), pick = sg_ow_attrs(sc, id);
    bool tree = sc->g->node[model].op == SG_ROW(TREE_ENSEMBLE);
    sg_pbw_mark m = sg_ow_node_open(w, sc, model, id, "ai.onnx.ml", tree ? "TreeEnsembleClassifier" : "LinearClassifier", 1, 2);
    post_write(w, pick);
    sg_ow_attr(w, tree ? "classlabels_int64s" : "classlabels_ints", sg_attr_find(n->attr, n->n_attr, SG_A_classlabels_int64s));
    sg_ow_attr(w, "classlabels_strings", sg_attr_find(n->attr, n->n_attr, SG_A_classlabels_strings));
    if (tree)
        SG_TRY(trees_write(w, a, true));
    for (int i = 0; !tree && i < a.n; i++)
        if (a.a[i].id == SG_A_coefficients || a.a[i].id == SG_A_intercepts)
            sg_ow_attr(w, sg_attr_names[a.a[i].id], &a.a[i]);
    sg_pbw_close(&w->out, m);
    return sg_ow_need(w, "ai.onnx.ml", tree ? 3 : 1);
}

/* Scores that nothing but the choice of a class reads go with it. */
static bool goes_along(const sg_graph *g, sg_nid id)
{
    sg_vid v = sg_node_out(g, id, 0);
    for (size_t i = 0; i < g->n_output; i++)
        if (g->output[i] == v)
            return false;
    return g->value[v].n_uses == 1 && g->node[g->operand[g->value[v].uses].node].op == SG_ROW(CLASS_PICK);
}

sedge_status sg_ow_ml(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done)
{
    const sg_node *n = &sc->g->node[id];
    *done = true;
    if (is_model(n->op) && goes_along(sc->g, id))
        return SEDGE_OK;
    if (n->op == SG_ROW(TREE_ENSEMBLE) && sg_attr_is_set(sg_ow_attrs(sc, id), SG_A_leaf_counts))
        return regressor_write(w, sc, id);
    *done = false;
    if (n->op != SG_ROW(CLASS_PICK))
        return SEDGE_OK;
    const sg_value *scores = &sc->g->value[sg_node_in(sc->g, id, 0)];
    *done = scores->def && is_model(sc->g->node[scores->def].op) && goes_along(sc->g, scores->def);
    return *done ? classifier_write(w, sc, id, scores->def) : SEDGE_OK;
}
