/* The softmax kernel against double, and at its edges. */
#include "unit.h"

#include <math.h>

#include "kernel/softmax/softmax_f32.h"

static void is_softmax(void **state)
{
    (void)state;
    float v[301], want[301], loss[301];
    for (int n = 1; n <= 301; n += n < 20 ? 1 : 47) {
        double sum = 0, e[301];
        for (int i = 0; i < n; i++)
            v[i] = (float)((i * 53 + 7) % 97) * (n % 2 ? 0.21f : 1.7f) - 9;
        double top = -INFINITY;
        for (int i = 0; i < n; i++)
            if ((double)v[i] > top)
                top = (double)v[i];
        for (int i = 0; i < n; i++)
            sum += e[i] = exp((double)v[i] - top);
        for (int i = 0; i < n; i++) {
            want[i] = (float)(e[i] / sum);
            loss[i] = 1e-6f + 6e-8f * (float)(top - (double)v[i]); /* what rounding v - top to float costs */
        }
        sg_softmax_f32(v, NULL, n);
        for (int i = 0; i < n; i++)
            assert_true(fabsf(v[i] - want[i]) <= loss[i] * want[i] + 1e-37f);
    }
}

static void bias_hides(void **state)
{
    (void)state;
    float v[3] = {1, 5, 1}, bias[3] = {0, -INFINITY, 0};
    sg_softmax_f32(v, bias, 3);
    assert_true(v[0] == 0.5f && v[1] == 0 && v[2] == 0.5f);
}

static void edges(void **state)
{
    (void)state;
    float none[2] = {-INFINITY, -INFINITY}, nan[9] = {0, 1, 2, 3, NAN, 5, 6, 7, 8}, far[3] = {3e38f, -3e38f, 3e38f};
    sg_softmax_f32(none, NULL, 0);
    sg_softmax_f32(none, NULL, 2);
    assert_true(none[0] == 0 && none[1] == 0);
    sg_softmax_f32(nan, NULL, 9);
    assert_true(nan[0] != nan[0] && nan[8] != nan[8]);
    sg_softmax_f32(far, NULL, 3);
    assert_true(far[0] == 0.5f && far[1] == 0 && far[2] == 0.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_softmax), cmocka_unit_test(bias_hides), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
