/* Lowering of the ml family, except trees. */
#include "import/onnx/lower_ml.h"

#include "op/ml.h"

sedge_status sg_ml_failed(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

int sg_ml_post_of(sg_onnx_node *n)
{
    static const char *const name[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT", NULL};
    return sg_on_enum(n, "post_transform", name, SG_POST_NONE);
}

static bool copy_floats(sg_onnx_node *n, sg_nid node, const char *name, sg_attr_id id)
{
    int count;
    const double *v = sg_on_floats(n, name, &count);
    return !v || sg_set_floats(n->g, node, id, v, (size_t)count);
}

static bool copy_ints(sg_onnx_node *n, sg_nid node, const char *name, sg_attr_id id)
{
    int count;
    const int64_t *v = sg_on_ints(n, name, &count);
    return !v || sg_set_ints(n->g, node, id, v, (size_t)count);
}

sedge_status sg_ml_labels_set(sg_onnx_node *n, sg_nid node, const char *ints, int *count)
{
    int n_int, n_str;
    const int64_t *v = sg_on_ints(n, ints, &n_int);
    const sg_str *s = sg_on_strs(n, "classlabels_strings", &n_str);
    *count = n_str ? n_str : n_int;
    bool ok = n_str ? sg_set_strs(n->g, node, SG_A_classlabels_strings, s, (size_t)n_str)
                    : !n_int || sg_set_ints(n->g, node, SG_A_classlabels_int64s, v, (size_t)n_int);
    return ok ? SEDGE_OK : sg_ml_failed(n);
}

static void bind(sg_onnx_node *n, sg_nid node, int n_out)
{
    for (int k = 0; k < n->n_out && k < n_out; k++)
        n->out[k] = sg_node_out(n->g, node, k);
}

sedge_status sg_ml_pick(sg_onnx_node *n, sg_vid scores, int kind, const char *ints)
{
    int count;
    sg_nid node = sg_on_emit(n, SG_OP_CLASS_PICK, &scores, 1, 2);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, kind) || !sg_set_int(n->g, node, SG_A_post_transform, sg_ml_post_of(n)))
        return sg_ml_failed(n);
    SG_TRY(sg_ml_labels_set(n, node, ints, &count));
    bind(n, node, 2);
    return sg_on_done(n, node);
}

/* A list of names and their places, or one to one with numbers, both ways. */
static sedge_status names_map(sg_onnx_node *n, const sg_str *name, const int64_t *number, int count)
{
    sg_vid in = sg_on_in(n, 0);
    bool from_names = in && sg_on_type(n, 0)->dtype == SG_STR;
    sg_nid node = sg_on_emit(n, SG_OP_LABEL_ENCODER, &in, 1, 1);
    if (!node || !sg_set_strs(n->g, node, from_names ? SG_A_keys_strings : SG_A_values_strings, name, (size_t)count) ||
        !sg_set_ints(n->g, node, from_names ? SG_A_values_int64s : SG_A_keys_int64s, number, (size_t)count) ||
        !sg_set_int(n->g, node, SG_A_default_int64, sg_on_int(n, "default_int64", -1)))
        return sg_ml_failed(n);
    const char *def = sg_on_str(n, "default_string", "_Unused");
    size_t length = 0;
    while (def[length])
        length++;
    if (!sg_set_str(n->g, node, SG_A_default_string, def, length))
        return sg_ml_failed(n);
    bind(n, node, 1);
    return sg_on_done(n, node);
}

sedge_status sg_lower_label_encoder(sg_onnx_node *n)
{
    int count;
    const sg_str *name = sg_on_strs(n, "classes_strings", &count);
    if (!name) {
        sg_nid node = sg_on_start(n, SG_OP_LABEL_ENCODER);
        return node ? sg_on_done(n, node) : sg_ml_failed(n);
    }
    int64_t *place = sg_arena_array(n->g->arena, (size_t)count + 1, sizeof *place); /* the first version's form */
    if (!place)
        return sg_ml_failed(n);
    for (int i = 0; i < count; i++)
        place[i] = i;
    return names_map(n, name, place, count);
}

sedge_status sg_lower_category_mapper(sg_onnx_node *n)
{
    int n_str, n_int;
    const sg_str *name = sg_on_strs(n, "cats_strings", &n_str);
    const int64_t *number = sg_on_ints(n, "cats_int64s", &n_int);
    if (!name || !number || n_str != n_int)
        return sg_fail(n->err, SEDGE_E_FORMAT, "cats_strings and cats_int64s must be of one length");
    return names_map(n, name, number, n_str);
}

/* The linear model with `targets` scores and a post transform; 0: failed. */
static sg_nid linear_emit(sg_onnx_node *n, int64_t targets, int post)
{
    sg_vid in = sg_on_in(n, 0);
    sg_nid node = sg_on_emit(n, SG_OP_LINEAR_MODEL, &in, 1, 1);
    if (!node || !copy_floats(n, node, "coefficients", SG_A_coefficients) ||
        !copy_floats(n, node, "intercepts", SG_A_intercepts) || !sg_set_int(n->g, node, SG_A_targets, targets) ||
        !sg_set_int(n->g, node, SG_A_post_transform, post)) {
        sg_ml_failed(n);
        return 0;
    }
    return sg_on_done(n, node) == SEDGE_OK ? node : 0;
}

sedge_status sg_lower_linear_regressor(sg_onnx_node *n)
{
    sg_nid node = linear_emit(n, sg_on_int(n, "targets", 1), sg_ml_post_of(n));
    if (!node)
        return n->err->status;
    bind(n, node, 1);
    return SEDGE_OK;
}

/* There are as many scores as intercepts; without those, as many as labels, or one for two labels. */
static int64_t score_count(sg_onnx_node *n)
{
    int n_coef, n_add, n_int, n_str;
    sg_on_floats(n, "coefficients", &n_coef);
    sg_on_floats(n, "intercepts", &n_add);
    sg_on_ints(n, "classlabels_ints", &n_int);
    sg_on_strs(n, "classlabels_strings", &n_str);
    const sg_type *t = sg_on_type(n, 0);
    sg_dim features = t && t->rank > 0 ? t->dim[t->rank - 1] : 0;
    if (!sg_dim_is_expr(features) && features > 0)
        return n_coef / features;
    return n_add ? n_add : n_str ? n_str : n_int;
}

sedge_status sg_lower_linear_classifier(sg_onnx_node *n)
{
    sg_nid node = linear_emit(n, score_count(n), SG_POST_NONE);
    return node ? sg_ml_pick(n, sg_node_out(n->g, node, 0), SG_PICK_PLAIN, "classlabels_ints") : n->err->status;
}

sedge_status sg_lower_svm(sg_onnx_node *n)
{
    bool classes = sg_on_extra(n) != 0;
    int count;
    sg_vid in = sg_on_in(n, 0);
    sg_nid node = sg_on_emit(n, SG_OP_SVM, &in, 1, classes ? 2 : 1);
    if (!node)
        return sg_ml_failed(n);
    static const char *const kernel[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};
    bool ok = copy_floats(n, node, "coefficients", SG_A_coefficients) &&
              copy_floats(n, node, "kernel_params", SG_A_kernel_params) && copy_floats(n, node, "prob_a", SG_A_prob_a) &&
              copy_floats(n, node, "prob_b", SG_A_prob_b) && copy_floats(n, node, "rho", SG_A_rho) &&
              copy_floats(n, node, "support_vectors", SG_A_support_vectors) &&
              copy_ints(n, node, "vectors_per_class", SG_A_vectors_per_class) &&
              sg_set_int(n->g, node, SG_A_kind, sg_on_enum(n, "kernel_type", kernel, 0)) &&
              sg_set_int(n->g, node, SG_A_n_supports, sg_on_int(n, "n_supports", 0)) &&
              sg_set_int(n->g, node, SG_A_one_class, sg_on_int(n, "one_class", 0)) &&
              sg_set_int(n->g, node, SG_A_post_transform, sg_ml_post_of(n));
    if (!ok)
        return sg_ml_failed(n);
    SG_TRY(sg_ml_labels_set(n, node, "classlabels_ints", &count));
    bind(n, node, classes ? 2 : 1);
    return sg_on_done(n, node);
}
