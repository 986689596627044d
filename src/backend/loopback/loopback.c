/* A device in name only: its memory is apart, host pointers never reach it, and it computes with the scalar
 * references. It keeps the interface of devices honest where no device is at hand. */
#include <string.h>

#include "backend/backend.h"

typedef struct loopback {
    unsigned char *mem;
    size_t bytes;
} loopback;

/* Dense tensors of known shape, no regions, and at most a handful of operands. */
#define OPERANDS 16

static bool supports(const sg_graph *g, sg_nid n)
{
    const sg_node *node = &g->node[n];
    if ((node->op->flags & (SG_OPF_DYN | SG_OPF_BOXED | SG_OPF_CONTROL | SG_OPF_TEXT | SG_OPF_RANDOM)) || node->n_in > OPERANDS ||
        node->n_out > OPERANDS)
        return false;
    for (int k = 0; k < node->n_in; k++) {
        sg_vid v = sg_node_in(g, n, k);
        if (v && (g->value[v].type.dtype == SG_STR || sg_d_numel(&g->value[v].type) < 0))
            return false;
    }
    for (int k = 0; k < node->n_out; k++)
        if (node->out[k] && sg_d_numel(&g->value[node->out[k]].type) < 0)
            return false;
    return true;
}

static sedge_status open_dev(void **dev, sg_mem *mem, size_t bytes, sg_err *err)
{
    loopback *d = sg_calloc(mem, 1, sizeof *d);
    if (d && !(d->mem = sg_alloc_aligned(mem, bytes))) {
        sg_free(mem, d, sizeof *d);
        d = NULL;
    }
    if (!d)
        return sg_fail(err, SEDGE_E_NOMEM, "out of device memory");
    d->bytes = bytes;
    *dev = d;
    return SEDGE_OK;
}

static void close_dev(void *dev, sg_mem *mem)
{
    loopback *d = dev;
    if (!d)
        return;
    sg_free_aligned(mem, d->mem, d->bytes);
    sg_free(mem, d, sizeof *d);
}

static bool inside(const loopback *d, size_t off, size_t bytes)
{
    return off <= d->bytes && bytes <= d->bytes - off;
}

static sedge_status upload(void *dev, size_t off, const void *src, size_t bytes)
{
    loopback *d = dev;
    if (!inside(d, off, bytes))
        return SEDGE_E_BUG;
    if (bytes)
        memcpy(d->mem + off, src, bytes);
    return SEDGE_OK;
}

static sedge_status download(void *dev, size_t off, void *dst, size_t bytes)
{
    loopback *d = dev;
    if (!inside(d, off, bytes))
        return SEDGE_E_BUG;
    if (bytes)
        memcpy(dst, d->mem + off, bytes);
    return SEDGE_OK;
}

static sedge_status enqueue(void *dev, const sg_step *s, sg_exec *x)
{
    loopback *d = dev;
    sg_tensor t[2 * OPERANDS];
    sg_tensor *in[OPERANDS], *out[OPERANDS];
    int n = 0;
    for (int k = 0; k < x->n_in + x->n_out; k++) {
        const sg_tensor *src = k < x->n_in ? x->in[k] : x->out[k - x->n_in];
        sg_tensor **dst = k < x->n_in ? &in[k] : &out[k - x->n_in];
        *dst = NULL;
        if (!src)
            continue;
        t[n] = *src;
        size_t off = (size_t)(uintptr_t)src->data;
        if (!inside(d, off, sg_tensor_bytes(src)))
            return sg_fail(x->err, SEDGE_E_BUG, "operand outside device memory");
        t[n].data = d->mem + off;
        *dst = &t[n++];
    }
    sg_exec here = *x;
    here.in = in;
    here.out = out;
    return s->op->ref(&here);
}

static sedge_status wait_dev(void *dev, sg_err *err)
{
    (void)dev;
    (void)err;
    return SEDGE_OK;
}

const sg_backend sg_backend_loopback = {"loopback", supports, open_dev, close_dev, upload, download, enqueue, wait_dev};
