/* The ONNX writer's own: the message in the making, names, and what its files call of each other. */
#ifndef SG_EXPORT_ONNX_WRITE_H
#define SG_EXPORT_ONNX_WRITE_H

#include "export/export.h"
#include "export/onnx/pb.h"
#include "import/onnx/fields.h"
#include "op/op.h"

#define SG_OW_DOMAINS 16

/* A constant under the name that nodes read it by. */
typedef struct sg_ow_const {
    const char *name;
    sg_tensor t;
    uint32_t next; /* of the same hash, 0: none */
} sg_ow_const;

typedef struct sg_ow {
    sg_mem *mem;
    sg_arena *arena;
    sg_err *err; /* never NULL */
    sg_pbw out; /* memory that ends shows here */
    const char **used; /* names, by hash */
    size_t n_used, cap_used;
    uint32_t number; /* of the next name that is made up */
    sg_ow_const *con; /* [0] unused */
    size_t n_con, cap_con;
    uint32_t bucket[1024]; /* constants by where their bytes stand */
    sg_import_opset opset[SG_OW_DOMAINS];
    int n_opset;
    const char *beside; /* name of the file for what goes outside of the model's; NULL: nothing does */
    sg_file_part *far;  /* its bytes */
    size_t n_far, cap_far;
    uint64_t far_size;
} sg_ow;

/* A graph whose values get names: that of the model, or a body. */
typedef struct sg_ow_scope {
    const sg_graph *g;
    const char **name; /* [n_value], NULL: none yet */
} sg_ow_scope;

sedge_status sg_ow_nomem(sg_ow *w);
/* Puts the node before the recorded error, unless one stands there; returns its status. */
sedge_status sg_ow_blame(const sg_graph *g, sg_nid id, sg_err *err);

/* ---- names ---- */

sedge_status sg_ow_scope_open(sg_ow *w, const sg_graph *g, sg_ow_scope *sc);
/* A name that nothing has yet, like `base` if that can be. */
const char *sg_ow_unique(sg_ow *w, const char *base);
/* The name of a value, made if it has none; "" for an absent one. Constants become initializers of the model, each once. */
const char *sg_ow_name(sg_ow *w, sg_ow_scope *sc, sg_vid v);

/* ---- messages ---- */

void sg_ow_tensor(sg_ow *w, uint32_t field, const sg_tensor *t, const char *name);
/* A weight of the model, in its file or beside it. */
void sg_ow_weight(sg_ow *w, const sg_tensor *t, const char *name);
/* A ValueInfoProto. shape false: only the type of the elements. */
void sg_ow_value(sg_ow *w, uint32_t field, const char *name, const sg_type *t, const sg_dims *dims, bool shape);
/* Nodes, name, inputs [0, n_in) and outputs of a graph. */
sedge_status sg_ow_graph(sg_ow *w, sg_ow_scope *sc, size_t n_in, bool body);
sedge_status sg_ow_nodes(sg_ow *w, sg_ow_scope *sc);

/* The model needs that version of a domain, or a later one. */
sedge_status sg_ow_need(sg_ow *w, const char *domain, int64_t version);

/* ---- nodes ---- */

sedge_status sg_ow_node(sg_ow *w, sg_ow_scope *sc, sg_nid id);
/* A NodeProto on operands [0, n_in) of node `from` (often id itself) with outputs [0, n_out) of node id: attributes follow, then
 * sg_pbw_close. */
sg_pbw_mark sg_ow_node_open(sg_ow *w, sg_ow_scope *sc, sg_nid from, sg_nid id, const char *domain, const char *op, int n_in,
                            int n_out);
void sg_ow_identity(sg_ow *w, const char *from, const char *to);
void sg_ow_attr_int(sg_ow *w, const char *name, int64_t v);
void sg_ow_attr_str(sg_ow *w, const char *name, const char *s, size_t n);
/* An attribute of a node under a name; nothing if it is not set. */
void sg_ow_attr(sg_ow *w, const char *name, const sg_attr *a);
static inline sg_attrs sg_ow_attrs(const sg_ow_scope *sc, sg_nid id)
{
    return (sg_attrs){sc->g->node[id].attr, sc->g->node[id].n_attr};
}
/* Opens and closes an AttributeProto around its value. */
sg_pbw_mark sg_ow_attr_open(sg_ow *w, const char *name, int type);

/* Nodes that the tables do not say; *done: this was one. */
sedge_status sg_ow_control(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done);
sedge_status sg_ow_ml(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done);
sedge_status sg_ow_special(sg_ow *w, sg_ow_scope *sc, sg_nid id, bool *done);

/* ---- rows that ONNX says by several operators ---- */

/* Replaces them, in the bodies too. opset: that of the source, 0 if it is not ONNX. */
sedge_status sg_ow_legalize(sg_graph *g, int64_t opset, sg_err *err);

#endif
