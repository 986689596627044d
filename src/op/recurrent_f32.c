/* The recurrences in float; f16 and bf16 are widened to it. */
#include "op/recurrent.h"

#define REAL   float
#define RUN    sg_rec_run_f32
#define WIDEN  sg_widen_f32
#define ROOM   sg_narrow_room_f32
#define NARROW sg_narrow_f32
/* Kernels of a backend. */
static inline bool madd(const sg_rec *r, float *out, int64_t out_row, const float *v, int64_t v_row, int64_t rows, const float *w,
                        int64_t ld, int64_t k, int64_t n)
{
    if (r->madd)
        r->madd(out, out_row, v, v_row, rows, w, ld, k, n);
    return r->madd != NULL;
}

static inline bool act(const sg_rec_act *a, float *v, int64_t n)
{
    if (a->run)
        a->run(a->ctx, v, n);
    return a->run != NULL;
}
#define MADD      madd
#define ACT       act
#define TURNED(w) (float *)(uintptr_t)(w) /* only read */
#include "op/recurrent_run.h"
