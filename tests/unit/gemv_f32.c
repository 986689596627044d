/* The vector kernel against sums in double: sizes 0 to 67, guard values around the result, rows cut anywhere. */
#include "unit.h"

#include <math.h>

#include "kernel/gemm/gemv_f32.h"

enum { MAX = 67 };

static void against_double(void **state)
{
    (void)state;
    static float w[MAX * MAX], x[MAX], bias[MAX], y[MAX + 2], z[MAX];
    uint32_t s = 7;
    for (int i = 0; i < MAX * MAX; i++)
        w[i] = (float)((s = s * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
    for (int i = 0; i < MAX; i++) {
        x[i] = (float)((s = s * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
        bias[i] = (float)i;
    }
    for (int n = 0; n <= MAX; n += 3)
        for (int k = 1; k <= MAX; k++) {
            y[0] = y[n + 1] = 12345;
            sg_gemv_f32(n, k, w, x, 0.5f, 2, bias, y + 1);
            assert_true(y[0] == 12345 && y[n + 1] == 12345);
            for (int i = 0; i < n; i++) {
                double sum = 0, size = 0;
                for (int j = 0; j < k; j++) {
                    sum += (double)w[i * k + j] * x[j];
                    size += fabs((double)w[i * k + j] * x[j]);
                }
                /* a sum of k products in 16 lanes errs by at most (k / 16 + 6) roundings of the sum of magnitudes */
                double limit = (k / 16.0 + 6) * 6e-8 * (size + fabs(2.0 * bias[i]));
                assert_true(fabs(0.5 * sum + 2.0 * bias[i] - y[i + 1]) <= limit);
            }
            int cut = n / 2;
            sg_gemv_f32(cut, k, w, x, 0.5f, 2, bias, z);
            sg_gemv_f32(n - cut, k, w + cut * k, x, 0.5f, 2, bias + cut, z + cut);
            assert_memory_equal(z, y + 1, (size_t)n * sizeof *z);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_double)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
