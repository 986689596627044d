/* Resize of opset 10 and before, and Upsample. */
#include "import/onnx/lower.h"
#include "op/resize.h"

/* Scales only, positions o / scale rounded down. */
static sedge_status resize_old(sg_onnx_node *n, sg_vid scales)
{
    if (n->n_in < 1 || !scales)
        return sg_fail(n->err, SEDGE_E_FORMAT, "scales are missing");
    sg_ib_in_set(n, 1, SG_NONE_ID);
    sg_ib_in_set(n, 2, scales);
    sg_nid node = sg_on_start(n, SG_OP_RESIZE);
    return sg_ib_set(n, node, SG_A_coordinate_transformation_mode, SG_COORD_ASYMMETRIC) &&
                   sg_ib_set(n, node, SG_A_nearest_mode, SG_ROUND_FLOOR)
               ? sg_ib_done(n, node)
               : n->err->status;
}

/* A constant f32 vector in the model's memory. */
static sg_vid const_f32s(sg_onnx_node *n, const double *v, int count)
{
    int64_t dim = count;
    float *f = sg_arena_array(n->g->arena, (size_t)count + 1, sizeof *f);
    if (!f)
        return SG_NONE_ID;
    for (int i = 0; i < count; i++)
        f[i] = (float)v[i];
    return sg_const_new(n->g, SG_F32, 1, &dim, f, NULL);
}

sedge_status sg_lower_upsample(sg_onnx_node *n)
{
    int count;
    if (n->n_in > 1)
        return resize_old(n, n->in[1]);
    const double *v = sg_on_floats(n, "scales", &count);
    const double image[4] = {1, 1, sg_on_float(n, "height_scale", 0), sg_on_float(n, "width_scale", 0)};
    if (!v && image[2] > 0 && image[3] > 0) { /* opset 1 */
        v = image;
        count = 4;
    }
    return resize_old(n, v ? const_f32s(n, v, count) : SG_NONE_ID);
}

sedge_status sg_lower_resize(sg_onnx_node *n)
{
    return n->opset < 11 ? resize_old(n, sg_ib_in(n, 1)) : sg_on_row(n, SG_OP_RESIZE);
}
