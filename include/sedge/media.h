/* Images, audio and series as they come from files and sensors. Linked as libsedge-media; the core does not need it.
 * Whatever is decoded is bounded before memory is taken; every error is one line. */
#ifndef SEDGE_MEDIA_H
#define SEDGE_MEDIA_H

#include "sedge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- frames ------------------------------------------------------------------------------ */

/* How pixels lie in memory. PIXEL(id, name, planes): see pixel.def. */
typedef enum sedge_pixel {
#define PIXEL(id, name, planes) SEDGE_PIXEL_##id,
#include "pixel.def"
#undef PIXEL
    SEDGE_PIXEL_COUNT
} sedge_pixel;

#define SEDGE_PLANES_MAX 3
#define SEDGE_BANDS_MAX  12

/* How YUV becomes RGB: coefficients and range. Cameras and JPEG: BT.601; HD video: BT.709, limited. */
typedef enum sedge_matrix { SEDGE_BT601_FULL, SEDGE_BT601_LIMITED, SEDGE_BT709_FULL, SEDGE_BT709_LIMITED } sedge_matrix;

/* A picture in memory that somebody else owns. */
typedef struct sedge_frame {
    uint8_t pixel;             /* sedge_pixel */
    uint8_t matrix;            /* sedge_matrix, of YUV */
    uint8_t turn;              /* EXIF orientation 1..8; 0 and 1: upright */
    uint8_t bands;             /* of BANDS_*: 1 to SEDGE_BANDS_MAX */
    int32_t width, height;     /* as stored, before the turn */
    const void *plane[SEDGE_PLANES_MAX];
    int64_t stride[SEDGE_PLANES_MAX]; /* bytes from a row to the next; negative: bottom up */
} sedge_frame;

/* "nv12" to its number; -1: unknown. */
int sedge_pixel_find(const char *name);
/* A frame over `size` bytes of tightly packed pixels. */
sedge_status sedge_frame_raw(sedge_frame *out, int pixel, int width, int height, const void *data, size_t size, sedge_error *err);
/* The part of a frame (stored coordinates; for subsampled formats x, y, w, h are even). No copy. */
sedge_status sedge_frame_roi(sedge_frame *out, const sedge_frame *f, int x, int y, int w, int h, sedge_error *err);

/* A decoded picture; keeps its memory for the next one. */
typedef struct sedge_image sedge_image;

typedef struct sedge_media_opts {
    sedge_alloc_fn *alloc; /* NULL: libc */
    void *alloc_ctx;
    size_t memory_limit;   /* bytes of one decoded thing; 0: 1 GiB */
    uint8_t reserved[32];
} sedge_media_opts;
void sedge_media_opts_init(sedge_media_opts *opts);

sedge_status sedge_image_new(sedge_image **out, const sedge_media_opts *opts, sedge_error *err);
void sedge_image_free(sedge_image **image);
/* Decodes JPEG, PNG, WebP, BMP, TIFF, JPEG 2000 or PNM (found out by the bytes). The frame in *out belongs to the image and is
 * valid until the next decode: GRAY8, GRAY16, RGB8, RGBA8 or RGB16; its `turn` is EXIF's. CMYK becomes RGB. */
sedge_status sedge_image_decode(sedge_image *image, const void *bytes, size_t size, sedge_frame *out, sedge_error *err);
/* Writes a frame of RGB8, RGBA8 or GRAY8 as PNG, through a temporary file and a rename. */
sedge_status sedge_image_save_png(const sedge_frame *f, const char *path, sedge_error *err);
/* "jpeg", "png", ... by the first bytes; NULL: no picture that is known. */
const char *sedge_image_format(const void *bytes, size_t size);

/* ---- audio ------------------------------------------------------------------------------- */

typedef enum sedge_sample { SEDGE_PCM_S16, SEDGE_PCM_F32, SEDGE_PCM_U8, SEDGE_PCM_S24, SEDGE_PCM_S32 } sedge_sample;

/* Interleaved samples in memory that somebody else owns; little endian. */
typedef struct sedge_audio {
    uint8_t sample;   /* sedge_sample */
    uint8_t channels; /* 1 to 8 */
    uint32_t rate;    /* per second */
    size_t frames;    /* samples of each channel */
    const void *data; /* any alignment */
} sedge_audio;

/* The samples of a RIFF/WAVE or RF64 file in memory; no copy. */
sedge_status sedge_audio_wav(sedge_audio *out, const void *bytes, size_t size, sedge_error *err);

/* Any samples to f32 of one channel (-1 .. 1) at one rate, in pieces of any length; the pieces make no difference to the result. */
typedef struct sedge_resampler sedge_resampler;
/* from == to: samples pass unchanged but for their type. */
sedge_status sedge_resampler_new(sedge_resampler **out, uint32_t from, uint32_t to, const sedge_media_opts *opts,
                                 sedge_error *err);
void sedge_resampler_free(sedge_resampler **r);
void sedge_resampler_reset(sedge_resampler *r);
/* Takes all of `in` (its channels are averaged) and writes what is due into out[0, room); *written. in NULL: the end; what is still
 * inside comes out, so that n samples have become ceil(n * to / from). */
sedge_status sedge_resampler_push(sedge_resampler *r, const sedge_audio *in, float *out, size_t room, size_t *written,
                                  sedge_error *err);
/* Room that always suffices for a push of so many frames, at most frames * to / from + 2; 0: for the end. */
size_t sedge_resampler_room(const sedge_resampler *r, size_t frames);

/* ---- series ------------------------------------------------------------------------------ */

/* KEEP: they stay NaN, for what comes next to fill. */
typedef enum sedge_missing {
    SEDGE_MISSING_HOLD,
    SEDGE_MISSING_LINEAR,
    SEDGE_MISSING_ZERO,
    SEDGE_MISSING_FAIL,
    SEDGE_MISSING_KEEP
} sedge_missing;

typedef struct sedge_series_opts {
    const char *const *column; /* names (or "0", "1" without a header), in the order wanted */
    int n_column; /* without names (column NULL): there have to be so many; 0: all there are */
    const char *time; /* column of times (seconds, or ISO 8601); NULL: rows are equally spaced at `source_rate` */
    double source_rate; /* per second; 0: that of the result */
    double rate; /* of the result */
    int missing; /* sedge_missing: what empty fields, NaN and gaps become */
    int max_gap; /* samples in a row that may be filled; more is an error (0: any) */
    uint8_t reserved[32];
} sedge_series_opts;
void sedge_series_opts_init(sedge_series_opts *opts);

typedef struct sedge_series {
    float *data; /* [rows, columns], owned */
    size_t rows;
    int columns;
    double t0, rate; /* time of row 0, rows per second */
    size_t filled; /* elements that were missing */
    void *owner;
} sedge_series;
/* Reads CSV (comma, semicolon or tab; quotes; header or none). */
sedge_status sedge_series_csv(sedge_series *out, const char *text, size_t size, const sedge_series_opts *opts,
                              const sedge_media_opts *mem, sedge_error *err);
void sedge_series_free(sedge_series *s);

/* ---- operators ---------------------------------------------------------------------------- */

/* Operators that need this library (ImageDecoder), for sedge_model_opts.op; *n of them. */
const sedge_op *sedge_media_ops(int *n);

#ifdef __cplusplus
}
#endif

#endif
