/* The pool, by pthreads. Workers spin for some microseconds after a job and then sleep. */
#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* Loops of about a pause each: some 20 us, less than two futex calls cost. */
enum { WORKERS_MAX = 63, SPIN = 4000 };

static struct {
    pthread_mutex_t owner; /* held by the caller whose job runs */
    pthread_mutex_t lock;  /* guards what workers sleep on */
    pthread_cond_t wake, done;
    int workers;           /* started so far; changed by the owner */
    atomic_uint round;     /* counts jobs: a new value is a new job */
    atomic_int seats;      /* workers that may still join this job */
    atomic_int inside;     /* workers in this job */
    atomic_int waits;      /* the owner sleeps until inside is 0 */
    atomic_llong next;
    int64_t n;
    sg_task_fn *fn;
    void *ctx;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static void work(void)
{
    for (;;) {
        long long i = atomic_fetch_add(&pool.next, 1);
        if (i >= pool.n)
            return;
        pool.fn(pool.ctx, i);
    }
}

static void rest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static unsigned wait_round(unsigned seen)
{
    for (int i = 0; i < SPIN; i++) {
        unsigned now = atomic_load(&pool.round);
        if (now != seen)
            return now;
        rest();
    }
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.round) == seen)
        pthread_cond_wait(&pool.wake, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    return atomic_load(&pool.round);
}

static void *worker(void *unused)
{
    (void)unused;
    unsigned seen = 0;
    for (;;) {
        seen = wait_round(seen);
        atomic_fetch_add(&pool.inside, 1); /* before a seat is taken: the owner waits for both */
        if (atomic_fetch_sub(&pool.seats, 1) > 0)
            work();
        if (atomic_fetch_sub(&pool.inside, 1) == 1 && atomic_load(&pool.waits)) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.lock);
        }
    }
    return NULL;
}

static void start_workers(int want)
{
    if (want > WORKERS_MAX)
        want = WORKERS_MAX;
    while (pool.workers < want) {
        pthread_t t;
        pthread_attr_t attr;
        if (pthread_attr_init(&attr) != 0)
            return;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        int rc = pthread_create(&t, &attr, worker, NULL);
        pthread_attr_destroy(&attr);
        if (rc != 0)
            return;
        pool.workers++;
    }
}

void sg_parallel(int threads, int64_t n, sg_task_fn *fn, void *ctx)
{
    if (threads < 2 || n < 2 || pthread_mutex_trylock(&pool.owner) != 0) {
        for (int64_t i = 0; i < n; i++)
            fn(ctx, i);
        return;
    }
    start_workers(threads - 1);
    pool.fn = fn;
    pool.ctx = ctx;
    pool.n = n;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.seats, threads - 1);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.round, 1);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    work();
    atomic_store(&pool.seats, 0); /* who comes now finds nothing to do */
    for (int i = 0; i < SPIN && atomic_load(&pool.inside) > 0; i++)
        rest();
    if (atomic_load(&pool.inside) > 0) {
        pthread_mutex_lock(&pool.lock);
        atomic_store(&pool.waits, 1); /* either the last worker sees this, or the next line sees that it has left */
        while (atomic_load(&pool.inside) > 0)
            pthread_cond_wait(&pool.done, &pool.lock);
        atomic_store(&pool.waits, 0);
        pthread_mutex_unlock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.owner);
}

/* The affinity mask, and the cgroup's quota where one is set. */
int sg_cpu_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    long quota, period;
    if (f && fscanf(f, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0 && (quota + period - 1) / period < n)
        n = (int)((quota + period - 1) / period);
    if (f)
        fclose(f);
    return n < 1 ? 1 : n;
}
