/* Ensembles of decision trees. */
#include <math.h>
#include <string.h>

#include "op/ml.h"

enum { AGG_AVERAGE, AGG_SUM, AGG_MIN, AGG_MAX };
enum { MODE_LEQ, MODE_LT, MODE_GTE, MODE_GT, MODE_EQ, MODE_NEQ, MODE_MEMBER };

sedge_status sg_infer_tree_ensemble(sg_infer *c)
{
    int64_t targets = sg_get_int(c->attrs, SG_A_n_targets), t = sg_get_int(c->attrs, SG_A_dtype);
    SG_TRY(sg_ml_want_rows(c));
    if (targets < 1 || targets > INT32_MAX || t < 0 || t >= SG_DTYPE_COUNT)
        return SG_INFER_FAIL(c, SEDGE_E_VALUE, "tree_ensemble: %lld targets", (long long)targets);
    c->out[0].dtype = t ? (uint8_t)t : c->in[0]->dtype;
    c->out[0].rank = 2;
    c->out[0].dim[0] = sg_ml_row_count(c);
    c->out[0].dim[1] = targets;
    return SEDGE_OK;
}

/* A branch: to node `to[true]` or, when leaf[true], to that leaf. Members [first, last) of the set. */
typedef struct branch {
    double split;
    int32_t feature, to[2], first, last;
    uint8_t mode;
    bool leaf[2], nan_true;
} branch;

typedef struct forest {
    branch *node;
    int n_node, n_root, n_leaf, n_base, agg;
    const int64_t *root, *leaf_count, *leaf_target;
    const double *base;
    double *leaf_weight, *member;
    int64_t features, targets;
} forest;

static double *tensor_f64(sg_exec *x, const sg_tensor *t)
{
    int64_t n = sg_numel(t);
    double *v = sg_scratch(x, ((size_t)n + 1) * sizeof *v);
    for (int64_t i = 0; v && i < n; i++)
        v[i] = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)i);
    return v;
}

/* Sets follow each other in the order of the member nodes, each ended by a NaN. */
static sedge_status members_read(sg_exec *x, forest *f)
{
    const sg_tensor *t = sg_get_tensor(x->attrs, SG_A_membership_values);
    int32_t at = 0, n = t && sg_numel(t) < INT32_MAX ? (int32_t)sg_numel(t) : 0;
    f->member = t ? tensor_f64(x, t) : NULL;
    if (t && !f->member)
        return SEDGE_E_NOMEM;
    for (int i = 0; i < f->n_node; i++) {
        branch *b = &f->node[i];
        if (b->mode != MODE_MEMBER)
            continue;
        if (at >= n)
            return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "tree_ensemble: node %d has no set of members", i);
        b->first = at;
        while (at < n && f->member[at] == f->member[at])
            at++;
        b->last = at++;
    }
    return SEDGE_OK;
}

static sedge_status nodes_read(sg_exec *x, forest *f)
{
    int n[6], n_nan;
    const int64_t *feature = sg_get_ints(x->attrs, SG_A_nodes_featureids, &n[0]);
    const int64_t *to[2] = {sg_get_ints(x->attrs, SG_A_nodes_falsenodeids, &n[1]),
                            sg_get_ints(x->attrs, SG_A_nodes_truenodeids, &n[2])};
    const int64_t *leaf[2] = {sg_get_ints(x->attrs, SG_A_nodes_falseleafs, &n[3]),
                              sg_get_ints(x->attrs, SG_A_nodes_trueleafs, &n[4])};
    const int64_t *nan_true = sg_get_ints(x->attrs, SG_A_nodes_missing_value_tracks_true, &n_nan);
    const sg_tensor *mode = sg_get_tensor(x->attrs, SG_A_nodes_modes), *split = sg_get_tensor(x->attrs, SG_A_nodes_splits);
    bool same = mode && split && sg_numel(mode) == n[0] && sg_numel(split) == n[0] && n[0] > 0 && (!nan_true || n_nan == n[0]);
    for (int i = 1; same && i < 5; i++)
        same = n[i] == n[0];
    if (!same)
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "tree_ensemble: lists of nodes are of different lengths");
    f->n_node = n[0];
    f->node = sg_scratch(x, (size_t)n[0] * sizeof *f->node);
    if (!f->node)
        return SEDGE_E_NOMEM;
    for (int i = 0; i < n[0]; i++) {
        branch *b = &f->node[i];
        int64_t m = sg_load_i64((sg_dtype)mode->dtype, mode->data, (size_t)i);
        if (m < 0 || m > MODE_MEMBER || feature[i] < 0 || feature[i] >= f->features)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tree_ensemble: node %d has mode %lld and feature %lld of %lld", i,
                                (long long)m, (long long)feature[i], (long long)f->features);
        *b = (branch){.split = sg_load_f64((sg_dtype)split->dtype, split->data, (size_t)i),
                      .feature = (int32_t)feature[i],
                      .mode = (uint8_t)m,
                      .nan_true = nan_true && nan_true[i]};
        for (int k = 0; k < 2; k++) {
            b->leaf[k] = leaf[k][i] != 0;
            if (to[k][i] < 0 || to[k][i] >= (b->leaf[k] ? f->n_leaf : f->n_node))
                return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tree_ensemble: node %d leads nowhere", i);
            b->to[k] = (int32_t)to[k][i];
        }
    }
    return members_read(x, f);
}

static sedge_status forest_read(sg_exec *x, forest *f)
{
    int n_target, n_count;
    memset(f, 0, sizeof *f);
    int64_t rows;
    sg_ml_rows(x->in[0], &rows, &f->features);
    f->targets = sg_get_int(x->attrs, SG_A_n_targets);
    f->agg = (int)sg_get_int(x->attrs, SG_A_aggregate_function);
    f->root = sg_get_ints(x->attrs, SG_A_tree_roots, &f->n_root);
    f->base = sg_get_floats(x->attrs, SG_A_base_values, &f->n_base);
    f->leaf_target = sg_get_ints(x->attrs, SG_A_leaf_targetids, &n_target);
    f->leaf_count = sg_get_ints(x->attrs, SG_A_leaf_counts, &n_count);
    const sg_tensor *w = sg_get_tensor(x->attrs, SG_A_leaf_weights);
    f->n_leaf = n_target;
    if (!w || sg_numel(w) != n_target || (f->leaf_count && n_count != n_target) || f->agg < AGG_AVERAGE || f->agg > AGG_MAX ||
        (f->base && f->n_base != 1 && f->n_base != f->targets))
        return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "tree_ensemble: leaves, base values or aggregation are malformed");
    for (int i = 0; i < n_target; i++)
        if (f->leaf_target[i] < 0 || f->leaf_target[i] >= f->targets ||
            (f->leaf_count && (f->leaf_count[i] < 0 || f->leaf_count[i] > n_target - i)))
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tree_ensemble: leaf %d has a target outside [0, %lld)", i,
                                (long long)f->targets);
    f->leaf_weight = tensor_f64(x, w);
    if (!f->leaf_weight)
        return SEDGE_E_NOMEM;
    SG_TRY(nodes_read(x, f));
    for (int i = 0; i < f->n_root; i++)
        if (f->root[i] < 0 || f->root[i] >= f->n_node)
            return SG_EXEC_FAIL(x, SEDGE_E_VALUE, "tree_ensemble: tree %d has no root", i);
    return SEDGE_OK;
}

static bool is_member(const forest *f, const branch *b, double v)
{
    for (int32_t i = b->first; i < b->last; i++)
        if (f->member[i] == v)
            return true;
    return false;
}

static bool decide(const forest *f, const branch *b, double v)
{
    if (v != v)
        return b->nan_true;
    switch (b->mode) {
    case MODE_LEQ: return v <= b->split;
    case MODE_LT: return v < b->split;
    case MODE_GTE: return v >= b->split;
    case MODE_GT: return v > b->split;
    case MODE_EQ: return v == b->split;
    case MODE_NEQ: return v != b->split;
    default: return is_member(f, b, v);
    }
}

/* The leaf of one tree; -1 when its branches run in a circle. */
static int32_t leaf_of(const forest *f, int32_t at, const double *v)
{
    for (int step = 0; step < f->n_node; step++) {
        const branch *b = &f->node[at];
        bool yes = decide(f, b, v[b->feature]);
        at = b->to[yes];
        if (b->leaf[yes])
            return at;
    }
    return -1;
}

static void collect(const forest *f, int32_t leaf, double *sum, bool *seen)
{
    int64_t count = f->leaf_count ? f->leaf_count[leaf] : 1;
    for (int64_t i = leaf; i < leaf + count; i++) {
        int64_t t = f->leaf_target[i];
        double w = f->leaf_weight[i];
        if (f->agg == AGG_SUM || f->agg == AGG_AVERAGE)
            sum[t] += w;
        else if (!seen[t] || (f->agg == AGG_MIN ? w < sum[t] : w > sum[t]))
            sum[t] = w;
        seen[t] = true;
    }
}

static void finish(const forest *f, double *sum)
{
    for (int64_t k = 0; k < f->targets; k++) {
        if (f->agg == AGG_AVERAGE && f->n_root)
            sum[k] /= f->n_root;
        if (f->base)
            sum[k] += f->base[f->n_base == 1 ? 0 : k];
    }
}

sedge_status sg_ref_tree_ensemble(sg_exec *x)
{
    forest f;
    int64_t rows;
    const sg_tensor *t = x->in[0];
    sg_tensor *y = x->out[0];
    SG_TRY(forest_read(x, &f));
    sg_ml_rows(t, &rows, &f.features);
    double *v = sg_scratch(x, ((size_t)f.features + 1) * sizeof *v), *sum = sg_scratch(x, (size_t)f.targets * sizeof *sum);
    bool *seen = sg_scratch(x, (size_t)f.targets);
    if (!v || !sum || !seen)
        return SEDGE_E_NOMEM;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t k = 0; k < f.features; k++)
            v[k] = sg_load_f64((sg_dtype)t->dtype, t->data, (size_t)(r * f.features + k));
        for (int64_t k = 0; k < f.targets; k++)
            sum[k] = 0, seen[k] = false;
        for (int i = 0; i < f.n_root; i++) {
            int32_t leaf = leaf_of(&f, (int32_t)f.root[i], v);
            if (leaf < 0)
                return SG_EXEC_FAIL(x, SEDGE_E_FORMAT, "tree_ensemble: tree %d runs in a circle", i);
            collect(&f, leaf, sum, seen);
        }
        finish(&f, sum);
        sg_ml_post((sg_post_kind)sg_get_int(x->attrs, SG_A_post_transform), sum, f.targets);
        for (int64_t k = 0; k < f.targets; k++)
            sg_store_f64((sg_dtype)y->dtype, y->data, (size_t)(r * f.targets + k), sum[k]);
    }
    return SEDGE_OK;
}
