/* All samples of a data set, in order, read ahead on many threads; the bad ones are named and counted. */
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "fit/data.h"

/* Memory of the samples that are read ahead: lanes, never more than a thread's two. */
#define LANES_MAX 64

typedef struct sg_slot {
    sedge_item item;
    sg_err err;
} sg_slot;

static size_t index_of(const sg_stream *s, size_t k)
{
    return s->order ? s->order[k] : k;
}

static void read_one(void *ctx, int64_t k)
{
    sg_stream *s = ctx;
    sg_slot *t = &s->slot[k];
    t->err = (sg_err){.status = SEDGE_OK};
    if (sg_data_read(s->data, &s->lane[k], s->about, index_of(s, s->at + (size_t)k), &t->item, &t->err) != SEDGE_OK &&
        t->err.status == SEDGE_OK)
        t->err.status = SEDGE_E_IO;
}

sedge_status sg_stream_open(sg_stream *s, const sedge_data *d, const sedge_task_info *about, const size_t *order, size_t n,
                            int threads, bool anyway, sg_err *err)
{
    int t = threads > 0 ? threads : sg_cpu_count();
    *s = (sg_stream){.data = d, .about = about, .order = order, .n = order ? n : d->n, .anyway = anyway};
    s->arena.mem = &s->mem;
    s->threads = t;
    s->n_lane = 2 * t < LANES_MAX ? 2 * t : LANES_MAX;
    s->lane = sg_calloc(&s->mem, (size_t)s->n_lane, sizeof *s->lane);
    s->slot = sg_calloc(&s->mem, (size_t)s->n_lane, sizeof *s->slot);
    return s->lane && s->slot ? SEDGE_OK : sg_data_no_memory(err);
}

sedge_status sg_stream_bad(sg_stream *s, const char *why, sg_err *err)
{
    if (sg_grow(&s->mem, &s->bad, &s->cap_bad, s->n_bad + 1, sizeof *s->bad) != SEDGE_OK ||
        !(s->bad[s->n_bad].why = sg_arena_str(&s->arena, why, strlen(why))))
        return sg_data_no_memory(err);
    s->bad[s->n_bad++].index = s->index;
    if (s->anyway || s->n_bad * 100 <= s->n)
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_VALUE, "%zu of %zu samples are bad, more than 1 %%; the first: %s", s->n_bad, s->n,
                   s->bad[0].why);
}

sedge_status sg_stream_next(sg_stream *s, sedge_item *out, bool *more, sg_err *err)
{
    for (;;) {
        if (s->next == s->have) {
            s->at += (size_t)s->have;
            size_t left = s->n - s->at;
            *more = left > 0;
            if (!left)
                return SEDGE_OK;
            s->have = left < (size_t)s->n_lane ? (int)left : s->n_lane;
            s->next = 0;
            sg_parallel(s->threads, s->have, read_one, s);
        }
        sg_slot *t = &s->slot[s->next];
        s->index = index_of(s, s->at + (size_t)s->next++);
        if (t->err.status == SEDGE_OK) {
            *out = t->item;
            *more = true;
            return SEDGE_OK;
        }
        if (t->err.status == SEDGE_E_NOMEM)
            return sg_fail(err, SEDGE_E_NOMEM, "%s", t->err.msg);
        SG_TRY(sg_stream_bad(s, t->err.msg, err));
    }
}

void sg_stream_close(sg_stream *s)
{
    for (int k = 0; s->lane && k < s->n_lane; k++)
        sg_lane_free(&s->lane[k]);
    sg_free(&s->mem, s->lane, (size_t)s->n_lane * sizeof *s->lane);
    sg_free(&s->mem, s->slot, (size_t)s->n_lane * sizeof *s->slot);
    sg_free(&s->mem, s->bad, s->cap_bad * sizeof *s->bad);
    sg_arena_free(&s->arena);
    memset(s, 0, sizeof *s);
}
