/* Tensor files: .npy both ways, DEFLATE, ONNX's messages. */
#include "unit.h"

#include <stdio.h>

#include "import/data/data.h"
#include "import/data/inflate.h"
#include "tiny_onnx.h"

static sg_mem mem;
static sg_arena arena = {.mem = &mem};

static int done(void **state)
{
    (void)state;
    sg_arena_free(&arena);
    return mem.used != 0;
}

/* A .npy file of format 1 with this dictionary and data. */
static size_t npy(unsigned char *out, const char *dict, const void *data, size_t size)
{
    size_t n = strlen(dict);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)n;
    out[9] = (unsigned char)(n >> 8);
    memcpy(out + 10, dict, n);
    memcpy(out + 10 + n, data, size);
    return 10 + n + size;
}

static void header_is_numpys(void **state)
{
    (void)state;
    sg_tensor t = {.dtype = SG_F32, .rank = 2, .dim = {3, 4}};
    char out[256];
    size_t n;
    assert_true(sg_npy_header(&t, out, &n));
    assert_int_equal(n, 128);
    const char *want = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    assert_memory_equal(out + 10, want, strlen(want));
    assert_int_equal(out[127], '\n');
    t.rank = 1;
    assert_true(sg_npy_header(&t, out, &n));
    assert_non_null(strstr(out + 10, "(3,)"));
    t.dtype = SG_BF16;
    assert_false(sg_npy_header(&t, out, &n));
}

static void npy_is_read(void **state)
{
    (void)state;
    unsigned char file[256];
    int32_t v[6] = {0, 1, 2, 3, 4, 5};
    sg_data d;
    size_t n = npy(file, "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n", v, sizeof v);
    assert_int_equal(sg_npy_read(&arena, file, n, &d, NULL), SEDGE_OK);
    assert_int_equal(d.t.rank, 2);
    assert_int_equal(sg_load_i64(SG_I32, d.t.data, 1), 2); /* row-major now: 0 2 4 1 3 5 */
    assert_int_equal(sg_load_i64(SG_I32, d.t.data, 3), 1);
    sg_err err = {0};
    assert_int_equal(sg_npy_read(&arena, file, n - 1, &d, &err), SEDGE_E_FORMAT);
    n = npy(file, "{'descr': '>i4', 'fortran_order': False, 'shape': (6,), }\n", v, sizeof v);
    assert_int_equal(sg_npy_read(&arena, file, n, &d, NULL), SEDGE_E_UNSUPPORTED);
    n = npy(file, "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", v, sizeof v);
    assert_int_equal(sg_npy_read(&arena, file, n, &d, NULL), SEDGE_E_FORMAT);
    n = npy(file, "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (6,), }\n", v, sizeof v);
    assert_int_equal(sg_npy_read(&arena, file, n, &d, NULL), SEDGE_E_FORMAT);
}

static void deflate_is_undone(void **state)
{
    (void)state;
    /* what zlib makes of numbers and their squares: a dynamic block */
    static const uint8_t packed[] = {
        0x55, 0x8f, 0xc1, 0x0d, 0x80, 0x30, 0x0c, 0x03, 0x57, 0xf1, 0x08, 0x4d, 0x5a, 0x4a, 0xab, 0x4c, 0x83, 0x04, 0x0f,
        0x9e, 0x50, 0xb1, 0x3f, 0xc9, 0x2f, 0x7e, 0xda, 0xb2, 0xec, 0x73, 0xc1, 0x7a, 0xbe, 0xe3, 0xbd, 0x4e, 0xdc, 0x0b,
        0xc5, 0x20, 0x59, 0x8b, 0x41, 0xb3, 0x6e, 0x86, 0x9a, 0xf5, 0x34, 0x34, 0xca, 0x77, 0xc3, 0x96, 0x0d, 0xdd, 0x0c,
        0x3d, 0x1b, 0xd5, 0x13, 0x3b, 0x55, 0x7a, 0xc7, 0xc8, 0x46, 0xf7, 0x91, 0x99, 0x8d, 0xe1, 0x14, 0x52, 0x68, 0xa6,
        0x04, 0x28, 0x93, 0x6a, 0xa4, 0x08, 0x56, 0x9a, 0x37, 0x49, 0x65, 0x3e, 0x5f, 0x13, 0x46, 0x9e, 0x4e, 0x24, 0x0c,
        0x1d, 0xd4, 0xd2, 0xf9, 0x47, 0xa4, 0x08, 0x5c, 0x47, 0x74, 0x11, 0x7a, 0xd5, 0x58, 0x9c, 0xfc, 0xd7, 0xb9, 0x7e};
    static const uint8_t stored[] = {1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
    char want[512], got[512];
    size_t n = 0;
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(want + n, sizeof want - n, "%d squared is %d; ", i, i * i);
    assert_true(sg_inflate(packed, sizeof packed, (uint8_t *)got, n));
    assert_memory_equal(got, want, n);
    assert_false(sg_inflate(packed, sizeof packed, (uint8_t *)got, n - 1));
    assert_false(sg_inflate(packed, sizeof packed, (uint8_t *)got, n + 1));
    assert_true(sg_inflate(stored, sizeof stored, (uint8_t *)got, 3));
    assert_memory_equal(got, "abc", 3);
    for (size_t i = 0; i < sizeof packed; i++)
        assert_false(sg_inflate(packed, i, (uint8_t *)got, n));
}

static void scalar(pb *p, float v)
{
    p->n = 0;
    pb_int(p, 2, 1);
    pb_bytes(p, 9, &v, sizeof v);
}

static void messages_nest(void **state)
{
    (void)state;
    pb t = {.n = 0}, list = {.n = 0}, opt = {.n = 0};
    scalar(&t, 1.5f);
    pb_str(&list, 1, "list");
    pb_msg(&list, 3, &t);
    scalar(&t, 2.5f);
    pb_msg(&list, 3, &t);
    pb_msg(&opt, 5, &list);
    sg_data d;
    assert_int_equal(sg_pb_read(&arena, opt.b, opt.n, SG_OPT, &d, NULL), SEDGE_OK);
    assert_int_equal(d.t.dim[0], 1);
    const sg_tensor *in = d.t.data;
    assert_int_equal(in->kind, SG_SEQ);
    assert_int_equal(in->dim[0], 2);
    const sg_tensor *two = (const sg_tensor *)in->data + 1;
    assert_true(sg_load_f64(SG_F32, two->data, 0) == 2.5);
    assert_int_equal(sg_pb_read(&arena, list.b, list.n, SG_SEQ, &d, NULL), SEDGE_OK);
    assert_string_equal(d.name, "list");
    sg_err err = {0};
    assert_int_equal(sg_pb_read(&arena, opt.b, opt.n - 1, SG_OPT, &d, &err), SEDGE_E_FORMAT);
}

static void fields_are_converted(void **state)
{
    (void)state;
    pb t = {.n = 0};
    sg_data d;
    pb_int(&t, 1, 3);
    pb_int(&t, 2, 22); /* int4: two in a byte, lowest bits first */
    pb_int(&t, 5, 0x21);
    pb_int(&t, 5, 0x0f);
    assert_int_equal(sg_pb_read(&arena, t.b, t.n, SG_TENSOR, &d, NULL), SEDGE_OK);
    assert_int_equal(sg_load_i64(SG_I4, d.t.data, 1), 2);
    assert_int_equal(sg_load_i64(SG_I4, d.t.data, 2), -1);
    t.n = 0;
    pb_int(&t, 2, 10); /* float16 as its bits */
    pb_int(&t, 5, 0x3e00);
    assert_int_equal(sg_pb_read(&arena, t.b, t.n, SG_TENSOR, &d, NULL), SEDGE_OK);
    assert_true(sg_load_f64(SG_F16, d.t.data, 0) == 1.5);
    t.n = 0;
    pb_int(&t, 1, 2); /* two elements, one value */
    pb_int(&t, 2, 7);
    pb_int(&t, 7, 1);
    assert_int_equal(sg_pb_read(&arena, t.b, t.n, SG_TENSOR, &d, NULL), SEDGE_E_FORMAT);
    t.n = 0;
    pb_int(&t, 1, -1);
    pb_int(&t, 2, 1);
    assert_int_equal(sg_pb_read(&arena, t.b, t.n, SG_TENSOR, &d, NULL), SEDGE_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(header_is_numpys, done),     cmocka_unit_test_teardown(npy_is_read, done),
        cmocka_unit_test_teardown(deflate_is_undone, done),    cmocka_unit_test_teardown(messages_nest, done),
        cmocka_unit_test_teardown(fields_are_converted, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
