/* What owns segments of a plan: the CPU, or a device with a memory of its own. */
#ifndef SG_BACKEND_BACKEND_H
#define SG_BACKEND_BACKEND_H

#include "plan/plan.h"

/* A device. Host and device never see each other's pointers: operands of device steps carry an
 * offset into the device's memory in place of `data`. */
typedef struct sg_backend {
    const char *name;
    bool (*supports)(const sg_graph *g, sg_nid n);
    /* Memory of `bytes` for one session; handle in *dev. */
    sedge_status (*open)(void **dev, sg_mem *mem, size_t bytes, sg_err *err);
    void (*close)(void *dev, sg_mem *mem);
    sedge_status (*upload)(void *dev, size_t off, const void *src, size_t bytes);
    sedge_status (*download)(void *dev, size_t off, void *dst, size_t bytes);
    /* Starts a step; x->in and x->out are the device's. */
    sedge_status (*enqueue)(void *dev, const sg_step *s, sg_exec *x);
    /* Returns when everything enqueued is done. */
    sedge_status (*wait)(void *dev, sg_err *err);
} sg_backend;

extern const sg_backend sg_backend_loopback;

/* "cpu", "reference", "loopback"; NULL: unknown. */
const sg_target *sg_target_find(const char *name);

#endif
