/* A frame: one activation of a plan. Regions have frames of their own, made once and nested. */
#ifndef SG_RUN_FRAME_H
#define SG_RUN_FRAME_H

#include "backend/backend.h"
#include "run/pool.h"

/* What all frames of a session share. */
typedef struct sg_run {
    sg_mem *mem;
    sg_pool pool;
    uint64_t rng;
    int threads;
    double deadline; /* on sg_now's clock; 0: none */
    const volatile int *cancel;
    bool macs_limited;
    double macs_left;
    uint64_t prepares;
    int depth; /* of nested calls */
    void (*on_step)(void *ctx, int step, double seconds);
    void *on_step_ctx;
    void (*log)(void *ctx, const char *line); /* NULL: silence */
    void *log_ctx;
    void *dev; /* device memory of the target's backend */
    /* Scratch of the running steps: a stack of pool blocks. */
    void **scratch;
    size_t n_scratch, cap_scratch;
} sg_run;

typedef struct sg_frame {
    const sg_plan *plan;
    sg_run *run;
    sg_tensor *val;      /* per slot: its bytes and shape now */
    sg_tensor **operand; /* per plan->operand: into val, NULL when absent */
    struct sg_frame ***sub; /* per step, per region */
    int64_t *dim_value;  /* per expression */
    unsigned char *filled; /* bytes of the slots that prepare writes, FILL_BYTES each */
    int64_t *bound_dims; /* the input dims of the last prepare: n_input * SG_RANK_MAX */
    bool prepared;
    bool body; /* its arena is lent by the step that runs it, or a block of the pool as long as the step runs */
    unsigned char *kept; /* plan->kept_bytes: what kernels know about the shapes of the last prepare */
    unsigned char *arena;
    size_t arena_size;
    size_t need;     /* how much of the arena the sizes of now take */
    void *block;     /* of the pool */
    const unsigned char *placed; /* the arena that values point into */
    size_t dev_base; /* where this frame's device arena begins */
    void **out_buf;  /* per output: the session's own memory */
    size_t *out_size;
    void ***spare;   /* per output: the block that becomes state when the run succeeds, or NULL: it becomes none */
    void **user_out; /* per output: the caller's buffer or NULL */
    size_t *user_cap;
    size_t *size, *off; /* scratch of placement */
    uint64_t *scratch;
    uint32_t *conflict[SG_SPACES];
    sg_type *type;      /* scratch of shape rules: max_in + max_out */
    const sg_type **type_in;
    const sg_tensor **data_in;
    const sg_dim **content_in;
    sg_dim *content;    /* SG_CONTENT_MAX each for the first few inputs, then for the output */
} sg_frame;

sedge_status sg_frame_open(sg_frame **out, const sg_plan *plan, sg_run *run, sg_err *err);
void sg_frame_close(sg_frame *f);

/* Runs with the inputs already in val[plan->input[k]] (data, dtype, shape). */
sedge_status sg_frame_run(sg_frame *f, sg_err *err);
/* Frees what the last run left in the pool. */
void sg_frame_clear(sg_frame *f);
/* Binds symbols, evaluates shapes, places memory: nothing if the input shapes are those of last time. */
sedge_status sg_frame_prepare(sg_frame *f, sg_err *err);
/* Output shapes of a step from what its inputs are now; allocates pool storage for the dynamic ones. */
sedge_status sg_frame_shape(sg_frame *f, const sg_step *s, bool at_run, sg_err *err);

/* The call of a step with what its operands are now. */
sg_exec sg_frame_exec(const sg_frame *f, const sg_step *s, sg_err *err);

/* A line for the session's log. */
void sg_run_log(const sg_run *r, const char *fmt, ...) SG_PRINTF(2, 3);

/* Multiply-adds of a step with the shapes of now. */
double sg_frame_macs(const sg_frame *f, const sg_step *s);

/* What sg_exec.frame points at. */
typedef struct sg_call {
    sg_exec x;
    sg_frame *f;
    const sg_step *s;
    uint32_t index;
} sg_call;
sedge_status sg_call_region(sg_exec *x, int region, sg_tensor *const *ins, int n_in, sg_tensor *outs, int n_out);

#endif
