/* Lowering of TreeEnsembleRegressor and TreeEnsembleClassifier, whose nodes name each other by (tree, node), to the
 * row tree_ensemble, whose nodes and leaves are numbered. */
#include <string.h>

#include "import/onnx/lower_ml.h"
#include "op/ml.h"

typedef struct ref {
    int64_t tree, node;
    int at; /* index into the lists */
} ref;

typedef struct forest {
    int n, n_target; /* nodes and leaf targets */
    const int64_t *tree, *id, *feature, *yes, *no, *nan_true;
    const sg_str *mode;
    const int64_t *t_tree, *t_node, *t_id;
    double *split, *weight; /* [n], [n_target] */
    ref *order;             /* [n], by tree and node */
    int *first;             /* [n + 1]: targets of node i are by_node[first[i]..first[i + 1]) */
    int *by_node;           /* [n_target] */
    int64_t *number;        /* [n]: of the branch or of the leaf */
    int64_t targets;
} forest;

static bool before(const ref *a, const ref *b)
{
    return a->tree != b->tree ? a->tree < b->tree : a->node < b->node;
}

static void sift(ref *v, int at, int n)
{
    ref top = v[at];
    for (int kid; (kid = 2 * at + 1) < n; at = kid) {
        if (kid + 1 < n && before(&v[kid], &v[kid + 1]))
            kid++;
        if (!before(&top, &v[kid]))
            break;
        v[at] = v[kid];
    }
    v[at] = top;
}

static void heap_sort(ref *v, int n)
{
    for (int i = n / 2 - 1; i >= 0; i--)
        sift(v, i, n);
    for (int i = n - 1; i > 0; i--) {
        ref t = v[0];
        v[0] = v[i];
        v[i] = t;
        sift(v, 0, i);
    }
}

/* Index of a node; -1: there is none. */
static int find(const forest *f, int64_t tree, int64_t node)
{
    ref want = {tree, node, 0};
    int lo = 0, hi = f->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (before(&f->order[mid], &want))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < f->n && f->order[lo].tree == tree && f->order[lo].node == node ? f->order[lo].at : -1;
}

static sedge_status malformed(sg_onnx_node *n, const char *what)
{
    return sg_fail(n->err, SEDGE_E_FORMAT, "%s of the trees are malformed", what);
}

/* Numbers of an attribute or of its _as_tensor twin, as doubles in the arena. */
static double *numbers(sg_onnx_node *n, const char *name, const char *twin, int count)
{
    int have;
    sg_tensor t;
    const double *v = sg_on_floats(n, name, &have);
    bool tensor = !v && sg_on_tensor(n, twin, &t);
    double *out = sg_arena_array(n->g->arena, (size_t)count + 1, sizeof *out);
    if (!out || (!v && !tensor) || (v && have != count) || (tensor && sg_numel(&t) != count))
        return NULL;
    for (int i = 0; i < count; i++)
        out[i] = v ? v[i] : sg_load_f64((sg_dtype)t.dtype, t.data, (size_t)i);
    return out;
}

static sedge_status nodes_read(sg_onnx_node *n, forest *f)
{
    int c[6], n_nan;
    f->tree = sg_on_ints(n, "nodes_treeids", &f->n);
    f->id = sg_on_ints(n, "nodes_nodeids", &c[0]);
    f->feature = sg_on_ints(n, "nodes_featureids", &c[1]);
    f->yes = sg_on_ints(n, "nodes_truenodeids", &c[2]);
    f->no = sg_on_ints(n, "nodes_falsenodeids", &c[3]);
    f->mode = sg_on_strs(n, "nodes_modes", &c[4]);
    f->nan_true = sg_on_ints(n, "nodes_missing_value_tracks_true", &n_nan);
    bool ok = f->n > 0 && (!f->nan_true || n_nan == f->n);
    for (int i = 0; i < 5; i++)
        ok = ok && c[i] == f->n;
    f->split = ok ? numbers(n, "nodes_values", "nodes_values_as_tensor", f->n) : NULL;
    if (!f->split)
        return malformed(n, "nodes");
    f->order = sg_arena_array(n->g->arena, (size_t)f->n, sizeof *f->order);
    if (!f->order)
        return sg_ml_failed(n);
    for (int i = 0; i < f->n; i++)
        f->order[i] = (ref){f->tree[i], f->id[i], i};
    heap_sort(f->order, f->n);
    return SEDGE_OK;
}

static sedge_status targets_read(sg_onnx_node *n, forest *f, bool classes)
{
    int a, b;
    f->t_tree = sg_on_ints(n, classes ? "class_treeids" : "target_treeids", &f->n_target);
    f->t_node = sg_on_ints(n, classes ? "class_nodeids" : "target_nodeids", &a);
    f->t_id = sg_on_ints(n, classes ? "class_ids" : "target_ids", &b);
    if (a != f->n_target || b != f->n_target)
        return malformed(n, "leaves");
    f->weight = classes ? numbers(n, "class_weights", "class_weights_as_tensor", f->n_target)
                        : numbers(n, "target_weights", "target_weights_as_tensor", f->n_target);
    f->first = sg_arena_array(n->g->arena, (size_t)f->n + 2, sizeof *f->first);
    f->by_node = sg_arena_array(n->g->arena, (size_t)f->n_target + 1, sizeof *f->by_node);
    f->number = sg_arena_array(n->g->arena, (size_t)f->n, sizeof *f->number);
    if (!f->weight || !f->first || !f->by_node || !f->number)
        return malformed(n, "weights");
    memset(f->first, 0, ((size_t)f->n + 2) * sizeof *f->first);
    for (int i = 0; i < f->n_target; i++) {
        int at = find(f, f->t_tree[i], f->t_node[i]);
        if (at < 0)
            return malformed(n, "leaves");
        f->first[at + 2]++;
    }
    for (int i = 0; i < f->n; i++)
        f->first[i + 2] += f->first[i + 1];
    for (int i = 0; i < f->n_target; i++) /* shifts first[] into place */
        f->by_node[f->first[find(f, f->t_tree[i], f->t_node[i]) + 1]++] = i;
    return SEDGE_OK;
}

/* BRANCH_X as in the row; -1: a leaf, -2: unknown. */
static int mode_of(sg_str s)
{
    static const char *const name[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
    for (int i = 0; i < 6; i++)
        if (s.n == strlen(name[i]) && memcmp(s.p, name[i], (size_t)s.n) == 0)
            return i;
    return s.n == 4 && memcmp(s.p, "LEAF", 4) == 0 ? -1 : -2;
}

/* The lists of the row. */
typedef struct lists {
    int64_t *feature, *yes, *no, *yes_leaf, *no_leaf, *nan_true, *root, *leaf_target, *leaf_count;
    uint8_t *mode;
    double *split, *leaf_weight;
    int n_branch, n_leaf, n_root;
} lists;

static bool lists_new(sg_onnx_node *n, const forest *f, lists *l)
{
    size_t nodes = 2 * (size_t)f->n + 1, leaves = (size_t)f->n + (size_t)f->n_target + 1;
    memset(l, 0, sizeof *l);
    int64_t **node_list[] = {&l->feature, &l->yes, &l->no, &l->yes_leaf, &l->no_leaf, &l->nan_true, &l->root};
    for (size_t i = 0; i < sizeof node_list / sizeof *node_list; i++)
        if (!(*node_list[i] = sg_arena_array(n->g->arena, nodes, sizeof(int64_t))))
            return false;
    l->leaf_target = sg_arena_array(n->g->arena, leaves, sizeof(int64_t));
    l->leaf_count = sg_arena_array(n->g->arena, leaves, sizeof(int64_t));
    l->leaf_weight = sg_arena_array(n->g->arena, leaves, sizeof(double));
    l->mode = sg_arena_array(n->g->arena, nodes, 1);
    l->split = sg_arena_array(n->g->arena, nodes, sizeof(double));
    return l->leaf_target && l->leaf_count && l->leaf_weight && l->mode && l->split;
}

/* The targets of leaf i; a leaf without any gets an entry that counts none. */
static void leaf_add(const forest *f, lists *l, int i)
{
    int from = f->first[i], count = f->first[i + 1] - from;
    for (int k = 0; k < count || (k == 0 && count == 0); k++) {
        int t = count ? f->by_node[from + k] : 0;
        l->leaf_target[l->n_leaf] = count ? f->t_id[t] : 0;
        l->leaf_weight[l->n_leaf] = count ? f->weight[t] : 0;
        l->leaf_count[l->n_leaf++] = count - k;
    }
}

static sedge_status number_all(sg_onnx_node *n, forest *f, lists *l)
{
    for (int i = 0; i < f->n; i++) {
        int mode = mode_of(f->mode[i]);
        if (mode < -1)
            return malformed(n, "modes");
        f->number[i] = mode < 0 ? l->n_leaf : l->n_branch++;
        if (mode < 0)
            leaf_add(f, l, i);
    }
    return SEDGE_OK;
}

static void branch_set(const forest *f, lists *l, int64_t at, int i, int yes, int no)
{
    int mode = mode_of(f->mode[i]);
    l->feature[at] = mode < 0 ? 0 : f->feature[i];
    l->mode[at] = (uint8_t)(mode < 0 ? 0 : mode);
    l->split[at] = f->split[i];
    l->nan_true[at] = f->nan_true ? f->nan_true[i] : 0;
    l->yes[at] = f->number[yes];
    l->no[at] = f->number[no];
    l->yes_leaf[at] = mode_of(f->mode[yes]) < 0;
    l->no_leaf[at] = mode_of(f->mode[no]) < 0;
}

/* A tree starts with the first of its nodes in the lists; one that is a leaf gets a branch with that leaf on both sides. */
static sedge_status branches_make(sg_onnx_node *n, const forest *f, lists *l)
{
    int next = l->n_branch;
    for (int i = 0; i < f->n; i++)
        if (mode_of(f->mode[i]) >= 0) {
            int yes = find(f, f->tree[i], f->yes[i]), no = find(f, f->tree[i], f->no[i]);
            if (yes < 0 || no < 0)
                return malformed(n, "branches");
            branch_set(f, l, f->number[i], i, yes, no);
        }
    for (int i = 0; i < f->n; i++) {
        int first = f->order[i].at;
        if (i && f->order[i - 1].tree == f->order[i].tree)
            continue;
        for (int k = i; k < f->n && f->order[k].tree == f->order[i].tree; k++)
            first = f->order[k].at < first ? f->order[k].at : first;
        l->root[l->n_root++] = mode_of(f->mode[first]) < 0 ? next : f->number[first];
        if (mode_of(f->mode[first]) < 0)
            branch_set(f, l, next++, first, first, first);
    }
    l->n_branch = next;
    return SEDGE_OK;
}

static bool tensor_set(sg_onnx_node *n, sg_nid node, sg_attr_id id, sg_dtype t, void *data, int count)
{
    sg_tensor v = {.data = data, .dtype = (uint8_t)t, .rank = 1, .dim = {count}};
    return sg_set_tensor(n->g, node, id, &v);
}

static bool lists_set(sg_onnx_node *n, sg_nid node, const lists *l)
{
    sg_graph *g = n->g;
    size_t nb = (size_t)l->n_branch, nl = (size_t)l->n_leaf;
    return sg_set_ints(g, node, SG_A_nodes_featureids, l->feature, nb) &&
           sg_set_ints(g, node, SG_A_nodes_truenodeids, l->yes, nb) && sg_set_ints(g, node, SG_A_nodes_falsenodeids, l->no, nb) &&
           sg_set_ints(g, node, SG_A_nodes_trueleafs, l->yes_leaf, nb) &&
           sg_set_ints(g, node, SG_A_nodes_falseleafs, l->no_leaf, nb) &&
           sg_set_ints(g, node, SG_A_tree_roots, l->root, (size_t)l->n_root) &&
           sg_set_ints(g, node, SG_A_nodes_missing_value_tracks_true, l->nan_true, nb) &&
           sg_set_ints(g, node, SG_A_leaf_targetids, l->leaf_target, nl) &&
           sg_set_ints(g, node, SG_A_leaf_counts, l->leaf_count, nl) &&
           tensor_set(n, node, SG_A_nodes_modes, SG_U8, l->mode, l->n_branch) &&
           tensor_set(n, node, SG_A_nodes_splits, SG_F64, l->split, l->n_branch) &&
           tensor_set(n, node, SG_A_leaf_weights, SG_F64, l->leaf_weight, l->n_leaf);
}

/* The ensemble with its scores in f32; base: NULL or what is added to them. 0: failed. */
static sg_nid ensemble_emit(sg_onnx_node *n, forest *f, const double *base, int n_base)
{
    lists l;
    sg_vid in = sg_ib_in(n, 0);
    if (!lists_new(n, f, &l)) {
        sg_ml_failed(n);
        return 0;
    }
    if (number_all(n, f, &l) != SEDGE_OK || branches_make(n, f, &l) != SEDGE_OK)
        return 0;
    sg_nid node = sg_ib_emit(n, SG_OP_TREE_ENSEMBLE, &in, 1, 1);
    if (!node || !lists_set(n, node, &l) || !sg_set_int(n->g, node, SG_A_n_targets, f->targets) ||
        !sg_set_int(n->g, node, SG_A_dtype, SG_F32) ||
        (n_base && !sg_set_floats(n->g, node, SG_A_base_values, base, (size_t)n_base))) {
        sg_ml_failed(n);
        return 0;
    }
    return node;
}

/* Base values from either attribute, NULL and 0 when there are none. */
static const double *base_read(sg_onnx_node *n, int *count)
{
    sg_tensor t;
    const double *v = sg_on_floats(n, "base_values", count);
    if (v || !sg_on_tensor(n, "base_values_as_tensor", &t))
        return v;
    *count = (int)sg_numel(&t);
    v = numbers(n, "base_values", "base_values_as_tensor", *count);
    if (!v)
        *count = 0;
    return v;
}

sedge_status sg_lower_tree_regressor(sg_onnx_node *n)
{
    forest f = {0};
    int n_base;
    const double *base = base_read(n, &n_base);
    SG_TRY(nodes_read(n, &f));
    SG_TRY(targets_read(n, &f, false));
    f.targets = sg_on_int(n, "n_targets", 1);
    sg_nid node = ensemble_emit(n, &f, base, n_base);
    if (!node)
        return n->err->status;
    if (!sg_set_int(n->g, node, SG_A_aggregate_function, sg_on_word(n, "aggregate_function", "AVERAGE SUM MIN MAX", 1)) ||
        !sg_set_int(n->g, node, SG_A_post_transform, sg_ml_post_of(n)))
        return sg_ml_failed(n);
    n->out[0] = sg_node_out(n->g, node, 0);
    return sg_ib_done(n, node);
}

/* Two classes with weights for one of them only: a single score. Its kind, or PLAIN for any other ensemble. */
static int binary_kind(sg_onnx_node *n, forest *f, int64_t labels)
{
    int kind = SG_PICK_SHARE;
    int64_t *zero = sg_arena_array(n->g->arena, (size_t)f->n_target + 1, sizeof *zero);
    for (int i = 0; i < f->n_target; i++) {
        if (labels != 2 || f->t_id[i] != f->t_id[0] || !zero)
            return SG_PICK_PLAIN;
        zero[i] = 0;
        if (f->weight[i] < 0)
            kind = SG_PICK_SIGNED;
    }
    if (labels != 2 || !f->n_target)
        return SG_PICK_PLAIN;
    f->t_id = zero;
    return kind;
}

sedge_status sg_lower_tree_classifier(sg_onnx_node *n)
{
    forest f = {0};
    int n_int, n_str, n_base;
    const double *base = base_read(n, &n_base);
    sg_on_ints(n, "classlabels_int64s", &n_int);
    sg_on_strs(n, "classlabels_strings", &n_str);
    SG_TRY(nodes_read(n, &f));
    SG_TRY(targets_read(n, &f, true));
    f.targets = n_str ? n_str : n_int;
    int kind = binary_kind(n, &f, f.targets);
    if (kind != SG_PICK_PLAIN) {
        f.targets = 1;
        if (n_base == 2)
            base++, n_base = 1;
    }
    sg_nid node = ensemble_emit(n, &f, base, n_base);
    if (!node)
        return n->err->status;
    SG_TRY(sg_ib_done(n, node));
    return sg_ml_pick(n, sg_node_out(n->g, node, 0), kind, "classlabels_int64s");
}
