/* Operators of the program's own: a C callback with its shape rule, given before a model is opened
 * (sedge_model_opts.op). They run on the CPU, on dense tensors. */
#ifndef SEDGE_OP_H
#define SEDGE_OP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sedge_tensor;

/* The node that a callback works for. */
typedef struct sedge_node sedge_node;

/* Its attributes by name, or `def` when the model states none (of that type). */
int64_t sedge_attr_int(const sedge_node *node, const char *name, int64_t def);
double sedge_attr_float(const sedge_node *node, const char *name, double def);
const char *sedge_attr_string(const sedge_node *node, const char *name, const char *def);
/* Says why a callback fails; returns what the callback then returns. */
int sedge_node_fail(const sedge_node *node, const char *text);

/* `in` has n_in entries, NULL where an operand is absent. Both callbacks return 0, or anything else to fail the run.
 * shape fills dtype, rank and dim of each output (its data is NULL); run fills the data, which has room for that.
 * They are called from the thread that runs the session; sessions of several threads may call them at once. */
typedef struct sedge_op {
    const char *domain, *name; /* as in the model; "" is ai.onnx */
    int min_in, max_in;        /* operands, at most 254 */
    int n_out;                 /* 1 to 16 */
    int (*shape)(void *ctx, const sedge_node *node, const struct sedge_tensor *const *in, int n_in, struct sedge_tensor *out,
                 int n_out);
    int (*run)(void *ctx, const sedge_node *node, const struct sedge_tensor *const *in, int n_in, struct sedge_tensor *out,
               int n_out);
    void *ctx;
} sedge_op;

#ifdef __cplusplus
}
#endif

#endif
