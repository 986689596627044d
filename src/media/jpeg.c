/* JPEG by libjpeg (libjpeg-turbo): accurate DCT and smooth chroma upsampling, which are the library's defaults. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "media/decode.h"

/* Scans of a progressive file; more is work without end for few bytes. */
#define SCANS_MAX 256

typedef struct jpeg_job {
    struct jpeg_error_mgr base;
    struct jpeg_progress_mgr progress;
    jmp_buf away;
    char msg[JMSG_LENGTH_MAX];
} jpeg_job;

static _Noreturn void on_error(j_common_ptr c)
{
    jpeg_job *j = (jpeg_job *)(void *)c->err;
    j->base.format_message(c, j->msg);
    longjmp(j->away, 1);
}

/* Warnings that mean lost pixels are errors. */
static void on_message(j_common_ptr c, int level)
{
    int code = c->err->msg_code;
    if (level < 0 &&
        (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE))
        on_error(c);
}

static void on_progress(j_common_ptr c)
{
    jpeg_job *j = (jpeg_job *)(void *)c->err;
    if (!c->is_decompressor || ((j_decompress_ptr)c)->input_scan_number <= SCANS_MAX)
        return;
    snprintf(j->msg, sizeof j->msg, "more than %d scans", SCANS_MAX);
    longjmp(j->away, 1);
}

static uint8_t mul255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return (uint8_t)((t + (t >> 8)) >> 8);
}

/* Inks are stored inverted, as every known writer does: 255 is no ink. */
static void from_cmyk(const uint8_t *s, uint8_t *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            d[3 * i + (size_t)k] = (uint8_t)(s[4 * i + 3] - mul255(255u - s[4 * i + (size_t)k], s[4 * i + 3]));
}

static sedge_status read_rows(sg_decode *d, struct jpeg_decompress_struct *c)
{
    size_t width = c->output_width;
    void *inks = NULL;
    if (c->out_color_space == JCS_CMYK)
        SG_TRY(sg_decode_scratch(d, width * 4, &inks));
    while (c->output_scanline < c->output_height) {
        uint8_t *to = d->pixel + (size_t)c->output_scanline * (size_t)d->out->stride[0];
        JSAMPROW row = inks ? inks : to;
        jpeg_read_scanlines(c, &row, 1);
        if (inks)
            from_cmyk(inks, to, width);
    }
    return SEDGE_OK;
}

static sedge_status read_all(sg_decode *d, struct jpeg_decompress_struct *c)
{
    jpeg_mem_src(c, d->data, (unsigned long)d->size);
    jpeg_read_header(c, TRUE);
    bool gray = c->jpeg_color_space == JCS_GRAYSCALE;
    bool inks = c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK;
    /* A progressive file keeps every coefficient: two bytes for each sample. */
    SG_TRY(sg_decode_fits(d, c->image_width, c->image_height, c->progressive_mode ? 2 * c->num_components : 1));
    c->mem->max_memory_to_use = (long)(sg_decode_limit(d) / 2);
    c->out_color_space = gray ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
    SG_TRY(sg_decode_room(d, gray ? SEDGE_PIXEL_GRAY8 : SEDGE_PIXEL_RGB8, c->image_width, c->image_height));
    jpeg_start_decompress(c);
    SG_TRY(read_rows(d, c));
    jpeg_finish_decompress(c);
    d->out->turn = (uint8_t)sg_exif_jpeg(d->data, d->size);
    return SEDGE_OK;
}

sedge_status sg_decode_jpeg(sg_decode *d)
{
    struct jpeg_decompress_struct c;
    jpeg_job job;
    memset(&c, 0, sizeof c);
    memset(&job, 0, sizeof job);
    c.err = jpeg_std_error(&job.base);
    job.base.error_exit = on_error;
    job.base.emit_message = on_message;
    job.progress.progress_monitor = on_progress;
    if (setjmp(job.away)) {
        jpeg_destroy_decompress(&c);
        return sg_fail(d->err, SEDGE_E_FORMAT, "%s", job.msg);
    }
    jpeg_create_decompress(&c);
    c.progress = &job.progress;
    sedge_status st = read_all(d, &c);
    jpeg_destroy_decompress(&c);
    return st;
}
