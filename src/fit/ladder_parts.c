/* The parts of a split, one behind the other: what calibrates, what chooses, what proves. */
#include <string.h>

#include "fit/ladder.h"
#include "fit/split.h"

static sedge_status put_behind(sg_parts *p, const sedge_split *s, sg_mem *mem, sg_err *err)
{
    size_t *const count[SG_PARTS] = {&p->calibrate, &p->choose, &p->prove};
    const size_t *sample[SG_PARTS];
    p->left_out = sedge_split_unknown(s);
    for (int k = 0; k < SG_PARTS; k++)
        p->n += *count[k] = sedge_split_part(s, sg_part_names[k], &sample[k]);
    if (p->calibrate < 4 || p->choose < 4 || p->prove < 4)
        return sg_fail(err, SEDGE_E_ARG, "%zu samples are too few to calibrate, choose and prove by different ones: at least 16",
                       p->n);
    p->order = sg_calloc(mem, p->n, sizeof *p->order);
    if (!p->order)
        return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    size_t *to = p->order;
    for (int k = 0; k < SG_PARTS; to += *count[k++])
        memcpy(to, sample[k], *count[k] * sizeof *to);
    return SEDGE_OK;
}

sedge_status sg_parts_make(sg_parts *p, sg_mem *mem, const sedge_data *d, const char *path, uint64_t seed, sg_err *err)
{
    sedge_split *s;
    int made;
    *p = (sg_parts){0};
    SG_TRY(sedge_split_open(&s, d, 1, path, seed, &made, err));
    const sedge_status st = put_behind(p, s, mem, err);
    sedge_split_close(&s);
    return st;
}

void sg_parts_free(sg_parts *p, sg_mem *mem)
{
    sg_free(mem, p->order, p->n * sizeof *p->order);
    *p = (sg_parts){0};
}
