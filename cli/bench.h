/* What the files of `sedge bench` share. What was measured is a tree of JSON (schema "sedge.bench/1", docs/cli.md): tables, limits and reports are made
 * of it, wherever it was measured. */
#ifndef SG_CLI_BENCH_H
#define SG_CLI_BENCH_H

#include "cli.h"
#include "fit/duty.h"
#include "fit/energy.h"
#include "fit/measure.h"
#include "fit/stages.h"

/* A model that is run: by itself, or with --data the whole way. */
typedef struct side {
    opened o;
    values v;
    sg_stages w;
    double load_ms, first_ms;
} side;

typedef struct bench {
    const args *a;
    side one, other; /* other: with --against */
    sg_times times; /* of every run, sorted in the end */
    double prepare_ns, peak; /* bytes, before anything is printed */
    double *step_s; /* total of each step, with --ops */
    int n_step;
    bool counting; /* steps are summed up */
    sg_duty duty;
    sg_against against;
    sg_energy energy;
} bench;

/* bench_tree.c: all that was measured; NULL: no memory. */
json_t *bench_tree(const bench *b);
/* bench_print.c: for people. */
void bench_print(const json_t *tree, const args *a);
/* A column for each of several targets. */
void bench_print_matrix(const json_t *trees);
/* bench_report.c: options that need no measurement to be wrong; then what was measured against --max, and --report. The exit status. */
int bench_check(const args *a);
int bench_judge(const json_t *tree, const args *a);

#endif
