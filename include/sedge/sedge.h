/* Sedge: read a trained model, plan it for a target, run it.
 *
 *   model    a file as published            sedge_model_open   immutable, shared by threads
 *   plan     a model bound to a target      sedge_plan_make    immutable, shared by threads
 *   session  a plan, its memory, its state  sedge_session_open one thread at a time
 *
 * Every call returns a status; `err` (NULL allowed) receives one line of explanation. The library
 * never prints, writes no file unless told to save a plan or given a cache, and opens none but the model and the data beside it.
 * Structs of options are filled by their _init function first; zeroed reserved bytes let them grow. */
#ifndef SEDGE_SEDGE_H
#define SEDGE_SEDGE_H

#include <stddef.h>
#include <stdint.h>

#include "alloc.h"
#include "op.h"
#include "status.h"

#define SEDGE_VERSION_MAJOR 0
#define SEDGE_VERSION_MINOR 1
#define SEDGE_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": the version of the library that is linked. */
const char *sedge_version(void);

/* ---- tensors ---------------------------------------------------------------------------- */

typedef enum sedge_dtype {
#define DTYPE(id, ...) SEDGE_##id,
#include "dtype.def"
#undef DTYPE
    SEDGE_DTYPE_COUNT
} sedge_dtype;

#define SEDGE_RANK_MAX 8

typedef enum sedge_kind { SEDGE_TENSOR, SEDGE_SEQUENCE, SEDGE_OPTIONAL, SEDGE_MAP } sedge_kind;

/* An element of a string tensor: n bytes, no NUL promised. */
typedef struct sedge_str {
    const char *p;
    uint64_t n;
} sedge_str;

/* A tensor: dense, row-major; elements below a byte are packed, lowest bits first.
 * Of a sequence, optional (no item: absent) or map (two items: keys, values) `data` points to
 * dim[0] items of type sedge_tensor, and rank is 1. */
typedef struct sedge_tensor {
    void *data;
    uint8_t kind;  /* sedge_kind */
    uint8_t dtype; /* sedge_dtype; of boxed kinds: of the elements inside */
    int8_t rank;
    int64_t dim[SEDGE_RANK_MAX];
} sedge_tensor;

/* "f32", or "none". */
const char *sedge_dtype_name(int dtype);
/* Bits of an element; 0 for an unknown type. */
unsigned sedge_dtype_bits(int dtype);
/* Bytes of a tensor's elements. */
size_t sedge_tensor_bytes(const sedge_tensor *t);
/* Element i as a double or integer (any numeric type). */
double sedge_tensor_f64(const sedge_tensor *t, size_t i);
int64_t sedge_tensor_i64(const sedge_tensor *t, size_t i);

/* ---- model ------------------------------------------------------------------------------ */

typedef struct sedge_model sedge_model;

typedef enum sedge_weights {
    SEDGE_WEIGHTS_MAP,  /* borrow them from the mapped file (default) */
    SEDGE_WEIGHTS_COPY, /* read the file into memory */
    SEDGE_WEIGHTS_LOCK  /* map, and keep in RAM (mlock) */
} sedge_weights;

typedef struct sedge_model_opts {
    sedge_alloc_fn *alloc; /* NULL: libc */
    void *alloc_ctx;
    size_t memory_limit;   /* bytes that the model may take besides the mapped file; 0: what the machine has */
    int weights;           /* sedge_weights */
    const sedge_op *op;    /* operators of the program, copied; their strings and ctx outlive the model */
    int n_op;
    const char *functions; /* path of a second ONNX file whose functions give bodies to unknown operators */
    uint8_t reserved[32];
} sedge_model_opts;

void sedge_model_opts_init(sedge_model_opts *opts);

/* Opens an ONNX file, or a plan that sedge_plan_save has written. The file may be replaced by rename while it is open, never rewritten in place.
 * On failure *out is NULL. opts NULL: defaults. */
sedge_status sedge_model_open(sedge_model **out, const char *path, const sedge_model_opts *opts, sedge_error *err);
/* The same from memory, which must outlive the model. No external data. */
sedge_status sedge_model_open_memory(sedge_model **out, const void *data, size_t size, const sedge_model_opts *opts,
                                     sedge_error *err);
/* Plans and sessions of the model must be closed first. Sets *model to NULL; NULL is fine. */
void sedge_model_close(sedge_model **model);

/* What an input or output is. Strings live as long as the model. */
typedef struct sedge_io {
    const char *name;
    uint8_t kind, dtype;
    int8_t rank; /* -1: unknown before the run */
    int64_t dim[SEDGE_RANK_MAX]; /* -1: not a constant */
    const char *dim_name[SEDGE_RANK_MAX]; /* of a symbolic dimension, or NULL */
    float scale; /* of quantized elements: real = (element - zero) * scale; 0: they are what they are */
    int32_t zero;
} sedge_io;

int sedge_model_inputs(const sedge_model *model);
int sedge_model_outputs(const sedge_model *model);
/* False when i is out of range. */
int sedge_model_input(const sedge_model *model, int i, sedge_io *out);
int sedge_model_output(const sedge_model *model, int i, sedge_io *out);

typedef struct sedge_model_info {
    const char *format; /* "onnx", "tflite"; "sedge": a saved plan */
    const char *producer; /* "" if not stated */
    int64_t ir_version;
    int n_opset;
    const char *const *opset_domain; /* "" is ai.onnx */
    const int64_t *opset_version;
    int n_metadata;
    const char *const *metadata_key, *const *metadata_value;
    int64_t parameters; /* elements of all constants */
    int64_t weights_bytes;
    int64_t macs; /* multiply-adds of one run with symbolic dims at 1; -1: not known */
    int nodes;
} sedge_model_info;
void sedge_model_get_info(const sedge_model *model, sedge_model_info *out);
/* Source operators and their counts, most frequent first: the i-th, or 0 when there is none. */
int sedge_model_op(const sedge_model *model, int i, const char **name, int *count);

/* A graph to look at: that of a model as it was read, or of a plan after its passes (its nodes are the plan's steps, in order,
 * where one processor runs them all). Lives as long as what it was taken from. */
typedef struct sedge_graph sedge_graph;
const sedge_graph *sedge_model_graph(const sedge_model *model);

typedef struct sedge_graph_node_info {
    const char *op; /* row of the op table */
    const char *source; /* operator as published, or "" */
    const char *name;
    int n_in, n_out;
} sedge_graph_node_info;
/* Node i in the order of execution; 0 when there is none. */
int sedge_graph_node(const sedge_graph *graph, int i, sedge_graph_node_info *out);

typedef enum sedge_graph_from { SEDGE_FROM_NOWHERE, SEDGE_FROM_NODE, SEDGE_FROM_INPUT, SEDGE_FROM_CONSTANT } sedge_graph_from;

typedef struct sedge_graph_edge {
    int from; /* sedge_graph_from; NOWHERE: an absent operand */
    int index; /* of the node or input */
    const char *name;
    char type[96]; /* "f32 [1,N,3]" */
} sedge_graph_edge;
/* Operand k of node i; what graph output k is. 0 when there is none. */
int sedge_graph_operand(const sedge_graph *graph, int i, int k, sedge_graph_edge *out);
int sedge_graph_result(const sedge_graph *graph, int k, sedge_graph_edge *out);

/* ---- plan ------------------------------------------------------------------------------- */

typedef struct sedge_plan sedge_plan;

/* A symbolic dimension's largest value (or, with `fixed`, its value). */
typedef struct sedge_bound {
    const char *name;
    int64_t value;
    int fixed;
} sedge_bound;

/* Output `out` of one run becomes input `in` of the next. */
typedef struct sedge_link {
    const char *out, *in;
} sedge_link;

/* Where several kernels can serve a node: the shipped rule decides, or they are timed on this machine with the node's own shapes, a
 * fiftieth or a fifth of a second each at most, on one thread. What was measured is in the plan and in the file that it is saved to. */
typedef enum sedge_tune { SEDGE_TUNE_NONE, SEDGE_TUNE_QUICK, SEDGE_TUNE_FULL } sedge_tune;

typedef struct sedge_plan_opts {
    const char *target; /* "cpu" (default), "reference" (scalar references only), "loopback" (a device for tests) */
    const sedge_bound *bound;
    int n_bound;
    const sedge_link *link;
    int n_link;
    int optimize; /* 0: no passes but what is needed; 1: all (default) */
    int allow_fallback; /* nodes that the target cannot run go to the CPU instead of being an error */
    int tune; /* sedge_tune */
    const char *cache; /* a folder: a plan made before of the same model for the same options is taken from it, a new one is saved
                                to it; NULL: the library writes no file */
    void (*trace)(void *ctx, const char *line); /* "pass ...", "plan: ...", "kernel: ..."; NULL: silence */
    void *trace_ctx;
    uint8_t reserved[32];
} sedge_plan_opts;

void sedge_plan_opts_init(sedge_plan_opts *opts);
/* Borrows the model, which must outlive the plan. opts NULL: defaults. */
sedge_status sedge_plan_make(sedge_plan **out, const sedge_model *model, const sedge_plan_opts *opts, sedge_error *err);
void sedge_plan_close(sedge_plan **plan);

/* Writes the plan to a file, whole or not at all, which sedge_model_open takes like any model: graph, constants and packed weights as they
 * are, for this version and the same levels of the processor. */
sedge_status sedge_plan_save(const sedge_plan *plan, const char *path, sedge_error *err);
/* A digest of what was chosen, as hexadecimal digits: steps, kernels and layouts. */
#define SEDGE_DIGEST_MAX 65
void sedge_plan_digest(const sedge_plan *plan, char text[SEDGE_DIGEST_MAX]);

typedef struct sedge_plan_info {
    int steps;
    int segments;
    int copies; /* steps that only move bytes */
    int64_t arena_bytes; /* at the bounds, or for symbolic dims at 1 */
    int64_t arena_bound; /* the lower bound of arena_bytes */
    int64_t packed_bytes; /* weights rewritten for kernels */
    int dynamic_values; /* values whose size is known only during the run */
} sedge_plan_info;
void sedge_plan_get_info(const sedge_plan *plan, sedge_plan_info *out);
const sedge_graph *sedge_plan_graph(const sedge_plan *plan);
/* Row and node of step i: 0 when there is none. */
int sedge_plan_step(const sedge_plan *plan, int i, const char **op, const char **node, const char **kernel);

/* ---- session ---------------------------------------------------------------------------- */

typedef struct sedge_session sedge_session;

typedef struct sedge_session_opts {
    uint32_t threads; /* 0: as many as this process may use */
    sedge_alloc_fn *alloc; /* NULL: libc */
    void *alloc_ctx;
    size_t memory_limit; /* bytes of the session; 0: what the machine has */
    uint64_t seed; /* of the random ops */
    int spin_us; /* how long idle threads wait awake for the next step (default 200; 0: never, for batteries);
                              the threads are the process's, so the session that ran last decides */
    /* Called after each step when not NULL (costs a clock read a step). */
    void (*on_step)(void *ctx, int step, double seconds);
    void *on_step_ctx;
    /* What the session does that costs: memory taken, shapes prepared, a kernel that does not take these sizes. A line each, on the
     * thread that runs; NULL: silence. */
    void (*log)(void *ctx, const char *line);
    void *log_ctx;
    uint8_t reserved[32];
} sedge_session_opts;

void sedge_session_opts_init(sedge_session_opts *opts);
/* Borrows the plan, which must outlive the session. */
sedge_status sedge_session_open(sedge_session **out, const sedge_plan *plan, const sedge_session_opts *opts, sedge_error *err);
void sedge_session_close(sedge_session **session);

/* Binds input i. The bytes are borrowed until the next bind of i or the session's end; data must be aligned
 * to the element. Dtype and rank are checked here, shapes when the run begins. */
sedge_status sedge_session_set_input(sedge_session *session, int i, const sedge_tensor *t, sedge_error *err);
/* Binds the caller's buffer of `capacity` bytes to output i (NULL: the session's memory again). */
sedge_status sedge_session_set_output(sedge_session *session, int i, void *data, size_t capacity, sedge_error *err);

typedef struct sedge_run_opts {
    double deadline_s; /* give up after this many seconds; 0: never */
    int64_t macs; /* give up before this many multiply-adds are passed; 0: no limit */
    const volatile int *cancel; /* give up when it becomes non-zero; NULL: never */
    uint8_t reserved[32];
} sedge_run_opts;

void sedge_run_opts_init(sedge_run_opts *opts);
/* Runs once. A run with shapes seen before allocates nothing. After a failure the outputs are not
 * valid, linked state is as before the run, and the session can run again. */
sedge_status sedge_session_run(sedge_session *session, const sedge_run_opts *opts, sedge_error *err);
/* Output i of the last run, valid until the next run or close. */
sedge_status sedge_session_get_output(sedge_session *session, int i, sedge_tensor *out, sedge_error *err);

/* Linked state: back to zeros (with the bounds' or unit shapes); the bytes out; the bytes in. */
sedge_status sedge_session_state_reset(sedge_session *session, sedge_error *err);
int sedge_session_states(const sedge_session *session);
sedge_status sedge_session_state_get(sedge_session *session, int i, sedge_tensor *out, sedge_error *err);
sedge_status sedge_session_state_set(sedge_session *session, int i, const sedge_tensor *t, sedge_error *err);

/* What step i did in the last run: multiply-adds (0 for ops that are no sums of products), whether of 8-bit integers, and the
 * bytes of its operands and results. 0: there is no such step or nothing has run. */
typedef struct sedge_step_work {
    double macs, bytes;
    int eight_bits;
} sedge_step_work;
int sedge_session_step_work(const sedge_session *session, int i, sedge_step_work *out);

typedef struct sedge_session_stats {
    size_t arena_bytes, pool_bytes, state_bytes, total_bytes, peak_bytes;
    uint64_t allocations; /* calls of the allocator so far */
    uint64_t prepares; /* times that sizes and offsets were evaluated */
} sedge_session_stats;
void sedge_session_get_stats(const sedge_session *session, sedge_session_stats *out);

#ifdef __cplusplus
}
#endif

#endif
