/* The loops in f32 on the vectors of a header of kernel/simd: include that first. Independent sums hide the latency. */
#include "kernel/limits/limits.h"

enum { SUMS = 12, READS = 8 };

static float fma_loop(int64_t rounds)
{
    v_f32 sum[SUMS], a = v_set(0.999f), b = v_set(1e-3f);
    float out[V_LANES], total = 0;
    for (int i = 0; i < SUMS; i++)
        sum[i] = v_set((float)i);
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i < SUMS; i++)
            sum[i] = v_fma(sum[i], a, b);
    for (int i = 0; i < SUMS; i++) {
        v_store(out, sum[i]);
        total += out[0];
    }
    return total;
}

static float read_loop(const float *p, int64_t n)
{
    v_f32 sum[READS];
    float out[V_LANES], total = 0;
    for (int i = 0; i < READS; i++)
        sum[i] = v_set(0);
    for (int64_t k = 0; k < n; k += READS * V_LANES)
        for (int i = 0; i < READS; i++)
            sum[i] = v_add(sum[i], v_load(p + k + i * V_LANES));
    for (int i = 0; i < READS; i++) {
        v_store(out, sum[i]);
        total += out[0];
    }
    return total;
}
