/* ImageDecoder of ai.onnx: a file's bytes to pixels [h, w, c]. The picture is not turned by its EXIF, as in ONNX's reference; gray
 * pictures become RGB where that is asked for, alpha is dropped, 16 bits are rounded to 8. */
#include <string.h>

#include "media/decode.h"
#include "media/image.h"

static sg_color color_of(const sedge_node *node)
{
    static const char *const name[] = {"RGB", "BGR", "Grayscale"};
    static const uint8_t color[] = {SG_COLOR_RGB, SG_COLOR_BGR, SG_COLOR_GRAY};
    const char *want = sedge_attr_string(node, "pixel_format", "RGB");
    for (size_t k = 0; k < sizeof color; k++)
        if (strcmp(want, name[k]) == 0)
            return (sg_color)color[k];
    return SG_COLOR_BANDS;
}

static int decoder_shape(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)ctx;
    (void)n_in;
    (void)n_out;
    sg_color color = color_of(node);
    if (color == SG_COLOR_BANDS)
        return sedge_node_fail(node, "pixel_format is none of RGB, BGR, Grayscale");
    if (!in[0] || in[0]->dtype != SEDGE_U8 || in[0]->rank != 1)
        return sedge_node_fail(node, "the picture must be a list of u8");
    sedge_error err = {0};
    sedge_image *im;
    sedge_frame f = {0};
    if (sedge_image_new(&im, NULL, &err) == SEDGE_OK) {
        sg_image_probe(im, in[0]->data, (size_t)in[0]->dim[0], &f, &err);
        sedge_image_free(&im);
    }
    if (err.status != SEDGE_OK)
        return sedge_node_fail(node, err.msg);
    out[0].dtype = SEDGE_U8;
    out[0].rank = 3;
    out[0].dim[0] = f.height;
    out[0].dim[1] = f.width;
    out[0].dim[2] = color == SG_COLOR_GRAY ? 1 : 3;
    return 0;
}

static int decoder_run(void *ctx, const sedge_node *node, const sedge_tensor *const *in, int n_in, sedge_tensor *out, int n_out)
{
    (void)ctx;
    (void)n_in;
    (void)n_out;
    sedge_error err = {0};
    sedge_image *im;
    sedge_frame f;
    sg_mem mem = {0};
    sg_image_work *work = sg_image_work_new(&mem);
    sg_sink to = {.data = out[0].data, .dtype = SEDGE_U8, .channels_last = true, .channels = (uint8_t)out[0].dim[2]};
    for (int c = 0; c < 3; c++)
        to.mul[c] = 1;
    if (!work || sedge_image_new(&im, NULL, &err) != SEDGE_OK) {
        sg_image_work_free(work);
        return sedge_node_fail(node, "out of memory");
    }
    sedge_status st = sedge_image_decode(im, in[0]->data, (size_t)in[0]->dim[0], &f, &err);
    f.turn = 1;
    if (st == SEDGE_OK && (f.height != out[0].dim[0] || f.width != out[0].dim[1]))
        st = sg_fail(&err, SEDGE_E_BUG, "%d x %d pixels were announced otherwise", f.width, f.height);
    if (st == SEDGE_OK)
        st = sg_image_run(work, &f, color_of(node), NULL, 0, &to, &err);
    sg_image_work_free(work);
    sedge_image_free(&im);
    return st == SEDGE_OK ? 0 : sedge_node_fail(node, err.msg);
}

const sedge_op *sedge_media_ops(int *n)
{
    static const sedge_op ops[] = {
        {.domain = "", .name = "ImageDecoder", .min_in = 1, .max_in = 1, .n_out = 1, .shape = decoder_shape, .run = decoder_run}};
    *n = (int)(sizeof ops / sizeof *ops);
    return ops;
}
