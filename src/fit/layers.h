/* Two models layer by layer: what the parts share. */
#ifndef SG_FIT_LAYERS_H
#define SG_FIT_LAYERS_H

#include "fit/samples.h"
#include "ir/graph.h"
#include "sedge/fit.h"

/* A tensor that both models make: where it stands in one of them. `seen` is what its readers get of it: behind quantize and dequantize,
 * where these follow, else the value itself. */
typedef struct sg_site {
    sg_vid value, seen;
    sg_nid quantize; /* the node between; 0: none */
} sg_site;

/* Tensors that both graphs make, in the order of the first. */
typedef struct sg_sites {
    sg_site *a, *b;
    const char **name, **op;
    size_t n, cap_a, cap_b, cap_name, cap_op;
} sg_sites;

/* A model of the same graph without nodes that do nothing, constants folded. Borrows m. */
sedge_status sg_layers_model(sedge_model **out, const sedge_model *m, sg_err *err);
/* Nodes with weights in their order, where each has its like, and by name, where names agree with that order or there is none. What stands
 * behind a node is looked at behind its bias, normalization and activation. */
sedge_status sg_sites_find(sg_sites *s, sg_mem *mem, const sg_graph *a, const sg_graph *b, sg_err *err);
void sg_sites_free(sg_sites *s, sg_mem *mem);

/* A model cut at sites: what reads site k reads an input instead, where `cut` says so, and what is made for it is an output. */
typedef struct sg_patch {
    sg_mem *mem;
    sg_arena arena; /* names that the model borrows */
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
    int *in; /* input of each site; -1: none */
    int n_own, n_out; /* inputs and outputs of the model itself; the sites' come behind */
    size_t n;
} sg_patch;

/* cut[k]: site k is an input; show: sites are outputs. */
sedge_status sg_patch_open(sg_patch *c, sg_mem *mem, const sedge_model *m, const sg_site *site, size_t n, const bool *cut,
                           bool show, sg_err *err);
void sg_patch_close(sg_patch *c);
/* own: tensors for the model's inputs; fed: for each site that is cut (NULL: none is). */
sedge_status sg_patch_run(sg_patch *c, const sedge_tensor *own, const sedge_tensor *fed, sg_err *err);
/* What the site has become; valid until the next run. */
sedge_status sg_patch_site(sg_patch *c, size_t k, sedge_tensor *out, sg_err *err);

#endif
