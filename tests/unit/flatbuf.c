/* The FlatBuffers cursor on good and hostile bytes: nothing outside is read, and `bad` sticks. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "import/wire/flatbuf.h"

/* A root at 12 with a vtable at 4: field 0 a number of 2 bytes, 1 a string at 24, 2 absent, 3 a vector of two numbers at 32. */
static const uint8_t good[] = {
    16, 0, 0,  0, /* root */
    12, 0, 12, 0, 4,    0,    8,   0, 0, 0, 0, 0, /* vtable: 12 bytes, table 12 bytes; offsets 4, 8, none, (filled by the test) */
    12, 0, 0,  0, 0xfe, 0xff, 0,   0, 4, 0, 0, 0, /* table: vtable 12 back; -2; string 4 further */
    3,  0, 0,  0, 'a',  'b',  'c', 0, /* the string */
};

/* A copy in memory of its own size, so that sanitizers see a byte too far. */
typedef struct bytes {
    uint8_t *p;
    sg_fb fb;
} bytes;

static bytes copy(const uint8_t *p, size_t n)
{
    bytes b = {malloc(n ? n : 1), {NULL, n, false}};
    assert_non_null(b.p);
    memcpy(b.p, p, n);
    b.fb.p = b.p;
    return b;
}

static void fields(void **state)
{
    (void)state;
    bytes b = copy(good, sizeof good);
    sg_fb_table t = sg_fb_root(&b.fb);
    assert_int_equal(t.at, 16);
    assert_int_equal(sg_fb_int(&t, 0, 2, 7), -2);
    sg_bytes s = sg_fb_str(&t, 1);
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "abc", 3);
    assert_int_equal(sg_fb_int(&t, 2, 4, 7), 7);
    assert_int_equal(sg_fb_int(&t, 900, 4, 7), 7); /* past the vtable */
    assert_int_equal(sg_fb_vector(&t, 2, 4).n, 0);
    assert_int_equal(sg_fb_sub(&t, 2).at, 0);
    assert_false(b.fb.bad);
    free(b.p);
}

/* Whatever end the bytes have, what is there is read or absent. */
static void cut(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof good; n++) {
        bytes b = copy(good, n);
        sg_fb_table t = sg_fb_root(&b.fb);
        sg_bytes s = sg_fb_str(&t, 1);
        assert_true(s.n == 0 || s.n == 3);
        assert_true(n >= 35 || b.fb.bad);
        free(b.p);
    }
}

/* One number of the good bytes is another: the field that asks for it is absent, and that is noted. */
static void one_number(size_t at, int size, uint32_t v, int field)
{
    bytes b = copy(good, sizeof good);
    for (int i = 0; i < size; i++)
        b.p[at + (size_t)i] = (uint8_t)(v >> (8 * i));
    sg_fb_table t = sg_fb_root(&b.fb);
    if (field == 0)
        assert_int_equal(sg_fb_int(&t, 0, 2, 7), 7);
    else
        assert_null(sg_fb_str(&t, field).p);
    assert_true(b.fb.bad);
    sg_fb_int(&t, 2, 4, 0);
    assert_true(b.fb.bad);
    free(b.p);
}

static void offsets(void **state)
{
    (void)state;
    static const uint32_t far[] = {0, 0x7fffffff, 0x80000000, 0xffffffff, sizeof good, sizeof good - 3};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        one_number(0, 4, far[i], 0); /* the root */
        one_number(24, 4, far[i], 1); /* the string */
    }
    one_number(16, 4, 0x80000000, 0); /* a vtable in front of the bytes, and behind them */
    one_number(16, 4, 17, 0);
    one_number(16, 4, 0xfffffff0, 0);
    one_number(28, 4, 0xffffffff, 1); /* a length past the end */
    one_number(28, 4, 5, 1);
}

static void tables(void **state)
{
    (void)state;
    one_number(4, 2, 3, 0); /* a vtable shorter than its header, longer than the bytes */
    one_number(4, 2, 0xffff, 0);
    one_number(6, 2, 3, 0); /* the same of the table */
    one_number(6, 2, 0xffff, 0);
    one_number(8, 2, 11, 0); /* a field across the end of the table */
    one_number(8, 2, 0xffff, 0);
}

/* A vector of numbers of 8 bytes whose size in bytes does not fit, and tables that contain themselves. */
static void lengths_and_cycles(void **state)
{
    (void)state;
    bytes b = copy(good, sizeof good);
    memset(b.p + 28, 0xff, 4);
    sg_fb_table t = sg_fb_root(&b.fb);
    assert_int_equal(sg_fb_vector(&t, 1, 8).n, 0);
    assert_true(b.fb.bad);
    free(b.p);
    /* Offsets only point forwards, so a cycle goes by way of the same table again: depth ends it. */
    uint8_t deep[4096];
    size_t n = 4;
    memset(deep, 0, sizeof deep);
    deep[0] = 12;
    memcpy(deep + 4, (const uint8_t[]){6, 0, 8, 0, 4, 0}, 6); /* one vtable for all */
    for (n = 12; n + 12 < sizeof deep; n += 8) {
        uint32_t back = (uint32_t)(n - 4), on = 4;
        memcpy(deep + n, &back, 4);
        memcpy(deep + n + 4, &on, 4);
    }
    b = copy(deep, sizeof deep);
    t = sg_fb_root(&b.fb);
    int depth = 0;
    for (; t.at && depth < 1000; depth++)
        t = sg_fb_sub(&t, 0);
    assert_true(b.fb.bad);
    assert_int_equal(depth, SG_FB_DEPTH_MAX + 1);
    free(b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(cut),
        cmocka_unit_test(offsets),
        cmocka_unit_test(tables),
        cmocka_unit_test(lengths_and_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
