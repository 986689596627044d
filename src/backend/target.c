/* The targets that a plan can be made for. */
#include <string.h>

#include "backend/backend.h"
#include "backend/cpu/bind.h"

static int device_backend(const sg_target *t, const sg_graph *g, sg_nid n)
{
    return t->device->supports(g, n) ? 1 : -1;
}

static const sg_target targets[] = {
    {"cpu", NULL, sg_cpu_choose, NULL, sg_cpu_has_last, false, sg_cpu_choices},
    {"reference", NULL, NULL, NULL, NULL, true, NULL},
    {"loopback", device_backend, NULL, &sg_backend_loopback, NULL, false, NULL},
};

const sg_target *sg_target_find(const char *name)
{
    if (!name)
        return &targets[0];
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}
