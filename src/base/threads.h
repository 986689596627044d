/* One pool of workers per process. Work is cut into tasks by its shape, never by the number of threads, so that
 * answers do not depend on it. */
#ifndef SG_BASE_THREADS_H
#define SG_BASE_THREADS_H

#include <stdint.h>

typedef void sg_task_fn(void *ctx, int64_t task);

/* Calls fn(ctx, 0 .. n-1), each once, on at most `threads` threads of which the caller is one; returns when all are
 * done. While another caller holds the pool, or when workers cannot be had, the caller does all the work itself. */
void sg_parallel(int threads, int64_t n, sg_task_fn *fn, void *ctx);

/* How long idle workers, and a caller at the end of its work, wait awake before they sleep: for the whole process, the last call counts.
 * 0: they sleep at once, which saves power and costs some microseconds a step. */
enum { SG_SPIN_US = 200 };
void sg_parallel_spin(int us);

/* Processors that this process may use, at least 1. */
int sg_cpu_count(void);

#endif
