/* Plans in files: the graph after all passes, its constants and the packed weights, ready to be mapped.
 *
 *   0    magic 8, format u32, levels of the processor u32, sources of the library 32, size of the head u64,
 *        place and size of the data u64 u64, checksum of the data u64, size of the largest constant left out u64
 *   88   SHA-256 of the 88 bytes before and the head
 *   120  the head: what the model says of itself, links, where packed weights stand, the graph
 *   ...  the data: packed weights and constants at multiples of 64
 *
 * Types of computed values are not written: shape rules give them anew, so a file cannot state a wrong one. */
#ifndef SG_PLAN_SAVED_H
#define SG_PLAN_SAVED_H

#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "op/custom.h"
#include "plan/bytes.h"
#include "plan/plan.h"

enum { SG_SAVED_FORMAT = 1, SG_SAVED_FIXED = 88, SG_SAVED_HEAD = 120 };

/* A digest of the library's own sources: other kernels may pack otherwise. */
extern const unsigned char sg_build_id[32];

typedef struct sg_saved_pair {
    const char *a, *b;
    int64_t n;
} sg_saved_pair;

/* What a model says of itself. */
typedef struct sg_saved_info {
    const char *producer;
    int64_t ir_version;
    const sg_saved_pair *opset, *meta, *link; /* domain and version; key and value; output and input */
    size_t n_opset, n_meta, n_link;
    const char **output; /* names of the graph's outputs: passes may have put other values there */
    size_t n_state; /* the model's own state: its last inputs, and what they are at first (NULL: zeros) */
    const void **state;
} sg_saved_info;

/* ---- writing ---- */

/* A file in the making: the parts borrow from the plan. */
typedef struct sg_saving {
    sg_sink head, parts; /* parts: sg_file_part */
    size_t data; /* bytes so far, at a multiple of SG_ALIGN */
    size_t absent; /* the largest constant that is left out */
    uint8_t fixed[SG_SAVED_HEAD];
} sg_saving;

/* Everything of a plan and of the rooms that it was made with. Parts for sg_file_begin are in s->parts, until sg_saving_free. */
sedge_status sg_saving_make(sg_saving *s, const sg_plan *p, const sg_rooms *rooms, const sg_saved_info *info, sg_mem *mem,
                            sg_err *err);
void sg_saving_free(sg_saving *s);

/* ---- reading ---- */

typedef struct sg_saved {
    sg_saved_info info;
    const char *target;
    sg_room *room;
    size_t n_room;
    sg_graph *graph;
    sg_map absent; /* stands for constants that were left out: zeros */
} sg_saved;

static inline bool sg_saved_is(const void *data, size_t size)
{
    static const unsigned char magic[8] = {0x89, 'S', 'E', 'D', 'G', 'E', '\n', 0x1a};
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* Reads a file, which must outlive the graph: strings, constants and packed weights are borrowed. `data` is aligned to SG_ALIGN.
 * custom: operators that the program brings. After success and failure alike, sg_saved_close. */
sedge_status sg_saved_open(sg_saved *s, const uint8_t *data, size_t size, const sg_custom *custom, int n_custom, sg_arena *arena,
                           sg_err *err);
void sg_saved_close(sg_saved *s);

/* Whether a plan made of it reads only what the file holds. */
bool sg_saved_whole(const sg_saved *s, const sg_plan *p);

/* SHA-256 of what was chosen: the steps, their kernels and layouts, for this version and these levels of the processor. */
void sg_plan_digest(const sg_plan *p, uint8_t digest[32]);

#endif
