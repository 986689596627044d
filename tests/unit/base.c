/* Memory with its account and budget, the arena, the error record, the file map. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

/* An allocator that fails after `left` calls and counts live bytes. */
typedef struct counter {
    size_t live;
    int left;
} counter;

static void *counted(void *ctx, void *p, size_t old_size, size_t new_size)
{
    counter *c = ctx;
    if (new_size == 0) {
        free(p);
        c->live -= old_size;
        return NULL;
    }
    if (c->left-- <= 0)
        return NULL;
    void *q = realloc(p, new_size);
    if (q)
        c->live += new_size - old_size;
    return q;
}

static void account_follows(void **state)
{
    (void)state;
    sg_mem m = {0};
    void *a = sg_alloc(&m, 100);
    void *b = sg_alloc_aligned(&m, 10);
    assert_non_null(a);
    assert_int_equal((uintptr_t)b % 64, 0);
    assert_true(m.used >= 110);
    assert_int_equal(m.calls, 2);
    size_t peak = m.peak;
    sg_free_aligned(&m, b, 10);
    sg_free(&m, a, 100);
    assert_int_equal(m.used, 0);
    assert_int_equal(m.peak, peak);
}

static void budget_is_kept(void **state)
{
    (void)state;
    sg_mem m = {.limit = 1000};
    void *a = sg_alloc(&m, 600);
    assert_non_null(a);
    assert_null(sg_alloc(&m, 401));
    assert_null(sg_realloc(&m, a, 600, 1001));
    assert_int_equal(m.used, 600);
    a = sg_realloc(&m, a, 600, 1000);
    assert_non_null(a);
    assert_null(sg_alloc(&m, 1));
    sg_free(&m, a, 1000);
    assert_null(sg_calloc(&m, SIZE_MAX / 2, 4));
    assert_null(sg_alloc_aligned(&m, SIZE_MAX - 8));
    assert_int_equal(m.used, 0);
}

static void caller_allocator_is_used(void **state)
{
    (void)state;
    counter c = {.left = 2};
    sg_mem m = {.fn = counted, .ctx = &c};
    void *a = sg_alloc(&m, 10);
    a = sg_realloc(&m, a, 10, 20);
    assert_non_null(a);
    assert_int_equal(c.live, 20);
    assert_null(sg_alloc(&m, 5));
    assert_int_equal(m.used, 20);
    sg_free(&m, a, 20);
    assert_int_equal(c.live, 0);
}

static void grow_keeps_what_was(void **state)
{
    (void)state;
    sg_mem m = {0};
    int *v = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sg_grow(&m, &v, &cap, (size_t)i + 1, sizeof *v), SEDGE_OK);
        v[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v[i], i);
    assert_int_equal(sg_grow(&m, &v, &cap, SIZE_MAX / 2, sizeof *v), SEDGE_E_NOMEM);
    sg_free(&m, v, cap * sizeof *v);
    assert_int_equal(m.used, 0);
}

static void arena_hands_out_zeros(void **state)
{
    (void)state;
    sg_mem m = {0};
    sg_arena a = {.mem = &m};
    for (size_t size = 0; size < 3000; size += 37) {
        unsigned char *p = sg_arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    assert_string_equal(sg_arena_str(&a, "sedge grows", 5), "sedge");
    assert_null(sg_arena_array(&a, SIZE_MAX / 4, 8));
    unsigned char *big = sg_arena_alloc(&a, 1 << 20);
    assert_non_null(big);
    big[(1 << 20) - 1] = 1;
    sg_arena_free(&a);
    assert_int_equal(m.used, 0);
    sg_arena_free(&a);
}

static void arena_survives_failing_memory(void **state)
{
    (void)state;
    for (int left = 0; left < 8; left++) {
        counter c = {.left = left};
        sg_mem m = {.fn = counted, .ctx = &c};
        sg_arena a = {.mem = &m};
        int got = 0;
        for (int i = 0; i < 100; i++)
            got += sg_arena_alloc(&a, 10000) != NULL;
        assert_true(got < 100);
        sg_arena_free(&a);
        assert_int_equal(c.live, 0);
    }
}

static void first_failure_wins(void **state)
{
    (void)state;
    sg_err e = {0};
    assert_int_equal(sg_fail(&e, SEDGE_E_SHAPE, "axis %d", 3), SEDGE_E_SHAPE);
    assert_int_equal(sg_fail(&e, SEDGE_E_TYPE, "other"), SEDGE_E_TYPE);
    assert_int_equal(e.status, SEDGE_E_SHAPE);
    assert_string_equal(e.msg, "axis 3");
    sg_err_where(&e, "node %s", "conv1");
    assert_string_equal(e.msg, "node conv1: axis 3");
    assert_int_equal(sg_fail(NULL, SEDGE_E_IO, "x"), SEDGE_E_IO);
    sg_err_where(NULL, "x");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    sg_err e = {0};
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    sg_fail(&e, SEDGE_E_IO, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    for (int i = 0; i < 50; i++)
        sg_err_where(&e, "file %d", i);
    assert_true(strlen(e.msg) < sizeof e.msg);
    assert_memory_equal(e.msg, "file 49: file 48: ", 18);
    for (int s = -1; s <= SEDGE_STATUS_COUNT; s++)
        assert_true(strlen(sedge_status_text((sedge_status)s)) > 0);
}

static void map_reads_regular_files_only(void **state)
{
    (void)state;
    char path[] = "/tmp/sedge-unit-XXXXXX";
    sg_map map;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(sg_map_open(&map, path, NULL), SEDGE_OK);
    assert_int_equal(map.size, 0);
    sg_map_close(&map);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(sg_map_open(&map, path, NULL), SEDGE_OK);
    assert_int_equal(map.size, 3);
    assert_memory_equal(map.data, "abc", 3);
    sg_map_close(&map);
    close(fd);
    unlink(path);
    sg_err e = {0};
    assert_int_not_equal(sg_map_open(&map, path, &e), SEDGE_OK);
    assert_non_null(strstr(e.msg, path));
    assert_int_not_equal(sg_map_open(&map, "/tmp", NULL), SEDGE_OK);
    assert_int_not_equal(sg_map_open(&map, "/dev/zero", NULL), SEDGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_follows),
        cmocka_unit_test(budget_is_kept),
        cmocka_unit_test(caller_allocator_is_used),
        cmocka_unit_test(grow_keeps_what_was),
        cmocka_unit_test(arena_hands_out_zeros),
        cmocka_unit_test(arena_survives_failing_memory),
        cmocka_unit_test(first_failure_wins),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(map_reads_regular_files_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
