/* What the public handles hold. */
#ifndef SG_RUN_API_H
#define SG_RUN_API_H

#include "base/map.h"
#include "import/import.h"
#include "pass/pass.h"
#include "plan/saved.h"
#include "run/frame.h"
#include "sedge/sedge.h"

struct sedge_model {
    sg_mem mem;
    sg_arena arena;
    sg_map map, lib;       /* files, if opened from paths */
    sg_custom *custom; /* rows of the operators that the program brought */
    int n_custom;
    const sedge_op *op; /* as they were given */
    void *copy;            /* weights = copy: the bytes */
    const uint8_t *data;
    size_t size;
    sg_import_info info;
    sg_saved *saved; /* what a file of a plan holds; NULL: it is a model as published */
    sg_graph *graph;
    const char **output_name;
    int n_op; /* source operators by count */
    const char **op_name;
    int *op_count;
    const char **opset_domain, **meta_key, **meta_value;
    int64_t *opset_version;
};

struct sedge_plan {
    sg_mem mem;
    sg_arena arena;
    const sedge_model *model;
    sedge_model *cached; /* the file that the plan came from, which is then its model */
    sg_rooms rooms;
    sg_graph *graph;
    sg_plan *plan;
};

/* An input that an output of the last run becomes. */
typedef struct sg_state {
    uint32_t in, out;
    sg_tensor t; /* data: a pool block; NULL: fresh, zeros */
    void *spare; /* the block that the next run makes, or NULL */
} sg_state;

struct sedge_session {
    sg_mem mem;
    sg_run run;
    const sedge_plan *plan;
    sg_frame *frame;
    sg_tensor *input; /* bound by the caller; data NULL: not yet */
    bool *bound;
    sg_state *state;
    uint32_t n_state;
    int spin_us;
    bool ran;
    size_t dev_bytes;
};

/* A model of a graph in memory: a copy of it, which borrows the bytes of its constants; what a model says of itself (opsets, metadata, the
 * first values of state) it borrows from `like`, that the graph was made of. */
sedge_status sg_model_of_graph(sedge_model **out, const sg_graph *g, const sedge_model *like, sg_err *err);

/* Gives back the pages of the model's files that the plan does not read. */
sedge_status sg_weights_drop(const sedge_model *m, sg_mem *mem, const sg_plan *p);

/* Reads a saved plan into a model whose bytes are there. */
sedge_status sg_saved_model(sedge_model *m, sg_err *err);
/* The options that a saved plan was compiled with in place of those not given; others are refused. */
sedge_status sg_saved_opts(sedge_plan *p, sedge_plan_opts *o, sg_err *err);

/* Where the cache has or would have the plan of a model for options. */
sedge_status sg_cache_path(const sedge_model *m, const sedge_plan_opts *o, char *path, size_t size, sg_err *err);

/* A graph of one node: what are constants stay so, the rest are inputs. */
sedge_status sg_lone_node(sg_graph *one, const sg_graph *g, sg_nid id, sg_err *err);

/* Times the kernels that a node may have, for every node of a graph whose shapes are numbers, and notes the fastest in the nodes. `s`:
 * the seconds that a kernel gets at most. */
sedge_status sg_tune(sg_graph *g, const sg_target *target, sg_mem *mem, double s, const sg_trace *trace, sg_err *err);

/* Replaces nodes with constant operands by their results, computed by the executor itself. */
sedge_status sg_fold(sg_graph *g, sg_mem *mem, int *changed, sg_err *err);

#endif
