/* The worker pool: every task once, whatever the number of threads; nested and concurrent callers. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/threads.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

enum { TASKS = 1000 };
typedef struct job {
    atomic_int count[TASKS];
    atomic_int total;
} job;

static void count_task(void *ctx, int64_t i)
{
    job *j = ctx;
    atomic_fetch_add(&j->count[i], 1);
    atomic_fetch_add(&j->total, 1);
}

static void each_task_once(void **state)
{
    (void)state;
    static job j;
    static const int threads[] = {1, 2, 3, 7};
    for (int t = 0; t < 4; t++)
        for (int round = 0; round < 200; round++) {
            memset(&j, 0, sizeof j);
            sg_parallel(threads[t], TASKS, count_task, &j);
            assert_int_equal(atomic_load(&j.total), TASKS);
            for (int i = 0; i < TASKS; i++)
                assert_int_equal(atomic_load(&j.count[i]), 1);
        }
}

static void nested_task(void *ctx, int64_t i)
{
    (void)i;
    sg_parallel(4, TASKS, count_task, ctx);
}

static void nested_calls_do_not_wait_for_themselves(void **state)
{
    (void)state;
    static job j;
    memset(&j, 0, sizeof j);
    sg_parallel(3, 5, nested_task, &j);
    assert_int_equal(atomic_load(&j.total), 5 * TASKS);
}

static void *caller(void *ctx)
{
    for (int i = 0; i < 50; i++)
        sg_parallel(3, TASKS, count_task, ctx);
    return NULL;
}

#ifndef UNDER_TSAN
/* A child of fork starts workers of its own. */
static void a_forked_child_computes(void **state)
{
    (void)state;
    static job j;
    if (getenv("SEDGE_EMULATED")) {
        print_message("an emulator of one program does not fork its threads\n");
        skip();
    }
    memset(&j, 0, sizeof j);
    sg_parallel_spin(0);
    sg_parallel(3, TASKS, count_task, &j);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int round = 0; round < 100; round++)
            sg_parallel(3, TASKS, count_task, &j);
        _exit(atomic_load(&j.total) == 101 * TASKS ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    sg_parallel_spin(SG_SPIN_US);
    sg_parallel(3, TASKS, count_task, &j);
    assert_int_equal(atomic_load(&j.total), 2 * TASKS);
}
#endif

static void callers_beside_each_other(void **state)
{
    (void)state;
    static job j[3];
    pthread_t t[3];
    memset(j, 0, sizeof j);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, caller, &j[i]), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(atomic_load(&j[i].total), 50 * TASKS);
    }
    assert_true(sg_cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_once),
        cmocka_unit_test(nested_calls_do_not_wait_for_themselves),
#ifndef UNDER_TSAN /* which does not know threads in the child of a program with threads */
        cmocka_unit_test(a_forked_child_computes),
#endif
        cmocka_unit_test(callers_beside_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
