/* Lowering of the ml family, except trees. */
#include "import/onnx/lower_ml.h"

#include "op/ml.h"

sedge_status sg_ml_failed(sg_onnx_node *n)
{
    return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
}

int sg_ml_post_of(sg_onnx_node *n)
{
    return sg_on_word(n, "post_transform", "NONE SOFTMAX LOGISTIC SOFTMAX_ZERO PROBIT", SG_POST_NONE);
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
    sg_nid node = sg_ib_emit(n, SG_OP_CLASS_PICK, &scores, 1, 2);
    if (!node || !sg_set_int(n->g, node, SG_A_kind, kind) || !sg_set_int(n->g, node, SG_A_post_transform, sg_ml_post_of(n)))
        return sg_ml_failed(n);
    SG_TRY(sg_ml_labels_set(n, node, ints, &count));
    bind(n, node, 2);
    return sg_ib_done(n, node);
}

/* A list of names and their places, or one to one with numbers, both ways. */
static sedge_status names_map(sg_onnx_node *n, const sg_str *name, const int64_t *number, int count)
{
    sg_vid in = sg_ib_in(n, 0);
    bool from_names = in && sg_ib_in_type(n, 0)->dtype == SG_STR;
    sg_nid node = sg_ib_emit(n, SG_OP_LABEL_ENCODER, &in, 1, 1);
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
    return sg_ib_done(n, node);
}

sedge_status sg_lower_label_encoder(sg_onnx_node *n)
{
    int count;
    const sg_str *name = sg_on_strs(n, "classes_strings", &count);
    if (!name) {
        sg_nid node = sg_on_start(n, SG_OP_LABEL_ENCODER);
        return node ? sg_ib_done(n, node) : sg_ml_failed(n);
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

/* There are as many scores as intercepts; without those, as many as labels, or one for two labels. */
static int64_t score_count(sg_onnx_node *n)
{
    int n_coef, n_add, n_int, n_str;
    sg_on_floats(n, "coefficients", &n_coef);
    sg_on_floats(n, "intercepts", &n_add);
    sg_on_ints(n, "classlabels_ints", &n_int);
    sg_on_strs(n, "classlabels_strings", &n_str);
    const sg_type *t = sg_ib_in_type(n, 0);
    sg_dim features = t && t->rank > 0 ? t->dim[t->rank - 1] : 0;
    if (!sg_dim_is_expr(features) && features > 0)
        return n_coef / features;
    return n_add ? n_add : n_str ? n_str : n_int;
}

sedge_status sg_lower_linear_classifier(sg_onnx_node *n)
{
    int n_out = n->n_out;
    n->n_out = 1;
    sg_nid node = sg_on_start(n, SG_OP_LINEAR_MODEL);
    n->n_out = n_out;
    if (!sg_ib_set(n, node, SG_A_targets, score_count(n)) || !sg_ib_set(n, node, SG_A_post_transform, SG_POST_NONE))
        return n->err->status;
    SG_TRY(sg_ib_done(n, node));
    return sg_ml_pick(n, sg_node_out(n->g, node, 0), SG_PICK_PLAIN, "classlabels_ints");
}
