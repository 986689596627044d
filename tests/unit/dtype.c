/* Every element type: each code read and written again, roundings at the ties, saturation. */
#include "unit.h"

#include <math.h>

#include "tensor/dtype.h"

static void every_code_survives(void **state)
{
    (void)state;
    for (int t = 1; t < SG_DTYPE_COUNT; t++) {
        unsigned bits = sg_dtypes[t].bits;
        if (bits > 16 || sg_dtypes[t].cls == 'B')
            continue;
        for (uint32_t code = 0; code < 1u << bits; code++) {
            uint16_t in = (uint16_t)code, out = 0;
            if (sg_is_float((sg_dtype)t)) { /* with saturation an infinity would become finite */
                double v = sg_load_f64((sg_dtype)t, &in, 0);
                sg_store_f64_sat((sg_dtype)t, &out, 0, v, false);
                if (isnan(v))
                    assert_true(isnan(sg_load_f64((sg_dtype)t, &out, 0)));
                else
                    assert_int_equal(in, out);
            } else {
                sg_store_i64((sg_dtype)t, &out, 0, sg_load_i64((sg_dtype)t, &in, 0));
                assert_int_equal(in, out);
                assert_true(sg_load_f64((sg_dtype)t, &in, 0) == (double)sg_load_i64((sg_dtype)t, &in, 0));
            }
        }
    }
}

static void packed_elements_keep_apart(void **state)
{
    (void)state;
    static const sg_dtype types[] = {SG_I4, SG_U4, SG_I2, SG_U2, SG_F4E2M1};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        sg_dtype t = types[k];
        unsigned char a[8], b[8] = {0};
        for (size_t i = 0; i < sizeof a; i++)
            a[i] = (unsigned char)(37 * i + 11);
        size_t n = sizeof a * 8 / sg_dtypes[t].bits;
        for (size_t i = n; i-- > 0;)
            sg_elem_copy(t, b, i, a, i);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(sg_dtype_bytes(t, n), sizeof a);
        assert_int_equal(sg_dtype_bytes(t, n - 1), sizeof a);
    }
    unsigned char x = 0;
    sg_store_i64(SG_I4, &x, 0, -3);
    sg_store_i64(SG_I4, &x, 1, 5);
    assert_int_equal(x, 0x5d);
    assert_int_equal(sg_load_i64(SG_I4, &x, 0), -3);
}

static void halves_round_to_even(void **state)
{
    (void)state;
    assert_int_equal(sg_f32_to_f16(1.0f), 0x3c00);
    assert_int_equal(sg_f32_to_f16(65504.0f), 0x7bff);
    assert_int_equal(sg_f32_to_f16(65519.0f), 0x7bff);
    assert_int_equal(sg_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(sg_f32_to_f16(ldexpf(1, -24)), 1);
    assert_int_equal(sg_f32_to_f16(ldexpf(1, -25)), 0);
    assert_int_equal(sg_f32_to_f16(ldexpf(3, -25)), 2);
    assert_int_equal(sg_f32_to_f16(-0.0f), 0x8000);
    assert_int_equal(sg_f32_to_f16(1.0f + ldexpf(1, -11)), 0x3c00);
    assert_int_equal(sg_f32_to_f16(1.0f + ldexpf(3, -11)), 0x3c02);
    assert_int_equal(sg_f32_to_bf16(1.0f + ldexpf(1, -8)), 0x3f80);
    assert_int_equal(sg_f32_to_bf16(1.0f + ldexpf(3, -8)), 0x3f82);
    assert_int_equal(sg_f32_to_bf16(INFINITY), 0x7f80);
    assert_true(isnan(sg_bf16_to_f32(sg_f32_to_bf16(NAN))));
    /* from a double there is one rounding, not two */
    uint16_t h;
    sg_store_f64(SG_F16, &h, 0, 1.0 + ldexp(1, -11) + ldexp(1, -40));
    assert_int_equal(h, 0x3c01);
}

static void small_floats_saturate_when_asked(void **state)
{
    (void)state;
    uint8_t v;
    sg_store_f64_sat(SG_F8E4M3FN, &v, 0, 1000, true);
    assert_true(sg_load_f64(SG_F8E4M3FN, &v, 0) == 448);
    sg_store_f64_sat(SG_F8E4M3FN, &v, 0, 1000, false);
    assert_true(isnan(sg_load_f64(SG_F8E4M3FN, &v, 0)));
    sg_store_f64_sat(SG_F8E5M2, &v, 0, -1e9, true);
    assert_true(sg_load_f64(SG_F8E5M2, &v, 0) == -57344);
    sg_store_f64_sat(SG_F8E5M2, &v, 0, -1e9, false);
    assert_true(isinf(sg_load_f64(SG_F8E5M2, &v, 0)));
    sg_store_f64(SG_F8E8M0, &v, 0, 8.0);
    assert_true(sg_load_f64(SG_F8E8M0, &v, 0) == 8.0);
}

static void floats_become_integers_safely(void **state)
{
    (void)state;
    const double v[] = {1.9, -1.9, 1e300, -1e300, NAN, INFINITY};
    const int64_t want[] = {1, -1, INT64_MAX, INT64_MIN, 0, INT64_MAX};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(sg_load_i64(SG_F64, v, i), want[i]);
    uint64_t u = UINT64_MAX;
    assert_int_equal(sg_load_i64(SG_U64, &u, 0), -1);
    assert_true(sg_load_f64(SG_U64, &u, 0) == 18446744073709551616.0);
    int8_t b;
    sg_store_i64(SG_I8, &b, 0, 300);
    assert_int_equal(b, 44);
    uint8_t t;
    sg_store_i64(SG_BOOL, &t, 0, 256);
    assert_int_equal(t, 1);
}

static void any_alignment_is_read(void **state)
{
    (void)state;
    unsigned char raw[64];
    for (int t = 1; t < SG_DTYPE_COUNT; t++) {
        if (t == SG_STR || sg_dtypes[t].cls == 'C')
            continue;
        memset(raw, 0, sizeof raw);
        sg_store_f64((sg_dtype)t, raw + 1, 3, 1.0);
        assert_true(sg_load_f64((sg_dtype)t, raw + 1, 3) == 1.0 || t == SG_I2);
    }
}

static void names_lead_back(void **state)
{
    (void)state;
    for (int t = 1; t < SG_DTYPE_COUNT; t++) {
        assert_int_equal(sg_dtype_from_name(sg_dtypes[t].name), t);
        assert_int_equal(sg_dtype_from_onnx(sg_dtypes[t].onnx), t);
    }
    assert_int_equal(sg_dtype_from_onnx(-1), SG_NONE);
    assert_int_equal(sg_dtype_from_onnx(1000000), SG_NONE);
    assert_int_equal(sg_dtype_from_name("f31"), SG_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_survives),
        cmocka_unit_test(packed_elements_keep_apart),
        cmocka_unit_test(halves_round_to_even),
        cmocka_unit_test(small_floats_saturate_when_asked),
        cmocka_unit_test(floats_become_integers_safely),
        cmocka_unit_test(any_alignment_is_read),
        cmocka_unit_test(names_lead_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
