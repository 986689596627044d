/* What the files of `sedge bench` share. */
#ifndef SG_CLI_BENCH_H
#define SG_CLI_BENCH_H

#include "cli.h"
#include "fit/measure.h"

typedef struct bench {
    opened o;
    values v;
    double load_ms, first_ms, prepare_ns, peak; /* peak: bytes, before anything is printed */
    sg_times times; /* of every run, sorted in the end */
    double *step_s; /* total of each step, with --ops */
    int n_step;
} bench;

typedef struct op_time {
    const char *op, *kernel;
    int count;
    double s, macs, macs8, bytes; /* of all runs; of one run; macs8: those of 8 bits */
} op_time;

/* Steps of the same op and kernel together, slowest first; *n in the end. NULL: no memory. */
op_time *op_times(const bench *b, int *n);

/* bench_report.c: the options that need no measurement to be wrong; then what was measured against --max, and --report. The exit status. */
int bench_check(const args *a);
int bench_judge(const bench *b, const args *a);

#endif
