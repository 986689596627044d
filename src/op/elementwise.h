/* Elementwise ops: the kinds of unary, binary and compare rows, and the broadcasting walk they share. */
#ifndef SG_OP_ELEMENTWISE_H
#define SG_OP_ELEMENTWISE_H

#include "op/op.h"

typedef enum sg_unary_kind {
#define UNARY(id, name, formula, derivative) SG_UNARY_##id,
#include "op/fn.def"
#undef UNARY
    SG_UNARY_COUNT
} sg_unary_kind;

typedef enum sg_binary_kind {
#define BINARY(id, name, formula, dx, dy) SG_BINARY_##id,
#include "op/fn.def"
#undef BINARY
    SG_BINARY_COUNT
} sg_binary_kind;

typedef enum sg_compare_kind {
#define COMPARE(id, name, formula) SG_COMPARE_##id,
#include "op/fn.def"
#undef COMPARE
    SG_COMPARE_COUNT
} sg_compare_kind;

typedef enum sg_random_kind { SG_RANDOM_UNIFORM, SG_RANDOM_NORMAL, SG_RANDOM_BERNOULLI, SG_RANDOM_MULTINOMIAL } sg_random_kind;
/* How a cast to f8e8m0 rounds. */
typedef enum sg_round_mode { SG_ROUND_UP, SG_ROUND_DOWN, SG_ROUND_NEAREST } sg_round_mode;

/* Parameters of the unary kinds that have some. */
typedef struct sg_fn_params {
    double alpha, beta, gamma;
} sg_fn_params;

/* What `activation` of an op says it does to its result: nothing, bound it by low and high, or SG_ACT_FN + a unary kind. */
enum { SG_ACT_NONE, SG_ACT_BOUNDS, SG_ACT_FN };
/* The unary kind and its parameters, or -1. */
int64_t sg_act_kind(sg_attrs a, sg_fn_params *p);
sg_fn_params sg_fn_params_of(sg_attrs a);

/* One value of a unary kind, in double. */
double sg_unary_f64(sg_unary_kind kind, double x, const sg_fn_params *p);
double sg_binary_f64(sg_binary_kind kind, double x, double y);

/* Up to three operands broadcast to one shape, with axes that run together merged: the last axis is the inner
 * loop, of `inner` elements at steps of 0 or 1 per operand; sg_bcast_next moves the offsets over the others. */
typedef struct sg_bcast {
    int rank, n_ops; /* rank of the outer axes */
    int64_t inner, outer; /* outer: number of inner loops */
    int64_t dim[SG_RANK_MAX], idx[SG_RANK_MAX];
    int64_t step[3];                  /* of the inner loop */
    int64_t stride[3][SG_RANK_MAX];   /* of the outer axes */
    int64_t off[3];
} sg_bcast;

/* Fails if a t[k] does not broadcast to the shape of out: symbolic shapes may have hidden that until now. */
sedge_status sg_bcast_init(sg_exec *x, sg_bcast *b, const sg_tensor *out, const sg_tensor *const *t, int n);
void sg_bcast_next(sg_bcast *b);

/* True if a dim is known never to be negative (symbols stand for sizes). */
bool sg_d_nonneg(const sg_infer *c, sg_dim d);
/* For every element of the broadcast of integer inputs with known contents: fn(c, elements) gives an element of
 * output 0. Sets out_content if all are known; fn returns false for an unknown one. */
typedef bool sg_content_fn(sg_infer *c, const sg_dim *v, sg_dim *out);
void sg_content_map(sg_infer *c, int n_ops, sg_content_fn *fn);

/* A uniform number in [0, 1) and the next state (splitmix64: Steele, Lea, Flood, OOPSLA 2014). */
double sg_random_unit(uint64_t *state);
/* The session's generator, or one of its own when a seed is given. */
uint64_t sg_random_state(sg_exec *x, bool seeded, double seed);

#endif
