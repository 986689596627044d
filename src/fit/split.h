/* Splits: which samples calibrate, choose and prove. */
#ifndef SG_FIT_SPLIT_H
#define SG_FIT_SPLIT_H

#include "base/sha256.h"
#include "fit/data.h"

enum { SG_PARTS = 3, SG_DROPPED = SG_PARTS };
extern const char *const sg_part_names[SG_PARTS]; /* "calibrate", "choose", "prove" */

/* What tells samples apart. */
typedef struct sg_mark {
    uint8_t digest[SG_SHA256_BYTES];
    uint64_t look; /* of a picture: brighter to the right or not, in 8 x 8 places; 0: not known */
} sg_mark;

/* Digest of the bytes of sample i as they stand in the data, and with `picture` its look. */
sedge_status sg_mark_of(const sedge_data *d, sg_lane *lane, bool picture, size_t i, sg_mark *out, sg_err *err);
/* A part for each of n samples: whole clusters, those of one group, one digest or nearly one look. Windows that share rows go by time, and those
 * across a border are dropped. */
sedge_status sg_split_assign(const sedge_data *d, const sg_mark *mark, uint64_t seed, uint8_t *part, sg_mem *mem, sg_err *err);

#endif
