/* Rows from frames: the turn, the colors. Chroma is repeated, not smoothed; Bayer mosaics are filled in by the mean of the nearest
 * neighbours of a color. 16 bits become 0 .. 255 with their fraction; bands are taken as they are. */
#include <string.h>

#include "media/rows.h"

bool sg_frame_real(const sedge_frame *f)
{
    return f->pixel == SEDGE_PIXEL_GRAY16 || f->pixel == SEDGE_PIXEL_RGB16 || f->pixel == SEDGE_PIXEL_BANDS_U16 ||
           f->pixel == SEDGE_PIXEL_BANDS_F32;
}

int sg_reader_channels(const sedge_frame *f, sg_color color)
{
    bool bands = f->pixel >= SEDGE_PIXEL_BANDS_U8;
    if (bands != (color == SG_COLOR_BANDS))
        return 0;
    return bands ? f->bands : color == SG_COLOR_GRAY ? 1 : color == SG_COLOR_RGBA ? 4 : 3;
}

/* Orientations by EXIF: 2 and 4 mirror, 3 is half a turn, 5 to 8 lie on their side. */
int32_t sg_reader_place(const sedge_frame *f, int32_t x)
{
    switch (f->turn) {
    case 2:
    case 3: return f->width - 1 - x;
    case 6:
    case 7: return f->height - 1 - x;
    default: return x;
    }
}

static int32_t place_row(const sedge_frame *f, int32_t y)
{
    switch (f->turn) {
    case 3:
    case 4: return f->height - 1 - y;
    case 7:
    case 8: return f->width - 1 - y;
    default: return y;
    }
}

static inline const uint8_t *at(const sedge_frame *f, int plane, int32_t y)
{
    return (const uint8_t *)f->plane[plane] + y * f->stride[plane];
}

static const sg_yuv matrices[4] = {
    [SEDGE_BT601_FULL] = {8192, 11485, -2819, -5850, 14516, 0},
    [SEDGE_BT601_LIMITED] = {9539, 13075, -3209, -6660, 16525, 16},
    [SEDGE_BT709_FULL] = {8192, 12901, -1535, -3835, 15201, 0},
    [SEDGE_BT709_LIMITED] = {9539, 14686, -1747, -4366, 17305, 16},
};

const sg_yuv *sg_yuv_of(int matrix)
{
    return &matrices[matrix];
}

const uint8_t *sg_reader_row(const sg_reader *r, int plane, int32_t y, bool half)
{
    int32_t row = place_row(&r->f, y);
    return at(&r->f, plane, half ? row / 2 : row);
}

static inline int byte(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

static inline void from_yuv(const sg_yuv *m, int y, int u, int v, int c[4])
{
    y = (y < m->black ? 0 : y - m->black) * m->y + 4096; /* blacker than black is black, as in OpenCV */
    u -= 128;
    v -= 128;
    c[0] = byte((y + m->rv * v) >> 13);
    c[1] = byte((y + m->gu * u + m->gv * v) >> 13);
    c[2] = byte((y + m->bu * u) >> 13);
    c[3] = 255;
}

static inline void px_rgb(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 3 * (ptrdiff_t)x;
    c[0] = p[0];
    c[1] = p[1];
    c[2] = p[2];
    c[3] = 255;
}

static inline void px_bgr(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 3 * (ptrdiff_t)x;
    c[0] = p[2];
    c[1] = p[1];
    c[2] = p[0];
    c[3] = 255;
}

static inline void px_rgba(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 4 * (ptrdiff_t)x;
    c[0] = p[0];
    c[1] = p[1];
    c[2] = p[2];
    c[3] = p[3];
}

static inline void px_bgra(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 4 * (ptrdiff_t)x;
    c[0] = p[2];
    c[1] = p[1];
    c[2] = p[0];
    c[3] = p[3];
}

static inline void px_gray(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    c[0] = c[1] = c[2] = at(f, 0, y)[x];
    c[3] = 255;
}

static inline void px_nv12_any(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *uv = at(f, 1, y / 2) + (x & ~1);
    from_yuv(&matrices[f->matrix], at(f, 0, y)[x], uv[0], uv[1], c);
}

static inline void px_nv21(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *vu = at(f, 1, y / 2) + (x & ~1);
    from_yuv(&matrices[f->matrix], at(f, 0, y)[x], vu[1], vu[0], c);
}

static inline void px_i420(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    from_yuv(&matrices[f->matrix], at(f, 0, y)[x], at(f, 1, y / 2)[x / 2], at(f, 2, y / 2)[x / 2], c);
}

static inline void px_yuyv(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 2 * (ptrdiff_t)(x & ~1);
    from_yuv(&matrices[f->matrix], p[x & 1 ? 2 : 0], p[1], p[3], c);
}

static inline void px_uyvy(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    const uint8_t *p = at(f, 0, y) + 2 * (ptrdiff_t)(x & ~1);
    from_yuv(&matrices[f->matrix], p[x & 1 ? 3 : 1], p[0], p[2], c);
}

/* red_x, red_y: where red stands in each square of 2 x 2. Borders are mirrored, which keeps the colors' places. */
static inline void mosaic(const sedge_frame *f, int32_t x, int32_t y, int red_x, int red_y, int c[4])
{
    int32_t l = x ? x - 1 : x + 1, r = x + 1 < f->width ? x + 1 : x - 1;
    const uint8_t *here = at(f, 0, y), *up = at(f, 0, y ? y - 1 : y + 1), *down = at(f, 0, y + 1 < f->height ? y + 1 : y - 1);
    int side = (here[l] + here[r] + 1) / 2, above = (up[x] + down[x] + 1) / 2;
    int corner = (up[l] + up[r] + down[l] + down[r] + 2) / 4, cross = (here[l] + here[r] + up[x] + down[x] + 2) / 4;
    bool on_red_row = (y & 1) == red_y, on_red_col = (x & 1) == red_x;
    c[3] = 255;
    if (on_red_row == on_red_col) {
        c[on_red_row ? 0 : 2] = here[x];
        c[1] = cross;
        c[on_red_row ? 2 : 0] = corner;
    } else {
        c[1] = here[x];
        c[0] = on_red_row ? side : above;
        c[2] = on_red_row ? above : side;
    }
}

static inline void px_rggb(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    mosaic(f, x, y, 0, 0, c);
}

static inline void px_bggr(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    mosaic(f, x, y, 1, 1, c);
}

static inline void px_grbg(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    mosaic(f, x, y, 1, 0, c);
}

static inline void px_gbrg(const sedge_frame *f, int32_t x, int32_t y, int c[4])
{
    mosaic(f, x, y, 0, 1, c);
}

/* ITU-R 601-2 luma in 16 bits, as Pillow's "L". */
static inline uint8_t luma(const int c[4])
{
    return (uint8_t)((c[0] * 19595 + c[1] * 38470 + c[2] * 7471 + 0x8000) >> 16);
}

/* The row function of a format: straight and lying frames have loops of their own, so that a row's address is found once. */
#define EACH(px, body)                                   \
    do {                                                 \
        for (int32_t i = 0; r->lies && i < r->n; i++) {  \
            px(&f, fixed, r->at[i], c);                  \
            body                                         \
        }                                                \
        for (int32_t i = 0; !r->lies && i < r->n; i++) { \
            px(&f, r->at[i], fixed, c);                  \
            body                                         \
        }                                                \
    } while (0)

#define ROW_OF(name)                                                                                 \
    static void row_##name(const sg_reader *r, int32_t fixed, uint8_t *to, size_t pitch)             \
    {                                                                                                \
        const sedge_frame f = r->f;                                                                  \
        int c[4];                                                                                    \
        if (r->color == SG_COLOR_GRAY) {                                                             \
            EACH(px_##name, to[i] = luma(c););                                                       \
            return;                                                                                  \
        }                                                                                            \
        size_t first = r->color == SG_COLOR_BGR ? 2 * pitch : 0;                                     \
        uint8_t *red = to + first, *green = to + pitch, *blue = to + 2 * pitch - first;              \
        EACH(px_##name, red[i] = (uint8_t)c[0]; green[i] = (uint8_t)c[1]; blue[i] = (uint8_t)c[2];); \
        if (r->color == SG_COLOR_RGBA)                                                               \
            EACH(px_##name, to[3 * pitch + (size_t)i] = (uint8_t)c[3];);                             \
    }

ROW_OF(rgb)
ROW_OF(bgr)
ROW_OF(rgba)
ROW_OF(bgra)
ROW_OF(gray)
ROW_OF(nv12_any)
ROW_OF(nv21)
ROW_OF(i420)
ROW_OF(yuyv)
ROW_OF(uyvy)
ROW_OF(rggb)
ROW_OF(bggr)
ROW_OF(grbg)
ROW_OF(gbrg)

/* The usual camera frame: nothing in the loop is read twice. */
static void row_nv12(const sg_reader *r, int32_t fixed, uint8_t *to, size_t pitch)
{
    if (r->lies || r->color == SG_COLOR_GRAY || r->color == SG_COLOR_RGBA) {
        row_nv12_any(r, fixed, to, pitch);
        return;
    }
    const sg_yuv m = matrices[r->f.matrix];
    const int32_t *restrict place = r->at, n = r->n;
    const uint8_t *restrict luma_row = at(&r->f, 0, fixed), *restrict chroma = at(&r->f, 1, fixed / 2);
    size_t first = r->color == SG_COLOR_BGR ? 2 * pitch : 0;
    uint8_t *restrict red = to + first, *restrict green = to + pitch, *restrict blue = to + 2 * pitch - first;
    for (int32_t i = 0; i < n; i++) {
        int32_t x = place[i];
        int c[4];
        from_yuv(&m, luma_row[x], chroma[x & ~1], chroma[x | 1], c);
        red[i] = (uint8_t)c[0];
        green[i] = (uint8_t)c[1];
        blue[i] = (uint8_t)c[2];
    }
}

typedef void row_fn(const sg_reader *r, int32_t fixed, uint8_t *to, size_t pitch);

static row_fn *const rows[SEDGE_PIXEL_COUNT] = {
    [SEDGE_PIXEL_RGB8] = row_rgb,   [SEDGE_PIXEL_BGR8] = row_bgr,   [SEDGE_PIXEL_RGBA8] = row_rgba,
    [SEDGE_PIXEL_BGRA8] = row_bgra, [SEDGE_PIXEL_GRAY8] = row_gray, [SEDGE_PIXEL_NV12] = row_nv12,
    [SEDGE_PIXEL_NV21] = row_nv21,  [SEDGE_PIXEL_I420] = row_i420,  [SEDGE_PIXEL_YUYV] = row_yuyv,
    [SEDGE_PIXEL_UYVY] = row_uyvy,  [SEDGE_PIXEL_RGGB8] = row_rggb, [SEDGE_PIXEL_BGGR8] = row_bggr,
    [SEDGE_PIXEL_GRBG8] = row_grbg, [SEDGE_PIXEL_GBRG8] = row_gbrg,
};

static float wide(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return (float)v / 257.0f;
}

/* 16 bits: gray or RGB. */
static void row_wide(const sg_reader *r, int32_t fixed, float *to, size_t pitch)
{
    size_t n = r->f.pixel == SEDGE_PIXEL_RGB16 ? 3 : 1;
    for (int32_t i = 0; i < r->n; i++) {
        int32_t x = r->lies ? fixed : r->at[i], y = r->lies ? r->at[i] : fixed;
        const uint8_t *p = at(&r->f, 0, y) + 2 * n * (size_t)x;
        float c[3] = {wide(p), wide(p + 2 * (n > 1)), wide(p + 4 * (n > 1))};
        if (r->color == SG_COLOR_GRAY) {
            to[i] = n == 1 ? c[0] : c[0] * 0.299f + c[1] * 0.587f + c[2] * 0.114f;
            continue;
        }
        for (size_t k = 0; k < 3; k++)
            to[k * pitch + (size_t)i] = c[r->color == SG_COLOR_BGR ? 2 - k : k];
        if (r->color == SG_COLOR_RGBA)
            to[3 * pitch + (size_t)i] = 255;
    }
}

static void row_bands(const sg_reader *r, int32_t fixed, void *to, size_t pitch)
{
    size_t n = r->f.bands, one = r->f.pixel == SEDGE_PIXEL_BANDS_U8 ? 1 : r->f.pixel == SEDGE_PIXEL_BANDS_U16 ? 2 : 4;
    for (int32_t i = 0; i < r->n; i++) {
        int32_t x = r->lies ? fixed : r->at[i], y = r->lies ? r->at[i] : fixed;
        const uint8_t *p = at(&r->f, 0, y) + n * one * (size_t)x;
        for (size_t k = 0; k < n; k++, p += one) {
            size_t o = k * pitch + (size_t)i;
            uint16_t u;
            float v;
            if (one == 1) {
                ((uint8_t *)to)[o] = *p;
            } else if (one == 2) {
                memcpy(&u, p, sizeof u);
                ((float *)to)[o] = u;
            } else {
                memcpy(&v, p, sizeof v);
                ((float *)to)[o] = v;
            }
        }
    }
}

void sg_read_row(const sg_reader *r, int32_t y, void *to, size_t pitch)
{
    int32_t fixed = place_row(&r->f, y);
    if (r->f.pixel >= SEDGE_PIXEL_BANDS_U8)
        row_bands(r, fixed, to, pitch);
    else if (r->real)
        row_wide(r, fixed, to, pitch);
    else
        rows[r->f.pixel](r, fixed, to, pitch);
}
