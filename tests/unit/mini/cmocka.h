/* The part of cmocka that the unit tests use, for cross builds where cmocka is not at hand.
 * Written from cmocka's documentation; a failed assertion ends the test, not the program. */
#ifndef SG_TESTS_UNIT_MINI_CMOCKA_H
#define SG_TESTS_UNIT_MINI_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *initial;
};

#define cmocka_unit_test(f)                      {#f, f, NULL, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, s, t) {#f, f, s, t, NULL}
#define cmocka_unit_test_prestate(f, p)          {#f, f, NULL, NULL, p}
#define cmocka_unit_test_setup(f, s)             {#f, f, s, NULL, NULL}
#define cmocka_unit_test_teardown(f, t)          {#f, f, NULL, t, NULL}

static jmp_buf mini_out;
enum { MINI_FAILED = 1, MINI_SKIPPED = 2 };

static inline void mini_fail(const char *what, const char *file, int line)
{
    printf("%s:%d: %s\n", file, line, what);
    longjmp(mini_out, MINI_FAILED);
}

#define MINI_CHECK(c)                 ((c) ? (void)0 : mini_fail(#c, __FILE__, __LINE__))
#define assert_true(c)                MINI_CHECK(c)
#define assert_false(c)               MINI_CHECK(!(c))
#define assert_null(p)                MINI_CHECK((p) == NULL)
#define assert_non_null(p)            MINI_CHECK((p) != NULL)
#define assert_ptr_equal(a, b)        MINI_CHECK((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b)    MINI_CHECK((const void *)(a) != (const void *)(b))
#define assert_int_equal(a, b)        MINI_CHECK((intmax_t)(a) == (intmax_t)(b))
#define assert_int_not_equal(a, b)    MINI_CHECK((intmax_t)(a) != (intmax_t)(b))
#define assert_in_range(v, lo, hi)    MINI_CHECK((uintmax_t)(v) >= (uintmax_t)(lo) && (uintmax_t)(v) <= (uintmax_t)(hi))
#define assert_string_equal(a, b)     MINI_CHECK(strcmp(a, b) == 0)
#define assert_string_not_equal(a, b) MINI_CHECK(strcmp(a, b) != 0)
#define assert_memory_equal(a, b, n)  MINI_CHECK(memcmp(a, b, n) == 0)
#define assert_float_equal(a, b, e)   MINI_CHECK((a) - (b) <= (e) && (b) - (a) <= (e))
#define assert_double_equal(a, b, e)  MINI_CHECK((a) - (b) <= (e) && (b) - (a) <= (e))
#define fail()                        mini_fail("fail", __FILE__, __LINE__)
#define fail_msg(...)                 (printf(__VA_ARGS__), putchar('\n'), mini_fail("fail", __FILE__, __LINE__))
#define skip()                        longjmp(mini_out, MINI_SKIPPED)
#define print_message                 printf
#define print_error                   printf

static inline int mini_run(const struct CMUnitTest *t)
{
    void *state = t->initial;
    volatile int bad = t->setup && t->setup(&state) != 0;
    if (!bad) {
        int how = setjmp(mini_out);
        if (how == 0)
            t->test(&state);
        bad = how == MINI_FAILED;
    }
    if (t->teardown && t->teardown(&state) != 0)
        bad = 1;
    if (bad)
        printf("FAILED %s\n", t->name);
    return bad;
}

static inline int mini_group(const struct CMUnitTest *t, size_t n, int (*setup)(void **), int (*teardown)(void **))
{
    void *state = NULL;
    int failed = setup && setup(&state) != 0;
    for (size_t i = 0; i < n; i++)
        failed += mini_run(&t[i]);
    if (teardown)
        failed += teardown(&state) != 0;
    printf("%zu tests, %d failed\n", n, failed);
    return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown)            mini_group(tests, sizeof tests / sizeof *tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) cmocka_run_group_tests(tests, setup, teardown)

#endif
