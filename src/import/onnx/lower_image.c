/* ONNX's image operators to rows of the image family. */
#include "import/onnx/lower_copy.h"
#include "op/resize.h"

static sg_nid begin(sg_onnx_node *n, sg_op_id row, const sg_vid *in, int n_in)
{
    sg_nid node = sg_on_emit(n, row, in, n_in, 1);
    if (node)
        n->out[0] = sg_node_out(n->g, node, 0);
    return node;
}

/* "linear" was spelled with the number of axes before. */
static int resize_mode(sg_onnx_node *n)
{
    static const char *const names[] = {"nearest", "linear", "cubic", "bilinear", "trilinear", "bicubic", NULL};
    static const int mode[] = {SG_RESIZE_NEAREST, SG_RESIZE_LINEAR, SG_RESIZE_CUBIC,
                               SG_RESIZE_LINEAR,  SG_RESIZE_LINEAR, SG_RESIZE_CUBIC};
    int k = sg_on_enum(n, "mode", names, 0);
    return mode[k >= 0 && k < 6 ? k : 0];
}

/* Upsample and Resize of opset 10: scales only, positions o / scale rounded down. */
static sedge_status resize_old(sg_onnx_node *n, sg_vid scales)
{
    if (n->n_in < 1 || !scales)
        return sg_fail(n->err, SEDGE_E_FORMAT, "scales are missing");
    const sg_vid in[3] = {n->in[0], SG_NONE_ID, scales};
    sg_nid node = begin(n, SG_OP_RESIZE, in, 3);
    return finish(n, node,
                  node && sg_set_int(n->g, node, SG_A_mode, resize_mode(n)) &&
                      sg_set_int(n->g, node, SG_A_coordinate_transformation_mode, SG_COORD_ASYMMETRIC) &&
                      sg_set_int(n->g, node, SG_A_nearest_mode, SG_ROUND_FLOOR));
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
    static const char *const coords[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
                                         "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    if (n->opset < 11)
        return resize_old(n, sg_on_in(n, 1));
    sg_nid node = begin(n, SG_OP_RESIZE, n->in, n->n_in);
    bool ok = node && sg_set_int(n->g, node, SG_A_mode, resize_mode(n)) &&
              copy_enum(n, node, SG_A_coordinate_transformation_mode, coords, 0) &&
              copy_enum(n, node, SG_A_nearest_mode, rounds, 0) &&
              copy_enum(n, node, SG_A_keep_aspect_ratio_policy, policies, 0) && copy_ints(n, node, SG_A_axes) &&
              copy_int(n, node, SG_A_antialias, 0) && copy_int(n, node, SG_A_exclude_outside, 0) &&
              copy_float(n, node, SG_A_cubic_coeff_a, -0.75) && copy_float(n, node, SG_A_extrapolation_value, 0);
    return finish(n, node, ok);
}

sedge_status sg_lower_grid_sample(sg_onnx_node *n)
{
    /* opset 16 has the names for images */
    static const char *const modes[] = {"linear", "nearest", "cubic", "bilinear", "nearest", "bicubic", NULL};
    static const char *const pads[] = {"zeros", "border", "reflection", NULL};
    sg_nid node = begin(n, SG_OP_GRID_SAMPLE, n->in, n->n_in);
    return finish(n, node,
                  node && sg_set_int(n->g, node, SG_A_mode, sg_on_enum(n, "mode", modes, 0) % 3) &&
                      copy_enum(n, node, SG_A_padding_mode, pads, 0) && copy_int(n, node, SG_A_align_corners, 0));
}

sedge_status sg_lower_affine_grid(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_AFFINE_GRID, n->in, n->n_in);
    return finish(n, node, node && copy_int(n, node, SG_A_align_corners, 0));
}

sedge_status sg_lower_center_crop_pad(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_CENTER_CROP_PAD, n->in, n->n_in);
    return finish(n, node, node && copy_ints(n, node, SG_A_axes));
}

sedge_status sg_lower_non_max_suppression(sg_onnx_node *n)
{
    sg_nid node = begin(n, SG_OP_NON_MAX_SUPPRESSION, n->in, n->n_in);
    return finish(n, node, node && copy_int(n, node, SG_A_center_point_box, 0));
}
