/* What decoders of pictures share: the bytes, the picture's memory, the way to say what is wrong. */
#ifndef SG_MEDIA_DECODE_H
#define SG_MEDIA_DECODE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "sedge/media.h"

typedef struct sg_decode {
    const uint8_t *data;
    size_t size;
    struct sedge_image *image;
    sedge_frame *out;
    uint8_t *pixel; /* the frame's bytes, after sg_decode_room */
    bool probe;     /* only the size is wanted: sg_decode_room ends the work */
    sg_err *err;    /* messages lack the format's name: sedge_image_decode puts it before them */
} sg_decode;

/* Gives the frame its size and memory, after checking both against the limit. The memory is not cleared. */
sedge_status sg_decode_room(sg_decode *d, int pixel, int64_t width, int64_t height);
/* A second block for the decoder's work, under the same limit; kept too. */
sedge_status sg_decode_scratch(sg_decode *d, uint64_t size, void **out);
/* Bytes that one picture may take: for libraries that allocate by themselves. */
size_t sg_decode_limit(const sg_decode *d);
/* Refuses what a library would take for a picture of this size before it is called. */
sedge_status sg_decode_fits(const sg_decode *d, int64_t width, int64_t height, int64_t bytes_a_pixel);

/* Bytes of a pixel of an interleaved format (of YUYV and UYVY: two), 0 for planar ones. */
int sg_pixel_bytes(int pixel, int bands);

/* The size and pixels that decoding would give; out's bytes are absent. */
sedge_status sg_image_probe(sedge_image *image, const void *bytes, size_t size, sedge_frame *out, sg_err *err);

/* The orientation (1 to 8) that an EXIF block, which is a small TIFF file, states; 1 when it states none. */
int sg_exif_turn(const uint8_t *tiff, size_t size);
/* The same of the EXIF segment in a JPEG file or the chunk in a WebP file. */
int sg_exif_jpeg(const uint8_t *data, size_t size);
int sg_exif_webp(const uint8_t *data, size_t size);

/* FORMAT(id, name): format.def. */
#define FORMAT(id, name) sedge_status sg_decode_##id(sg_decode *d);
#include "media/format.def"
#undef FORMAT

static inline unsigned sg_le16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static inline uint32_t sg_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline unsigned sg_be16(const uint8_t *p)
{
    return (unsigned)p[1] | (unsigned)p[0] << 8;
}

static inline uint32_t sg_be32(const uint8_t *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

#endif
