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

#include "base/map.h"

enum { WORKERS_MAX = 63 };

static struct {
    pthread_mutex_t owner; /* held by the caller whose job runs */
    pthread_mutex_t lock;  /* guards what workers sleep on */
    pthread_cond_t wake, done;
    int workers;           /* started so far; changed by the owner */
    bool forks;            /* a child of fork is told */
    atomic_int spin_us;
    atomic_uint round;     /* counts jobs: a new value is a new job */
    atomic_int seats;      /* workers that may still join this job */
    atomic_uint inside;    /* workers in this job */
    atomic_int waits;      /* the owner sleeps until inside is 0 */
    atomic_llong next;
    int64_t n;
    sg_task_fn *fn;
    void *ctx;
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER,
          .spin_us = SG_SPIN_US};

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

/* Waits awake, at most as long as the pool may: true when `what` became `want` (or something else than it). */
static bool spin(const atomic_uint *what, unsigned value, bool equal)
{
    int us = atomic_load_explicit(&pool.spin_us, memory_order_relaxed);
    double end = us > 0 ? sg_now() + us * 1e-6 : 0;
    do {
        for (int i = 0; i < 32; i++) {
            if ((atomic_load(what) == value) == equal)
                return true;
            rest();
        }
    } while (us > 0 && sg_now() < end);
    return false;
}

static unsigned wait_round(unsigned seen)
{
    if (spin(&pool.round, seen, false))
        return atomic_load(&pool.round);
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

/* A child of fork has none of its parent's workers, and perhaps locks that nobody will open. */
static void after_fork(void)
{
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.done, NULL);
    pool.workers = 0;
    atomic_store(&pool.seats, 0);
    atomic_store(&pool.inside, 0);
    atomic_store(&pool.waits, 0);
}

static void start_workers(int want)
{
    if (!pool.forks)
        pool.forks = pthread_atfork(NULL, NULL, after_fork) == 0;
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
    if (!spin(&pool.inside, 0, true)) {
        pthread_mutex_lock(&pool.lock);
        atomic_store(&pool.waits, 1); /* either the last worker sees this, or the next line sees that it has left */
        while (atomic_load(&pool.inside) > 0)
            pthread_cond_wait(&pool.done, &pool.lock);
        atomic_store(&pool.waits, 0);
        pthread_mutex_unlock(&pool.lock);
    }
    pthread_mutex_unlock(&pool.owner);
}

void sg_parallel_spin(int us)
{
    atomic_store_explicit(&pool.spin_us, us < 0 ? 0 : us, memory_order_relaxed);
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
