/* The plan: a graph bound to a target. Steps as plain data, every byte of memory placed. */
#ifndef SG_PLAN_PLAN_H
#define SG_PLAN_PLAN_H

#include "op/op.h"

/* Where the bytes of a value stand. */
typedef enum sg_base {
    SG_BASE_NONE,
    SG_BASE_ARENA,   /* placed in the arena of its memory space */
    SG_BASE_INPUT,   /* the caller's */
    SG_BASE_STATE,   /* an input that an output of the last run becomes: the session's */
    SG_BASE_OUTPUT,  /* the caller's or the session's, alive until the next run */
    SG_BASE_WEIGHTS, /* the model's */
    SG_BASE_POOL,    /* size known only during the run: a block of the session's pool */
    SG_BASE_FILLED   /* the session's: its content is known and written when a run is prepared */
} sg_base;

enum { SG_SPACE_HOST, SG_SPACE_DEVICE, SG_SPACES };

/* A value of the plan; slot i is value i of the graph, transfers append more. */
typedef struct sg_slot {
    sg_type type;
    uint8_t base;     /* sg_base of its storage */
    uint8_t space;    /* which memory */
    bool dynamic;     /* its shape is known only when its step has run */
    bool symbolic;    /* its shape depends on symbols that the inputs bind */
    bool part;        /* a range of its storage, which may be larger */
    uint32_t storage; /* the slot whose bytes it shares (itself, if it owns them) */
    sg_dim offset;    /* ... from this byte on */
    uint32_t death;   /* of a storage: the last step that touches it */
    const void *data; /* WEIGHTS: aligned to its type where steps read it */
    const sg_dim *content; /* known elements, symbolic, or NULL */
    uint32_t n_content;
    const char *name;
} sg_slot;

/* How a step is carried out; a backend chooses it when the plan is made. */
typedef struct sg_kernel {
    const char *name; /* "ref", "gemm_f32", ... */
    sedge_status (*run)(sg_exec *x);
    /* Bytes of scratch for the shapes of x (there is no data yet) and x->threads: placed in the arena while the step runs, handed
     * over as x->scratch. NULL: none. False: sizes that the kernel does not take; the reference runs instead. Only constants
     * have their bytes. */
    bool (*scratch)(const sg_exec *x, size_t *bytes);
    size_t
        kept; /* bytes at x->kept that are the step's own: scratch leaves there what runs with these shapes need, unless it is NULL */
} sg_kernel;

typedef struct sg_step {
    const sg_op *op; /* NULL: a transfer between memories, input 0 to output 0 */
    sg_attrs attrs;
    sg_kernel kernel;
    const void *packed; /* weights rewritten for the kernel */
    uint32_t absorbed; /* bit k: the kernel does not read operand k, its content went into `packed`; a kernel that falls back
                         * calls sg_exec_ref, which does */
    uint32_t spent; /* bit k: only packing reads operand k's bytes: a saved plan, which has them packed, can do without */
    uint32_t over; /* bit k: the kernel can write output 0 over operand k, where both are alike and no other operand is */
    uint32_t operand; /* first of n_in + n_out slot numbers in plan->operand */
    uint16_t n_in, n_out;
    uint16_t n_region;
    uint8_t backend;
    uint8_t choice; /* of the node */
    bool shape_at_run; /* an output's shape comes from running the shape rule on what is there */
    bool view; /* output 0 has the bytes of input 0 */
    bool check_shape; /* shapes depend on symbols that the inputs bind ... */
    bool settled; /* the shapes are numbers and the kernel took them: it never falls back to the reference */
    bool exact; /* ... and they are right while the plan's guards hold; else the rule is run again */
    uint32_t kill, n_kill; /* storages (POOL) that die after it, in plan->kill */
    uint32_t scratch; /* slot of the kernel's scratch or of the arena of its bodies; 0: none, or asked for just before the step */
    size_t kept; /* where in a frame its kernel's kept bytes begin */
    struct sg_plan **region;
    const char *name, *source;
} sg_step;

static inline bool sg_step_absorbed(const sg_step *s, uint32_t k)
{
    return k < 32 && (s->absorbed >> k & 1);
}

/* A run of steps of one backend. */
typedef struct sg_segment {
    uint32_t first, count;
    uint8_t backend;
} sg_segment;

/* An arena storage: its placement is a gap search among the earlier ones that live at the same time. */
typedef struct sg_place {
    uint32_t slot;
    uint32_t conflict, n_conflict; /* earlier rows of plan->place that overlap, in plan->conflict */
} sg_place;

/* Packed weights of a plan and of the bodies in it, in the order in which kernels asked for room: always the same for the same graph. */
typedef struct sg_room {
    const void *data;
    size_t bytes;
} sg_room;

typedef struct sg_rooms {
    sg_mem *mem;
    sg_room *v; /* handed out so far */
    size_t n, cap;
    const sg_room *saved; /* those of a saved plan, which are filled; NULL: they are made */
    size_t n_saved;
    bool differs, lost; /* a kernel asked for other sizes than those saved; memory ended */
} sg_rooms;

typedef struct sg_plan {
    sg_arena arena; /* holds all below */
    sg_mem mem;
    const sg_graph *graph;
    sg_slot *slot;
    uint32_t n_slot;
    sg_step *step;
    uint32_t n_step;
    uint32_t *operand, n_operand;
    uint32_t *kill, n_kill;
    sg_segment *segment;
    uint32_t n_segment;
    sg_place *place[SG_SPACES];
    uint32_t n_place[SG_SPACES];
    uint32_t *conflict[SG_SPACES], n_conflict[SG_SPACES];
    const uint32_t *input, *output; /* slots; shared with the graph */
    uint32_t n_input, n_output;
    int32_t *link; /* per input: the output that becomes it, or -1 */
    const sg_dims *dims;
    const bool *late; /* per expression: depends on a symbol that a step defines */
    /* What new input shapes change: expressions to evaluate in this order, then slots with symbolic shapes, then slots that
     * point where their storage points. Exact steps are right while the guards hold; the others run their rules again. */
    uint32_t *eval, n_eval;
    uint32_t *moving, n_moving;
    uint32_t *shared, n_shared;
    uint32_t *filled, n_filled; /* slots whose content prepare writes */
    bool *live; /* per node of the graph: it has a step */
    sg_guard *guard;
    uint32_t n_guard;
    uint32_t *recheck, n_recheck;
    int64_t *default_dim; /* value of every expression at the bounds (symbols without one: 1) */
    size_t kept_bytes; /* of a frame */
    size_t packed_bytes; /* constants rewritten or straightened */
    int pack_threads; /* that packing may use */
    sg_rooms *rooms; /* while the plan is made; NULL: nobody asks */
    struct sg_straight *straight;
    size_t n_straight, cap_straight;
    int64_t arena_bytes, arena_bound; /* host space, at the defaults */
    uint32_t n_copy, n_dynamic, max_in, max_out;
    const struct sg_target *target;
    uint32_t cpu; /* levels of the processor that its kernels may use (base/cpu.h) */
} sg_plan;

/* What a plan is made for. Backend 0 is the CPU; a second one may own nodes in a memory of its own. */
typedef struct sg_target {
    const char *name;
    /* The backend that should run node n (0 or 1); -1: none can. */
    int (*backend)(const struct sg_target *t, const sg_graph *g, sg_nid n);
    /* The kernel of a step of backend 0 (name NULL: the reference); may pack weights into the plan. */
    sedge_status (*choose)(const struct sg_target *t, sg_plan *p, sg_step *s, sg_err *err);
    const struct sg_backend *device; /* backend 1 or NULL */
    /* Whether an op has channels-last kernels; NULL: everything is row-major. */
    bool (*has_last)(const sg_op *op, uint32_t cpu);
    bool plain; /* parts of tensors have bytes of their own: what plans with views are compared with */
    /* How many kernels there may be for a node, any of which its `choice` can ask for; NULL: there is no choice. */
    int (*choices)(const sg_graph *g, sg_nid n);
} sg_target;

typedef struct sg_plan_args {
    const sg_target *target;
    sedge_alloc_fn *alloc;
    void *alloc_ctx;
    bool allow_fallback;
    sg_rooms *rooms; /* where packed weights are listed, or come from; NULL: nobody asks */
} sg_plan_args;

/* Plans a verified, inferred graph. Borrows the graph; its table of dims may get more expressions. */
sedge_status sg_plan_build(sg_plan **out, sg_graph *g, const sg_plan_args *args, sg_err *err);
void sg_plan_free(sg_plan *p); /* accepts NULL and half-built */

/* Bytes of a slot given its dims; false when they are past what can be addressed. */
bool sg_slot_bytes(const sg_slot *s, const int64_t *dim, size_t *bytes);
/* The same at the default dims, rounded up to the alignment; 0 where there is no such size. */
size_t sg_slot_room(const sg_plan *p, uint32_t slot);
/* Which nodes get steps, and the slots that are filled in place of the others. */
sedge_status sg_plan_live(sg_plan *p, const sg_graph *g, sg_err *err);
/* Lets slots share storages. last: the last step that reads a slot; birth: the step that makes it, here made that of its
 * storage; at: by operand, where it stands in the whole (SG_DIM_BAD: it needs bytes of its own). */
sedge_status sg_plan_share(sg_plan *p, const uint32_t *last, uint32_t *birth, const sg_dim *at, sg_dims *dims, sg_err *err);
/* Offsets of all arena storages of a space: size[i] and off[i] by row of plan->place; the total is returned.
 * PTRDIFF_MAX: no machine has that much. No allocation: conflict is a copy of the plan's lists, whose order changes, scratch holds
 * 2 * n_place words. */
size_t sg_plan_place(const sg_plan *p, int space, const size_t *size, size_t *off, uint32_t *conflict, uint64_t *scratch);
/* The lower bound: the most bytes live at any step (rounded to the alignment). Shares no code with placement. */
int64_t sg_plan_bound(sg_plan *p, int space, const int64_t *dim_value);
/* Room in the plan for what a kernel packs, aligned to SG_ALIGN; counted in packed_bytes. *filled: it comes from a saved plan, packed
 * already, and is only read. NULL: out of memory, or the saved plan has other sizes. */
void *sg_plan_room(sg_plan *p, size_t bytes, bool *filled);
/* Chooses the kernel of every step. */
sedge_status sg_plan_kernels(sg_plan *p, sg_err *err);
void sg_plan_free_straight(sg_plan *p);
/* Adds a slot for the scratch of every kernel that wants some and whose shapes are known before the run; its size in the
 * plan is that of the default dims and one thread. */
sedge_status sg_plan_scratch(sg_plan *p, sg_err *err);
/* Whether the shapes in a body are known when the plan is prepared, so that its arena is a part of the plan's. */
bool sg_body_known(const sg_plan *p, const sg_step *s, int region);
/* Orders the storages and lists their conflicts. */
sedge_status sg_plan_layout(sg_plan *p, const uint32_t *birth, sg_err *err);

/* Collects the guards of all nodes (before anything else looks at the dims) and which nodes they are the whole truth of. */
sedge_status sg_plan_guards(sg_plan *p, sg_graph *g, bool *exact, sg_err *err);
/* Lists what changes with the shapes of the inputs. */
sedge_status sg_plan_watch(sg_plan *p, sg_err *err);

#define SG_ALIGN 64u
static inline size_t sg_align_up(size_t n)
{
    return (n + (SG_ALIGN - 1)) & ~(size_t)(SG_ALIGN - 1);
}

#endif
