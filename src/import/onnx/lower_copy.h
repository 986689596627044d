/* What lowerings of many attributes share: copying them by name, and the end of a node. */
#ifndef SG_IMPORT_ONNX_LOWER_COPY_H
#define SG_IMPORT_ONNX_LOWER_COPY_H

#include "import/onnx/lower.h"

static inline sedge_status finish(sg_onnx_node *n, sg_nid node, bool ok)
{
    if (node && !ok && n->err->status == SEDGE_OK)
        return sg_fail(n->err, SEDGE_E_NOMEM, "out of memory");
    return sg_on_done(n, node); /* which returns an error recorded before */
}

static inline bool copy_ints(sg_onnx_node *n, sg_nid node, sg_attr_id id)
{
    int count;
    const int64_t *v = sg_on_ints(n, sg_attr_names[id], &count);
    return !v || sg_set_ints(n->g, node, id, v, (size_t)count);
}

static inline bool copy_int(sg_onnx_node *n, sg_nid node, sg_attr_id id, int64_t def)
{
    return sg_set_int(n->g, node, id, sg_on_int(n, sg_attr_names[id], def));
}

static inline bool copy_float(sg_onnx_node *n, sg_nid node, sg_attr_id id, double def)
{
    return sg_set_float(n->g, node, id, sg_on_float(n, sg_attr_names[id], def));
}

static inline bool copy_enum(sg_onnx_node *n, sg_nid node, sg_attr_id id, const char *const *names, int def)
{
    return sg_set_int(n->g, node, id, sg_on_enum(n, sg_attr_names[id], names, def));
}

#endif
