/* Operators of the program's own: a C callback with its shape rule, given before a model is opened
 * (sedge_model_opts.op). They run on the CPU, on dense tensors. */
#ifndef SEDGE_OP_H
#define SEDGE_OP_H

#ifdef __cplusplus
extern "C" {
#endif

struct sedge_tensor;

/* `in` has n_in entries, NULL where an operand is absent. Both callbacks return 0, or anything else to fail the run.
 * shape fills dtype, rank and dim of each output (its data is NULL); run fills the data, which has room for that.
 * They are called from the thread that runs the session; sessions of several threads may call them at once. */
typedef struct sedge_op {
    const char *domain, *name; /* as in the model; "" is ai.onnx */
    int min_in, max_in;        /* operands, at most 254 */
    int n_out;                 /* 1 to 16 */
    int (*shape)(void *ctx, const struct sedge_tensor *const *in, int n_in, struct sedge_tensor *out, int n_out);
    int (*run)(void *ctx, const struct sedge_tensor *const *in, int n_in, struct sedge_tensor *out, int n_out);
    void *ctx;
} sedge_op;

#ifdef __cplusplus
}
#endif

#endif
