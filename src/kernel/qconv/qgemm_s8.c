/* Products of 8-bit matrices: b stands transposed as 16-bit rows, a is widened a few rows at a time. */
#include "kernel/qconv/qgemm_s8.h"

#include <string.h>

enum { ROWS = 8 };
#define SIZE_LIMIT ((int64_t)1 << 31)

bool sg_qgemm_packed(const sg_qgemm_args *a, size_t *bytes)
{
    if (a->n < 1 || a->k < 1 || a->n > SIZE_LIMIT || a->k > SIZE_LIMIT || a->n * sg_qdot_up(a->k, SG_QDOT_K) > SIZE_LIMIT * 8)
        return false;
    *bytes = (size_t)(sg_qdot_up(a->n, SG_QDOT_W) * sg_qdot_up(a->k, SG_QDOT_K)) * sizeof(int16_t);
    return true;
}

void sg_qgemm_pack(const sg_qgemm_args *a, const void *b, bool b_signed, const int32_t *b_zero, void *packed)
{
    int64_t up = sg_qdot_up(a->k, SG_QDOT_K);
    int16_t *to = packed;
    memset(to, 0, (size_t)(sg_qdot_up(a->n, SG_QDOT_W) * up) * sizeof *to);
    for (int64_t k = 0; k < a->k; k++)
        for (int64_t j = 0; j < a->n; j++) {
            int32_t v = b_signed ? ((const int8_t *)b)[k * a->n + j] : ((const uint8_t *)b)[k * a->n + j];
            to[j * up + k] = (int16_t)(v - b_zero[j]);
        }
}

bool sg_qgemm_scratch(const sg_qgemm_args *a, size_t *bytes)
{
    *bytes = (size_t)(ROWS * sg_qdot_up(a->n, SG_QDOT_W)) * sizeof(int32_t) +
             (size_t)(ROWS * sg_qdot_up(a->k, SG_QDOT_K)) * sizeof(int16_t);
    return a->n <= SIZE_LIMIT && a->k <= SIZE_LIMIT;
}

static void widen(const sg_qgemm_args *a, const void *x, int64_t row, int16_t *to)
{
    const uint8_t *u = (const uint8_t *)x + row * a->k;
    const int8_t *s = (const int8_t *)x + row * a->k;
    if (a->a_signed)
        for (int64_t i = 0; i < a->k; i++)
            to[i] = (int16_t)(s[i] - a->a_zero);
    else
        for (int64_t i = 0; i < a->k; i++)
            to[i] = (int16_t)(u[i] - a->a_zero);
}

void sg_qgemm(const sg_qgemm_args *a, const void *x, const void *packed, uint8_t *y, void *scratch)
{
    int64_t n = sg_qdot_up(a->n, SG_QDOT_W), k = sg_qdot_up(a->k, SG_QDOT_K);
    int32_t *acc = scratch;
    int16_t *rows = (int16_t *)(acc + ROWS * n);
    memset(rows, 0, (size_t)(ROWS * k) * sizeof *rows);
    for (int64_t r = 0; r < a->m; r += ROWS) {
        int64_t count = a->m - r < ROWS ? a->m - r : ROWS;
        for (int64_t i = 0; i < count; i++)
            widen(a, x, r + i, rows + i * k);
        sg_qdot(packed, n, rows, sg_qdot_up(count, SG_QDOT_X), k, acc, 1, n);
        for (int64_t i = 0; i < count; i++)
            sg_q_store_each(acc + i * n, a->n, a->bias, a->scale, &a->out, y + (r + i) * a->n);
    }
}
