/* The layout pass: regions of a graph around its convolutions stand channels last, by the fewest moves. */
#ifndef SG_PASS_LAYOUT_H
#define SG_PASS_LAYOUT_H

#include "pass/pass.h"

typedef enum sg_layout_how { SG_LAYOUT_NEVER, SG_LAYOUT_NATIVE, SG_LAYOUT_ORDER, SG_LAYOUT_AXIS } sg_layout_how;

/* How an op works channels last, and which operands then stand in the layout of the result (bit 63: from 63 on). */
typedef struct sg_layout_row {
    sg_layout_how how;
    uint64_t operands;
} sg_layout_row;
sg_layout_row sg_layout_of(const struct sg_op *op);

static inline bool sg_layout_operand(sg_layout_row r, int k)
{
    return r.operands >> (k < 63 ? k : 63) & 1;
}

/* The layout pass's own. A node that may work channels last; its operand k, which then stands so (or has but one order); a tensor
 * that lines up with channels-last ones of that rank as it is. */
bool sg_layout_takes(const sg_graph *g, sg_nid n);
bool sg_layout_reads(const sg_graph *g, sg_nid n, int k);
bool sg_layout_fits(const sg_type *t, int rank);

/* Node n is a transpose of the channels: 1 from the end to the front, -1 back, 0 no such. Where what stands channels first in the
 * order of its axes stands channels last in memory on the other side, it moves no byte. */
int sg_channel_turn(const sg_graph *g, sg_nid n);

/* Says if a target has channels-last kernels of a native op that are worth it on these levels of the processor. */
typedef bool sg_layout_has(const struct sg_op *op, uint32_t cpu);

/* Marks values and inserts relayouts, in regions too. Runs last: a graph has its layouts once. Reports one line if it did something. */
sedge_status sg_pass_layout(sg_graph *g, sg_layout_has *has, uint32_t cpu, const sg_trace *trace, sg_err *err);

/* Between passes: only what the table allows reads or makes a value that stands channels last. */
sedge_status sg_layout_verify(const sg_graph *g, sg_err *err);

#endif
