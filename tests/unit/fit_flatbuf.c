/* The FlatBuffers builder, read by the cursor. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "export/tflite/fb.h"
#include "import/wire/flatbuf.h"

static void written_and_read(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5};
    static const int64_t wide[] = {-1, INT64_MAX, INT64_MIN}, narrow[] = {-128, 127};
    sg_mem mem = {0};
    sg_fbw w = {.mem = &mem};
    sg_fbw_field f[] = {{0, 1, -3, 0}, {2, 8, INT64_MIN, 0}, {3, 4, 77, 0}, {4, 0, 0, 0},
                        {5, 0, 0, 0},  {6, 0, 0, 0},         {7, 0, 0, 0},  {9, 0, 0, 0}};
    sg_fbw_table(&w, sg_fbw_open(&w, "TEST"), f, 8);
    sg_fbw_str(&w, f[3].slot, "hello");
    sg_fbw_numbers(&w, f[4].slot, wide, 3, 8);
    sg_fbw_numbers(&w, f[5].slot, narrow, 2, 1);
    size_t slot = sg_fbw_offsets(&w, f[6].slot, 2);
    for (int i = 0; i < 2; i++) {
        sg_fbw_field g = {1, 4, 10 + i, 0};
        sg_fbw_table(&w, slot + 4 * (size_t)i, &g, 1);
    }
    sg_fbw_borrow(&w, f[7].slot, data, sizeof data);
    assert_false(w.lost);
    sg_file_part part[8];
    uint8_t all[512];
    size_t n = 0, n_part = sg_fbw_parts(&w, part);
    for (size_t i = 0; i < n_part; i++) {
        if (part[i].bytes)
            memcpy(all + n, part[i].data, part[i].bytes);
        n += part[i].bytes;
    }
    sg_fbw_free(&w);
    assert_memory_equal(all + 4, "TEST", 4);
    sg_fb fb = {all, n, false};
    sg_fb_table t = sg_fb_root(&fb);
    assert_int_equal(sg_fb_int(&t, 0, 1, 0), -3);
    assert_int_equal(sg_fb_int(&t, 1, 4, 5), 5);
    assert_true(sg_fb_int(&t, 2, 8, 0) == INT64_MIN);
    assert_int_equal(sg_fb_int(&t, 3, 4, 0), 77);
    assert_int_equal(sg_fb_str(&t, 4).n, 5);
    sg_fb_vec v = sg_fb_vector(&t, 5, 8);
    assert_int_equal(v.n, 3);
    assert_int_equal(v.at % 8, 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(sg_fb_at(&v, i, 8) == wide[i]);
    v = sg_fb_vector(&t, 6, 1);
    assert_int_equal(sg_fb_at(&v, 0, 1), -128);
    v = sg_fb_vector(&t, 7, 4);
    for (uint32_t i = 0; i < 2; i++) {
        sg_fb_table g = sg_fb_table_at(&v, i);
        assert_int_equal(sg_fb_int(&g, 1, 4, 0), 10 + (int)i);
    }
    v = sg_fb_vector(&t, 9, 1);
    assert_int_equal(v.n, 5);
    assert_int_equal(v.at % 16, 0);
    assert_memory_equal(sg_fb_data(&v), data, 5);
    assert_false(fb.bad);
    assert_int_equal(mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
